"""The usual estate of a scenario and one-line ways to build another one.

Builders put resources in place at once and without a trace in the log; ``sdk`` has the clients for what a scenario is
about. Ids are constants where a name is given, so that a scenario can say them.
"""

from __future__ import annotations

from typing import Any, Final

from emulator.arm.access import Principal
from emulator.arm.resources import Connection, Endpoint, Interface, Vault
from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.policy import Policy, ZonePolicy
from tests.emulator.arm.client import Sdk
from tests.scenarios.azure import GUARD, HUB, SUBSCRIPTION, TENANT, Azure
from tests.scenarios.guard import WATCHED

LOCATION: Final = "westeurope"
ZONE_NAME: Final = "privatelink.vaultcore.azure.net"
NAME: Final = "kv-orders"
GROUP_NAME: Final = "Rg-App"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP_NAME}"
DNS_GROUP_NAME: Final = "rg-dns"
DNS_GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{DNS_GROUP_NAME}"
VAULT: Final = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{NAME}"
NETWORK: Final = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-app"
SUBNET: Final = f"{NETWORK}/subnets/endpoints"
ENDPOINT: Final = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-orders"
ZONE: Final = f"{DNS_GROUP}/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"
LINK: Final = f"{ZONE}/virtualNetworkLinks/to-vnet-app"
RECORD: Final = f"{ZONE}/A/{NAME}"
WORKSPACE: Final = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/law"


def closed_acls(**members: Any) -> dict[str, Any]:
    """A firewall that lets nobody in but trusted services."""
    return {"defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": [], **members}


def vault_body(tags: dict[str, str] | None = None, **properties: Any) -> dict[str, Any]:
    """A closed vault, recoverable and with Azure RBAC; ``properties`` take the place of the usual ones."""
    usual = {
        "sku": {"family": "A", "name": "standard"},
        "tenantId": TENANT,
        "publicNetworkAccess": "Disabled",
        "networkAcls": closed_acls(),
        "enableRbacAuthorization": True,
        "enablePurgeProtection": True,
    }
    return {"location": LOCATION, "tags": tags or {}, "properties": {**usual, **properties}}


