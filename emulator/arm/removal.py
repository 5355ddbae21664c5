"""How the resources of a group go when the group is deleted: what refers to others first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from emulator.arm.endpoints import ENDPOINTS, Endpoints
from emulator.arm.filters import KINDS, Filters
from emulator.arm.interfaces import INTERFACES
from emulator.arm.keyvault import VAULTS, Vaults
from emulator.arm.links import LINKS
from emulator.arm.networks import NETWORKS, Networks
from emulator.arm.resources import Endpoint, Network, Plain, Resource, Vault, Zone
from emulator.arm.rulesets import RULESETS, Rulesets
from emulator.arm.subscriptions import Remover
from emulator.arm.world import World
from emulator.arm.zones import ZONES, Zones

R = TypeVar("R", bound=Resource)


def _only(kind: type[R], remove: Callable[[R], None]) -> Remover:
    def remover(resource: Resource) -> None:
        if isinstance(resource, kind):
            remove(resource)

    return remover


def removers(world: World) -> dict[str, Remover]:
    """Per type, in order, what removes a resource."""

    def forget(resource: Resource) -> None:
        world.store.remove(resource.id)

    return {
        ENDPOINTS: _only(Endpoint, Endpoints(world).remove),
        LINKS: forget,
        ZONES: _only(Zone, Zones(world).remove),
        RULESETS: _only(Plain, Rulesets(world).remove),
        INTERFACES: forget,
        NETWORKS: _only(Network, Networks(world).remove),
        **{kind.type: _only(Plain, Filters(world).remove) for kind in KINDS},
        VAULTS: _only(Vault, Vaults(world).remove),
    }
