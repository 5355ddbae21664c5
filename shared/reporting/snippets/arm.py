"""The bodies that changes send to Azure Resource Manager, as plain JSON values: what the three texts have in common.

API versions are those that kvguard itself writes with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote

from shared.domain.arm_id import ArmId
from shared.domain.change import MANAGED_BY, OWNER, CreateRecord, PointZoneGroup, UpdateRecord
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from shared.domain.zone import ResolutionPolicy


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a text itself declares, written without quotes."""

    symbol: str


Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | Reference"
Object: TypeAlias = dict[str, Value]

VAULTS_API: Final = "2026-02-01"
NETWORK_API: Final = "2024-05-01"
ZONES_API: Final = "2024-06-01"
OURS: Final[Mapping[str, str]] = {MANAGED_BY: OWNER}


class Unsayable(ValueError):
    """The change has no safe text; the message is one fixed sentence that says why."""


def invisible(character: str) -> bool:
    """Whether a character cannot be seen for what it is: control, format, foreign space, private or unassigned."""
    return not character.isprintable()


def encodable(text: str) -> str:
    """The text itself. Raises Unsayable for half of a surrogate pair, which no file can hold."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Unsayable("A value holds half of a character, which no text can carry.")
    return text


def path(resource: ArmId, version: str) -> str:
    """Path and query of a resource. Nothing in a name has a meaning left in it."""
    return (
        f"/{'/'.join(quote(encodable(part), safe='') for part in resource.text.split('/')[1:])}?api-version={version}"
    )


def created_metadata(change: CreateRecord) -> Mapping[str, str]:
    """The metadata of a new record set: kvguard's mark, or what the record had that is put back."""
    return OURS if change.metadata is None else change.metadata


def updated_metadata(change: UpdateRecord) -> Mapping[str, str]:
    """The metadata that stays, with kvguard's mark where it takes the record over."""
    return {**change.before.metadata, **(OURS if change.adopt else {})}


def record_properties(addresses: Iterable[str], ttl: int, metadata: Mapping[str, str]) -> Object:
    """``properties`` of an A record set. ``ttl`` in seconds."""
    return {
        "ttl": ttl,
        "metadata": {**metadata},
        "aRecords": [{"ipv4Address": address} for address in addresses],
    }


def link_properties(network: ArmId, registration: bool, policy: ResolutionPolicy) -> Object:
    """``properties`` of a virtual network link. Raises Unsayable where its resolution policy is not known."""
    return {
        "virtualNetwork": {"id": network.text},
        "registrationEnabled": registration,
        "resolutionPolicy": known_policy(policy),
    }


def known_policy(policy: ResolutionPolicy) -> str:
    """Azure's word for a resolution policy. Raises Unsayable where it is not known."""
    if policy is ResolutionPolicy.UNKNOWN:
        raise Unsayable("The resolution policy of the link is not known, so the link cannot be written.")
    word: str = policy.value
    return word


def known_access(access: PublicAccess) -> str:
    """Azure's word for public network access. Raises Unsayable where it is not known."""
    if access is PublicAccess.UNKNOWN:
        raise Unsayable("The value of publicNetworkAccess is not known, so it cannot be written.")
    word: str = access.value
    return word


def group_properties(zones: Iterable[ArmId]) -> Object:
    """``properties`` of a zone group, each entry named after its zone as the portal does, and no name twice."""
    configs: dict[str, Value] = {}
    for zone in zones:
        name = config_name(zone)
        while name in configs:
            name += "-2"
        configs[name] = {"name": name, "properties": {"privateDnsZoneId": zone.text}}
    return {"privateDnsZoneConfigs": list(configs.values())}


def config_name(zone: ArmId) -> str:
    """The name of a zone's entry in a zone group."""
    return zone.name.replace(".", "-")


def pointed_zones(change: PointZoneGroup) -> tuple[ArmId, ...]:
    """The zones of the group afterwards."""
    return tuple(change.new if zone == change.old else zone for zone in change.before.zones)


def acl_members(acl: NetworkAcl) -> Object:
    """The members of ``networkAcls``. Raises Unsayable where the default action is not known."""
    if acl.default_action is DefaultAction.UNKNOWN:
        raise Unsayable("The default action of the firewall is not known, so the firewall cannot be written.")
    return {
        "defaultAction": acl.default_action.value,
        "bypass": acl.bypass,
        "ipRules": [{"value": rule} for rule in acl.ip_rules],
        "virtualNetworkRules": [{"id": rule.text} for rule in acl.network_rules],
    }


def changed_acl_members(before: NetworkAcl | None, after: NetworkAcl) -> Object:
    """The members of ``networkAcls`` that differ; all of them where there was no firewall."""
    wanted = acl_members(after)
    if before is None:
        return wanted
    found = acl_members(before)
    return {name: value for name, value in wanted.items() if found[name] != value}
