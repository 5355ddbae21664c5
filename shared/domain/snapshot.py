"""What kvguard has read about one vault: frozen values, each part either read, gone or unread.

Nothing here talks to Azure. A part that could not be read is an ``Unread`` and stays one: rules that need it are
*not evaluated*, so a missing right or a failed call never turns into a finding or a change.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.clouds import Cloud

_TRANSIENT: Final = frozenset({"creating", "updating", "deleting", "registeringdns", "inprogress", "resolvingdns"})
_TERMINAL: Final = frozenset({"succeeded", "failed", "disconnected", "canceled"})


class UnreadReason(Enum):
    """Why a part has no value."""

    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"
    DEFERRED = "deferred"
    UNSUPPORTED = "unsupported"
    OUT_OF_SCOPE = "out-of-scope"


class Part(Enum):
    """The parts that a first glance leaves out and a deeper reading brings."""

    PERIMETER = "perimeter"
    ZONE_GROUPS = "zone-groups"
    ZONE_RECORDS = "zone-records"
    NEIGHBOURS = "neighbours"


@dataclass(frozen=True, slots=True)
class Unread:
    """A part that was not read. ``detail`` says what is missing, for a right its ARM action."""

    reason: UnreadReason
    detail: str
    part: Part | None = None

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Gone:
    """The resource does not exist: ARM answered 404 for it."""


def is_transient(provisioning_state: str) -> bool:
    """Whether a provisioning state says that an operation is still under way."""
    return provisioning_state.casefold() in _TRANSIENT


def is_terminal(provisioning_state: str) -> bool:
    """Whether a provisioning state is known to be final. An unknown state is neither terminal nor transient."""
    return provisioning_state.casefold() in _TERMINAL


class PublicAccess(Enum):
    """``publicNetworkAccess`` of a vault, a free string in the API: any other value is UNKNOWN, never compliant.

    Absent means Enabled. Source: https://learn.microsoft.com/azure/key-vault/general/network-security
    """

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SECURED_BY_PERIMETER = "SecuredByPerimeter"
    UNKNOWN = "unknown"


class DefaultAction(Enum):
    """``networkAcls.defaultAction``: what happens to a caller that no rule names."""

    ALLOW = "Allow"
    DENY = "Deny"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """The firewall of a vault. ``ip_rules`` are IPv4 addresses or CIDR ranges, ``network_rules`` subnet ids."""

    default_action: DefaultAction
    bypass: str
    ip_rules: tuple[str, ...] = ()
    network_rules: tuple[ArmId, ...] = ()


class ConnectionStatus(Enum):
    """``privateLinkServiceConnectionState.status``.

    Source: https://learn.microsoft.com/azure/private-link/private-endpoint-overview#private-link-resource
    """

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"
    UNKNOWN = "unknown"

    @property
    def dead(self) -> bool:
        """Whether no data can ever flow over the connection again."""
        return self in (ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED)


@dataclass(frozen=True, slots=True)
class Connection:
    """A private endpoint connection as the vault sees it. Its name differs from the endpoint's."""

    id: ArmId
    status: ConnectionStatus
    provisioning_state: str
    endpoint: ArmId | None
    description: str = ""

    @property
    def effective(self) -> bool:
        """Approved and Succeeded: the only state in which the private path works for certain."""
        return self.status is ConnectionStatus.APPROVED and self.provisioning_state.casefold() == "succeeded"


class PerimeterMode(Enum):
    """Access mode of a network security perimeter association; ENFORCED overrides ``publicNetworkAccess``."""

    ENFORCED = "Enforced"
    TRANSITION = "Learning"
    AUDIT = "Audit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault as ``GET`` and ``LIST`` return it, connections included."""

    id: ArmId
    location: str
    public_access: PublicAccess
    acl: NetworkAcl | None
    provisioning_state: str
    connections: tuple[Connection, ...]
    perimeters: tuple[PerimeterMode, ...] | Unread = Unread(
        UnreadReason.DEFERRED, "network security perimeter associations", Part.PERIMETER
    )

    @property
    def name(self) -> str:
        """The vault's name, also the relative name of its record in the private zone (there in lower case)."""
        return self.id.name

    @property
    def record_name(self) -> str:
        """Relative name of the vault's A record; private DNS answers names in lower case."""
        return self.id.name.lower()

    @property
    def has_alias(self) -> bool:
        """Whether public DNS has the privatelink alias: with at least one Approved connection.

        Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
        """
        return any(connection.status is ConnectionStatus.APPROVED for connection in self.connections)

    @property
    def effective_connections(self) -> tuple[Connection, ...]:
        """The connections that are Approved and Succeeded."""
        return tuple(connection for connection in self.connections if connection.effective)


