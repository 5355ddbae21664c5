"""Estates to simulate: vaults behind endpoints in spoke networks, hub zones of every writer, and what is broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from emulator.arm.messages import ArmResponse
from emulator.arm.resources import Connection, Endpoint, Interface, RecordSet, Vault
from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.policy import Policy, Timing, ZonePolicy
from tests.simulation.concerns import Concerns
from tests.simulation.world import SUBSCRIPTION, TENANT, World

ZONE_NAME: Final = "privatelink.vaultcore.azure.net"
LOCATION: Final = "westeurope"
_GROUPS: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
_WORKSPACE: Final = f"{_GROUPS}/logs/providers/Microsoft.OperationalInsights/workspaces/law"

# Azure's and kvguard's own pace, with a shorter memory of connections so that a simulation need not last for days.
TIMING: Final = Timing(
    settle=timedelta(seconds=120),
    max_settle=timedelta(seconds=900),
    controller_grace=timedelta(seconds=1200),
    dead_connection_age=timedelta(minutes=30),
    approved_memory=timedelta(minutes=1),
)


class Broken(Enum):
    """What is wrong with a vault."""

    NOTHING = "nothing"
    NO_RECORD = "no record"
    WRONG_TTL = "long TTL"
    DEAD_CONNECTION = "dead connection"
    OPEN = "open to the internet"
    NO_ENDPOINT = "no endpoint"


@dataclass(frozen=True, slots=True)
class Hub:
    """A zone, who writes in it (None: policy does not list it) and the networks it is for."""

    number: int
    writer: Writer | None
    spokes: tuple[int, ...]

    @property
    def zone(self) -> str:
        """The zone's id."""
        return f"{group(f'hub-{self.number}')}/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"


def group(name: str) -> str:
    """The id of a resource group."""
    return f"{_GROUPS}/{name}"


def network(spoke: int) -> str:
    """The id of a spoke's network."""
    return f"{group(f'spoke-{spoke}')}/providers/Microsoft.Network/virtualNetworks/vnet-{spoke}"


def vault(number: int) -> str:
    """The id of a vault."""
    return f"{group('vaults')}/providers/Microsoft.KeyVault/vaults/kv-{number:04d}"


def endpoint(number: int, suffix: str = "") -> str:
    """The id of a vault's private endpoint."""
    return f"{group('vaults')}/providers/Microsoft.Network/privateEndpoints/pe-{number:04d}{suffix}"


def record(hub: Hub, number: int) -> str:
    """The id of a vault's record in a zone."""
    return f"{hub.zone}/A/kv-{number:04d}"


def link(hub: Hub, spoke: int) -> str:
    """The id of a zone's link to a network."""
    return f"{hub.zone}/virtualNetworkLinks/link-{spoke}"


def hub_network(hub: Hub) -> str:
    """The id of a hub's own network."""
    return f"{group(f'hub-{hub.number}')}/providers/Microsoft.Network/virtualNetworks/vnet-hub"


def peering(near: str, far: str) -> tuple[str, dict[str, Any]]:
    """The id and the body of one side of a peering."""
    name = f"to-{far.rpartition('/')[2]}"
    return f"{near}/virtualNetworkPeerings/{name}", {"properties": {"remoteVirtualNetwork": {"id": far}}}


def vault_body(*, closed: bool = True, tags: dict[str, str] | None = None, protected: bool = True) -> dict[str, Any]:
    """A well-kept vault as a deployment sends it: roles instead of access policies, and ``protected`` from a purge."""
    acls = {"defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": []}
    properties = {
        "sku": {"family": "A", "name": "standard"},
        "tenantId": TENANT,
        "publicNetworkAccess": "Disabled" if closed else "Enabled",
        "enableRbacAuthorization": True,
        **({"enablePurgeProtection": True} if protected else {}),
        **({"networkAcls": acls} if closed else {}),
    }
    return {"location": LOCATION, "tags": tags or {}, "properties": properties}


def audit_to(workspace: str) -> dict[str, Any]:
    """A diagnostic setting that sends a vault's audit log to a workspace."""
    return {"properties": {"workspaceId": workspace, "logs": [{"categoryGroup": "audit", "enabled": True}]}}


def endpoint_body(number: int, spoke: int) -> dict[str, Any]:
    """A private endpoint for a vault in a spoke."""
    connection = {"privateLinkServiceId": vault(number), "groupIds": ["vault"]}
    return {
        "location": LOCATION,
        "properties": {
            "subnet": {"id": f"{network(spoke)}/subnets/endpoints"},
            "privateLinkServiceConnections": [{"name": "to-vault", "properties": connection}],
        },
    }


def record_body(address: str, ttl: int = 60, **metadata: str) -> dict[str, Any]:
    """An A record set."""
    return {"properties": {"ttl": ttl, "aRecords": [{"ipv4Address": address}], "metadata": metadata or None}}


def link_body(spoke: int) -> dict[str, Any]:
    """A link of a zone."""
    return {
        "location": "global",
        "properties": {"virtualNetwork": {"id": network(spoke)}, "registrationEnabled": False},
    }


