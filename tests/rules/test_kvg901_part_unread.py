"""KVG901: a missing right is a finding with its exact action, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from shared.domain import endpoint, history, network, snapshot, vault, zone
from shared.domain.reading import Part, Unread, UnreadReason
from shared.rules.kvg901_part_unread import RULE
from tests.builders import FORBIDDEN, Given, healthy, neighbour
from tests.rules.given_path import filtered

ACTION = FORBIDDEN.detail
# By the member of the snapshot that may be Unread.
HIDDEN: dict[str, Callable[[Given], Given]] = {
    "Vault.perimeters": lambda given: given.vault(perimeters=FORBIDDEN),
    "Vault.diagnostics": lambda given: given.vault(diagnostics=FORBIDDEN),
    "Vault.roles": lambda given: given.vault(roles=FORBIDDEN),
    "VaultSnapshot.endpoints": lambda given: given.endpoint_unread(),
    "PrivateEndpoint.addresses": lambda given: given.endpoint(addresses=FORBIDDEN),
    "PrivateEndpoint.zone_groups": lambda given: given.endpoint(zone_groups=FORBIDDEN),
    "VaultSnapshot.networks": lambda given: given.network_unread(),
    "Network.forwarding": lambda given: given.network(forwarding=FORBIDDEN),
    "Zone.links": lambda given: given.links_unread(),
    "Zone.records_unread": lambda given: given.zone(complete=False, records_unread=FORBIDDEN),
    "Zone.cnames_unread": lambda given: given.no_record().zone(cnames_complete=False, cnames_unread=FORBIDDEN),
    "VaultSnapshot.zones_unread": lambda given: given.zones_unread(),
    "VaultSnapshot.claimants": lambda given: given.at(replace(given.snapshot, claimants=FORBIDDEN)),
    "VaultSnapshot.security_groups": lambda given: filtered(given, "vnet-1", "endpoints", group=FORBIDDEN),
    "VaultSnapshot.route_tables": lambda given: filtered(given, "vnet-1", "endpoints", table=FORBIDDEN),
    "VaultSnapshot.neighbours": lambda given: given.neighbours_unread(),
    "Neighbour.endpoints": lambda given: given.neighbours(neighbour("fabrikam", address=None)),
}
# What kvguard itself stored is no right of Azure Resource Manager; storage that fails makes the work come back.
OWN_STATE = {"VaultSnapshot.history"}


def test_every_member_that_can_be_unread_is_tried_here() -> None:
    members = {
        f"{kind.__name__}.{member.name}"
        for module in (vault, endpoint, network, zone, history, snapshot)
        for kind in vars(module).values()
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__
        for member in fields(kind)
        if re.search(r"\bUnread\b", str(member.type))
    }
    assert members == HIDDEN.keys() | OWN_STATE


def test_a_vault_that_was_read_completely_is_silent() -> None:
    assert healthy().violations(RULE) == []


@pytest.mark.parametrize("part", HIDDEN)
def test_each_part_that_may_not_be_read_is_named_by_its_action(part: str) -> None:
    violation = HIDDEN[part](healthy()).only(RULE)
    assert violation.facts == {"actions": [ACTION]}
    assert ACTION in violation.message
    assert violation.proposals == ()


def test_the_record_of_the_vault_alone_may_be_what_is_unread() -> None:
    assert healthy().record_unread().only(RULE).facts == {"actions": [ACTION]}


def test_several_missing_rights_are_one_finding() -> None:
    other = Unread(UnreadReason.FORBIDDEN, "Microsoft.KeyVault/vaults/read")
    given = healthy().network_unread().links_unread().vault(perimeters=other)
    assert given.only(RULE).facts == {"actions": sorted([ACTION, other.detail])}


@pytest.mark.parametrize("reason", [reason for reason in UnreadReason if reason is not UnreadReason.FORBIDDEN])
def test_what_is_unread_for_another_reason_is_no_missing_right(reason: UnreadReason) -> None:
    assert healthy().endpoint(addresses=Unread(reason, "x")).violations(RULE) == []


@pytest.mark.parametrize("part", HIDDEN)
def test_a_part_that_was_only_left_out_is_never_found(part: str) -> None:
    """What is read later waits for a look that needs it; hiding is told apart from leaving out by the reason alone."""
    later = Unread(UnreadReason.DEFERRED, "left out", Part.FILTERS)
    members = HIDDEN[part](healthy()).snapshot
    assert healthy().at(_swapped(members, later)).violations(RULE) == []


def _swapped(value: Any, later: Unread) -> Any:
    """The same value with ``later`` wherever a part may not be read."""
    if value is FORBIDDEN:
        return later
    if is_dataclass(value) and not isinstance(value, type):
        changed = {member.name: _swapped(getattr(value, member.name), later) for member in fields(value) if member.init}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(_swapped(entry, later) for entry in value)
    if isinstance(value, Mapping):
        return {key: _swapped(entry, later) for key, entry in value.items()}
    return value


def test_it_only_explains() -> None:
    assert healthy().network_unread().finding(RULE).options == ()
