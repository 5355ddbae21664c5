"""The SDK's Key Vault client against the local Resource Manager."""

import pytest
from azure.core.exceptions import ResourceNotFoundError

from emulator.azure import LocalAzure
from tests.emulator.arm.client import Sdk
from tests.emulator.arm.estate import GROUP_NAME, VAULT, Estate, vault_body


def test_a_vault_is_created_read_listed_patched_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    vaults = sdk.keyvault.vaults
    created = vaults.begin_create_or_update(GROUP_NAME, "Kv-Orders", vault_body()).result()
    assert created.id == VAULT
    assert created.properties.provisioning_state == "Succeeded"
    assert created.properties.vault_uri == "https://kv-orders.vault.azure.net/"
    patched = vaults.update(GROUP_NAME, "Kv-Orders", {"properties": {"publicNetworkAccess": "Disabled"}})
    assert patched.properties.public_network_access == "Disabled"
    assert vaults.get(GROUP_NAME, "kv-orders").properties.public_network_access == "Disabled"
    assert [row.id for row in vaults.list_by_subscription()] == [VAULT]
    assert [row.properties.tenant_id for row in vaults.list_by_resource_group(GROUP_NAME)] == [
        created.properties.tenant_id
    ]
    vaults.delete(GROUP_NAME, "Kv-Orders")
    with pytest.raises(ResourceNotFoundError):
        vaults.get(GROUP_NAME, "Kv-Orders")


def test_a_deleted_vault_blocks_its_name_until_it_is_purged(sdk: Sdk, estate: Estate) -> None:
    estate.vault()
    vaults = sdk.keyvault.vaults
    vaults.delete(GROUP_NAME, "Kv-Orders")
    assert [row.name for row in vaults.list_deleted()] == ["Kv-Orders"]
    assert vaults.get_deleted("Kv-Orders", "westeurope").properties.vault_id == VAULT
    vaults.begin_purge_deleted("Kv-Orders", "westeurope").result()
    with pytest.raises(ResourceNotFoundError) as caught:
        vaults.get_deleted("Kv-Orders", "westeurope")
    assert caught.value.error is not None
    assert caught.value.error.code == "DeletedVaultNotFound"
    estate.vault()
    assert vaults.get(GROUP_NAME, "Kv-Orders").id == VAULT


def test_a_pending_connection_is_listed_approved_and_deleted(sdk: Sdk, estate: Estate, azure: LocalAzure) -> None:
    estate.endpoint(manual=True)
    connections = sdk.keyvault.private_endpoint_connections
    [pending] = connections.list_by_resource(GROUP_NAME, "Kv-Orders")
    assert pending.name is not None
    assert pending.properties.private_link_service_connection_state.status == "Pending"
    state = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "fine"}}}
    connections.put(GROUP_NAME, "Kv-Orders", pending.name, state)
    approved = connections.get(GROUP_NAME, "Kv-Orders", pending.name)
    assert approved.properties.private_link_service_connection_state.status == "Approved"
    endpoint = sdk.network.private_endpoints.get(GROUP_NAME, "Pe-Orders")
    [manual] = endpoint.manual_private_link_service_connections
    assert manual.private_link_service_connection_state.status == "Approved"
    connections.begin_delete(GROUP_NAME, "Kv-Orders", pending.name).result()
    assert list(connections.list_by_resource(GROUP_NAME, "Kv-Orders")) == []
    assert [entry.method for entry in azure.log.about(f"{VAULT}/privateEndpointConnections/{pending.name}")][:2] == [
        "PUT",
        "GET",
    ]


def test_access_policies_are_added_and_removed(sdk: Sdk, estate: Estate) -> None:
    estate.vault()
    policy = {
        "tenantId": "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10",
        "objectId": "00000000-0000-4000-8000-000000000001",
        "permissions": {"secrets": ["Get"]},
    }
    body = {"properties": {"accessPolicies": [policy]}}
    sdk.keyvault.vaults.update_access_policy(GROUP_NAME, "Kv-Orders", "add", body)
    [kept] = sdk.keyvault.vaults.get(GROUP_NAME, "Kv-Orders").properties.access_policies
    assert kept.permissions.secrets == ["Get"]
    sdk.keyvault.vaults.update_access_policy(GROUP_NAME, "Kv-Orders", "remove", body)
    assert sdk.keyvault.vaults.get(GROUP_NAME, "Kv-Orders").properties.access_policies == []