def zone_group_body(hub: Hub) -> dict[str, Any]:
    """A zone group for a zone."""
    return {"properties": {"privateDnsZoneConfigs": [{"name": "vault", "properties": {"privateDnsZoneId": hub.zone}}]}}


@dataclass
class Estate:
    """What is deployed before the simulation begins, and where everything is."""

    world: World
    hubs: tuple[Hub, ...]
    home: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._concerns = Concerns(self.world.arm.world.store)
        self.world.grid.concerned = lambda resource, deleted: self._concerns.of(resource, deleted=deleted)

    def put(self, path: str, body: Any) -> ArmResponse:
        """Deploy at once, without a trace."""
        answer = self.world.arm.seed(self.world.operator, "PUT", path, body)
        self._concerns.deployed(path)
        return answer

    def delete(self, path: str) -> None:
        """Remove at once, without a trace."""
        self.world.arm.seed(self.world.operator, "DELETE", path)
        self._concerns.deployed(path)

    def base(self, *, linked: bool = True) -> None:
        """Groups, networks, zones and links."""
        self.put(group("vaults"), {"location": LOCATION})
        for hub in self.hubs:
            self.put(group(f"hub-{hub.number}"), {"location": LOCATION})
            self.put(hub.zone, {"location": "global"})
            for spoke in hub.spokes:
                self.put(group(f"spoke-{spoke}"), {"location": LOCATION})
                self.put(network(spoke), _network_body(spoke))
                if linked:
                    self.put(link(hub, spoke), link_body(spoke))

    def peer(self) -> None:
        """A network for each hub, peered with its spokes on both sides."""
        for hub in self.hubs:
            self.put(hub_network(hub), _network_body(200 + hub.number))
            for spoke in hub.spokes:
                self.put(*peering(network(spoke), hub_network(hub)))
                self.put(*peering(hub_network(hub), network(spoke)))

    def hub_of(self, number: int) -> Hub:
        """The zone that is for a vault's network."""
        return next(hub for hub in self.hubs if self.home[number] in hub.spokes)

    def add(self, number: int, spoke: int, broken: Broken = Broken.NOTHING, *, protected: bool = True) -> None:
        """Deploy a vault with its endpoint and record, broken as said."""
        self.home[number] = spoke
        self.put(vault(number), vault_body(closed=broken is not Broken.OPEN, protected=protected))
        self.put(f"{vault(number)}/providers/Microsoft.Insights/diagnosticSettings/to-law", audit_to(_WORKSPACE))
        if broken is Broken.NO_ENDPOINT:
            return
        self.put(endpoint(number), endpoint_body(number, spoke))
        hub = self.hub_of(number)
        if hub.writer in (Writer.ZONE_GROUP, Writer.AZURE_POLICY):
            if broken is not Broken.NO_RECORD:
                self.put(f"{endpoint(number)}/privateDnsZoneGroups/default", zone_group_body(hub))
        elif broken is not Broken.NO_RECORD:
            ttl = 3600 if broken is Broken.WRONG_TTL else 60
            self.put(record(hub, number), record_body(self.address(number), ttl))
        if broken is Broken.DEAD_CONNECTION:
            self.put(endpoint(number, "-old"), endpoint_body(number, spoke))
            self.delete(endpoint(number, "-old"))

    def address(self, number: int) -> str:
        """The address of a vault's endpoint."""
        store = self.world.arm.world.store
        found = store.find(endpoint(number), Endpoint)
        assert found is not None
        assert found.interface_id is not None
        interface = store.find(found.interface_id, Interface)
        assert interface is not None
        return interface.ip_configurations[0].address

    def record_at(self, number: int) -> RecordSet | None:
        """The vault's record in its zone, as Azure has it."""
        return self.world.arm.world.store.find(record(self.hub_of(number), number), RecordSet)

    def connections(self, number: int) -> list[Connection]:
        """The connections of a vault, as Azure has them."""
        store = self.world.arm.world.store
        found = store.find(vault(number), Vault)
        return [] if found is None else list(store.children(found.id, Connection))


def policy_for(hubs: Iterable[Hub], timing: Timing = TIMING, **options: Any) -> Policy:
    """A policy that designates these zones for their networks, with room for every write."""
    zones = tuple(
        ZonePolicy(ArmId.parse(hub.zone), hub.writer, tuple(ArmId.parse(network(spoke)) for spoke in hub.spokes))
        for hub in hubs
        if hub.writer is not None
    )
    return Policy(
        zones=zones,
        zone_subscriptions=(SUBSCRIPTION,),
        zone_subscriptions_complete=True,
        timing=timing,
        watched_subscriptions=frozenset({SUBSCRIPTION}),
        **{"writes_per_hour": 100_000, **options},
    )


def _network_body(spoke: int) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "properties": {
            "addressSpace": {"addressPrefixes": [f"10.{spoke}.0.0/16"]},
            "subnets": [{"name": "endpoints", "properties": {"addressPrefix": f"10.{spoke}.0.0/22"}}],
        },
    }
