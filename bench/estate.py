"""A generated estate of vaults that share what estates share: subscriptions, networks, hubs and one private DNS zone.

A thousand vaults lie in a subscription and twenty use the endpoints of one network. Fifty networks have a hub: it is
their peer and, for some of them, their DNS server. One zone holds the records of all vaults and is linked to the
networks. Most vaults are healthy; eight in twenty are each in another bad state, every tenth network has no link.

What is shared is one object: no snapshot has a copy of the zone, of a network or of the other vaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import (
    A_RECORD,
    CONNECTION,
    ENDPOINT,
    LINK,
    NETWORK,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SUBNET,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ArmId,
)
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.endpoint import EndpointLink, PrivateEndpoint, ZoneGroup
from shared.domain.grades import Writer
from shared.domain.history import History, Sighting
from shared.domain.network import (
    EndpointPolicies,
    Flow,
    Network,
    NextHop,
    Peering,
    PeeringState,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.snapshot import Neighbour, NeighbourEndpoint, VaultSnapshot
from shared.domain.vault import (
    AccessPolicy,
    Connection,
    ConnectionStatus,
    DefaultAction,
    DiagnosticSetting,
    NetworkAcl,
    PublicAccess,
    Vault,
    VaultSettings,
)
from shared.domain.zone import RecordSet, Zone, ZoneLink

VAULTS_OF_SUBSCRIPTION: Final = 1000
VAULTS_OF_NETWORK: Final = 20
NETWORKS_OF_HUB: Final = 50
_VAULTS_OF_HUB: Final = VAULTS_OF_NETWORK * NETWORKS_OF_HUB
_HUB_SUBSCRIPTION: Final = "00000000-0000-4000-8000-0000000fffff"
_READ_AT: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_LONG_AGO: Final = datetime(2026, 11, 1, tzinfo=UTC)
_FORBIDDEN: Final = Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/privateEndpoints/read")

# Which of the twenty vaults of a network is in which state; the others are healthy.
_NO_RECORD, _WRONG_RECORD, _LONG_TTL, _OPEN, _BROAD, _REJECTED, _PENDING, _ALONE = range(12, 20)
_EVERY_UNLINKED: Final = 10
_EVERY_CUSTOM_DNS: Final = 25
_EVERY_UNREAD: Final = 400


class Estate:
    """``vaults`` vaults. The zone, the networks and the hubs are made at once, a snapshot when it is asked for."""

    def __init__(self, vaults: int) -> None:
        self.vaults = vaults
        self.networks = -(-vaults // VAULTS_OF_NETWORK)
        home = ArmId.of(_HUB_SUBSCRIPTION, "rg-dns", ZONE, AZURE_CLOUD.private_zone)
        self.zone = self._zone(home)
        self.policy = Policy(
            zones=(ZonePolicy(home, Writer.KVGUARD),),
            zone_subscriptions=(_HUB_SUBSCRIPTION,),
            zone_subscriptions_complete=True,
            watched_subscriptions=frozenset(_subscription(vault) for vault in range(0, vaults, VAULTS_OF_SUBSCRIPTION)),
        )
        self._spokes = tuple(_network(number) for number in range(self.networks))
        self._hubs = tuple(_hub(number, self.networks) for number in range(-(-self.networks // NETWORKS_OF_HUB)))
        self._beside = tuple(self._neighbours(number) for number in range(len(self._hubs)))

    def snapshots(self) -> Iterator[VaultSnapshot]:
        """Each vault as an audit would have read it, one after the other."""
        return map(self.snapshot, range(self.vaults))

    def snapshot(self, number: int) -> VaultSnapshot:
        """One vault. The others of its hub are read where something is wrong, as the service does."""
        network = number // VAULTS_OF_NETWORK
        spoke, hub = self._spokes[network], self._hubs[network // NETWORKS_OF_HUB]
        vault = _vault(number)
        endpoints = _endpoints(number, vault)
        snapshot = VaultSnapshot(
            cloud=AZURE_CLOUD,
            read_at=_READ_AT,
            vault=vault,
            endpoints=endpoints,
            networks={spoke.id: spoke, hub.id: hub},
            zones=(self.zone,),
            history=_history(vault),
            claimants=tuple(endpoints),
            security_groups=_GROUPS,
            route_tables=_TABLES,
        )
        if _is_healthy(number):
            return snapshot
        return replace(snapshot, neighbours=self._beside[network // NETWORKS_OF_HUB])

    def _zone(self, home: ArmId) -> Zone:
        records = {_name(number): _record(home, number) for number in range(self.vaults)}
        linked = [number for number in range(self.networks) if number % _EVERY_UNLINKED != 1]
        hubs = range(-(-self.networks // NETWORKS_OF_HUB))
        networks = [*map(_network_id, linked), *map(_hub_id, hubs)]
        return Zone(
            home,
            # One zone for all is more than Azure allows above 20,000 vaults: the room grows, so that no vault finds it
            # full and all sizes are judged alike.
            links=tuple(sorted((_link(home, network) for network in networks), key=lambda link: link.id)),
            records=MappingProxyType({name: record for name, record in records.items() if record is not None}),
            complete=True,
            cnames_complete=True,
            link_count=len(networks),
            max_links=2 * self.networks + 1000,
            record_count=self.vaults,
            max_records=2 * self.vaults,
        )

    def _neighbours(self, hub: int) -> tuple[Neighbour, ...]:
        first = hub * _VAULTS_OF_HUB
        return tuple(_neighbour(number) for number in range(first, min(first + _VAULTS_OF_HUB, self.vaults)))


def _state(number: int) -> int:
    return number % VAULTS_OF_NETWORK


def _is_healthy(number: int) -> bool:
    linked = number // VAULTS_OF_NETWORK % _EVERY_UNLINKED != 1
    return _state(number) < _NO_RECORD and linked and number % _EVERY_UNREAD != 0


def _name(number: int) -> str:
    return f"kv-{number:07d}"


def _subscription(number: int) -> str:
    return f"00000000-0000-4000-8000-{number // VAULTS_OF_SUBSCRIPTION:012x}"


def _address(number: int) -> str:
    """Ranges repeat across hubs, as they do in estates of this size."""
    network = number // VAULTS_OF_NETWORK
    return f"10.{network // 200 % 200}.{network % 200}.{4 + number % VAULTS_OF_NETWORK}"


def _network_id(network: int) -> ArmId:
    return ArmId.of(_subscription(network * VAULTS_OF_NETWORK), "rg-net", NETWORK, f"vnet-{network:06d}")


def _hub_id(hub: int) -> ArmId:
    return ArmId.of(_HUB_SUBSCRIPTION, "rg-net", NETWORK, f"hub-{hub:04d}")


def _endpoint_id(number: int, tail: str = "") -> ArmId:
    return ArmId.of(_subscription(number), "rg-net", ENDPOINT, f"pe-{number:07d}{tail}")


def _range(network: int) -> str:
    return f"10.{network // 200 % 200}.{network % 200}.0/24"


def _server(hub: int) -> str:
    return f"172.16.{hub % 250}.4"


def _network(network: int) -> Network:
    hub = network // NETWORKS_OF_HUB
    subnet = Subnet(
        ArmId.of(_subscription(network * VAULTS_OF_NETWORK), "rg-net", SUBNET, f"vnet-{network:06d}", "endpoints"),
        (_range(network),),
        frozenset({"microsoft.keyvault"}),
        _GROUP.id,
        _TABLE.id,
        EndpointPolicies.ENABLED,
    )
    servers = (_server(hub),) if network % _EVERY_CUSTOM_DNS == 0 else ()
    peering = Peering(_hub_id(hub), PeeringState.CONNECTED, (f"172.16.{hub % 250}.0/24",))
    return Network(_network_id(network), (_range(network),), servers, (peering,), (), (subnet,))


def _hub(hub: int, networks: int) -> Network:
    first = hub * NETWORKS_OF_HUB
    spokes = range(first, min(first + NETWORKS_OF_HUB, networks))
    peerings = tuple(Peering(_network_id(spoke), PeeringState.CONNECTED, (_range(spoke),)) for spoke in spokes)
    prefixes = (f"172.16.{hub % 250}.0/24",)
    subnet = Subnet(ArmId.of(_HUB_SUBSCRIPTION, "rg-net", SUBNET, f"hub-{hub:04d}", "dns"), prefixes)
    return Network(_hub_id(hub), prefixes, (), peerings, (), (subnet,))


def _link(zone: ArmId, network: ArmId) -> ZoneLink:
    return ZoneLink(
        ArmId.of(zone.subscription, zone.resource_group, LINK, zone.name, network.name), network, True, "Succeeded"
    )


def _record(zone: ArmId, number: int) -> RecordSet | None:
    state = _state(number)
    if state in (_NO_RECORD, _ALONE):
        return None
    return RecordSet(
        ArmId.of(zone.subscription, zone.resource_group, A_RECORD, zone.name, _name(number)),
        86_400 if state == _LONG_TTL else 60,
        ("10.255.255.4" if state == _WRONG_RECORD else _address(number),),
        etag=f"etag-{number}",
    )


def _connection(vault: ArmId, status: ConnectionStatus, endpoint: ArmId) -> Connection:
    identity = ArmId.of(vault.subscription, vault.resource_group, CONNECTION, vault.name, f"c-{endpoint.name}")
    return Connection(identity, status, "Succeeded", endpoint)


def _vault(number: int) -> Vault:
    state = _state(number)
    identity = ArmId.of(_subscription(number), "rg-app", VAULT, _name(number))
    connections = [] if state == _ALONE else [_connection(identity, ConnectionStatus.APPROVED, _endpoint_id(number))]
    if state == _REJECTED:
        connections.append(_connection(identity, ConnectionStatus.REJECTED, _endpoint_id(number, "-old")))
    if state == _PENDING:
        connections.append(_connection(identity, ConnectionStatus.PENDING, _endpoint_id(number, "-new")))
    acl = NetworkAcl(DefaultAction.DENY, "AzureServices", ("93.184.0.0/16",)) if state == _BROAD else None
    settings = VaultSettings()
    if state == _ALONE:
        policies = (AccessPolicy("11111111-2222-4333-8444-555555555555", "tenant", secrets=frozenset({"all"})),)
        settings = VaultSettings(rbac=False, purge_protection=False, access_policies=policies)
    return Vault(
        identity,
        "westeurope",
        PublicAccess.ENABLED if state in (_OPEN, _BROAD) else PublicAccess.DISABLED,
        acl,
        "Succeeded",
        tuple(connections),
        (),
        settings,
        (_audited(identity),),
        (),
    )


def _audited(vault: ArmId) -> DiagnosticSetting:
    setting = ArmId.parse(f"{vault.text}/providers/Microsoft.Insights/diagnosticSettings/audit")
    return DiagnosticSetting(setting, frozenset({"auditevent"}), _WORKSPACE)


def _endpoints(number: int, vault: Vault) -> Mapping[ArmId, PrivateEndpoint | Gone | Unread]:
    unread = number % _EVERY_UNREAD == 0
    return {
        connection.endpoint: _FORBIDDEN if unread else _endpoint(number, vault, connection, connection.endpoint)
        for connection in vault.connections
        if connection.endpoint is not None
    }


def _endpoint(number: int, vault: Vault, connection: Connection, identity: ArmId) -> PrivateEndpoint:
    network = number // VAULTS_OF_NETWORK
    subnet = ArmId.of(vault.id.subscription, "rg-net", SUBNET, f"vnet-{network:06d}", "endpoints")
    groups: tuple[ZoneGroup, ...] = ()
    if connection.effective and _state(number) < _NO_RECORD // 2:
        group = ArmId.of(identity.subscription, identity.resource_group, ZONE_GROUP, identity.name, "default")
        groups = (ZoneGroup(group, (_ZONE,), "Succeeded"),)
    address = _address(number) if connection.effective else f"10.254.0.{number % 250}"
    links = (EndpointLink(vault.id, connection.status, manual=connection.status is ConnectionStatus.PENDING),)
    return PrivateEndpoint(
        identity, _network_id(network), subnet, "Succeeded", links, (address,), groups, location="westeurope"
    )


def _neighbour(number: int) -> Neighbour:
    vault = _vault(number)
    home = NeighbourEndpoint(_endpoint_id(number), _network_id(number // VAULTS_OF_NETWORK), (_address(number),))
    return Neighbour(vault, (home,) if vault.effective_connections else ())


def _history(vault: Vault) -> History:
    seen = {connection.id: Sighting(connection.status, _LONG_AGO, _LONG_AGO) for connection in vault.connections}
    return History(sightings=MappingProxyType(seen))


def _rule(name: str, priority: int, flow: Flow, allow: bool, source: str, destination: str) -> SecurityRule:
    return SecurityRule(name, priority, flow, allow, "*", (source,), (destination,), ("*",))


# The default rules of every group: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
_DEFAULT_RULES: Final = (
    _rule("AllowVnetInBound", 65000, Flow.INBOUND, True, "VirtualNetwork", "VirtualNetwork"),
    _rule("AllowAzureLoadBalancerInBound", 65001, Flow.INBOUND, True, "AzureLoadBalancer", "*"),
    _rule("DenyAllInBound", 65500, Flow.INBOUND, False, "*", "*"),
    _rule("AllowVnetOutBound", 65000, Flow.OUTBOUND, True, "VirtualNetwork", "VirtualNetwork"),
    _rule("AllowInternetOutBound", 65001, Flow.OUTBOUND, True, "*", "Internet"),
    _rule("DenyAllOutBound", 65500, Flow.OUTBOUND, False, "*", "*"),
)


_ZONE: Final = ArmId.of(_HUB_SUBSCRIPTION, "rg-dns", ZONE, AZURE_CLOUD.private_zone)
_WORKSPACE: Final = ArmId.of(_HUB_SUBSCRIPTION, "rg-log", "Microsoft.OperationalInsights/workspaces", "central")
_GROUP: Final = SecurityGroup(ArmId.of(_HUB_SUBSCRIPTION, "rg-net", SECURITY_GROUP, "nsg"), _DEFAULT_RULES)
_TABLE: Final = RouteTable(
    ArmId.of(_HUB_SUBSCRIPTION, "rg-net", ROUTE_TABLE, "routes"),
    (Route("to-firewall", "0.0.0.0/0", NextHop.APPLIANCE, "172.16.0.68"),),
)
_GROUPS: Final = MappingProxyType({_GROUP.id: _GROUP})
_TABLES: Final = MappingProxyType({_TABLE.id: _TABLE})
