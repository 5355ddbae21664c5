"""KVG502 peered-network-not-linked: a peer reaches the endpoint and does not find it.

What it finds
-------------
A virtual network that is peered with an effective endpoint's network, has no endpoint of the vault itself, and in which
the vault's name resolves to the public address, because the zone is not linked to the network that resolves for it.

Why it matters
--------------
Traffic would get through, but clients ask the public address and are turned away by the firewall. Which peers are meant
to use the vault only the policy knows: medium for its ``client_networks``, low for the others.

Example
-------
The hub has the endpoint and the linked zone; a new spoke is peered with the hub and nobody has linked the zone to it.

Remediation
-----------
Link the zone to the network that resolves for the peer, registration off. Where no zone can serve it, there is nothing
to link: name the zone in the policy, or create it.

Remediation safety
------------------
Never by itself: whether a peer is meant to use the vault is a person's decision. The question names what speaks against
it, the same as for KVG403: another writer of the zone, a record that is not right yet, names of other vaults that would
break in that network, custom DNS servers or a forwarding ruleset, a zone without room. The inverse removes the link.

Links
-----
https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network, PeeringState
from shared.domain.reading import Gone, Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import serving_zone, writer_blockers
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each network that resolves for a peer of an endpoint's network and gives the public address."""
    snapshot = case.snapshot
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        yield Unknown(snapshot.vault.id, endpoints)
        return
    homes = {endpoint.network for endpoint in endpoints}
    covered = set(homes)
    peers: dict[ArmId, PrivateEndpoint] = {}
    for endpoint in endpoints:
        home = snapshot.network(endpoint.network)
        if isinstance(home, Unread):
            yield Unknown(endpoint.network, home)
            return
        asked = case.resolver.resolving_networks(snapshot, endpoint.network)
        if isinstance(asked, Unread):
            # Any of its peers may resolve for it, which is for KVG403 to judge.
            yield Unknown(endpoint.network, asked)
            covered |= set(_peers(home)) if isinstance(home, Network) else set()
            continue
        covered |= set(asked)
        for remote in _peers(home) if isinstance(home, Network) else ():
            peers.setdefault(remote, endpoint)
    resolving: dict[ArmId, list[ArmId]] = {}
    for peer in sorted(peers.keys() - homes):
        found = _resolving(case, peer)
        if isinstance(found, Unread):
            yield Unknown(peer, found)
            continue
        for network in found:
            # What resolves for an endpoint's own network is for KVG403 to judge.
            if network not in covered:
                resolving.setdefault(network, []).append(peer)
    for network, asking in sorted(resolving.items()):
        yield from _judge(case, peers[asking[0]], network, asking)


def _peers(network: Network) -> Iterator[ArmId]:
    """The networks to which traffic flows."""
    for peering in network.peerings:
        if peering.state is PeeringState.CONNECTED:
            yield peering.remote


def _resolving(case: Case, peer: ArmId) -> tuple[ArmId, ...] | Unread:
    """The networks that resolve for a peer; none for one that does not exist."""
    known = case.snapshot.around(peer)
    if isinstance(known, Gone):
        return ()
    return known if isinstance(known, Unread) else case.resolver.resolving_networks(case.snapshot, peer)


def _judge(case: Case, endpoint: PrivateEndpoint, network: ArmId, asking: list[ArmId]) -> Iterator[Violation | Unknown]:
    snapshot = case.snapshot
    answer = case.resolver.view(snapshot, network, snapshot.vault)
    if answer.kind is AnswerKind.UNKNOWN:
        yield Unknown(network, answer.missing)
        return
    if answer.kind is not AnswerKind.PUBLIC:
        return
    zone = serving_zone(snapshot, case.policy, network)
    if isinstance(zone, Unread):
        yield Unknown(network, zone)
        return
    if zone is None and not case.policy.zone_subscriptions_complete:
        # Another zone of the name may be linked there, in a subscription that nobody declared as a place to look.
        return
    if zone is not None and zone.link_of(network) is not None:
        return
    names = ", ".join(peer.name for peer in asking)
    client = any(case.policy.client_role(peer) is not None for peer in (network, *asking))
    yield Violation(
        subject=network,
        message=(
            f"In network {names}, peered with network {endpoint.network.name}, vault {snapshot.vault.name} resolves to "
            f"its public address instead of private endpoint {endpoint.id.name}: "
            f"{_missing(snapshot.cloud.private_zone, zone, network)}."
        ),
        facts={
            "zone": "" if zone is None else zone.id.key,
            "network": network.key,
            "peers": [peer.key for peer in asking],
            "endpoint": endpoint.id.key,
            "addresses": "unread" if isinstance(endpoint.addresses, Unread) else sorted(endpoint.addresses),
        },
        proposals=() if zone is None else (_link(case, endpoint, zone, network, asking),),
        evidence=(*answer.chain, answer.reason),
        advice=_advice(snapshot.cloud.private_zone, network) if zone is None else "",
        severity=Severity.MEDIUM if client else None,
    )


