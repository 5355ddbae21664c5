"""Resources that tests start from. Names are mixed in case, so that a change of case is seen."""

from __future__ import annotations

from typing import Any, Protocol

from emulator.azure import SUBSCRIPTION

GROUP_NAME = "Rg-Kv-Prod"
SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUBSCRIPTION_ID}/resourceGroups/{GROUP_NAME}"
NETWORK_PROVIDER = f"{GROUP}/providers/Microsoft.Network"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/Kv-Orders"
NETWORK = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Spoke"
SUBNET = f"{NETWORK}/subnets/Snet-Endpoints"
ENDPOINT = f"{NETWORK_PROVIDER}/privateEndpoints/Pe-Orders"
ZONE_NAME = "privatelink.vaultcore.azure.net"
ZONE = f"{NETWORK_PROVIDER}/privateDnsZones/{ZONE_NAME}"
LINK = f"{ZONE}/virtualNetworkLinks/Link-Spoke"
ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups/default"
RECORD = f"{ZONE}/A/kv-orders"
LOCATION = "westeurope"


def vault_body(**properties: Any) -> dict[str, Any]:
    """A vault as a deployment sends it."""
    tenant = "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10"
    return {
        "location": LOCATION,
        "properties": {"sku": {"family": "A", "name": "standard"}, "tenantId": tenant, **properties},
    }


def network_body(prefix: str = "10.1.0.0/16", subnet: str = "10.1.0.0/24") -> dict[str, Any]:
    """A network with one subnet."""
    return {
        "location": LOCATION,
        "properties": {
            "addressSpace": {"addressPrefixes": [prefix]},
            "subnets": [{"name": "Snet-Endpoints", "properties": {"addressPrefix": subnet}}],
        },
    }


def endpoint_body(*, vault: str = VAULT, manual: bool = False, **properties: Any) -> dict[str, Any]:
    """A private endpoint for a vault."""
    member = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
    connection: dict[str, Any] = {"privateLinkServiceId": vault, "groupIds": ["vault"]}
    if manual:
        connection["requestMessage"] = "Please approve."
    return {
        "location": LOCATION,
        "properties": {
            "subnet": {"id": SUBNET},
            member: [{"name": "to-vault", "properties": connection}],
            **properties,
        },
    }


def link_body(network: str = NETWORK, **properties: Any) -> dict[str, Any]:
    """A link of a zone."""
    return {
        "location": "global",
        "properties": {"virtualNetwork": {"id": network}, "registrationEnabled": False, **properties},
    }


def zone_group_body(zone: str = ZONE) -> dict[str, Any]:
    """A zone group with one zone."""
    return {"properties": {"privateDnsZoneConfigs": [{"name": "vault", "properties": {"privateDnsZoneId": zone}}]}}


def record_body(*addresses: str, ttl: int = 60, **properties: Any) -> dict[str, Any]:
    """An A record set."""
    rows = [{"ipv4Address": address} for address in addresses]
    return {"properties": {"ttl": ttl, "aRecords": rows, **properties}}


class Seeded(Protocol):
    """A local Azure, served or in this process."""

    def seed(self, method: str, path: str, body: Any = None) -> Any:
        """Do a request as the operator at once."""


class Estate:
    """Puts resources in place at once, without a trace in the request log."""

    def __init__(self, azure: Seeded) -> None:
        self._azure = azure

    def put(self, path: str, body: dict[str, Any]) -> None:
        """Any resource."""
        self._azure.seed("PUT", path, body)

    def delete(self, path: str) -> None:
        """Remove any resource."""
        self._azure.seed("DELETE", path)

    def group(self) -> None:
        """The resource group."""
        self.put(GROUP, {"location": LOCATION})

    def vault(self, **properties: Any) -> None:
        """Group and vault."""
        self.group()
        self.put(VAULT, vault_body(**properties))

    def network(self) -> None:
        """Group and network."""
        self.group()
        self.put(NETWORK, network_body())

    def zone(self) -> None:
        """Group and zone."""
        self.group()
        self.put(ZONE, {"location": "global"})

    def endpoint(self, *, manual: bool = False) -> None:
        """Group, vault, network and an endpoint between them."""
        self.vault()
        self.put(NETWORK, network_body())
        self.put(ENDPOINT, endpoint_body(manual=manual))

    def everything(self) -> None:
        """An endpoint with zone, link and zone group."""
        self.endpoint()
        self.put(ZONE, {"location": "global"})
        self.put(LINK, link_body())
        self.put(ZONE_GROUP, zone_group_body())
