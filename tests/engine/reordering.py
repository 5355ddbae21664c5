"""The same reading in another order, with entries repeated and ids in another casing: property 5.

Azure lists in no order that it promises, repeats an entry on two pages, and writes one id in several casings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.network import Network
from shared.domain.reading import Gone, Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Vault
from shared.domain.zone import Zone

T = TypeVar("T")


def reordered(snapshot: VaultSnapshot) -> VaultSnapshot:
    """The same reading with every list turned round, entries repeated and ids in another casing."""
    zones = tuple(_reordered_zone(zone) for zone in reversed(snapshot.zones))
    others, claimants = snapshot.neighbours, snapshot.claimants
    return replace(
        snapshot,
        vault=_reordered_vault(snapshot.vault),
        endpoints=_shouted({key: _reordered_endpoint(known) for key, known in snapshot.endpoints.items()}),
        networks=_shouted({key: _reordered_network(known) for key, known in snapshot.networks.items()}),
        zones=(*zones, *zones[:1]),
        neighbours=others if isinstance(others, Unread) else (*reversed(others), *others[:1]),
        strays=_twice(snapshot.strays),
        claimants=claimants if isinstance(claimants, Unread) else _twice(tuple(map(_shout, claimants))),
        security_groups=_shouted(snapshot.security_groups),
        route_tables=_shouted(snapshot.route_tables),
    )


def _twice(entries: tuple[T, ...]) -> tuple[T, ...]:
    """Turned round, and the last one once more."""
    return (*reversed(entries), *entries[:1])


def _shouted(parts: Mapping[ArmId, T]) -> Mapping[ArmId, T]:
    return MappingProxyType({_shout(key): value for key, value in reversed(list(parts.items()))})


def _reordered_vault(vault: Vault) -> Vault:
    connections = tuple(
        replace(c, id=_shout(c.id), endpoint=None if c.endpoint is None else _shout(c.endpoint))
        for c in vault.connections
    )
    acl = vault.acl
    if acl is not None:
        networks = tuple(_shout(rule) for rule in reversed(acl.network_rules))
        acl = replace(acl, ip_rules=acl.ip_rules[::-1], network_rules=networks, bypass=acl.bypass.swapcase())
    policies = vault.settings.access_policies
    return replace(
        vault,
        connections=_twice(connections),
        acl=acl,
        settings=replace(vault.settings, access_policies=_twice(policies)),
        diagnostics=vault.diagnostics if isinstance(vault.diagnostics, Unread) else _twice(vault.diagnostics),
        roles=vault.roles if isinstance(vault.roles, Unread) else _twice(vault.roles),
    )


def _reordered_endpoint(endpoint: PrivateEndpoint | Gone | Unread) -> PrivateEndpoint | Gone | Unread:
    if not isinstance(endpoint, PrivateEndpoint):
        return endpoint
    links = tuple(replace(link, target=_shout(link.target)) for link in reversed(endpoint.links))
    groups = endpoint.zone_groups
    if not isinstance(groups, Unread):
        groups = _twice(tuple(replace(group, zones=tuple(map(_shout, group.zones[::-1]))) for group in groups))
    return replace(endpoint, links=links, zone_groups=groups, network=_shout(endpoint.network))


def _reordered_network(network: Network | Gone | Unread) -> Network | Gone | Unread:
    if not isinstance(network, Network):
        return network
    peerings = tuple(replace(known, remote=_shout(known.remote)) for known in network.peerings)
    subnets = tuple(replace(known, id=_shout(known.id)) for known in network.subnets)
    return replace(network, peerings=_twice(peerings), subnets=_twice(subnets))


def _reordered_zone(zone: Zone) -> Zone:
    links = zone.links
    if not isinstance(links, Unread):
        links = _twice(tuple(replace(link, id=_shout(link.id), network=_shout(link.network)) for link in links))
    records = dict(reversed(list(zone.records.items())))
    return replace(zone, id=_shout(zone.id), links=links, records=MappingProxyType(records))


def _shout(identity: ArmId) -> ArmId:
    return ArmId.parse(identity.text.upper())
