"""Whole vaults made of the bodies in ``tests/arm``, each bad in its own way: answers of Resource Manager by path."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

BODIES: Final = Path(__file__).parents[2] / "arm"
SUBSCRIPTION: Final = "/subscriptions/11111111-2222-4333-8444-555555555555"
GROUP: Final = f"{SUBSCRIPTION}/resourceGroups/Rg-Kv-Prod"
NET: Final = f"{GROUP}/providers/Microsoft.Network"
VAULT: Final = f"{GROUP}/providers/Microsoft.KeyVault/vaults/Kv-Orders"
ENDPOINT: Final = f"{NET}/privateEndpoints/Pe-Orders"
SPOKE: Final = f"{NET}/virtualNetworks/Vnet-Spoke"
HUB: Final = f"{NET}/virtualNetworks/Vnet-Hub"
ZONES: Final = f"{NET}/privateDnsZones"
ZONE: Final = f"{ZONES}/privatelink.vaultcore.azure.net"
RULES_HUB: Final = f"{NET}/dnsForwardingRulesets/Rules-Hub"
ALL: Final = f"{SUBSCRIPTION}/providers"

# No document, but who writes the zone by the policy of a world: text, kvguard where it is absent.
WRITER: Final = "writer"

Documents = dict[str, Any]


def load(name: str) -> Any:
    """A body of ``tests/arm``."""
    return json.loads((BODIES / f"{name}.json").read_bytes())


def _base() -> Documents:
    hub = load("network-with-custom-dns")
    hub = json.loads(json.dumps(hub).replace("Vnet-Spoke", "Vnet-Hub").replace("10.1.", "10.9."))
    spoke = load("network-with-filters")
    spoke["properties"]["virtualNetworkPeerings"] = load("network-with-peering")["properties"]["virtualNetworkPeerings"]
    zone = load("zone-with-link-and-record")
    roles = {
        load(f"role-definition-{name}")["id"]: load(f"role-definition-{name}") for name in ("secrets-user", "custom")
    }
    return {
        VAULT: load("vault-with-settings"),
        ENDPOINT: load("endpoint-succeeded"),
        load("nic-private-endpoint")["id"]: load("nic-private-endpoint"),
        f"{ENDPOINT}/privateDnsZoneGroups": {"value": [load("zone-group-succeeded")]},
        SPOKE: spoke,
        HUB: hub,
        ZONE: zone,
        f"{ALL}/Microsoft.Network/privateDnsZones": {"value": [zone]},
        f"{ZONE}/virtualNetworkLinks": {"value": [load("link-completed")]},
        f"{ZONE}/A": {"value": [load("record-a")]},
        f"{ZONE}/A/kv-orders": load("record-a"),
        f"{ALL}/Microsoft.Network/dnsForwardingRulesets": {"value": []},
        f"{ALL}/Microsoft.Network/privateEndpoints": {"value": [load("endpoint-succeeded")]},
        f"{ALL}/Microsoft.Network/networkInterfaces": {"value": [load("nic-private-endpoint")]},
        f"{ALL}/Microsoft.KeyVault/vaults": {"value": [load("vault-with-settings")]},
        f"{VAULT}/networkSecurityPerimeterConfigurations": {"value": []},
        f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings": load("diagnostic-settings"),
        f"{VAULT}/providers/Microsoft.Authorization/roleAssignments": load("role-assignments"),
        load("security-group")["id"]: load("security-group"),
        load("route-table")["id"]: load("route-table"),
        **roles,
    }


def _vault(world: Documents, **properties: Any) -> None:
    """Change the vault where it is read alone and where it is listed."""
    world[VAULT]["properties"].update(properties)
    world[f"{ALL}/Microsoft.KeyVault/vaults"]["value"][0]["properties"].update(properties)


def _record(world: Documents, **properties: Any) -> None:
    for body in (world[f"{ZONE}/A"]["value"][0], world[f"{ZONE}/A/kv-orders"]):
        body["properties"].update(properties)


def _open(world: Documents) -> None:
    _vault(world, enableSoftDelete=False, enablePurgeProtection=False)
    world[f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings"] = {"value": []}


def _allow_listed(world: Documents) -> None:
    rules = [{"value": "0.0.0.0/1"}, {"value": "10.0.0.0/8"}]
    subnets = [{"id": f"{SPOKE}/subnets/gone"}, {"id": f"{SPOKE}/subnets/snet-endpoints"}]
    acl = {"bypass": "AzureServices", "defaultAction": "Deny", "ipRules": rules, "virtualNetworkRules": subnets}
    _vault(world, networkAcls=acl)


def _shut(world: Documents) -> None:
    _vault(world, publicNetworkAccess="Disabled", privateEndpointConnections=[])


def _empty_rules(world: Documents) -> None:
    acl = {"bypass": "None", "defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}
    _vault(world, networkAcls=acl)


def _perimeter(world: Documents) -> None:
    mode = {"provisioningState": "Succeeded", "resourceAssociation": {"accessMode": "Learning"}}
    world[f"{VAULT}/networkSecurityPerimeterConfigurations"] = {"value": [{"properties": mode}]}
    _vault(world, publicNetworkAccess="SecuredByPerimeter")


def _connections(status: str, state: str = "Succeeded", *, foreign: bool = False) -> Callable[[Documents], None]:
    def make(world: Documents) -> None:
        (connection,) = deepcopy(world[VAULT]["properties"]["privateEndpointConnections"])
        connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
        connection["properties"]["provisioningState"] = state
        if foreign:
            other = ENDPOINT.replace("11111111-2222", "99999999-2222")
            connection["properties"]["privateEndpoint"]["id"] = other
        _vault(world, privateEndpointConnections=[connection])

    return make


def _no_record(world: Documents) -> None:
    world[f"{ZONE}/A"] = {"value": []}
    del world[f"{ZONE}/A/kv-orders"]
    world[f"{ENDPOINT}/privateDnsZoneGroups"] = {"value": []}


def _empty_record(world: Documents) -> None:
    _record(world, aRecords=[])


def _wrong(address: str, ttl: int = 60) -> Callable[[Documents], None]:
    def make(world: Documents) -> None:
        _record(world, aRecords=[{"ipv4Address": address}], ttl=ttl)

    return make


def _extra(world: Documents) -> None:
    _record(world, aRecords=[{"ipv4Address": "10.1.0.4"}, {"ipv4Address": "10.1.0.77"}])


def _slow(world: Documents) -> None:
    _record(world, ttl=3600)


def _no_link(world: Documents) -> None:
    world[f"{ZONE}/virtualNetworkLinks"] = {"value": []}


def _odd_link(world: Documents) -> None:
    (link,) = world[f"{ZONE}/virtualNetworkLinks"]["value"]
    link["properties"].update(registrationEnabled=True, resolutionPolicy="NxDomainRedirect")


def _slow_link(world: Documents) -> None:
    world[f"{ZONE}/virtualNetworkLinks"] = {"value": [load("link-in-progress")]}


def _no_zone(world: Documents) -> None:
    stray = load("zone-fresh")
    stray["id"] = f"{ZONES}/privatelink.vault.azure.net"
    world[f"{ALL}/Microsoft.Network/privateDnsZones"] = {"value": [stray]}
    del world[ZONE]


def _hijack(world: Documents) -> None:
    public = json.loads(json.dumps(load("zone-fresh")).replace("privatelink.vaultcore.azure.net", "vault.azure.net"))
    second = json.loads(json.dumps(load("zone-fresh")).replace("Rg-Kv-Prod", "Rg-Other"))
    world[f"{ALL}/Microsoft.Network/privateDnsZones"]["value"] += [public, second]
    for zone in (public["id"], second["id"]):
        world[zone] = {**public, "id": zone}
        world[f"{zone}/virtualNetworkLinks"] = {"value": []}
        world[f"{zone}/A"] = {"value": []}


def _cname(world: Documents) -> None:
    _no_record(world)
    world[f"{ZONE}/CNAME/kv-orders"] = load("record-cname")


def _stranded(world: Documents) -> None:
    _vault(world, privateEndpointConnections=[])


def _odd_endpoint(world: Documents) -> None:
    nic = world[load("nic-private-endpoint")["id"]]
    nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = "10.7.0.4"
    nic["properties"]["dnsSettings"]["dnsServers"] = ["10.9.0.53"]


def _wrong_group(world: Documents) -> None:
    (group,) = world[f"{ENDPOINT}/privateDnsZoneGroups"]["value"]
    (config,) = group["properties"]["privateDnsZoneConfigs"]
    config["properties"]["privateDnsZoneId"] = f"{ZONES}/privatelink.vault.azure.net"


def _no_group(world: Documents) -> None:
    world[f"{ENDPOINT}/privateDnsZoneGroups"] = {"value": []}


def _blocked(world: Documents) -> None:
    group = world[load("security-group")["id"]]
    group["properties"]["securityRules"][0]["properties"]["access"] = "Deny"
    (endpoints, clients) = world[SPOKE]["properties"]["subnets"]
    for subnet in (endpoints, clients):
        subnet["properties"]["networkSecurityGroup"] = {"id": group["id"]}
        subnet["properties"]["privateEndpointNetworkPolicies"] = "Enabled"
    blocking = deepcopy(group["properties"]["securityRules"][0])
    blocking["properties"].update(
        direction="Inbound", destinationAddressPrefix="*", sourceAddressPrefix="*", priority=90
    )
    outbound = deepcopy(blocking)
    outbound["properties"].update(direction="Outbound", priority=91)
    group["properties"]["securityRules"] = [blocking, outbound]
    world[load("route-table")["id"]]["properties"]["routes"][0]["properties"]["nextHopType"] = "None"


def _disconnected_peers(world: Documents) -> None:
    (peering,) = world[SPOKE]["properties"]["virtualNetworkPeerings"]
    peering["properties"]["peeringState"] = "Disconnected"


def _custom_dns(world: Documents) -> None:
    world[SPOKE]["properties"]["dhcpOptions"] = {"dnsServers": ["10.9.0.53"]}


def _diverted(world: Documents) -> None:
    world[f"{ALL}/Microsoft.Network/dnsForwardingRulesets"] = {"value": [load("ruleset")]}
    world[f"{RULES_HUB}/virtualNetworkLinks"] = {"value": [{"properties": {"virtualNetwork": {"id": SPOKE}}}]}
    world[f"{RULES_HUB}/forwardingRules"] = {"value": [load("ruleset-rule")]}
    (back,) = deepcopy(world[SPOKE]["properties"]["virtualNetworkPeerings"])
    back["properties"].update(
        remoteVirtualNetwork={"id": SPOKE},
        remoteAddressSpace={"addressPrefixes": ["10.1.0.0/16"]},
        remoteVirtualNetworkAddressSpace={"addressPrefixes": ["10.1.0.0/16"]},
    )
    world[HUB]["properties"]["virtualNetworkPeerings"] = [back]


def _zone_gone(world: Documents) -> None:
    world[f"{ALL}/Microsoft.Network/privateDnsZones"] = {"value": []}
    world[f"{ENDPOINT}/privateDnsZoneGroups"] = {"value": []}
    del world[ZONE]


def _failed_link(world: Documents) -> None:
    (link,) = world[f"{ZONE}/virtualNetworkLinks"]["value"]
    link["properties"].update(provisioningState="Failed", virtualNetworkLinkState="InProgress")


def _left_over(world: Documents) -> None:
    """Endpoint and connection are deleted, the record is not."""
    _vault(world, privateEndpointConnections=[])
    for name in ("privateEndpoints", "networkInterfaces"):
        world[f"{ALL}/Microsoft.Network/{name}"] = {"value": []}
    del world[ENDPOINT]
    del world[f"{ENDPOINT}/privateDnsZoneGroups"]


def _second(world: Documents, status: str, place: str) -> None:
    """A second endpoint at 10.4.0.4 in the network ``Vnet-<place>``, its connection in a state of its own."""

    def renamed(body: Any) -> Any:
        text = json.dumps(body).replace("Pe-Orders", "Pe-Second").replace("10.1.", "10.4.")
        return json.loads(text.replace("Vnet-Spoke", f"Vnet-{place}").replace("5b0d7a3c", "7c0d7a3c"))

    (first,) = deepcopy(world[VAULT]["properties"]["privateEndpointConnections"])
    connection = renamed(first)
    connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
    _vault(world, privateEndpointConnections=[first, connection])
    endpoint, interface = renamed(world[ENDPOINT]), renamed(load("nic-private-endpoint"))
    (link,) = endpoint["properties"]["privateLinkServiceConnections"]
    link["properties"]["privateLinkServiceConnectionState"]["status"] = status
    world[endpoint["id"]] = endpoint
    world[interface["id"]] = interface
    world[f"{endpoint['id']}/privateDnsZoneGroups"] = {"value": []}
    world[f"{ALL}/Microsoft.Network/privateEndpoints"]["value"].append(endpoint)
    world[f"{ALL}/Microsoft.Network/networkInterfaces"]["value"].append(interface)


def _misled(world: Documents) -> None:
    _second(world, "Rejected", "Spoke")
    _record(world, aRecords=[{"ipv4Address": "10.4.0.4"}])


def _contested(world: Documents) -> None:
    _second(world, "Approved", "Second")
    network = json.loads(json.dumps(world[SPOKE]).replace("Vnet-Spoke", "Vnet-Second").replace("10.1.", "10.4."))
    network["properties"]["virtualNetworkPeerings"] = []
    world[network["id"]] = network
    (link,) = world[f"{ZONE}/virtualNetworkLinks"]["value"]
    second = json.loads(json.dumps(link).replace("Vnet-Spoke", "Vnet-Second").replace("Link-Spoke", "Link-Second"))
    world[f"{ZONE}/virtualNetworkLinks"]["value"].append(second)


def _azures_own(world: Documents) -> None:
    """Azure Policy is to attach the zone group, and has not."""
    world[WRITER] = "azure-policy"
    _no_group(world)


DEPARTURES: Final[dict[str, Callable[[Documents], None]]] = {
    "open": _open,
    "allow-listed": _allow_listed,
    "shut": _shut,
    "empty-rules": _empty_rules,
    "perimeter": _perimeter,
    "pending": _connections("Pending"),
    "foreign": _connections("Pending", foreign=True),
    "dead": _connections("Rejected"),
    "failed": _connections("Approved", "Failed"),
    "no-record": _no_record,
    "empty-record": _empty_record,
    "wrong-record": _wrong("10.1.0.99"),
    "public-record": _wrong("203.0.113.9"),
    "extra-address": _extra,
    "slow-record": _slow,
    "no-link": _no_link,
    "odd-link": _odd_link,
    "slow-link": _slow_link,
    "no-zone": _no_zone,
    "hijack": _hijack,
    "cname": _cname,
    "stranded": _stranded,
    "odd-endpoint": _odd_endpoint,
    "wrong-group": _wrong_group,
    "no-group": _no_group,
    "blocked": _blocked,
    "disconnected-peers": _disconnected_peers,
    "custom-dns": _custom_dns,
    "diverted": _diverted,
    "zone-gone": _zone_gone,
    "failed-link": _failed_link,
    "left-over": _left_over,
    "misled": _misled,
    "contested": _contested,
    "no-group-of-azure": _azures_own,
}


def world_of(departure: str) -> Documents:
    """A vault with its surroundings that departs from a whole private path in one way."""
    world = deepcopy(_base())
    DEPARTURES[departure](world)
    return world
