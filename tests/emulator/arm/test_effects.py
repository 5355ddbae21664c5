"""What Azure does on its own when an endpoint or a zone group comes or goes, and how it spells things."""

import re
from typing import Any

import pytest

from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    SUBNET,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_NAME,
    Estate,
    endpoint_body,
    network_body,
    record_body,
    vault_body,
    zone_group_body,
)


def _properties(arm: ArmClient, path: str, **options: Any) -> dict[str, Any]:
    answer = arm.get(path, **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["properties"]
    return found


def _connections(arm: ArmClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = arm.get(f"{VAULT}/privateEndpointConnections").json()["value"]
    return rows


def test_an_endpoint_gets_interface_address_and_approved_connection(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint()
    [interface] = arm.get(f"{NETWORK_PROVIDER}/networkInterfaces").json()["value"]
    assert re.fullmatch(r"Pe-Orders\.nic\.[0-9a-f-]{36}", interface["name"])
    assert interface["managedBy"] == ENDPOINT
    assert interface["properties"]["macAddress"] == ""
    [configuration] = interface["properties"]["ipConfigurations"]
    assert configuration["properties"]["privateIPAddress"] == "10.1.0.4"
    [connection] = _connections(arm)
    assert connection["name"] != "Pe-Orders"
    assert connection["properties"]["privateEndpoint"]["id"] == ENDPOINT
    state = connection["properties"]["privateLinkServiceConnectionState"]
    assert state == {"status": "Approved", "actionsRequired": "None"}
    assert "etag" not in connection


def test_addresses_begin_at_the_fourth_and_end_before_the_broadcast(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    estate.put(NETWORK, network_body(subnet="10.1.0.0/29"))
    given = []
    for number in range(3):
        path = f"{NETWORK_PROVIDER}/privateEndpoints/pe-{number}"
        assert arm.put(path, endpoint_body()).status_code == 201
        given.append(_properties(arm, path)["customDnsConfigs"][0]["ipAddresses"][0])
    assert given == ["10.1.0.4", "10.1.0.5", "10.1.0.6"]
    full = arm.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-3", endpoint_body())
    assert (full.status_code, full.json()["error"]["code"]) == (400, "SubnetIsFull")
    assert arm.get(f"{NETWORK_PROVIDER}/privateEndpoints/pe-3").status_code == 404


def test_a_freed_address_is_given_again(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint()
    arm.delete(ENDPOINT)
    other = f"{NETWORK_PROVIDER}/privateEndpoints/pe-other"
    arm.put(other, endpoint_body())
    assert _properties(arm, other)["customDnsConfigs"][0]["ipAddresses"] == ["10.1.0.4"]


def test_a_static_address_and_an_own_interface_name_are_kept(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    estate.network()
    static = {
        "name": "fixed",
        "properties": {"groupId": "vault", "memberName": "default", "privateIPAddress": "10.1.0.77"},
    }
    body = endpoint_body(ipConfigurations=[static], customNetworkInterfaceName="Nic-Orders")
    arm.put(ENDPOINT, body)
    properties = _properties(arm, ENDPOINT)
    assert properties["ipConfigurations"] == [static]
    assert properties["networkInterfaces"] == [{"id": f"{NETWORK_PROVIDER}/networkInterfaces/Nic-Orders"}]
    assert properties["customDnsConfigs"][0]["ipAddresses"] == ["10.1.0.77"]
    again = arm.put(f"{NETWORK_PROVIDER}/privateEndpoints/second", body)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "PrivateIPAddressInUse")


def test_a_manual_endpoint_waits_for_approval_on_both_sides(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint(manual=True)
    properties = _properties(arm, ENDPOINT)
    assert properties["privateLinkServiceConnections"] == []
    [manual] = properties["manualPrivateLinkServiceConnections"]
    state = manual["properties"]["privateLinkServiceConnectionState"]
    assert state == {"status": "Pending", "description": "Awaiting Approval", "actionsRequired": "None"}
    [connection] = _connections(arm)
    assert connection["properties"]["privateLinkServiceConnectionState"]["status"] == "Pending"


def test_a_decision_gives_the_connection_an_unquoted_etag(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint(manual=True)
    [connection] = _connections(arm)
    body = {"properties": {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "no"}}}
    arm.put(connection["id"], body)
    rejected = arm.get(connection["id"]).json()
    assert re.fullmatch(r"[0-9a-f]{32}", rejected["etag"])
    [nested] = _properties(arm, VAULT)["privateEndpointConnections"]
    assert nested["etag"] == rejected["etag"]
    assert not {"name", "type", "location"} & set(nested)
    [manual] = _properties(arm, ENDPOINT)["manualPrivateLinkServiceConnections"]
    mirrored = manual["properties"]["privateLinkServiceConnectionState"]
    assert (mirrored["status"], mirrored["description"]) == ("Rejected", "no")


def test_deleting_an_endpoint_leaves_a_disconnected_connection(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint()
    arm.delete(ENDPOINT)
    [connection] = _connections(arm)
    assert connection["properties"]["privateLinkServiceConnectionState"]["status"] == "Disconnected"
    assert arm.get(f"{NETWORK_PROVIDER}/networkInterfaces").json()["value"] == []


def test_deleting_an_endpoint_removes_the_connection_by_switch(
    arm: ArmClient, estate: Estate, azure: LocalAzure
) -> None:
    azure.switches.connection_removed_with_endpoint = True
    estate.endpoint()
    arm.delete(ENDPOINT)
    assert _connections(arm) == []


def test_deleting_a_vault_disconnects_its_endpoints(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint()
    arm.delete(VAULT)
    [service] = _properties(arm, ENDPOINT)["privateLinkServiceConnections"]
    assert service["properties"]["privateLinkServiceConnectionState"]["status"] == "Disconnected"


def test_the_second_zone_group_overwrites_and_the_first_no_longer_removes(arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    other = f"{NETWORK_PROVIDER}/privateEndpoints/Pe-Second"
    estate.put(other, endpoint_body())
    estate.put(f"{other}/privateDnsZoneGroups/default", zone_group_body())
    assert _properties(arm, RECORD)["aRecords"] == [{"ipv4Address": "10.1.0.5"}]
    assert "Pe-Second" in _properties(arm, RECORD)["metadata"]["creator"]
    arm.delete(ENDPOINT)
    assert _properties(arm, RECORD)["aRecords"] == [{"ipv4Address": "10.1.0.5"}]
    arm.delete(other)
    assert arm.get(RECORD).status_code == 404


@pytest.mark.parametrize(("emptied", "count"), [(True, 0), (False, 1)])
def test_custom_dns_configs_with_a_zone_group_follow_the_switch(
    arm: ArmClient, estate: Estate, azure: LocalAzure, *, emptied: bool, count: int
) -> None:
    azure.switches.custom_dns_configs_emptied_by_zone_group = emptied
    estate.everything()
    assert len(_properties(arm, ENDPOINT)["customDnsConfigs"]) == count


def test_a_subnet_shows_what_lies_in_it_in_upper_case(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint()
    properties = _properties(arm, SUBNET)
    [endpoint] = properties["privateEndpoints"]
    upper = "RG-KV-PROD/providers/Microsoft.Network/privateEndpoints/PE-ORDERS"
    assert endpoint["id"].endswith(f"/resourceGroups/{upper}")
    [configuration] = properties["ipConfigurations"]
    assert "/networkInterfaces/PE-ORDERS.NIC." in configuration["id"]
    assert "/ipConfigurations/PRIVATEENDPOINTIPCONFIG." in configuration["id"]
    [inline] = _properties(arm, NETWORK)["subnets"]
    assert inline["properties"]["privateEndpoints"] == [endpoint]
    assert arm.get(endpoint["id"]).json()["id"] == ENDPOINT


def test_absence_in_a_vault_is_absence_of_the_member(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    properties = _properties(arm, VAULT)
    assert "networkAcls" not in properties
    assert "privateEndpointConnections" not in properties
    assert properties["publicNetworkAccess"] == "Enabled"


@pytest.mark.parametrize(
    ("api", "shown"), [("2019-09-01", False), ("2021-04-01-preview", False), ("2021-06-01-preview", True)]
)
def test_public_network_access_appears_with_api_version_2021_06(
    arm: ArmClient, estate: Estate, api: str, *, shown: bool
) -> None:
    estate.vault(publicNetworkAccess="Disabled")
    assert ("publicNetworkAccess" in _properties(arm, VAULT, api=api)) is shown


def test_default_network_rules_come_back_as_none_at_all(arm: ArmClient, estate: Estate) -> None:
    estate.vault(networkAcls={"bypass": "AzureServices", "defaultAction": "Allow"})
    assert "networkAcls" not in _properties(arm, VAULT)
    estate.put(
        VAULT,
        vault_body(networkAcls={"bypass": "None", "defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}]}),
    )
    assert _properties(arm, VAULT)["networkAcls"] == {
        "bypass": "None",
        "defaultAction": "Deny",
        "ipRules": [{"value": "203.0.113.7/32"}],
        "virtualNetworkRules": [],
    }


def test_the_vault_address_ends_in_a_slash_in_get_only(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    made = arm.put(VAULT, vault_body())
    assert made.json()["properties"]["vaultUri"] == "https://kv-orders.vault.azure.net"
    assert _properties(arm, VAULT)["vaultUri"] == "https://kv-orders.vault.azure.net/"


def test_a_patch_of_public_access_changes_nothing_else(arm: ArmClient, estate: Estate) -> None:
    estate.vault(networkAcls={"bypass": "None", "defaultAction": "Deny"}, enableRbacAuthorization=True)
    before = _properties(arm, VAULT)
    arm.patch(VAULT, {"properties": {"publicNetworkAccess": "Disabled"}})
    assert _properties(arm, VAULT) == {**before, "publicNetworkAccess": "Disabled"}


def test_the_caller_s_spelling_is_kept_and_any_spelling_is_found(arm: ArmClient, estate: Estate) -> None:
    estate.vault(sku={"family": "A", "name": "Standard"})
    assert _properties(arm, VAULT)["sku"]["name"] == "Standard"
    assert arm.get(VAULT.upper().replace("SUBSCRIPTIONS", "subscriptions")).json()["id"] == VAULT
    assert arm.get(VAULT.lower()).json()["id"] == VAULT


def test_a_zone_escapes_slashes_and_counts_its_soa(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    answer = arm.get(ZONE)
    assert rb"\/subscriptions\/" in answer.content
    assert b'"/' not in answer.content
    assert answer.json()["properties"]["numberOfRecordSets"] == 1
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.json()["etag"])
    assert answer.headers["ETag"] == answer.json()["etag"]
    [authority] = arm.get(f"{ZONE}/SOA").json()["value"]
    assert authority["name"] == "@"
    assert b"\\/" not in arm.get(f"{ZONE}/SOA").content


def test_the_type_of_a_record_is_found_in_any_case_and_written_back_upper(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    made = arm.put(f"{ZONE}/a/Kv-Orders", record_body("10.1.0.4"))
    assert made.json()["id"] == RECORD
    assert made.json()["type"] == "Microsoft.Network/privateDnsZones/A"
    assert "location" not in made.json()
    assert "metadata" not in made.json()["properties"]


def test_a_record_set_without_addresses_exists(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    assert arm.put(RECORD, record_body()).status_code == 201
    assert _properties(arm, RECORD)["aRecords"] == []


def test_an_unconditional_put_loses_addresses_and_metadata(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    arm.put(RECORD, record_body("10.1.0.4", "10.1.0.5", metadata={"owner": "somebody"}))
    arm.put(RECORD, record_body("10.1.0.6"))
    properties = _properties(arm, RECORD)
    assert properties["aRecords"] == [{"ipv4Address": "10.1.0.6"}]
    assert "metadata" not in properties


def test_an_automatically_registered_record_says_so(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    estate.zone()
    azure.seed_auto_registered(ZONE, "vm-1", "10.1.0.9")
    assert _properties(arm, f"{ZONE}/A/vm-1")["isAutoRegistered"] is True


def test_rulesets_are_listed_for_the_network_they_are_linked_to(arm: ArmClient, estate: Estate) -> None:
    estate.network()
    ruleset = f"{NETWORK_PROVIDER}/dnsForwardingRulesets/Rules-Hub"
    body = {"location": "westeurope", "properties": {"dnsResolverOutboundEndpoints": [{"id": f"{GROUP}/x"}]}}
    assert arm.put(ruleset, body).status_code == 201
    rule = {
        "properties": {
            "domainName": "vault.azure.net.",
            "targetDnsServers": [{"ipAddress": "10.9.0.4", "port": 53}],
            "forwardingRuleState": "Enabled",
        }
    }
    assert arm.put(f"{ruleset}/forwardingRules/vault", rule).status_code == 201
    link = f"{ruleset}/virtualNetworkLinks/spoke"
    assert arm.put(link, {"properties": {"virtualNetwork": {"id": NETWORK}}}).status_code == 201
    listed = arm.call("POST", f"{NETWORK}/listDnsForwardingRulesets").json()["value"]
    assert listed == [{"id": ruleset, "properties": {"virtualNetworkLink": {"id": link}}}]
    subscription = f"/subscriptions/{GROUP.split('/')[2]}/providers/Microsoft.Network/dnsForwardingRulesets"
    assert [row["id"] for row in arm.get(subscription).json()["value"]] == [ruleset]
    [found] = arm.get(f"{ruleset}/forwardingRules").json()["value"]
    assert found["properties"]["domainName"] == "vault.azure.net."
    assert arm.delete(link).status_code == 202
    assert arm.call("POST", f"{NETWORK}/listDnsForwardingRulesets").json()["value"] == []


def test_a_custom_dns_server_of_a_network_comes_back(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    body = network_body()
    body["properties"]["dhcpOptions"] = {"dnsServers": ["10.9.0.4"]}
    arm.put(NETWORK, body)
    assert _properties(arm, NETWORK)["dhcpOptions"] == {"dnsServers": ["10.9.0.4"]}


def test_an_endpoint_of_another_service_has_no_vault_name(arm: ArmClient, estate: Estate) -> None:
    estate.network()
    storage = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store"
    body = endpoint_body(vault=storage)
    body["properties"]["privateLinkServiceConnections"][0]["properties"]["groupIds"] = ["blob"]
    assert arm.put(ENDPOINT, body).status_code == 201
    assert _properties(arm, ENDPOINT)["customDnsConfigs"] == []


def test_zone_names_are_the_last_part_of_a_zone_id(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    assert arm.get(ZONE).json()["name"] == ZONE_NAME
    assert arm.get(ZONE_GROUP).json()["error"]["code"] == "ParentResourceNotFound"
