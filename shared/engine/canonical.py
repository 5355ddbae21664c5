"""One order for what was read: equal estates give equal plans, however Azure lists them.

ARM promises no order, repeats entries when a list changes between two pages, and returns one id in several casings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.network import Network
from shared.domain.reading import Gone, Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import AccessPolicy, RoleAssignment, Vault
from shared.domain.zone import Links, Zone

T = TypeVar("T")


def canonical(snapshot: VaultSnapshot) -> VaultSnapshot:
    """The same snapshot with every list sorted by id and each id once; the later of two entries of one id stands."""
    neighbours = snapshot.neighbours
    if not isinstance(neighbours, Unread):
        neighbours = _once(neighbours, lambda neighbour: neighbour.vault.id)
    claimants = snapshot.claimants
    if not isinstance(claimants, Unread):
        claimants = _once(claimants, lambda claimant: claimant)
    return replace(
        snapshot,
        vault=_vault(snapshot.vault),
        endpoints=_by_id(snapshot.endpoints, _endpoint),
        networks=_by_id(snapshot.networks, _network),
        zones=_once(map(_zone, snapshot.zones), lambda zone: zone.id),
        strays=_once(snapshot.strays, lambda stray: stray.id),
        claimants=claimants,
        neighbours=neighbours,
    )


def _vault(vault: Vault) -> Vault:
    settings = vault.settings
    if len(settings.access_policies) > 1:
        settings = replace(settings, access_policies=_once(settings.access_policies, _policy_key))
    return replace(
        vault,
        connections=_once(vault.connections, lambda connection: connection.id),
        settings=settings,
        diagnostics=vault.diagnostics
        if isinstance(vault.diagnostics, Unread)
        else _once(vault.diagnostics, lambda setting: setting.id),
        roles=vault.roles if isinstance(vault.roles, Unread) else _once(vault.roles, _role_key),
    )


def _policy_key(policy: AccessPolicy) -> tuple[str, ...]:
    """A vault has one access policy for each principal, application and tenant."""
    return policy.tenant, policy.principal, policy.application


def _role_key(role: RoleAssignment) -> tuple[Any, ...]:
    """Everything: a principal may have a role at a scope under several conditions."""
    allowed = tuple(sorted(role.data_actions)), tuple(sorted(role.not_data_actions))
    return role.scope.casefold(), role.principal, role.role, *allowed, role.conditional


def _endpoint(endpoint: PrivateEndpoint | Gone | Unread) -> PrivateEndpoint | Gone | Unread:
    if not isinstance(endpoint, PrivateEndpoint) or isinstance(endpoint.zone_groups, Unread):
        return endpoint
    if len(endpoint.zone_groups) < 2:
        return endpoint
    return replace(endpoint, zone_groups=_once(endpoint.zone_groups, lambda group: group.id))


def _network(network: Network | Gone | Unread) -> Network | Gone | Unread:
    if not isinstance(network, Network):
        return network
    peerings = _once(network.peerings, lambda peering: peering.remote)
    subnets = _once(network.subnets, lambda subnet: subnet.id)
    if peerings is network.peerings and subnets is network.subnets:
        return network
    return replace(network, peerings=peerings, subnets=subnets)


def _by_id(parts: Mapping[ArmId, T], one: Callable[[T], T]) -> Mapping[ArmId, T]:
    return {key: one(parts[key]) for key in sorted(parts)}


def _zone(zone: Zone) -> Zone:
    """The same zone where its links are in order: all vaults of a hub share it, with thousands of records."""
    links = zone.links.in_order if isinstance(zone.links, Links) else zone.links
    return zone if links is zone.links else replace(zone, links=links)


def _once(entries: Iterable[T], identity: Callable[[T], Any]) -> tuple[T, ...]:
    """The entries in order, each identity once; the same tuple where it is so already, which is the rule."""
    listed = entries if isinstance(entries, tuple) else tuple(entries)
    keys = [identity(entry) for entry in listed]
    if all(first < second for first, second in pairwise(keys)):
        return listed
    known = dict(zip(keys, listed, strict=True))
    return tuple(known[key] for key in sorted(known))