@dataclass(frozen=True, slots=True)
class EndpointLink:
    """The consumer's side of a connection: what the private endpoint says of its link to ``target``."""

    target: ArmId
    status: ConnectionStatus
    manual: bool


@dataclass(frozen=True, slots=True)
class ZoneGroup:
    """A private DNS zone group: Azure's own controller, which writes the record into the named zones."""

    id: ArmId
    zones: tuple[ArmId, ...]
    provisioning_state: str


@dataclass(frozen=True, slots=True)
class PrivateEndpoint:
    """A private endpoint. ``addresses`` are IPv4 in dotted form, from its network interface where readable."""

    id: ArmId
    network: ArmId
    subnet: ArmId
    provisioning_state: str
    links: tuple[EndpointLink, ...]
    addresses: tuple[str, ...] | Unread
    zone_groups: tuple[ZoneGroup, ...] | Unread

    def link_to(self, vault: ArmId) -> EndpointLink | None:
        """The endpoint's link to this vault, automatic or manual."""
        return next((link for link in self.links if link.target == vault), None)


class PeeringState(Enum):
    """``peeringState`` of one side of a virtual network peering; traffic flows only when Connected."""

    CONNECTED = "Connected"
    INITIATED = "Initiated"
    DISCONNECTED = "Disconnected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Peering:
    """One side of a peering. ``remote_prefixes`` are the CIDR ranges of the remote network."""

    remote: ArmId
    state: PeeringState
    remote_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForwardingRule:
    """A rule of a DNS forwarding ruleset linked to a network. ``domain`` ends with a dot, targets are IPv4."""

    domain: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network as far as name resolution and reachability need it."""

    id: ArmId
    prefixes: tuple[str, ...]
    dns_servers: tuple[str, ...] = ()
    peerings: tuple[Peering, ...] = ()
    forwarding: tuple[ForwardingRule, ...] | Unread = ()

    def contains(self, address: str) -> bool:
        """Whether an IPv4 address lies in this network's address space."""
        return any(_contains(prefix, address) for prefix in self.prefixes)


class ResolutionPolicy(Enum):
    """``resolutionPolicy`` of a zone link: whether a name the zone lacks falls back to public DNS.

    Source: https://learn.microsoft.com/azure/dns/private-dns-fallback
    """

    DEFAULT = "Default"
    NXDOMAIN_REDIRECT = "NxDomainRedirect"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ZoneLink:
    """A virtual network link of a private DNS zone."""

    id: ArmId
    network: ArmId
    completed: bool
    provisioning_state: str
    registration_enabled: bool = False
    resolution_policy: ResolutionPolicy = ResolutionPolicy.DEFAULT


@dataclass(frozen=True, slots=True)
class RecordSet:
    """An A record set. ``ttl`` in seconds; ``addresses`` may be empty, which is a legal, existing set."""

    id: ArmId
    ttl: int
    addresses: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    etag: str = ""
    auto_registered: bool = False

    @property
    def made_by_zone_group(self) -> bool:
        """Whether a zone group wrote the set: it leaves ``creator`` metadata."""
        return any(name.casefold() == "creator" for name in self.metadata)


