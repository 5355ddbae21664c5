"""KVG406 nxdomain-redirect: what a network gets for a vault without a record differs from what policy wants.

What it finds
-------------
A virtual network link of a zone that policy lists, whose ``resolutionPolicy`` is not the zone's
``link_resolution_policy``.

Why it matters
--------------
With Default a vault without a record is NXDOMAIN in the network; with NxDomainRedirect its public address is given, so
a lost record sends clients to the public endpoint without a word. An estate should do one of the two everywhere.

Example
-------
A hub zone whose links all fall back to public DNS, and one spoke's link, created by hand, that does not.

Remediation
-----------
Set the link's resolution policy to what policy names, or change the policy.

Remediation safety
------------------
Never by kvguard: each way round takes an answer from somebody. To Default takes the public address from every vault
without a record, and to NxDomainRedirect lets clients leave the private path unseen.

Links
-----
https://learn.microsoft.com/azure/dns/private-dns-fallback
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.policy import ZonePolicy
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.zone import ResolutionPolicy, Zone, ZoneLink


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every link of a listed zone with another resolution policy than the zone's."""
    for zone in case.snapshot.zones if case.snapshot.vault.uses_zones else ():
        listed = case.policy.zone(zone.id)
        if listed is None:
            continue
        if isinstance(zone.links, Unread):
            yield Unknown(zone.id, zone.links)
            continue
        for link in zone.links_but(listed.link_resolution_policy):
            if link.resolution_policy is ResolutionPolicy.UNKNOWN:
                strange = f"link {link.id.name} has a resolution policy that kvguard does not know"
                yield Unknown(link.id, Unread(UnreadReason.UNSUPPORTED, strange))
            else:
                yield _violation(zone, link, listed)


def _violation(zone: Zone, link: ZoneLink, listed: ZonePolicy) -> Violation:
    is_now, wanted = link.resolution_policy.value, listed.link_resolution_policy.value
    effect = (
        "a name that the zone lacks gets its public address there"
        if link.resolution_policy is ResolutionPolicy.NXDOMAIN_REDIRECT
        else "a name that the zone lacks is NXDOMAIN there"
    )
    return Violation(
        subject=link.id,
        message=(
            f"Link {link.id.name} of zone {zone.name} to network {link.network.name} has resolution policy {is_now}, "
            f"policy wants {wanted}: {effect}."
        ),
        facts={
            "zone": zone.id.key,
            "network": link.network.key,
            "resolution_policy": is_now,
            "wanted": wanted,
        },
        advice=(
            f"Set resolutionPolicy of link {link.id.name} in zone {zone.name} (resource group "
            f"{zone.id.resource_group}) to {wanted}, after looking which names network {link.network.name} resolves."
        ),
    )


RULE = Rule(
    id="KVG406",
    name="nxdomain-redirect",
    title="A link falls back to public DNS otherwise than policy wants",
    severity=Severity.LOW,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
