"""The networks around a vault, and what filters traffic in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar

from shared.adapters import arm_api as api
from shared.adapters import arm_bodies_network as bodies
from shared.adapters import arm_decode as decode
from shared.adapters import arm_decode_network as decode_network
from shared.adapters.arm_crew import Crew
from shared.adapters.arm_networks import NetworkReading
from shared.adapters.arm_parts import Parts, attempt_one
from shared.domain.arm_id import SUBNET, ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.network import Network, PeeringState, RouteTable, SecurityGroup
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot

T = TypeVar("T")
Networks = Mapping[ArmId, Network | Gone | Unread]

# A hub has up to 500 peerings; a look at one vault is not to use up the reads of its subscription.
# https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
MOST_AROUND: Final = 200

_GROUP: Final = decode.decoder(bodies.SecurityGroupBody)
_TABLE: Final = decode.decoder(bodies.RouteTableBody)


def read_networks(begin: Callable[[], NetworkReading], snapshot: VaultSnapshot, policy: Policy) -> Networks:
    """The snapshot's networks and those around: of its endpoints, of clients, of firewall rules, and peers.

    At most MOST_AROUND are read beside those known; the others are Unread.
    """
    known = {key: network for key, network in snapshot.networks.items() if not _half_read(network)}
    homes = tuple(sorted({e.network for e in snapshot.endpoints.values() if isinstance(e, PrivateEndpoint)}))
    clients = tuple(sorted(entry.network for entry in policy.client_networks))
    left = _read_some(begin, known, (*homes, *clients, *_of_firewall(snapshot)), MOST_AROUND)
    _read_some(begin, known, _peers(known, homes), left)
    return MappingProxyType({**snapshot.networks, **known})


def read_linked(begin: Callable[[], NetworkReading], snapshot: VaultSnapshot) -> Networks:
    """The snapshot's networks, those linked to its zones and the Connected peers of these, whose DNS may stand there.

    At most MOST_AROUND are read beside those known; the others are Unread.
    """
    known = {key: network for key, network in snapshot.networks.items() if not _half_read(network)}
    linked = tuple(
        dict.fromkeys(
            link.network for zone in snapshot.zones if not isinstance(zone.links, Unread) for link in zone.links
        )
    )
    left = _read_some(begin, known, linked, MOST_AROUND)
    _read_some(begin, known, _peers(known, linked, PeeringState.CONNECTED), left)
    return MappingProxyType({**snapshot.networks, **known})


def _read_some(
    begin: Callable[[], NetworkReading],
    known: dict[ArmId, Network | Gone | Unread],
    wanted: Iterable[ArmId],
    most: int,
) -> int:
    """Add those of the wanted networks that are not known; how many more may be read."""
    ids = [network for network in dict.fromkeys(wanted) if network not in known]
    reading = begin()
    for network in ids[:most]:
        reading.start(network)
    known.update(reading.collect())
    known.update({network: _too_many(network) for network in ids[most:]})
    return max(0, most - len(ids))


def _half_read(network: Network | Gone | Unread) -> bool:
    """Whether a network was only read for its ranges, as the holder of a DNS server."""
    return isinstance(network, Network) and isinstance(network.forwarding, Unread)


def _of_firewall(snapshot: VaultSnapshot) -> Iterator[ArmId]:
    acl = snapshot.vault.acl
    for rule in () if acl is None else acl.network_rules:
        if rule.is_a(SUBNET):
            yield rule.parent


def _peers(networks: Networks, homes: Iterable[ArmId], *states: PeeringState) -> tuple[ArmId, ...]:
    """The peers of networks, those in one of the states if any are given."""
    found = {
        peering.remote
        for home in homes
        if isinstance(network := networks.get(home), Network)
        for peering in network.peerings
        if not states or peering.state in states
    }
    return tuple(sorted(found))


def _too_many(resource: ArmId) -> Unread:
    why = f"{resource.name} was left out: more than {MOST_AROUND} of its kind are around the vault"
    return Unread(UnreadReason.OUT_OF_SCOPE, why)


def read_filters(
    parts: Parts, crew: Crew, networks: Networks
) -> tuple[Mapping[ArmId, SecurityGroup | Gone | Unread], Mapping[ArmId, RouteTable | Gone | Unread]]:
    """The network security groups and the route tables of all subnets of the networks (cached)."""
    subnets = [subnet for network in networks.values() if isinstance(network, Network) for subnet in network.subnets]
    groups = {subnet.security_group for subnet in subnets if subnet.security_group is not None}
    tables = {subnet.route_table for subnet in subnets if subnet.route_table is not None}
    return (
        _read_all(crew, groups, lambda group: _security_group(parts, group)),
        _read_all(crew, tables, lambda table: _route_table(parts, table)),
    )


def _read_all(
    crew: Crew, wanted: Iterable[ArmId], read: Callable[[ArmId], T | Gone | Unread]
) -> Mapping[ArmId, T | Gone | Unread]:
    ids = sorted(wanted)
    started = {resource: crew.start(partial(read, resource)) for resource in ids[:MOST_AROUND]}
    found: dict[ArmId, T | Gone | Unread] = {resource: reply.result() for resource, reply in started.items()}
    found.update({resource: _too_many(resource) for resource in ids[MOST_AROUND:]})
    return MappingProxyType(found)


def _security_group(parts: Parts, group: ArmId) -> SecurityGroup | Gone | Unread:
    def read() -> SecurityGroup:
        return decode_network.security_group(_GROUP(parts.get(str(group), api.NETWORK_API)), group)

    return parts.cached(f"security group {group.key}", lambda: attempt_one(read))


def _route_table(parts: Parts, table: ArmId) -> RouteTable | Gone | Unread:
    def read() -> RouteTable:
        return decode_network.route_table(_TABLE(parts.get(str(table), api.NETWORK_API)), table)

    return parts.cached(f"route table {table.key}", lambda: attempt_one(read))