@dataclass(frozen=True, slots=True)
class Zone:
    """A private DNS zone. ``records`` maps lower-case relative names to what was read, None for absent names.

    ``complete`` says that every A record set of the zone is in ``records``.
    """

    id: ArmId
    links: tuple[ZoneLink, ...] | Unread
    records: Mapping[str, RecordSet | None] = field(default_factory=lambda: MappingProxyType({}))
    complete: bool = False
    records_unread: Unread = Unread(UnreadReason.DEFERRED, "A records", Part.ZONE_RECORDS)
    link_count: int = 0
    max_links: int = 1000
    record_count: int = 0
    max_records: int = 25000

    @property
    def name(self) -> str:
        """The zone's name in lower case."""
        return self.id.name.lower()

    def lookup(self, relative_name: str) -> RecordSet | Unread | None:
        """The A record set of a relative name: the set, None when the zone has none, Unread when unknown."""
        name = relative_name.lower()
        if name in self.records:
            return self.records[name]
        return None if self.complete else self.records_unread

    def link_of(self, network: ArmId) -> ZoneLink | None:
        """The link of this zone to a network, None when there is none or the links were not read."""
        if isinstance(self.links, Unread):
            return None
        wanted = network.key
        return next((link for link in self.links if link.network.key == wanted), None)

    def with_record(self, relative_name: str, record: RecordSet | None) -> Zone:
        """This zone with one record set put in place of what was known of that name."""
        return replace(self, records=MappingProxyType({**self.records, relative_name.lower(): record}))


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


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the ledger remembers of one connection. Times are UTC."""

    status: ConnectionStatus
    since: datetime
    last_approved: datetime | None = None
    rejected_by_kvguard: datetime | None = None


# Who holds a subject when Azure itself refused a change.
AZURE: Final = "Azure"


@dataclass(frozen=True, slots=True)
class Hold:
    """A subject that nothing may change by itself until a time: who said so and why."""

    rule: str
    subject: ArmId
    who: str
    why: str
    until: datetime

    @property
    def by_azure(self) -> bool:
        """Whether Azure refused a change there, and nobody else said no."""
        return self.who == AZURE


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """A record set as kvguard's journal says it was last written by kvguard."""

    change_id: str
    addresses: tuple[str, ...]
    ttl: int
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows and Azure does not tell. Keys are ids of connections and of record sets."""

    sightings: Mapping[ArmId, Sighting] = field(default_factory=lambda: MappingProxyType({}))
    holds: tuple[Hold, ...] = ()
    written: Mapping[ArmId, WrittenRecord] = field(default_factory=lambda: MappingProxyType({}))
    ttl_mended: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))

    def hold_on(self, rule: str, subject: ArmId, now: datetime) -> Hold | None:
        """The hold that forbids this rule to touch this subject at ``now``, if any."""
        return next((h for h in self.holds if h.rule == rule and h.subject == subject and now < h.until), None)


@dataclass(frozen=True, slots=True)
class VaultSnapshot:
    """Everything read about one vault at ``read_at`` (UTC).

    ``zones`` are the private DNS zones of the cloud's vault zone name (or a subdomain of it) that were found;
    ``zones_unread`` says which places could not be searched, so that *missing* can be told from *unread*. ``cached``
    says that some part may be minutes old: enough to see that all is well, not enough to say that it is not.
    ``azure_read_at`` is when the reading began by Azure's clock, or a little before; None where Azure gave no time.
    """

    cloud: Cloud
    read_at: datetime
    vault: Vault
    endpoints: Mapping[ArmId, PrivateEndpoint | Gone | Unread]
    networks: Mapping[ArmId, Network | Gone | Unread]
    zones: tuple[Zone, ...]
    zones_unread: tuple[Unread, ...] = ()
    neighbours: tuple[Neighbour, ...] | Unread = Unread(UnreadReason.DEFERRED, "other vaults", Part.NEIGHBOURS)
    history: History | Unread = field(default_factory=History)
    cached: bool = False
    azure_read_at: datetime | None = None

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

    def zone(self, zone: ArmId) -> Zone | None:
        """A zone by id, None when it is not among those read."""
        return next((candidate for candidate in self.zones if candidate.id == zone), None)

    def named_zones(self) -> tuple[Zone, ...]:
        """The zones that carry the cloud's private zone name for vaults exactly."""
        return tuple(zone for zone in self.zones if zone.name == self.cloud.private_zone)

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

        A path over a gateway or an appliance is not seen and counts as none.
        """
        if source == target:
            return True
        unread: Unread | None = None
        for here, there in ((target, source), (source, target)):
            network = self.network(here)
            if isinstance(network, Network):
                return any(
                    peering.remote == there and peering.state is PeeringState.CONNECTED for peering in network.peerings
                )
            if isinstance(network, Unread):
                unread = unread or network
        return unread if unread is not None else False

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
            for link in () if isinstance(zone.links, Unread) else zone.links:
                if link.network in involved and (not link.completed or is_transient(link.provisioning_state)):
                    yield f"link {link.id.name} of zone {zone.name} is not completed"

    @property
    def quiet(self) -> bool:
        """Whether nothing that was read is in a transient state."""
        return next(self.transient_parts(), None) is None

    def with_zone(self, zone: Zone) -> VaultSnapshot:
        """This snapshot with one zone replaced by its id."""
        return replace(self, zones=tuple(zone if known.id == zone.id else known for known in self.zones))


@lru_cache(maxsize=4096)
def _parse_network(prefix: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(prefix, strict=False)
    except ValueError:
        return None


def _contains(prefix: str, address: str) -> bool:
    network = _parse_network(prefix)
    try:
        return network is not None and ipaddress.IPv4Address(address) in network
    except ValueError:
        return False