def _missing(name: str, zone: Zone | None, network: ArmId) -> str:
    if zone is None:
        return f"no zone {name} can serve network {network.name}"
    return f"zone {zone.name} is not linked to network {network.name}"


def _advice(name: str, network: ArmId) -> str:
    return f"Name the zone {name} that is meant for network {network.name} in the policy, or create one and link it."


def _link(case: Case, endpoint: PrivateEndpoint, zone: Zone, network: ArmId, asking: list[ArmId]) -> Proposal:
    change = CreateLink(zone.id, network, _resolution_policy(case, zone))
    return Proposal(
        change,
        tuple(_blockers(case, endpoint, zone, network, asking, change)),
        at_most=Applicability.APPROVAL,
        warning=(
            f"From then on zone {zone.name} answers in network {network.name} for every vault: one without a record "
            "there is not found any more."
            if change.resolution_policy is ResolutionPolicy.DEFAULT
            else ""
        ),
    )


def _resolution_policy(case: Case, zone: Zone) -> ResolutionPolicy:
    listed = case.policy.zone(zone.id)
    return ResolutionPolicy.DEFAULT if listed is None else listed.link_resolution_policy


def _blockers(
    case: Case, endpoint: PrivateEndpoint, zone: Zone, network: ArmId, asking: list[ArmId], change: CreateLink
) -> Iterator[Blocker]:
    yield from writer_blockers(case.policy, zone.id)
    yield from _record_first(case, endpoint, zone)
    yield from _harm(case, change)
    yield from _custom_dns(case, network, asking)
    yield from _capacity(zone)


def _record_first(case: Case, endpoint: PrivateEndpoint, zone: Zone) -> Iterator[Blocker]:
    record = zone.lookup(case.snapshot.vault.record_name)
    if isinstance(record, Unread) or isinstance(endpoint.addresses, Unread):
        yield Blocker("whether the right record is in the zone is not known")
    elif not isinstance(record, RecordSet) or not record.addresses or set(record.addresses) != set(endpoint.addresses):
        yield Blocker("the right record is not in the zone yet")


def _harm(case: Case, change: CreateLink) -> Iterator[Blocker]:
    harms = case.resolver.harms(case.snapshot, change.simulate(case.snapshot))
    if isinstance(harms, Unread):
        yield Blocker("whether the link breaks other vaults' names is not known", harms)
        return
    for harm in harms:
        yield Blocker(f"the link would break {harm}")


def _custom_dns(case: Case, network: ArmId, asking: list[ArmId]) -> Iterator[Blocker]:
    known = case.snapshot.around(network)
    if asking != [network] or not isinstance(known, Network) or known.dns_servers:
        yield Blocker("custom DNS servers decide what clients of this network see")
    elif isinstance(known.forwarding, Unread) or known.forwarding:
        yield Blocker("a DNS forwarding ruleset is linked to this network, or that is not known")


def _capacity(zone: Zone) -> Iterator[Blocker]:
    if zone.link_count >= zone.max_links:
        yield Blocker(f"the zone has {zone.link_count} of {zone.max_links} links")


RULE = Rule(
    id="KVG502",
    name="peered-network-not-linked",
    title="A peered network resolves the vault's public address",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType(
        {"Community Policy": ("create-private-dns-zone-virtual-network-link-to-virtual-networks-if-not-available",)}
    ),
    at_events=False,
)
