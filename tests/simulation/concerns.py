"""Which vaults an event concerns, from what Azure holds and held: an oracle without a line of the product.

- a vault and what is in it: that vault;
- a private endpoint, a zone group: the vaults that the endpoint connects to, or did;
- an A record: the vaults of that name;
- a zone, a link: the vaults that have a private name (a connection Approved or Pending) and an endpoint in a network
  that is or was linked to the zone, or a record in the zone;
- a network, a peering: the vaults with an endpoint in the network, and of those with one in a network that is peered
  with it those whose own side of the peering shows the change: it gets or loses the other side.

An event of a delete comes when the thing is gone, so what pointed where is remembered. What a subnet, an interface or a
security group does is found by the sweep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from emulator.arm.resources import Connection, ConnectionStatus, Endpoint, Link, Peering, RecordSet, Vault
from emulator.arm.store import Store

_ALIAS: Final = (ConnectionStatus.APPROVED, ConnectionStatus.PENDING)
_NETWORKS: Final = "/providers/microsoft.network/virtualnetworks/"
_PEERING: Final = "/virtualnetworkpeerings/"
_ZONES: Final = "/providers/microsoft.network/privatednszones/"
_LINK: Final = "/virtualnetworklinks/"


class Concerns:
    """Looks at one store. It is told of what is ``deployed``, so that a delete of it can be attributed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._targets: dict[str, set[str]] = defaultdict(set)
        self._linked: dict[str, set[str]] = defaultdict(set)
        self._sides: dict[str, tuple[str, str]] = {}
        self._named: dict[str, set[str]] = defaultdict(set)

    def deployed(self, resource: str) -> None:
        """A resource was written or deleted without an event."""
        self.note(resource)
        if _PEERING in resource.casefold():
            for side in self._store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", Peering):
                self.note(side.id.key)

    def note(self, resource: str) -> None:
        """Remember what a resource points to, if it is there."""
        key = resource.casefold()
        endpoint = self._store.find(_top(key), Endpoint)
        if endpoint is not None:
            self._targets[_top(key)] |= {service.target.casefold() for service in endpoint.connections}
        link = self._store.find(key, Link)
        if link is not None:
            self._linked[_top(key)].add(link.network.casefold())
        peering = self._store.find(key, Peering)
        if peering is not None:
            self._sides[key] = (peering.remote.casefold(), peering.peering_state)
        record = self._store.find(key, RecordSet)
        if record is not None and record.record_type == "A":
            self._named[_top(key)].add(record.id.name.casefold())

    def of(self, resource: str, *, deleted: bool) -> tuple[str, ...]:
        """The ids of the vaults that an event on a resource concerns, in lower case; ``deleted`` for one of a delete,
        which may come before the other side of a peering shows it."""
        key = resource.casefold()
        self.note(key)
        if "/providers/microsoft.keyvault/vaults/" in key:
            return (_top(key),)
        if "/providers/microsoft.network/privateendpoints/" in key:
            return tuple(sorted(self._targets[_top(key)]))
        if _ZONES in key:
            if "/a/" in key:
                name = key.rpartition("/")[2]
                return tuple(sorted(vault.id.key for vault in self._vaults() if vault.id.name.casefold() == name))
            return tuple(sorted(self._resolved_by(_top(key)))) if _is_zone_or_link(key) else ()
        if _NETWORKS in key and (_PEERING in key or key == _top(key)):
            return tuple(sorted(self._behind({_top(key), *self._turned(_top(key), deleted=deleted)})))
        return ()

    def _resolved_by(self, zone: str) -> Iterator[str]:
        """The vaults whose private names somebody may look up in a zone."""
        inside, named = set(self._behind(self._linked[zone])), self._named[zone]
        for vault in self._vaults():
            asked_for = any(connection.status in _ALIAS for connection in self._connections(vault))
            if asked_for and (vault.id.key in inside or vault.id.name.casefold() in named):
                yield vault.id.key

    def _turned(self, network: str, *, deleted: bool) -> list[str]:
        """The networks whose own side of a peering with a network has turned since it was noted, or will."""
        turned = []
        for key, (remote, state) in list(self._sides.items()):
            if remote == network:
                self.note(key)
                if deleted or self._sides[key][1] != state:
                    turned.append(_top(key))
        return turned

    def _behind(self, networks: Iterable[str]) -> Iterator[str]:
        """The vaults with an endpoint in one of the networks."""
        wanted = set(networks)
        for vault in self._vaults():
            ends = (self._store.find(connection.endpoint_id, Endpoint) for connection in self._connections(vault))
            if any(end is not None and end.subnet.casefold().partition("/subnets/")[0] in wanted for end in ends):
                yield vault.id.key

    def _connections(self, vault: Vault) -> Iterator[Connection]:
        return self._store.children(vault.id, Connection)

    def _vaults(self) -> Iterator[Vault]:
        return self._store.of_type("Microsoft.KeyVault/vaults", Vault)


def _top(key: str) -> str:
    """The id of the vault, endpoint, network or zone that a resource is or lies in."""
    return "/".join(key.split("/")[:9])


def _is_zone_or_link(key: str) -> bool:
    return key == _top(key) or _LINK in key
