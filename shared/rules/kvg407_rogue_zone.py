"""KVG407 rogue-zone: two zones of one name, of which a network can ask only one.

What it finds
-------------
A zone of the vaults' name that policy does not designate where it designates another: without links, or linked to a
network that the designated one is for. Without any designation, and with all zone subscriptions declared and read: a
zone without links beside others of the name.

Why it matters
--------------
A network asks one zone of a name only. Records that are written to the other one do nothing, and whoever links it
moves a network to answers that nobody maintains.

Example
-------
A project created its own ``privatelink.vaultcore.azure.net`` with the portal's endpoint wizard beside the hub's.

Remediation
-----------
Move its records and links to the designated zone, then delete it.

Remediation safety
------------------
Never by kvguard: moving a link changes every answer of a network at once, and the records of the two zones differ for
vaults that this finding does not know. Zones that serve networks of their own are legitimate: networks with an endpoint
each for one vault need a zone each. Zones with wrong names are judged by KVG402 alone.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/private-link-and-dns-integration-at-scale
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.serving import designated_zone
from shared.domain.zone import Zone, ZoneLink


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every zone of the vaults' name that no network justifies."""
    name = case.snapshot.cloud.private_zone
    designated = [entry.id for entry in case.policy.zones if entry.id.name.lower() == name]
    for zone in case.snapshot.named_zones() if case.snapshot.vault.uses_zones else ():
        if zone.id in designated:
            continue
        if isinstance(zone.links, Unread):
            yield Unknown(zone.id, zone.links)
        elif designated:
            yield from _beside_designated(case, zone, zone.links, sorted(designated))
        else:
            yield from _without_network(case, zone)


def _beside_designated(
    case: Case, zone: Zone, links: tuple[ZoneLink, ...], designated: list[ArmId]
) -> Iterator[Violation | Unknown]:
    if not links:
        yield _violation(case, zone, designated, ())
        return
    taken: list[ArmId] = []
    for network in sorted(link.network for link in links):
        wanted = designated_zone(case.snapshot, case.policy, network)
        if isinstance(wanted, Unread):
            yield Unknown(zone.id, wanted)
        elif wanted is not None:
            taken.append(network)
    if taken:
        yield _violation(case, zone, designated, tuple(taken))


def _without_network(case: Case, zone: Zone) -> Iterator[Violation | Unknown]:
    if zone.links or not case.policy.zone_subscriptions_complete:
        return
    others = [other.id for other in case.snapshot.named_zones() if other.id != zone.id]
    if case.snapshot.zones_unread:
        yield Unknown(zone.id, case.snapshot.zones_unread[0])
    elif others:
        yield _violation(case, zone, others, ())


def _violation(case: Case, zone: Zone, better: list[ArmId], networks: tuple[ArmId, ...]) -> Violation:
    where = f"linked to {', '.join(network.name for network in networks)}" if networks else "linked to no network"
    instead = ", ".join(f"{other.name} in resource group {other.resource_group}" for other in better)
    record = zone.lookup(case.snapshot.vault.record_name)
    held = "not known" if isinstance(record, Unread) else "no" if record is None else "yes"
    return Violation(
        subject=zone.id,
        message=(
            f"Zone {zone.name} in resource group {zone.id.resource_group}, {where}, is one too many: {instead} is the "
            "one that counts."
        ),
        facts={
            "zone": zone.id.key,
            "networks": [network.key for network in networks],
            "instead": [other.key for other in better],
        },
        evidence=(
            f"record of vault {case.snapshot.vault.name} in it: {held}",
            f"{zone.link_count} links, {zone.record_count} record sets",
        ),
        advice=(
            f"Bring the records of zone {zone.name} in resource group {zone.id.resource_group} over to {instead}, then "
            "its links, one network at a time, then delete it."
        ),
    )


RULE = Rule(
    id="KVG407",
    name="rogue-zone",
    title="There is one private DNS zone too many for vaults",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({"ALZ": ("Audit-PrivateLinkDnsZones", "Deny-Private-DNS-Zones")}),
)
