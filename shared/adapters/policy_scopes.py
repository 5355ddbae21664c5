"""Scopes, ids and ranges as a policy writes them, checked by Azure's grammar; every error is told with its place."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final, TypeVar

from shared.domain.arm_id import VAULT, ArmId, InvalidArmId, is_resource_group, is_subscription, is_vault_name

T = TypeVar("T")
_RANGE: Final = re.compile(r"[0-9.]+(/(?:[0-9]|[12][0-9]|3[0-2]))?\Z")


def read_id(place: str, text: str, resource_type: str, problems: list[str]) -> ArmId | None:
    """The id of a resource of this type, None when it is not one."""
    try:
        found = ArmId.parse(text)
    except InvalidArmId:
        problems.append(f"{place}: not a resource id")
        return None
    if not found.is_a(resource_type):
        problems.append(f"{place}: not the id of a {resource_type}")
        return None
    return found


def read_vault_scopes(place: str, entries: Iterable[tuple[str, T]], problems: list[str]) -> tuple[tuple[str, T], ...]:
    """Scopes of vaults with their values, each scope once: subscriptions, resource groups or vaults."""
    found: dict[str, tuple[str, T]] = {}
    for number, (text, value) in enumerate(entries):
        scope = text.removesuffix("/")
        if not _is_vault_scope(scope):
            problems.append(f"{place}[{number}].scope: not the id of a subscription, a resource group or a vault")
        elif scope.casefold() in found:
            problems.append(f"{place}[{number}].scope: this scope is listed twice")
        else:
            found[scope.casefold()] = (scope, value)
    return tuple(found.values())


def read_guids(place: str, what: str, texts: Iterable[str], problems: list[str]) -> tuple[str, ...]:
    """GUIDs in lower case, each once; ``what`` names them in an error, such as "subscription id"."""
    found: dict[str, None] = {}
    for number, text in enumerate(texts):
        if not is_subscription(text):
            problems.append(f"{place}[{number}]: not a{'n' if what[0] in 'aeiou' else ''} {what}")
        found[text.lower()] = None
    return tuple(found)


def read_ranges(place: str, texts: Iterable[str], problems: list[str]) -> tuple[str, ...]:
    """IPv4 ranges in CIDR form.

    Firewalls of vaults know IPv4 only: https://learn.microsoft.com/azure/key-vault/general/network-security
    """
    found: list[str] = []
    for number, text in enumerate(texts):
        try:
            if not _RANGE.match(text):
                raise ValueError
            found.append(str(ipaddress.IPv4Network(text)))
        except ValueError:
            problems.append(f"{place}[{number}]: not an IPv4 range such as 20.37.158.0/23")
    return tuple(found)


def is_scope(text: str) -> bool:
    """Whether the text is the id of a subscription, a resource group or any resource."""
    if _is_container(text):
        return True
    try:
        found = ArmId.parse(text)
    except InvalidArmId:
        return False
    # A name with a wildcard would be silently that of no vault.
    return not found.type.casefold().startswith(VAULT.casefold()) or is_vault_name(found.names[0])


def _is_vault_scope(text: str) -> bool:
    if _is_container(text):
        return True
    try:
        found = ArmId.parse(text)
    except InvalidArmId:
        return False
    return found.is_a(VAULT) and is_vault_name(found.name)


def _is_container(text: str) -> bool:
    """Whether the text is the id of a subscription or of a resource group."""
    parts = text.split("/")
    if len(parts) < 3 or parts[0] or parts[1].lower() != "subscriptions" or not is_subscription(parts[2]):
        return False
    if len(parts) == 3:
        return True
    return len(parts) == 5 and parts[3].lower() == "resourcegroups" and is_resource_group(parts[4])
