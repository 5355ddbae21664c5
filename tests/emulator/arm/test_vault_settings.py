"""What a vault keeps of its settings, and its life after deletion."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import GROUP_NAME, LOCATION, SUBSCRIPTION_ID, VAULT, Estate, vault_body

RECOVER = {"location": LOCATION, "properties": {"createMode": "recover"}}
DELETED = f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/deletedVaults"


def rbac(arm: ArmClient) -> Any:
    return arm.get(VAULT).json()["properties"].get("enableRbacAuthorization")


def test_a_new_vault_uses_roles_from_api_version_2026_02_on(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    arm.put(VAULT, vault_body(), api="2025-05-01")
    assert rbac(arm) is False
    arm.put(VAULT, vault_body(), api="2026-02-01")
    assert rbac(arm) is False, "an existing vault keeps what it has"
    other = f"{VAULT}-2"
    arm.put(other, vault_body(), api="2026-02-01")
    assert arm.get(other).json()["properties"]["enableRbacAuthorization"] is True
    third = f"{VAULT}-3"
    arm.put(third, vault_body(enableRbacAuthorization=False), api="2026-02-01")
    assert arm.get(third).json()["properties"]["enableRbacAuthorization"] is False


def test_settings_come_back_as_sent(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    policy = {"tenantId": "t", "objectId": "o", "permissions": {"secrets": ["all"]}}
    body = vault_body(
        enabledForDeployment=True,
        enabledForTemplateDeployment=True,
        enabledForDiskEncryption=False,
        enablePurgeProtection=True,
        softDeleteRetentionInDays=7,
        enableRbacAuthorization=False,
        accessPolicies=[policy],
    )
    sdk.keyvault.vaults.begin_create_or_update(GROUP_NAME, "Kv-Orders", {**body, "tags": {"Team": "x"}}).result()
    read = sdk.keyvault.vaults.get(GROUP_NAME, "Kv-Orders")
    shown = read.properties
    assert (shown.enabled_for_deployment, shown.enabled_for_template_deployment) == (True, True)
    assert shown.enabled_for_disk_encryption is False
    assert (shown.enable_purge_protection, shown.enable_soft_delete) == (True, True)
    assert shown.soft_delete_retention_in_days == 7
    assert shown.enable_rbac_authorization is False
    assert [each.permissions.secrets for each in shown.access_policies] == [["all"]]
    assert read.tags == {"Team": "x"}


def test_purge_protection_cannot_be_taken_back(arm: ArmClient, estate: Estate) -> None:
    estate.vault(enablePurgeProtection=True)
    off = {"properties": {"enablePurgeProtection": False}}
    refused = arm.patch(VAULT, off)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")
    assert arm.put(VAULT, vault_body(enablePurgeProtection=False)).status_code == 400
    assert arm.put(VAULT, vault_body()).status_code == 200
    assert arm.get(VAULT).json()["properties"]["enablePurgeProtection"] is True


def test_a_protected_vault_is_not_purged(sdk: Sdk, estate: Estate) -> None:
    estate.vault(enablePurgeProtection=True)
    sdk.keyvault.vaults.delete(GROUP_NAME, "Kv-Orders")
    assert sdk.keyvault.vaults.get_deleted("Kv-Orders", LOCATION).properties.purge_protection_enabled is True
    with pytest.raises(HttpResponseError) as caught:
        sdk.keyvault.vaults.begin_purge_deleted("Kv-Orders", LOCATION)
    assert caught.value.status_code == 405
    assert [row.name for row in sdk.keyvault.vaults.list_deleted()] == ["Kv-Orders"]


def test_a_deleted_vault_is_recovered_with_its_settings_and_without_connections(sdk: Sdk, estate: Estate) -> None:
    estate.endpoint()
    sdk.keyvault.vaults.update(GROUP_NAME, "Kv-Orders", {"tags": {"team": "orders"}})
    sdk.keyvault.vaults.delete(GROUP_NAME, "Kv-Orders")
    assert [row.properties.vault_id for row in sdk.keyvault.vaults.list_deleted()] == [VAULT]
    recovered = sdk.keyvault.vaults.begin_create_or_update(GROUP_NAME, "Kv-Orders", RECOVER).result()
    assert (recovered.id, recovered.tags) == (VAULT, {"team": "orders"})
    assert not recovered.properties.private_endpoint_connections
    assert list(sdk.keyvault.vaults.list_deleted()) == []


def test_deleted_vaults_are_listed_by_their_own_subscription(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    second = "22222222-2222-4333-8444-555555555555"
    azure.service.world.store.add_subscription(second, "Second")
    estate.vault()
    estate.delete(VAULT)
    [row] = arm.get(DELETED).json()["value"]
    assert row["properties"]["vaultId"] == VAULT
    assert arm.get(DELETED.replace(SUBSCRIPTION_ID, f"/subscriptions/{second}")).json()["value"] == []
