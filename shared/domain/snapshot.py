"""What kvguard has read about one vault: frozen values, each part either read, gone or unread.

Nothing here talks to Azure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.clouds import Cloud
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.history import History
from shared.domain.network import Network, PeeringState, RouteTable, SecurityGroup
from shared.domain.reading import Gone, Part, Unread, UnreadReason, is_transient
from shared.domain.vault import Connection, Vault
from shared.domain.zone import StrayZone, Zone


@dataclass(frozen=True, slots=True)
class NeighbourEndpoint:
    """Where another vault's private endpoint answers: its IPv4 addresses and its virtual network."""

    id: ArmId
    network: ArmId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another vault of the estate, as far as a change to a shared zone could hurt it.

    ``endpoints`` are those of its effective connections; an effective connection whose endpoint is not among them
    makes them Unread.
    """

    vault: Vault
    endpoints: tuple[NeighbourEndpoint, ...] | Unread


_NEIGHBOURS: Final = Unread(UnreadReason.DEFERRED, "other vaults", Part.NEIGHBOURS)
_CLAIMANTS: Final = Unread(UnreadReason.DEFERRED, "private endpoints that name the vault", Part.CLAIMANTS)


@dataclass(frozen=True, slots=True)
class VaultSnapshot:
    """Everything read about one vault at ``read_at`` (UTC).

    ``zones`` are the private DNS zones of the cloud's vault zone name (or a subdomain of it) that were found;
    ``zones_unread`` says which places could not be searched, so that *missing* can be told from *unread*. ``cached``
    says that some part may be minutes old: enough to see that all is well, not enough to say that it is not.
    ``azure_read_at`` is when the reading began by Azure's clock, or a little before; None where Azure gave no time.
    ``strays`` are zones found in the same places whose names only look like the vault zone's. ``claimants`` are all
    private endpoints that name the vault, also those it has no connection for; they are among ``endpoints``.
    ``moved_to`` is, for a vault that no longer exists under its id, the vault of the same name that does exist.
    """

    cloud: Cloud
    read_at: datetime
    vault: Vault
    endpoints: Mapping[ArmId, PrivateEndpoint | Gone | Unread]
    networks: Mapping[ArmId, Network | Gone | Unread]
    zones: tuple[Zone, ...]
    zones_unread: tuple[Unread, ...] = ()
    neighbours: tuple[Neighbour, ...] | Unread = _NEIGHBOURS
    history: History | Unread = field(default_factory=History)
    cached: bool = False
    azure_read_at: datetime | None = None
    strays: tuple[StrayZone, ...] = ()
    claimants: tuple[ArmId, ...] | Unread = _CLAIMANTS
    security_groups: Mapping[ArmId, SecurityGroup | Gone | Unread] = field(default_factory=lambda: MappingProxyType({}))
    route_tables: Mapping[ArmId, RouteTable | Gone | Unread] = field(default_factory=lambda: MappingProxyType({}))
    moved_to: ArmId | None = None

    @property
    def began(self) -> datetime:
        """When the reading began, on the clock that the times of events are of, as well as it is known."""
        return self.read_at if self.azure_read_at is None else self.azure_read_at

    def endpoint_of(self, connection: Connection) -> PrivateEndpoint | Gone | Unread:
        """The endpoint behind a connection. A connection that names none has an unsupported shape."""
        if connection.endpoint is None:
            return Unread(UnreadReason.UNSUPPORTED, f"connection {connection.id.name} names no private endpoint")
        missing = Unread(UnreadReason.DEFERRED, f"private endpoint {connection.endpoint.name}")
        return self.endpoints.get(connection.endpoint, missing)

    def network(self, network: ArmId) -> Network | Gone | Unread:
        """A network by id, Unread when it was never asked for."""
        return self.networks.get(network, Unread(UnreadReason.DEFERRED, f"virtual network {network.name}"))

    def around(self, network: ArmId) -> Network | Gone | Unread:
        """A network by id that a rule wants to see: left out at first, read with ``Part.NETWORKS``."""
        later = Unread(UnreadReason.DEFERRED, f"virtual network {network.name}", Part.NETWORKS)
        return self.networks.get(network, later)

    def linked(self, network: ArmId) -> Network | Gone | Unread:
        """A network linked to a zone, or a peer of one: left out at first, read with ``Part.LINKED``."""
        later = Unread(UnreadReason.DEFERRED, f"virtual network {network.name}", Part.LINKED)
        return self.networks.get(network, later)

    def security_group(self, group: ArmId) -> SecurityGroup | Gone | Unread:
        """A network security group by id: left out at first, read with ``Part.FILTERS``."""
        later = Unread(UnreadReason.DEFERRED, f"network security group {group.name}", Part.FILTERS)
        return self.security_groups.get(group, later)

    def route_table(self, table: ArmId) -> RouteTable | Gone | Unread:
        """A route table by id: left out at first, read with ``Part.FILTERS``."""
        later = Unread(UnreadReason.DEFERRED, f"route table {table.name}", Part.FILTERS)
        return self.route_tables.get(table, later)

    def zone(self, zone: ArmId) -> Zone | None:
        """A zone by id, None when it is not among those read."""
        return next((candidate for candidate in self.zones if candidate.id == zone), None)

    def named_zones(self) -> tuple[Zone, ...]:
        """The zones that carry the cloud's private zone name for vaults exactly."""
        return tuple(zone for zone in self.zones if zone.name == self.cloud.private_zone)

    def private_ends(self) -> tuple[tuple[ArmId, PrivateEndpoint | Unread], ...]:
        """Subject and endpoint of each effective connection, an endpoint once; the connection's id where it has none.

        For rules that judge each endpoint alone: one that is unread does not hide what another one shows.
        """
        found: dict[ArmId, PrivateEndpoint | Unread] = {}
        for connection in self.vault.effective_connections:
            endpoint = self.endpoint_of(connection)
            if isinstance(endpoint, Gone):
                why = f"{connection.id.name} is Approved, its endpoint is gone"
                found[connection.endpoint or connection.id] = Unread(UnreadReason.UNSUPPORTED, why)
            elif isinstance(endpoint, Unread):
                found[connection.endpoint or connection.id] = endpoint
            else:
                found[endpoint.id] = endpoint
        return tuple(found.items())

    def effective_endpoints(self) -> tuple[PrivateEndpoint, ...] | Unread:
        """The endpoints behind the vault's effective connections, Unread as soon as one of them is."""
        found: list[PrivateEndpoint] = []
        for connection in self.vault.effective_connections:
            endpoint = self.endpoint_of(connection)
            if isinstance(endpoint, Unread):
                return endpoint
            if isinstance(endpoint, Gone):
                return Unread(UnreadReason.UNSUPPORTED, f"{connection.id.name} is Approved, its endpoint is gone")
            found.append(endpoint)
        return tuple(found)

    def effective_addresses(self) -> frozenset[str] | Unread:
        """All addresses of the vault's effective endpoints, Unread as soon as one of them is."""
        endpoints = self.effective_endpoints()
        if isinstance(endpoints, Unread):
            return endpoints
        found: set[str] = set()
        for endpoint in endpoints:
            if isinstance(endpoint.addresses, Unread):
                return endpoint.addresses
            found.update(endpoint.addresses)
        return frozenset(found)

    def reaches(self, source: ArmId, target: ArmId) -> bool | Unread:
        """Whether clients in network ``source`` reach addresses of network ``target``: the same or Connected peers.

        A peering that one side denies carries nothing; one readable side is enough where the other was not read. Where
        a side does not allow virtual network access, security rules decide, and it is not known. A path over a gateway
        or an appliance is not seen and counts as none.
        """
        if source == target:
            return True
        unread: Unread | None = None
        shut: Unread | None = None
        known = False
        for here, there in ((target, source), (source, target)):
            network = self.network(here)
            if isinstance(network, Gone):
                return False
            if isinstance(network, Unread):
                unread = unread or network
                continue
            connected = [p for p in network.peerings if p.remote == there and p.state is PeeringState.CONNECTED]
            if not connected:
                return False
            known = True
            if not all(peering.access for peering in connected):
                why = f"the peering of {here.name} with {there.name} does not allow virtual network access"
                shut = Unread(UnreadReason.UNSUPPORTED, why)
        if shut is not None:
            return shut
        return True if known else unread or False

    def transient_parts(self) -> Iterator[str]:
        """What is still moving, as readable phrases: nothing is changed while this yields anything."""
        if is_transient(self.vault.provisioning_state):
            yield f"vault {self.vault.name} is {self.vault.provisioning_state}"
        for connection in self.vault.connections:
            if is_transient(connection.provisioning_state):
                yield f"connection {connection.id.name} is {connection.provisioning_state}"
        for endpoint in self.endpoints.values():
            if not isinstance(endpoint, PrivateEndpoint):
                continue
            if is_transient(endpoint.provisioning_state):
                yield f"private endpoint {endpoint.id.name} is {endpoint.provisioning_state}"
            if not isinstance(endpoint.zone_groups, Unread):
                for group in endpoint.zone_groups:
                    if is_transient(group.provisioning_state):
                        yield f"zone group {group.id.name} is {group.provisioning_state}"
        yield from self._transient_links()

    def _transient_links(self) -> Iterator[str]:
        involved = {e.network for e in self.endpoints.values() if isinstance(e, PrivateEndpoint)}
        for zone in self.zones:
            for link in (link for network in sorted(involved) for link in zone.links_to(network)):
                if not link.completed or is_transient(link.provisioning_state):
                    yield f"link {link.id.name} of zone {zone.name} is not completed"

    @property
    def quiet(self) -> bool:
        """Whether nothing that was read is in a transient state."""
        return next(self.transient_parts(), None) is None

    def with_zone(self, zone: Zone) -> VaultSnapshot:
        """This snapshot with one zone replaced by its id."""
        return replace(self, zones=tuple(zone if known.id == zone.id else known for known in self.zones))
