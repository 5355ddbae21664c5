"""KVG401 zone-missing: clients next to the endpoint get the public address.

What it finds
-------------
No zone of the vault zone's name can serve an effective endpoint's resolving network: the one that policy designates
for it does not exist, or policy calls its list of zone subscriptions complete, all were read, and there is none.

Why it matters
--------------
Nothing answers for the vault's privatelink alias, so clients next to the endpoint resolve the public address.

Example
-------
Somebody deleted ``privatelink.vaultcore.azure.net`` together with the resource group it lay in.

Remediation
-----------
Create the zone that policy designates. The records of the vaults and the links to the networks follow as findings of
their own (KVG411, KVG403) once the zone is there, records first. Without a designation, let policy name one.

Remediation safety
------------------
Never by itself: a zone at the wrong place is one more zone to keep right, and a pipeline may be about to create its
own. A new zone without links answers nobody, so creating it takes no name away; it is deleted again as long as it is
empty. Where a zone with a wrong name is found (KVG402), that explains the gap and is reported instead. A designated
zone that could not be read is not missing.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/private-link/private-endpoint-dns
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateZone
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import asked_networks, designated_zone, misnamed_zones, writer_blockers


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every resolving network of an effective endpoint that no zone can serve."""
    for asked in asked_networks(case):
        if isinstance(asked, Unknown):
            yield asked
        else:
            yield from _judge(case, *asked)


def _judge(case: Case, endpoint: PrivateEndpoint, network: ArmId) -> Iterator[Violation | Unknown]:
    snapshot = case.snapshot
    if _served_by_link(case, network) or misnamed_zones(snapshot):
        return
    unread = next((zone.links for zone in snapshot.named_zones() if isinstance(zone.links, Unread)), None)
    if unread is not None:
        yield Unknown(network, unread)
        return
    wanted = designated_zone(snapshot, case.policy, network)
    if isinstance(wanted, Unread):
        yield Unknown(network, wanted)
        return
    if wanted is None and not case.policy.zone_subscriptions_complete:
        return
    if any(wanted in (None, zone.id) for zone in snapshot.named_zones()):
        return
    if snapshot.zones_unread:
        yield Unknown(network, snapshot.zones_unread[0])
        return
    answer = case.resolver.view(snapshot, network, snapshot.vault)
    if answer.kind is AnswerKind.UNKNOWN:
        yield Unknown(network, answer.missing)
        return
    others = sorted(zone.id.key for zone in snapshot.named_zones())
    missing = "there is none" if wanted is None else f"{wanted} does not exist"
    yield Violation(
        subject=network,
        message=(
            f"No zone {snapshot.cloud.private_zone} can serve network {network.name}: {missing}. Vault "
            f"{snapshot.vault.name} resolves to {answer.summary} there instead of its private endpoint "
            f"{endpoint.id.name}."
        ),
        facts={
            "zone": "" if wanted is None else wanted.key,
            "zone_name": snapshot.cloud.private_zone,
            "network": network.key,
            "endpoint": endpoint.id.key,
            "other_zones": list(others),
        },
        proposals=() if wanted is None else (_proposal(case, wanted),),
        evidence=(*answer.chain, answer.reason, *(f"another zone of this name: {other}" for other in others)),
        advice=_advice(case, network, wanted),
    )


def _served_by_link(case: Case, network: ArmId) -> bool:
    """Whether a zone of the right name, or of the vault's own, is linked to the network."""
    names = (case.snapshot.cloud.private_zone, case.snapshot.cloud.alias_host(case.snapshot.vault.name))
    return any(zone.name in names and zone.link_of(network) is not None for zone in case.snapshot.zones)


def _proposal(case: Case, zone: ArmId) -> Proposal:
    return Proposal(
        CreateZone(zone),
        tuple(writer_blockers(case.policy, zone)),
        Applicability.APPROVAL,
        "The zone alone changes no answer: records and links follow as changes of their own.",
    )


def _advice(case: Case, network: ArmId, zone: ArmId | None) -> str:
    if zone is None:
        return (
            f"Create a private DNS zone named exactly {case.snapshot.cloud.private_zone}, list it in the policy with "
            f"its writer, give it the records of all vaults that network {network.name} resolves, then link it there."
        )
    return (
        f"Once the zone exists, its records are created first (KVG411), then its link to network {network.name} "
        "(KVG403): a link before the records would make every vault's name there NXDOMAIN."
    )


RULE = Rule(
    id="KVG401",
    name="zone-missing",
    title="No private DNS zone can serve the endpoint's network",
    severity=Severity.HIGH,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType({"Community Policy": ("prevent-deletion-of-private-dns-zone",)}),
)
