"""The SDK's network client against the local Resource Manager."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.emulator.arm.client import Sdk
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP_NAME,
    NETWORK,
    NETWORK_PROVIDER,
    SUBNET,
    ZONE,
    Estate,
    endpoint_body,
    network_body,
    zone_group_body,
)


def test_a_network_is_created_read_listed_tagged_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    networks = sdk.network.virtual_networks
    created = networks.begin_create_or_update(GROUP_NAME, "Vnet-Spoke", network_body()).result()
    assert created.id == NETWORK
    assert [subnet.id for subnet in created.subnets] == [SUBNET]
    assert networks.update_tags(GROUP_NAME, "Vnet-Spoke", {"tags": {"team": "orders"}}).tags == {"team": "orders"}
    assert [row.id for row in networks.list(GROUP_NAME)] == [NETWORK]
    assert [row.tags for row in networks.list_all()] == [{"team": "orders"}]
    networks.begin_delete(GROUP_NAME, "Vnet-Spoke").result()
    with pytest.raises(ResourceNotFoundError):
        networks.get(GROUP_NAME, "Vnet-Spoke")


def test_a_subnet_is_created_read_listed_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.network()
    subnets = sdk.network.subnets
    body = {"properties": {"addressPrefix": "10.1.7.0/24"}}
    made = subnets.begin_create_or_update(GROUP_NAME, "Vnet-Spoke", "Snet-Apps", body).result()
    assert made.address_prefix == "10.1.7.0/24"
    assert subnets.get(GROUP_NAME, "Vnet-Spoke", "snet-apps").name == "Snet-Apps"
    assert {row.name for row in subnets.list(GROUP_NAME, "Vnet-Spoke")} == {"Snet-Endpoints", "Snet-Apps"}
    subnets.begin_delete(GROUP_NAME, "Vnet-Spoke", "Snet-Apps").result()
    assert [row.name for row in subnets.list(GROUP_NAME, "Vnet-Spoke")] == ["Snet-Endpoints"]


def test_peerings_connect_when_both_sides_exist_and_disconnect_when_one_goes(sdk: Sdk, estate: Estate) -> None:
    estate.network()
    hub = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Hub"
    estate.put(hub, network_body("10.9.0.0/16", "10.9.0.0/24"))
    peerings = sdk.network.virtual_network_peerings
    first = peerings.begin_create_or_update(
        GROUP_NAME, "Vnet-Spoke", "to-hub", {"properties": {"remoteVirtualNetwork": {"id": hub}}}
    ).result()
    assert first.peering_state == "Initiated"
    second = peerings.begin_create_or_update(
        GROUP_NAME, "Vnet-Hub", "to-spoke", {"properties": {"remoteVirtualNetwork": {"id": NETWORK}}}
    ).result()
    assert second.peering_state == "Connected"
    [inline] = sdk.network.virtual_networks.get(GROUP_NAME, "Vnet-Spoke").virtual_network_peerings
    assert inline.peering_state == "Connected"
    peerings.begin_delete(GROUP_NAME, "Vnet-Hub", "to-spoke").result()
    assert list(peerings.list(GROUP_NAME, "Vnet-Hub")) == []
    assert peerings.get(GROUP_NAME, "Vnet-Spoke", "to-hub").peering_state == "Disconnected"


def test_an_endpoint_is_created_read_listed_updated_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.vault()
    estate.network()
    endpoints = sdk.network.private_endpoints
    created = endpoints.begin_create_or_update(GROUP_NAME, "Pe-Orders", endpoint_body()).result()
    assert created.id == ENDPOINT
    assert [config.fqdn for config in created.custom_dns_configs] == ["kv-orders.vault.azure.net"]
    assert [config.ip_addresses for config in created.custom_dns_configs] == [["10.1.0.4"]]
    [reference] = created.network_interfaces
    interface_name = reference.id.rsplit("/", 1)[1]
    interface = sdk.network.network_interfaces.get(GROUP_NAME, interface_name)
    [configuration] = interface.ip_configurations
    assert configuration.private_ip_address == "10.1.0.4"
    assert configuration.private_link_connection_properties.fqdns == ["kv-orders.vault.azure.net"]
    assert interface.private_endpoint.id == ENDPOINT
    tagged = {**endpoint_body(), "tags": {"team": "orders"}}
    assert endpoints.begin_create_or_update(GROUP_NAME, "Pe-Orders", tagged).result().tags == {"team": "orders"}
    assert [row.id for row in endpoints.list(GROUP_NAME)] == [ENDPOINT]
    assert [row.id for row in endpoints.list_by_subscription()] == [ENDPOINT]
    endpoints.begin_delete(GROUP_NAME, "Pe-Orders").result()
    assert list(endpoints.list(GROUP_NAME)) == []
    assert list(sdk.network.network_interfaces.list(GROUP_NAME)) == []


def test_a_zone_group_is_created_read_listed_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    groups = sdk.network.private_dns_zone_groups
    made = groups.begin_create_or_update(GROUP_NAME, "Pe-Orders", "default", zone_group_body()).result()
    [config] = made.private_dns_zone_configs
    [written] = config.record_sets
    assert (written.fqdn, written.ttl) == ("kv-orders.privatelink.vaultcore.azure.net", 10)
    assert groups.get(GROUP_NAME, "Pe-Orders", "default").provisioning_state == "Succeeded"
    listed = groups.list(private_endpoint_name="Pe-Orders", resource_group_name=GROUP_NAME)
    assert [row.name for row in listed] == ["default"]
    groups.begin_delete(GROUP_NAME, "Pe-Orders", "default").result()
    with pytest.raises(ResourceNotFoundError):
        groups.get(GROUP_NAME, "Pe-Orders", "default")


def test_a_plain_interface_takes_the_next_address_and_is_listed_in_the_subscription(sdk: Sdk, estate: Estate) -> None:
    estate.endpoint()
    body = {
        "location": "westeurope",
        "properties": {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": SUBNET}}}]},
    }
    made = sdk.network.network_interfaces.begin_create_or_update(GROUP_NAME, "Nic-Vm", body).result()
    assert made.ip_configurations[0].private_ip_address == "10.1.0.5"
    assert len(list(sdk.network.network_interfaces.list_all())) == 2
    sdk.network.network_interfaces.begin_delete(GROUP_NAME, "Nic-Vm").result()
    assert len(list(sdk.network.network_interfaces.list_all())) == 1


def test_the_interface_of_an_endpoint_cannot_be_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.endpoint()
    [interface] = sdk.network.network_interfaces.list(GROUP_NAME)
    assert interface.name is not None
    with pytest.raises(HttpResponseError) as caught:
        sdk.network.network_interfaces.begin_delete(GROUP_NAME, interface.name)
    assert caught.value.status_code == 400
    assert len(list(sdk.network.network_interfaces.list(GROUP_NAME))) == 1
