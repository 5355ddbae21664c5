"""Zones, links and zone groups as changes meet them: preconditions, wrong zones, endpoints that go."""

from __future__ import annotations

from typing import Any

from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP_NAME,
    LINK,
    NETWORK_PROVIDER,
    RECORD,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_NAME,
    Estate,
    link_body,
    zone_group_body,
)


def test_a_zone_is_created_only_where_there_is_none(sdk: Sdk, arm: ArmClient, estate: Estate) -> None:
    estate.group()
    missing = {"If-None-Match": "*"}
    assert arm.put(ZONE, {"location": "global"}, headers=missing).status_code == 202
    refused = arm.put(ZONE, {"location": "global"}, headers=missing)
    assert (refused.status_code, refused.json()["code"]) == (412, "PreconditionFailed")
    etag = sdk.privatedns.private_zones.get(GROUP_NAME, ZONE_NAME).etag
    assert arm.delete(ZONE, headers={"If-Match": "stale"}).status_code == 412
    assert arm.delete(ZONE, headers={"If-Match": etag}).status_code == 202
    assert arm.get(ZONE).status_code == 404


def test_the_registration_of_a_link_is_put_under_its_etag(sdk: Sdk, arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    links = sdk.privatedns.virtual_network_links
    before = links.get(GROUP_NAME, ZONE_NAME, "Link-Spoke")
    assert arm.put(LINK, link_body(registrationEnabled=True), headers={"If-Match": before.etag}).status_code == 202
    after = links.get(GROUP_NAME, ZONE_NAME, "Link-Spoke")
    assert after.properties.registration_enabled is True
    assert after.etag != before.etag
    assert arm.put(LINK, link_body(), headers={"If-Match": before.etag}).status_code == 412
    assert links.get(GROUP_NAME, ZONE_NAME, "Link-Spoke").properties.registration_enabled is True


def test_a_zone_group_writes_into_a_zone_of_another_name_and_moves_when_put_again(
    sdk: Sdk, arm: ArmClient, estate: Estate
) -> None:
    estate.endpoint()
    wrong = f"{NETWORK_PROVIDER}/privateDnsZones/privatelink.vault.azure.net"
    for zone in (ZONE, wrong):
        estate.put(zone, {"location": "global"})
    groups = sdk.network.private_dns_zone_groups
    groups.begin_create_or_update(GROUP_NAME, "Pe-Orders", "default", zone_group_body(wrong)).result()
    assert arm.get(f"{wrong}/A/kv-orders").status_code == 200
    assert arm.get(RECORD).status_code == 404
    groups.begin_create_or_update(GROUP_NAME, "Pe-Orders", "default", zone_group_body()).result()
    assert arm.get(f"{wrong}/A/kv-orders").status_code == 404
    assert arm.get(RECORD).json()["properties"]["ttl"] == 10


def test_an_endpoint_takes_interface_group_and_record_along(sdk: Sdk, arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    endpoint = sdk.network.private_endpoints.get(GROUP_NAME, "Pe-Orders")
    [interface] = endpoint.network_interfaces
    sdk.network.private_endpoints.begin_delete(GROUP_NAME, "Pe-Orders").result()
    for gone in (ENDPOINT, interface.id, ZONE_GROUP, RECORD):
        assert arm.get(gone).status_code == 404, gone
    [left] = arm.get(VAULT).json()["properties"]["privateEndpointConnections"]
    assert left["properties"]["privateLinkServiceConnectionState"]["status"] == "Disconnected"


def test_endpoints_are_listed_for_the_whole_subscription(sdk: Sdk, estate: Estate) -> None:
    estate.endpoint()
    [row] = sdk.network.private_endpoints.list_by_subscription()
    assert row.id == ENDPOINT
    [link] = row.private_link_service_connections
    assert link.private_link_service_id == VAULT


def test_an_alias_is_read_and_listed_by_type(sdk: Sdk, estate: Estate) -> None:
    estate.zone()
    records = sdk.privatedns.record_sets
    alias: dict[str, Any] = {"properties": {"ttl": 60, "cnameRecord": {"cname": "elsewhere.example.com"}}}
    records.create_or_update(GROUP_NAME, ZONE_NAME, "CNAME", "Kv-Orders", alias)
    read = records.get(GROUP_NAME, ZONE_NAME, "CNAME", "kv-orders")
    assert read.properties.cname_record.cname == "elsewhere.example.com"
    assert [row.name for row in records.list_by_type(GROUP_NAME, ZONE_NAME, "CNAME")] == ["kv-orders"]
    assert list(records.list_by_type(GROUP_NAME, ZONE_NAME, "A")) == []


def test_a_plain_interface_keeps_its_dns_servers(sdk: Sdk, estate: Estate) -> None:
    estate.network()
    subnet = {"id": f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Spoke/subnets/Snet-Endpoints"}
    body = {
        "location": "westeurope",
        "properties": {
            "ipConfigurations": [{"name": "one", "properties": {"subnet": subnet}}],
            "dnsSettings": {"dnsServers": ["10.9.0.4"]},
        },
    }
    sdk.network.network_interfaces.begin_create_or_update(GROUP_NAME, "nic", body).result()
    assert sdk.network.network_interfaces.get(GROUP_NAME, "nic").dns_settings.dns_servers == ["10.9.0.4"]
