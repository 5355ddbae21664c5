"""KVG402 misnamed-zone: a zone that was meant for vaults has a name that nobody asks, or one that takes too much.

What it finds
-------------
A private DNS zone named like the public names of all vaults (``vault.azure.net``, or a parent of it or of the right
zone), or one that only looks like the vault zone: ``privatelink.vault.azure.net``, the zone of another cloud, a name
with a dot too many or too few.

Why it matters
--------------
A zone with a wrong name is never asked, so its records do nothing. One that is a parent of the vaults' public names is
asked for every vault: in a linked network each vault without a record there stops resolving, even a public one.

Example
-------
The zone ``privatelink.vault.azure.net`` with a record of the vault, linked to the endpoint's network; the name resolves
publicly all the same, because the alias of a vault lies under ``privatelink.vaultcore.azure.net``.

Remediation
-----------
Create the records in the zone of the right name, link that one, and delete the misnamed zone when nothing uses it.

Remediation safety
------------------
Never by kvguard: what else relies on a zone of a foreign name cannot be seen from the vault. A zone of a single vault's
own name is a legitimate way to answer differently for that vault and is no finding.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.clouds import CLOUDS, Cloud
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.serving import hijacking_zones, stray_zones
from shared.domain.zone import Zone


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every zone with a wrong name, and why there may be more.

    A zone that answers for every vault's public name concerns a vault without connections, too; one that only looks
    like the vault zone does not.
    """
    for unread in case.snapshot.zones_unread:
        yield Unknown(case.snapshot.vault.id, unread)
    for found in hijacking_zones(case.snapshot):
        yield _hijacking(case, found)
    if case.snapshot.vault.uses_zones:
        yield from _strays(case)


def _hijacking(case: Case, zone: Zone) -> Violation:
    cloud = case.snapshot.cloud
    networks = "unread" if isinstance(zone.links, Unread) else sorted(link.network.key for link in zone.links)
    count = "not read" if isinstance(zone.links, Unread) else str(len(zone.links))
    return Violation(
        subject=zone.id,
        message=(
            f"Zone {zone.name} answers for every name under it in the networks linked to it ({count}): each vault "
            f"without a record there stops resolving, and vault {case.snapshot.vault.name} is asked for in it."
        ),
        facts={"zone": zone.id.key, "zone_name": zone.name, "right_name": cloud.private_zone, "networks": networks},
        evidence=(f"resource group {zone.id.resource_group}, {zone.record_count} record sets",),
        advice=(
            f"Move the records of vaults to zone {cloud.private_zone}, link that zone to the same networks, then "
            f"unlink and delete zone {zone.name} in resource group {zone.id.resource_group}."
        ),
    )


def _strays(case: Case) -> Iterator[Violation]:
    cloud = case.snapshot.cloud
    for zone in stray_zones(case.snapshot):
        yield Violation(
            subject=zone.id,
            message=(
                f"Zone {zone.name} does nothing for vault {case.snapshot.vault.name}: {_why(cloud, zone.name)}. "
                f"The right name is {cloud.private_zone}."
            ),
            facts={"zone": zone.id.key, "zone_name": zone.name, "right_name": cloud.private_zone},
            evidence=(
                f"resource group {zone.id.resource_group}, {zone.link_count} links, {zone.record_count} record sets",
            ),
            advice=(
                f"Create the records in zone {cloud.private_zone} and link it to the same networks; delete zone "
                f"{zone.name} in resource group {zone.id.resource_group} once nothing else uses it."
            ),
        )


def _why(cloud: Cloud, name: str) -> str:
    """What is wrong with a name."""
    if name == f"privatelink.{cloud.vault_suffix}":
        return "the alias of a vault lies under another domain, so this zone is never asked"
    for other in CLOUDS.values():
        shared = (other.private_zone, other.vault_suffix)
        if other.name != cloud.name and any(name == known or name.endswith(f".{known}") for known in shared):
            return f"it belongs to {other.name}, and the vault is in {cloud.name}"
    if name.replace(".", "") == cloud.private_zone.replace(".", ""):
        return "its dots are not where they belong"
    return "its name only looks like that of the vaults' zone"


RULE = Rule(
    id="KVG402",
    name="misnamed-zone",
    title="A private DNS zone for vaults has a wrong name",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
    at_events=False,
)
