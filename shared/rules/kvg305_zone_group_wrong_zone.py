"""KVG305 zone-group-wrong-zone: Azure keeps the record where nobody asks for it.

What it finds
-------------
A zone group of an effective private endpoint that points to a zone of another name than the vault zone's, to another
zone than the one that policy designates for the endpoint's networks, or to a zone that does not exist. A zone of the
vault's own name is right by its name. Of an endpoint that serves other resources too, zones of other names are theirs.

Why it matters
--------------
Azure reports success and writes the record into a zone that answers nobody, or for the wrong networks. Scanners see a
zone group and call it compliant.

Example
-------
A zone group with ``privatelink.vault.azure.net``, or with a copy of the right zone in a team's own subscription.

Remediation
-----------
Point the zone group to the zone that serves the endpoint's network.

Remediation safety
------------------
Never by itself: Azure deletes the record from the old zone and takes it over in the new one. It is offered only where
the new zone has no record of the vault or exactly this endpoint's, where no other endpoint could claim the name, and
where all of that is known. What would break is said with the question.

Links
-----
https://learn.microsoft.com/azure/private-link/private-endpoint-dns
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.attachment import Objection, designated_zones, harm, home_zone, is_gone, objections, takeover
from shared.domain.change import PointZoneGroup
from shared.domain.endpoint import PrivateEndpoint, ZoneGroup
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, is_transient
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.zone import Zone

_ASK: Final = Blocker("Azure deletes the record from the old zone and takes it over in the new one")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every effective endpoint with a zone group that points to a wrong zone, one finding an endpoint."""
    for subject, endpoint in case.snapshot.private_ends():
        if isinstance(endpoint, Unread):
            yield Unknown(subject, endpoint)
        elif isinstance(endpoint.zone_groups, Unread):
            yield Unknown(endpoint.id, endpoint.zone_groups)
        elif not is_transient(endpoint.provisioning_state):
            yield from _judge(case, endpoint, endpoint.zone_groups)


def _judge(case: Case, endpoint: PrivateEndpoint, groups: tuple[ZoneGroup, ...]) -> Iterator[Violation | Unknown]:
    wrong: list[tuple[ZoneGroup, ArmId, str]] = []
    for group in sorted(groups, key=lambda candidate: candidate.id):
        for zone in sorted(set(group.zones)):
            why = _why_wrong(case, endpoint, zone)
            if isinstance(why, Unread):
                yield Unknown(endpoint.id, why)
            elif why:
                wrong.append((group, zone, why))
    if wrong:
        yield from _found(case, endpoint, wrong)


def _why_wrong(case: Case, endpoint: PrivateEndpoint, zone: ArmId) -> str | Unread:
    """What is wrong with a zone for this endpoint, empty for nothing."""
    named = _wrong_name(case, endpoint, zone)
    if named or not _is_vault_zone(case, zone):
        return named
    designated = _not_designated(case, endpoint, zone)
    return _gone(case, zone) if designated == "" else designated


def _is_vault_zone(case: Case, zone: ArmId) -> bool:
    """Whether it has the name of the vault zone, or that of this vault in it: both answer for the vault."""
    cloud = case.snapshot.cloud
    return zone.name.lower() in (cloud.private_zone, cloud.alias_host(case.snapshot.vault.name))


def _wrong_name(case: Case, endpoint: PrivateEndpoint, zone: ArmId) -> str:
    shared = any(link.target != case.snapshot.vault.id for link in endpoint.links)
    if _is_vault_zone(case, zone) or shared:
        return ""
    return f"zone {zone.name} is not {case.snapshot.cloud.private_zone}"


def _not_designated(case: Case, endpoint: PrivateEndpoint, zone: ArmId) -> str | Unread:
    if zone.name.lower() != case.snapshot.cloud.private_zone:
        return ""
    designated = designated_zones(case, endpoint)
    if isinstance(designated, Unread):
        return designated
    if not designated or zone in designated:
        return ""
    return f"policy does not designate zone {zone.name} in resource group {zone.resource_group} for its network"


def _gone(case: Case, zone: ArmId) -> str | Unread:
    gone = is_gone(case, zone)
    if isinstance(gone, Unread):
        return gone
    return f"zone {zone.name} in resource group {zone.resource_group} does not exist" if gone else ""


def _found(
    case: Case, endpoint: PrivateEndpoint, wrong: list[tuple[ZoneGroup, ArmId, str]]
) -> Iterator[Violation | Unknown]:
    home = home_zone(case, endpoint)
    against = list(_against(case, endpoint, home, wrong))
    yield from (Unknown(endpoint.id, objection) for objection in against if isinstance(objection, Unread))
    proposals: tuple[Proposal, ...] = ()
    if isinstance(home, Zone) and not against:
        group, old, _ = wrong[0]
        change = PointZoneGroup(group, old, home.id)
        blockers = (_ASK, *harm(case, change, "the change"))
        proposals = (Proposal(change, blockers, Applicability.APPROVAL, takeover(case, home)),)
    reasons = sorted({why for _, _, why in wrong})
    yield Violation(
        subject=endpoint.id,
        message=(
            f"The zone group of private endpoint {endpoint.id.name} of vault {case.snapshot.vault.name} points to a "
            f"wrong zone: {'; '.join(reasons)}."
        ),
        facts={
            "groups": sorted(f"{group.id.key}>{zone.key}" for group, zone, _ in wrong),
            "zone": home.id.key if isinstance(home, Zone) else None,
            "addresses": "unread" if isinstance(endpoint.addresses, Unread) else sorted(endpoint.addresses),
        },
        proposals=proposals,
        evidence=tuple(f"No change is offered: {objection}." for objection in against),
        advice=(
            f"Point the zone group of {endpoint.id.name} to the zone {case.snapshot.cloud.private_zone} that serves "
            f"virtual network {endpoint.network.name}, after making sure that it has no record of another endpoint."
        ),
    )


def _against(
    case: Case, endpoint: PrivateEndpoint, home: Zone | Unread | None, wrong: list[tuple[ZoneGroup, ArmId, str]]
) -> Iterator[Objection]:
    if home is None:
        yield "no single zone is known to serve the endpoint's network"
    elif isinstance(home, Unread):
        yield home
    else:
        yield from _several_wrong(wrong)
        yield from _there_already(endpoint, home)
        yield from objections(case, endpoint, home)


def _several_wrong(wrong: list[tuple[ZoneGroup, ArmId, str]]) -> Iterator[Objection]:
    if len(wrong) > 1:
        yield f"{len(wrong)} zones of its groups are wrong, so that one change does not mend it"


def _there_already(endpoint: PrivateEndpoint, home: Zone) -> Iterator[Objection]:
    groups = endpoint.zone_groups
    if not isinstance(groups, Unread) and any(home.id in group.zones for group in groups):
        yield f"a zone group names {home.name} in resource group {home.id.resource_group} already; remove the wrong one"


RULE = Rule(
    id="KVG305",
    name="zone-group-wrong-zone",
    title="A zone group points to a wrong zone",
    severity=Severity.HIGH,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    group="zone-group",
    rank=0,
    controls=MappingProxyType({"Community Policy": ("deploy-private-endpoint-private-dns-zone-link",)}),
    at_events=False,
)
