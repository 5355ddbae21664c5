"""KVG403 network-not-linked: the zone exists, the network does not ask it.

What it finds
-------------
The zone that serves an effective endpoint's resolving network is not linked to that network.

Why it matters
--------------
Without the link, clients next to the endpoint resolve the public address and are turned away by the firewall.

Example
-------
``privatelink.vaultcore.azure.net`` holds the right record and has no link to the endpoint's virtual network.

Remediation
-----------
Link the zone to the network, registration off.

Remediation safety
------------------
By itself only when all hold: policy names kvguard as the writer of the zone; the right record is in it already; over
all known vaults the simulation shows no name that works in that network today and would not afterwards (a link makes
the zone answer for every vault, so a vault without a record would become NXDOMAIN); no other zone of that name is
linked there, and none of another name answers before it; neither custom DNS servers nor a forwarding ruleset are
involved; the zone has room for a link. The inverse removes the link.

Links
-----
https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import asked_networks, serving_zone, writer_blockers
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every resolving network of an effective endpoint that its zone is not linked to."""
    for asked in asked_networks(case):
        if isinstance(asked, Unknown):
            yield asked
        else:
            yield from _judge(case, *asked)


def _judge(case: Case, endpoint: PrivateEndpoint, network: ArmId) -> Iterator[Violation | Unknown]:
    snapshot = case.snapshot
    zone = serving_zone(snapshot, case.policy, network)
    if isinstance(zone, Unread):
        yield Unknown(network, zone)
        return
    if zone is not None and zone.link_of(network) is not None:
        return
    if snapshot.zones_unread:
        # Azure refuses a second zone of one name for a network, and the first may be where nobody could look.
        yield Unknown(network, snapshot.zones_unread[0])
        return
    if zone is None:
        return
    answer = case.resolver.view(snapshot, network, snapshot.vault)
    if answer.kind is AnswerKind.UNKNOWN:
        yield Unknown(network, answer.missing)
        return
    if answer.addresses and isinstance(endpoint.addresses, Unread):
        yield Unknown(endpoint.id, endpoint.addresses)
        return
    if isinstance(endpoint.addresses, tuple) and set(answer.addresses) & set(endpoint.addresses):
        return
    change = CreateLink(zone.id, network, _resolution_policy(case, zone))
    yield Violation(
        subject=network,
        message=(
            f"Network {network.name} is not linked to zone {zone.name}, so vault {snapshot.vault.name} resolves to "
            f"{answer.summary} there instead of its private endpoint {endpoint.id.name}."
        ),
        facts={
            "zone": zone.id.key,
            "network": network.key,
            "endpoint": endpoint.id.key,
            "addresses": "unread" if isinstance(endpoint.addresses, Unread) else sorted(endpoint.addresses),
        },
        proposals=(Proposal(change, tuple(_blockers(case, endpoint, zone, network, change))),),
        evidence=(*answer.chain, answer.reason),
    )


def _resolution_policy(case: Case, zone: Zone) -> ResolutionPolicy:
    listed = case.policy.zone(zone.id)
    return ResolutionPolicy.DEFAULT if listed is None else listed.link_resolution_policy


def _blockers(
    case: Case, endpoint: PrivateEndpoint, zone: Zone, network: ArmId, change: CreateLink
) -> Iterator[Blocker]:
    yield from writer_blockers(case.policy, zone.id)
    yield from _record_first(case, endpoint, zone)
    yield from _harm(case, change)
    yield from _answered_first(case, zone, network, change)
    yield from _custom_dns(case, endpoint, network)
    yield from _capacity(zone)


def _record_first(case: Case, endpoint: PrivateEndpoint, zone: Zone) -> Iterator[Blocker]:
    record = zone.lookup(case.snapshot.vault.record_name)
    if isinstance(record, Unread) or isinstance(endpoint.addresses, Unread):
        yield Blocker("whether the right record is in the zone is not known")
        return
    right = (
        isinstance(record, RecordSet) and bool(record.addresses) and set(record.addresses) == set(endpoint.addresses)
    )
    if not right:
        yield Blocker("the right record is not in the zone yet")


def _harm(case: Case, change: CreateLink) -> Iterator[Blocker]:
    harms = case.resolver.harms(case.snapshot, change.simulate(case.snapshot))
    if isinstance(harms, Unread):
        yield Blocker("whether the link breaks other vaults' names is not known", harms)
        return
    for harm in harms:
        yield Blocker(f"the link would break {harm}")


def _answered_first(case: Case, zone: Zone, network: ArmId, change: CreateLink) -> Iterator[Blocker]:
    """A zone above all vaults hides what the link does: neither its use nor its harm shows while that one answers."""
    answer = case.resolver.view(change.simulate(case.snapshot), network, case.snapshot.vault)
    if answer.zone is not None and answer.zone != zone.id:
        yield Blocker(f"zone {answer.zone.name} is linked to this network and answers before it")


def _custom_dns(case: Case, endpoint: PrivateEndpoint, network: ArmId) -> Iterator[Blocker]:
    known = case.snapshot.network(network)
    if network != endpoint.network or not isinstance(known, Network) or known.dns_servers:
        yield Blocker("custom DNS servers decide what clients of this network see")
    elif isinstance(known.forwarding, Unread) or known.forwarding:
        yield Blocker("a DNS forwarding ruleset is linked to this network, or that is not known")


def _capacity(zone: Zone) -> Iterator[Blocker]:
    if zone.link_count >= zone.max_links:
        yield Blocker(f"the zone has {zone.link_count} of {zone.max_links} links")


RULE = Rule(
    id="KVG403",
    name="network-not-linked",
    title="The private DNS zone is not linked to the endpoint's network",
    severity=Severity.HIGH,
    ceiling=Applicability.SAFE,
    default=Mode.FIX,
    check=check,
    controls=MappingProxyType(
        {"Community Policy": ("create-private-dns-zone-virtual-network-link-to-virtual-networks-if-not-available",)}
    ),
)
