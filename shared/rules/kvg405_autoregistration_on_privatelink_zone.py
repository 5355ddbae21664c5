"""KVG405 autoregistration-on-privatelink-zone: virtual machines may write into the vaults' zone.

What it finds
-------------
A virtual network link of the vaults' private DNS zone with auto-registration on.

Why it matters
--------------
Every virtual machine of the network gets a record in the zone. One that is named like a vault takes the vault's name,
a network can register in one zone only, and a zone has room for a hundred such links.

Example
-------
A link of ``privatelink.vaultcore.azure.net`` that a portal user created with "Enable auto registration" ticked.

Remediation
-----------
Switch auto-registration off; network and resolution policy of the link stay.

Remediation safety
------------------
Never by itself: Azure removes the registered records with the registration. With none in the zone nothing is lost, and
a person is asked; with some, or where that is not known, kvguard only explains, because somebody may resolve them. The
inverse switches it on again.

Links
-----
https://learn.microsoft.com/azure/dns/private-dns-autoregistration
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.change import SetLinkRegistration
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import writer_blockers
from shared.domain.zone import Zone, ZoneLink

_MOST_NAMED = 5


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every link of a zone of the vaults' name that registers virtual machines."""
    for zone in case.snapshot.named_zones() if case.snapshot.vault.uses_zones else ():
        if isinstance(zone.links, Unread):
            yield Unknown(zone.id, zone.links)
            continue
        registering = zone.registering_links
        if registering and not zone.complete:
            yield Unknown(zone.id, zone.records_unread)
        for link in registering:
            yield _violation(case, zone, link)


def _violation(case: Case, zone: Zone, link: ZoneLink) -> Violation:
    registered = _registered(zone)
    return Violation(
        subject=link.id,
        message=(
            f"Link {link.id.name} of zone {zone.name} registers the virtual machines of network {link.network.name}: "
            f"one named {case.snapshot.vault.record_name} would take the name of vault {case.snapshot.vault.name}."
        ),
        facts={
            "zone": zone.id.key,
            "network": link.network.key,
            "registration": True,
            "registered_records": "unread" if registered is None else registered,
        },
        proposals=(_proposal(case, zone, link),) if registered == [] else (),
        advice=_advice(zone, link, registered),
    )


def _registered(zone: Zone) -> list[str] | None:
    """The names that virtual machines have in the zone, None where not all of its records were read."""
    if not zone.complete:
        return None
    return sorted(name for name, record in zone.records.items() if record is not None and record.auto_registered)


def _proposal(case: Case, zone: Zone, link: ZoneLink) -> Proposal:
    blockers = tuple(writer_blockers(case.policy, zone.id))
    return Proposal(SetLinkRegistration(link, enabled=False), blockers, Applicability.APPROVAL)


def _advice(zone: Zone, link: ZoneLink, registered: list[str] | None) -> str:
    off = f"switch auto-registration off in link {link.id.name} of zone {zone.name}"
    if registered is None:
        return f"Look whether the zone holds registered records, then {off}."
    if not registered:
        return f"No virtual machine is registered yet: {off}."
    named = ", ".join(registered[:_MOST_NAMED]) + (", ..." if len(registered) > _MOST_NAMED else "")
    return (
        f"Azure would remove the registered record sets ({len(registered)}: {named}). Give network "
        f"{link.network.name} a zone of its own for its machines, then {off}."
    )


RULE = Rule(
    id="KVG405",
    name="autoregistration-on-privatelink-zone",
    title="A link of the vaults' private DNS zone registers virtual machines",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType({}),
    at_events=False,
)