def network_body(prefix: str, subnets: dict[str, str], *dns: str, **members: Any) -> dict[str, Any]:
    """A network with subnets (name to prefix), with own DNS servers if any are named."""
    rows = [{"name": name, "properties": {"addressPrefix": inside}} for name, inside in subnets.items()]
    properties: dict[str, Any] = {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": rows, **members}
    if dns:
        properties["dhcpOptions"] = {"dnsServers": list(dns)}
    return {"location": LOCATION, "properties": properties}


def endpoint_body(vault: str, subnet: str, *, manual: bool = False, address: str = "") -> dict[str, Any]:
    """A private endpoint; ``manual`` leaves the decision to the vault, ``address`` is a static one."""
    member = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
    properties: dict[str, Any] = {"privateLinkServiceId": vault, "groupIds": ["vault"]}
    if manual:
        properties["requestMessage"] = "Please approve."
    body: dict[str, Any] = {"subnet": {"id": subnet}, member: [{"name": "to-vault", "properties": properties}]}
    if address:
        inner = {"groupId": "vault", "memberName": "default", "privateIPAddress": address}
        body["ipConfigurations"] = [{"name": "static", "properties": inner}]
    return {"location": LOCATION, "properties": body}


def record_body(*addresses: str, ttl: int = 60, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """An A record set."""
    rows = [{"ipv4Address": address} for address in addresses]
    return {"properties": {"ttl": ttl, "aRecords": rows, "metadata": metadata}}


def link_body(network: str, *, registration: bool = False, **properties: Any) -> dict[str, Any]:
    """A link of a zone."""
    inner = {"virtualNetwork": {"id": network}, "registrationEnabled": registration, **properties}
    return {"location": "global", "properties": inner}


def zone_group_body(*zones: str) -> dict[str, Any]:
    """A zone group that writes into these zones."""
    rows = [{"name": f"zone-{number}", "properties": {"privateDnsZoneId": zone}} for number, zone in enumerate(zones)]
    return {"properties": {"privateDnsZoneConfigs": rows}}


def group_of(path: str) -> str:
    """The id of the resource group that an id lies in."""
    return "/".join(path.split("/")[:5])


class Estate:
    """Builds in one Azure; groups come by themselves."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure

    @property
    def sdk(self) -> Sdk:
        """The SDK's clients of an operator, for the watched subscription."""
        return self.azure.sdk()

    @property
    def hub_sdk(self) -> Sdk:
        """The same for the hub's subscription."""
        return self.azure.sdk(HUB)

    def put(self, path: str, body: dict[str, Any]) -> str:
        """Any resource, in place at once. Returns its id."""
        group = group_of(path)
        if "/providers/" not in group:
            self.azure.seed("PUT", group, {"location": LOCATION})
        self.azure.seed("PUT", path, body)
        return path

    def get(self, path: str) -> Any:
        """What Azure shows of a resource, or of a list of them. Raises ArmError."""
        return self.azure.seed("GET", path).body

    def delete(self, path: str) -> None:
        """Remove any resource at once."""
        self.azure.seed("DELETE", path)

    def deny(self, action: str, scope: str = "/") -> None:
        """Take a right from kvguard: all actions that begin so, at and below a scope."""
        self.azure.service.world.access.deny(Principal.named(GUARD).name, action, scope)

    def vault(self, path: str = VAULT, *, tags: dict[str, str] | None = None, **properties: Any) -> str:
        """A closed vault whose audit log goes to a workspace."""
        self.put(path, vault_body(tags, **properties))
        audit = {"workspaceId": WORKSPACE, "logs": [{"categoryGroup": "audit", "enabled": True}]}
        self.put(f"{path}/providers/Microsoft.Insights/diagnosticSettings/to-law", {"properties": audit})
        return path

    def network(self, path: str = NETWORK, prefix: str = "10.1.0.0/16", subnet: str = "10.1.0.0/24", *dns: str) -> str:
        """A network with a subnet ``endpoints``."""
        return self.put(path, network_body(prefix, {"endpoints": subnet}, *dns))

    def peer(self, one: str, other: str) -> None:
        """Both sides of a peering."""
        for near, far in ((one, other), (other, one)):
            name = f"to-{far.rpartition('/')[2]}"
            body = {"properties": {"remoteVirtualNetwork": {"id": far}, "allowVirtualNetworkAccess": True}}
            self.put(f"{near}/virtualNetworkPeerings/{name}", body)

    def endpoint(
        self, path: str = ENDPOINT, vault: str = VAULT, subnet: str = SUBNET, *, manual: bool = False, address: str = ""
    ) -> str:
        """A private endpoint with its connection."""
        return self.put(path, endpoint_body(vault, subnet, manual=manual, address=address))

    def zone(self, path: str = ZONE) -> str:
        """A private DNS zone without links."""
        return self.put(path, {"location": "global"})

    def link(self, path: str = LINK, network: str = NETWORK, **properties: Any) -> str:
        """A link of a zone."""
        return self.put(path, link_body(network, **properties))

    def record(self, path: str, *addresses: str, ttl: int = 60, metadata: dict[str, str] | None = None) -> str:
        """An A record set."""
        return self.put(path, record_body(*addresses, ttl=ttl, metadata=metadata))

    def zone_group(self, endpoint: str = ENDPOINT, *zones: str, name: str = "default") -> str:
        """A zone group of an endpoint, for the usual zone unless others are named."""
        return self.put(f"{endpoint}/privateDnsZoneGroups/{name}", zone_group_body(*(zones or (ZONE,))))

    def address(self, endpoint: str = ENDPOINT) -> str:
        """The private address of an endpoint."""
        store = self.azure.service.world.store
        found = store.find(endpoint, Endpoint)
        interface = None if found is None or found.interface_id is None else store.find(found.interface_id, Interface)
        assert interface is not None, f"{endpoint} has no interface"
        return interface.ip_configurations[0].address

    def connection(self, endpoint: str = ENDPOINT, vault: str = VAULT) -> str:
        """The id of the vault's connection to an endpoint."""
        store = self.azure.service.world.store
        found = store.find(vault, Vault)
        assert found is not None, f"{vault} is not there"
        wanted = endpoint.casefold()
        return next(
            connection.id.text
            for connection in store.children(found.id, Connection)
            if connection.endpoint_id.casefold() == wanted
        )

    def usual(self) -> None:
        """A healthy vault: closed, with an endpoint, its linked zone and the right record, written by hand."""
        self.vault()
        self.network()
        self.endpoint()
        self.zone()
        self.link()
        self.record(RECORD, self.address())

    def with_zone_group(self) -> None:
        """The same, the record written by a zone group."""
        self.vault()
        self.network()
        self.endpoint()
        self.zone()
        self.link()
        self.zone_group()

    def policy(self, writer: Writer = Writer.KVGUARD, **options: Any) -> Policy:
        """A policy that designates the usual zone for every network and knows where all zones are."""
        usual: dict[str, Any] = {
            "zones": (ZonePolicy(ArmId.parse(ZONE), writer),),
            "zone_subscriptions": (SUBSCRIPTION, HUB),
            "zone_subscriptions_complete": True,
            "watched_subscriptions": WATCHED,
        }
        return Policy(**{**usual, **options})
