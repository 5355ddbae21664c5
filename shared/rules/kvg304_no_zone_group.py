"""KVG304 no-zone-group: nobody keeps this endpoint's record.

What it finds
-------------
An effective private endpoint without a private DNS zone group that names a zone. It is by design, and not found, where
policy says ``dns_mode: external``, and where kvguard is the writer of the zone: a second writer of the same record
would only take it over. Where Terraform or somebody else maintains the zone it is explained, and nothing is offered.

Why it matters
--------------
The record is then written by hand or not at all: a new address, or a lost record, stays unnoticed until clients fail.

Example
-------
An Approved endpoint with ``privateDnsZoneGroups`` empty, in an estate that relies on zone groups.

Remediation
-----------
Attach a zone group for the zone that serves the endpoint's network.

Remediation safety
------------------
Never by itself: the group takes an existing record over, and Azure deletes the record with the group or the endpoint.
It is offered only where the zone has no record of the vault or exactly this endpoint's, where no other endpoint could
claim the name, where policy designates no other zone, and where all of that is known. What the new record would break
elsewhere is said with the question.

Links
-----
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/private-link-and-dns-integration-at-scale
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.attachment import Objection, designated_zones, harm, home_zone, objections, takeover
from shared.domain.change import CreateZoneGroup
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, DnsMode, Mode, Severity, Writer
from shared.domain.reading import Unread, is_transient
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.zone import Zone

_ASK: Final = Blocker("the group takes the record over, and Azure deletes it with the group or the endpoint")
_OTHERS: Final = (Writer.TERRAFORM, Writer.OTHER)


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every effective endpoint that is meant to have a zone group and has none."""
    if case.policy.dns_mode is DnsMode.EXTERNAL:
        return
    for subject, endpoint in case.snapshot.private_ends():
        if isinstance(endpoint, Unread):
            yield Unknown(subject, endpoint)
        elif not is_transient(endpoint.provisioning_state):
            yield from _judge(case, endpoint)


def _judge(case: Case, endpoint: PrivateEndpoint) -> Iterator[Violation | Unknown]:
    groups = endpoint.zone_groups
    if isinstance(groups, Unread):
        yield Unknown(endpoint.id, groups)
        return
    if any(group.zones for group in groups):
        return
    by_design = _kvguard_writes(case, endpoint)
    if isinstance(by_design, Unread):
        yield Unknown(endpoint.id, by_design)
        return
    if by_design:
        return
    zone = home_zone(case, endpoint)
    against = list(_against(case, endpoint, zone))
    yield from (Unknown(endpoint.id, objection) for objection in against if isinstance(objection, Unread))
    proposals = () if against or not isinstance(zone, Zone) else (_proposal(case, endpoint, zone),)
    home = zone.name if isinstance(zone, Zone) else case.snapshot.cloud.private_zone
    yield Violation(
        subject=endpoint.id,
        message=(
            f"Private endpoint {endpoint.id.name} of vault {case.snapshot.vault.name} has no private DNS zone group, "
            "so Azure does not keep its record."
        ),
        facts={
            "network": endpoint.network.key,
            "zone": zone.id.key if isinstance(zone, Zone) else None,
            "addresses": "unread" if isinstance(endpoint.addresses, Unread) else sorted(endpoint.addresses),
        },
        proposals=proposals,
        evidence=tuple(f"No zone group is offered: {objection}." for objection in against),
        advice=f"Attach a zone group for zone {home} to {endpoint.id.name} once the vault's name is free there.",
    )


def _kvguard_writes(case: Case, endpoint: PrivateEndpoint) -> bool | Unread:
    """Whether policy means a zone for the endpoint whose records kvguard writes."""
    ours = {entry.id for entry in case.policy.zones if entry.writer is Writer.KVGUARD}
    if not ours:
        return False
    designated = designated_zones(case, endpoint)
    return designated if isinstance(designated, Unread) else bool(designated & ours)


def _against(case: Case, endpoint: PrivateEndpoint, zone: Zone | Unread | None) -> Iterator[Objection]:
    if zone is None:
        yield "no single zone is known to serve the endpoint's network"
    elif isinstance(zone, Unread):
        yield zone
    else:
        yield from _other_writer(case, zone)
        yield from _group_without_zones(endpoint)
        yield from objections(case, endpoint, zone)


def _other_writer(case: Case, zone: Zone) -> Iterator[Objection]:
    writer = case.policy.writer_of(zone.id)
    if writer in _OTHERS:
        yield f"policy names {writer.value} as the writer of zone {zone.name}"


def _group_without_zones(endpoint: PrivateEndpoint) -> Iterator[Objection]:
    """An endpoint takes one zone group only."""
    if endpoint.zone_groups:
        yield "the endpoint has a zone group that names no zone"


def _proposal(case: Case, endpoint: PrivateEndpoint, zone: Zone) -> Proposal:
    change = CreateZoneGroup(endpoint, zone.id)
    return Proposal(change, (_ASK, *harm(case, change, "the record")), Applicability.APPROVAL, takeover(case, zone))


RULE = Rule(
    id="KVG304",
    name="no-zone-group",
    title="A private endpoint has no DNS zone group",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    group="zone-group",
    rank=2,
    controls=MappingProxyType(
        {
            "Azure Policy": ("ac673a9a-f77d-4846-b2d8-a57f8e1c01d4",),
            "ALZ": (
                "DINE-Private-DNS-Azure-KeyVault",
                "Deploy-Private-DNS-Generic",
                "Deploy-Private-DNS-Azure-KeyVault",
            ),
            "Community Policy": (
                "configure-private-endpoint-for-paas-services-to-use-private-dns-zones",
                "configure-private-endpoint-to-use-private-dns-zones-generic",
            ),
        }
    ),
    at_events=False,
)
