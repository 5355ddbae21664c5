"""Network security groups and route tables, by the SDK where it matters, and the subnets that use them."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import (
    GROUP,
    GROUP_NAME,
    LOCATION,
    NETWORK,
    NETWORK_PROVIDER,
    SUBNET,
    Estate,
    network_body,
)
from tests.emulator.conftest import HeldAzure

NSG = f"{NETWORK_PROVIDER}/networkSecurityGroups/Nsg-Endpoints"
TABLE = f"{NETWORK_PROVIDER}/routeTables/Rt-Endpoints"


def rule(priority: int, access: str = "Deny", direction: str = "Outbound", **more: Any) -> dict[str, Any]:
    return {
        "priority": priority,
        "access": access,
        "direction": direction,
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
        **more,
    }


def group_body(*rules: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    sent = [{"name": name, "properties": properties} for name, properties in rules]
    return {"location": LOCATION, "properties": {"securityRules": sent}}


def table_body(**routes: dict[str, Any]) -> dict[str, Any]:
    sent = [{"name": name, "properties": properties} for name, properties in routes.items()]
    return {"location": LOCATION, "properties": {"routes": sent}}


def filtered(**members: Any) -> dict[str, Any]:
    return {"properties": {"addressPrefix": "10.1.0.0/24", **members}}


def test_a_security_group_is_created_read_listed_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    groups = sdk.network.network_security_groups
    made = groups.begin_create_or_update(GROUP_NAME, "Nsg-Endpoints", group_body(("no-https", rule(200)))).result()
    assert made.id == NSG
    assert [(each.name, each.access, each.destination_port_range) for each in made.security_rules] == [
        ("no-https", "Deny", "443")
    ]
    defaults = {each.name: (each.direction, each.access, each.priority) for each in made.default_security_rules}
    assert defaults["AllowVnetInBound"] == ("Inbound", "Allow", 65000)
    assert defaults["DenyAllOutBound"] == ("Outbound", "Deny", 65500)
    assert len(defaults) == 6
    assert [row.id for row in groups.list(GROUP_NAME)] == [NSG]
    assert [row.id for row in groups.list_all()] == [NSG]
    groups.begin_delete(GROUP_NAME, "Nsg-Endpoints").result()
    with pytest.raises(ResourceNotFoundError):
        groups.get(GROUP_NAME, "Nsg-Endpoints")


def test_a_security_rule_is_created_read_listed_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    estate.put(NSG, group_body(("kept", rule(100))))
    rules = sdk.network.security_rules
    more = {"properties": rule(300, sourceAddressPrefixes=["10.0.0.0/8"])}
    made = rules.begin_create_or_update(GROUP_NAME, "Nsg-Endpoints", "more", more).result()
    assert (made.priority, made.source_address_prefixes) == (300, ["10.0.0.0/8"])
    assert {row.name for row in rules.list(GROUP_NAME, "Nsg-Endpoints")} == {"kept", "more"}
    assert rules.get(GROUP_NAME, "nsg-endpoints", "KEPT").priority == 100
    rules.begin_delete(GROUP_NAME, "Nsg-Endpoints", "kept").result()
    group = sdk.network.network_security_groups.get(GROUP_NAME, "Nsg-Endpoints")
    assert [row.name for row in group.security_rules] == ["more"]


def test_a_put_replaces_all_rules(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    arm.put(NSG, group_body(("one", rule(100)), ("two", rule(101))))
    assert arm.put(NSG, group_body(("three", rule(100)))).status_code == 200
    assert [row["name"] for row in arm.get(NSG).json()["properties"]["securityRules"]] == ["three"]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ((("low", rule(99)),), "SecurityRuleInvalidPriority"),
        ((("high", rule(4097)),), "SecurityRuleInvalidPriority"),
        ((("one", rule(200)), ("two", rule(200))), "SecurityRuleConflict"),
        ((("vague", {"priority": 100}),), "InvalidRequestContent"),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    arm: ArmClient, estate: Estate, rules: tuple[tuple[str, dict[str, Any]], ...], code: str
) -> None:
    estate.group()
    refused = arm.put(NSG, group_body(*rules))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert arm.get(NSG).status_code == 404


def test_one_priority_serves_both_directions(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    both = group_body(("out", rule(200)), ("in", rule(200, direction="Inbound")))
    assert arm.put(NSG, both).status_code == 201


def test_a_route_table_is_created_read_listed_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    appliance = {
        "addressPrefix": "0.0.0.0/0",
        "nextHopType": "VirtualAppliance",
        "nextHopIpAddress": "10.9.0.4",
    }
    tables = sdk.network.route_tables
    made = tables.begin_create_or_update(GROUP_NAME, "Rt-Endpoints", table_body(default=appliance)).result()
    assert made.id == TABLE
    assert made.disable_bgp_route_propagation is False
    assert [(each.name, each.next_hop_type, each.next_hop_ip_address) for each in made.routes] == [
        ("default", "VirtualAppliance", "10.9.0.4")
    ]
    drop = {"properties": {"addressPrefix": "10.1.0.4/32", "nextHopType": "None"}}
    assert sdk.network.routes.begin_create_or_update(GROUP_NAME, "Rt-Endpoints", "drop", drop).result().name == "drop"
    assert {row.name for row in sdk.network.routes.list(GROUP_NAME, "Rt-Endpoints")} == {"default", "drop"}
    assert [row.id for row in tables.list_all()] == [TABLE]
    tables.begin_delete(GROUP_NAME, "Rt-Endpoints").result()
    with pytest.raises(ResourceNotFoundError):
        tables.get(GROUP_NAME, "Rt-Endpoints")


def test_a_route_needs_a_next_hop(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    refused = arm.put(TABLE, table_body(default={"addressPrefix": "0.0.0.0/0"}))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "MissingRequiredProperty")


def test_a_subnet_names_what_filters_it_and_each_shows_the_other(sdk: Sdk, estate: Estate) -> None:
    estate.network()
    estate.put(NSG, group_body())
    estate.put(TABLE, table_body())
    body = filtered(
        networkSecurityGroup={"id": NSG},
        routeTable={"id": TABLE},
        serviceEndpoints=[{"service": "Microsoft.KeyVault"}],
        privateEndpointNetworkPolicies="Enabled",
    )
    sdk.network.subnets.begin_create_or_update(GROUP_NAME, "Vnet-Spoke", "Snet-Endpoints", body).result()
    [inline] = sdk.network.virtual_networks.get(GROUP_NAME, "Vnet-Spoke").subnets
    own = sdk.network.subnets.get(GROUP_NAME, "Vnet-Spoke", "Snet-Endpoints")
    for shown in (inline, own):
        assert (shown.network_security_group.id, shown.route_table.id) == (NSG, TABLE)
        assert [each.service for each in shown.service_endpoints] == ["Microsoft.KeyVault"]
        assert shown.private_endpoint_network_policies == "Enabled"
    for found in (
        sdk.network.network_security_groups.get(GROUP_NAME, "Nsg-Endpoints"),
        sdk.network.route_tables.get(GROUP_NAME, "Rt-Endpoints"),
    ):
        assert [each.id for each in found.subnets] == [SUBNET]


def test_subnets_of_a_network_body_name_filters_and_several_prefixes(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    estate.put(NSG, group_body())
    body = network_body()
    [subnet] = body["properties"]["subnets"]
    subnet["properties"] = {
        "addressPrefixes": ["10.1.0.0/24", "10.1.1.0/24"],
        "networkSecurityGroup": {"id": NSG.upper()},
    }
    assert arm.put(NETWORK, body).status_code == 201
    [shown] = arm.get(NETWORK).json()["properties"]["subnets"]
    assert shown["properties"]["addressPrefixes"] == ["10.1.0.0/24", "10.1.1.0/24"]
    assert shown["properties"]["networkSecurityGroup"] == {"id": NSG.upper()}
    assert [each["id"] for each in arm.get(NSG).json()["properties"]["subnets"]] == [SUBNET]


def test_a_filter_in_use_cannot_be_deleted_until_its_subnet_lets_go(sdk: Sdk, estate: Estate) -> None:
    estate.network()
    estate.put(NSG, group_body())
    estate.put(TABLE, table_body())
    estate.put(SUBNET, filtered(networkSecurityGroup={"id": NSG}, routeTable={"id": TABLE}))
    for operations, name, code in (
        (sdk.network.network_security_groups, "Nsg-Endpoints", "InUseNetworkSecurityGroupCannotBeDeleted"),
        (sdk.network.route_tables, "Rt-Endpoints", "InUseRouteTableCannotBeDeleted"),
    ):
        with pytest.raises(HttpResponseError) as caught:
            operations.begin_delete(GROUP_NAME, name)
        assert caught.value.status_code == 400
        assert caught.value.error is not None
        assert caught.value.error.code == code
    estate.put(SUBNET, filtered())
    for operations, name in (
        (sdk.network.network_security_groups, "Nsg-Endpoints"),
        (sdk.network.route_tables, "Rt-Endpoints"),
    ):
        operations.begin_delete(GROUP_NAME, name).result()
        assert list(operations.list_all()) == []


@pytest.mark.parametrize("member", ["networkSecurityGroup", "routeTable"])
def test_a_subnet_cannot_name_a_filter_that_is_not_there(arm: ArmClient, estate: Estate, member: str) -> None:
    estate.network()
    refused = arm.put(SUBNET, filtered(**{member: {"id": NSG}}))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InvalidResourceReference")
    assert member not in arm.get(SUBNET).json()["properties"]


def test_a_busy_security_group_asks_to_come_back(held: HeldAzure) -> None:
    held.estate.group()
    assert held.arm.put(NSG, group_body()).status_code == 201
    assert held.arm.get(NSG).json()["properties"]["provisioningState"] == "Updating"
    refused = held.arm.put(f"{NSG}/securityRules/x", {"properties": rule(100)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RetryableError")
    held.time.advance(3)
    assert held.arm.put(f"{NSG}/securityRules/x", {"properties": rule(100)}).status_code == 201


def test_rights_are_asked_for_by_name(azure: LocalAzure, estate: Estate) -> None:
    estate.network()
    estate.put(NSG, group_body())
    guard = ArmClient(azure, "guard")
    azure.deny("guard", "Microsoft.Network/networkSecurityGroups/read")
    refused = guard.get(NSG)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert "'Microsoft.Network/networkSecurityGroups/read'" in refused.json()["error"]["message"]
    azure.deny("guard", "Microsoft.Network/networkSecurityGroups/join/action")
    linked = guard.put(SUBNET, filtered(networkSecurityGroup={"id": NSG}))
    assert (linked.status_code, linked.json()["error"]["code"]) == (403, "LinkedAuthorizationFailed")
    [entry] = azure.log.about(NSG)
    assert (entry.method, entry.status) == ("GET", 403)


def test_filters_go_with_their_group(arm: ArmClient, estate: Estate) -> None:
    estate.network()
    estate.put(NSG, group_body(("one", rule(100))))
    estate.put(SUBNET, filtered(networkSecurityGroup={"id": NSG}))
    assert arm.delete(GROUP).status_code == 202
    estate.group()
    assert arm.get(NSG).status_code == 404
    assert arm.get(f"{NSG}/securityRules/one").status_code == 404
