"""Resources that lie on others: diagnostic settings and role assignments of a vault."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from emulator.arm.access import Principal
from emulator.arm.ids import ResourceId
from emulator.arm.roles import role_id
from emulator.azure import SUBSCRIPTION, LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import GROUP, RECORD, SUBSCRIPTION_ID, VAULT, Estate

SETTINGS = f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings"
AUTHORIZATION = "providers/Microsoft.Authorization"
ASSIGNMENTS = f"{VAULT}/{AUTHORIZATION}/roleAssignments"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/law"
WHO = "00000000-0000-4000-8000-00000000000a"
AUDIT = {"category": "AuditEvent", "enabled": True}
API = "2021-05-01-preview"


def setting(*logs: dict[str, Any], **sinks: str) -> dict[str, Any]:
    return {"properties": {**sinks, "logs": list(logs)}}


def assignment(role: str = "Key Vault Secrets User", who: str = WHO) -> dict[str, Any]:
    return {
        "properties": {
            "roleDefinitionId": role_id(SUBSCRIPTION, role),
            "principalId": who,
            "principalType": "ServicePrincipal",
        }
    }


def named(number: int) -> str:
    return str(uuid.UUID(int=number))


def test_an_extension_id_is_read_and_written_back() -> None:
    text = f"{SETTINGS}/to-law"
    parsed = ResourceId.parse(text)
    assert parsed.text == text
    assert (parsed.type, parsed.name, parsed.base, parsed.parent) == (
        "Microsoft.Insights/diagnosticSettings",
        "to-law",
        VAULT,
        None,
    )
    assert parsed.group == ResourceId.parse(VAULT).group
    on_child = ResourceId.parse(f"{RECORD}/{AUTHORIZATION}/locks/x")
    assert on_child.base == RECORD


def test_a_diagnostic_setting_is_made_read_listed_and_deleted(azure: LocalAzure, estate: Estate) -> None:
    estate.vault()
    arm = ArmClient(azure)
    assert arm.get(SETTINGS, api=API).json() == {"value": []}
    assert arm.put(f"{SETTINGS}/to-law", setting(AUDIT, workspaceId=WORKSPACE), api=API).status_code == 200
    shown = arm.get(f"{SETTINGS}/TO-LAW", api=API).json()
    assert shown["id"] == f"{VAULT.lower()}/providers/microsoft.insights/diagnosticSettings/to-law"
    assert shown["properties"]["workspaceId"] == WORKSPACE
    assert shown["properties"]["storageAccountId"] is None
    logs = {row["category"]: row["enabled"] for row in shown["properties"]["logs"]}
    assert logs == {"AuditEvent": True, "AzurePolicyEvaluationDetails": False}
    assert arm.get(SETTINGS.upper().replace("SUBSCRIPTIONS", "subscriptions"), api=API).json()["value"] == [shown]
    [entry] = azure.log.writes()
    assert entry.action == "Microsoft.Insights/diagnosticSettings/write"
    assert entry.resource_id == f"{SETTINGS}/to-law"
    assert arm.delete(f"{SETTINGS}/to-law", api=API).status_code == 200
    assert arm.delete(f"{SETTINGS}/to-law", api=API).status_code == 204
    assert arm.get(f"{SETTINGS}/to-law", api=API).status_code == 404


def test_a_category_group_comes_back_alone(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    group = {"categoryGroup": "audit", "enabled": True}
    [log] = arm.put(f"{SETTINGS}/x", setting(group, workspaceId=WORKSPACE), api=API).json()["properties"]["logs"]
    assert (log["categoryGroup"], log["category"], log["enabled"]) == ("audit", None, True)


@pytest.mark.parametrize("body", [setting(AUDIT), setting({"category": "Nonsense"}, workspaceId=WORKSPACE)])
def test_a_setting_without_a_sink_or_of_an_unknown_category_is_refused(
    arm: ArmClient, estate: Estate, body: dict[str, Any]
) -> None:
    estate.vault()
    assert arm.put(f"{SETTINGS}/x", body, api=API).status_code == 400
    assert arm.get(SETTINGS, api=API).json() == {"value": []}


def test_five_settings_are_the_most(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    codes = [
        arm.put(f"{SETTINGS}/s{number}", setting(AUDIT, workspaceId=WORKSPACE), api=API).status_code
        for number in range(6)
    ]
    assert codes == [200] * 5 + [400]
    assert arm.put(f"{SETTINGS}/s0", setting(AUDIT, workspaceId=WORKSPACE), api=API).status_code == 200


def test_settings_of_an_absent_vault_are_not_found_and_outlive_a_deleted_one(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    assert arm.get(SETTINGS, api=API).status_code == 404
    estate.vault()
    estate.put(f"{SETTINGS}/to-law", setting(AUDIT, workspaceId=WORKSPACE))
    estate.delete(VAULT)
    assert arm.get(SETTINGS, api=API).status_code == 404
    estate.put(VAULT, {"location": "westeurope", "properties": {"createMode": "recover"}})
    assert [row["name"] for row in arm.get(SETTINGS, api=API).json()["value"]] == ["to-law"]


@pytest.mark.parametrize(
    ("path", "action"),
    [
        (SETTINGS, "Microsoft.Insights/diagnosticSettings/read"),
        (ASSIGNMENTS, "Microsoft.Authorization/roleAssignments/read"),
        (f"{SUBSCRIPTION_ID}/{AUTHORIZATION}/roleDefinitions", "Microsoft.Authorization/roleDefinitions/read"),
        (f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/deletedVaults", "Microsoft.KeyVault/deletedVaults/read"),
    ],
)
def test_a_missing_right_is_named(azure: LocalAzure, estate: Estate, path: str, action: str) -> None:
    estate.vault()
    azure.deny("guard", action)
    refused = ArmClient(azure, "guard").get(path)
    who = Principal.named("guard")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert f"'{who.oid}' does not have authorization to perform action '{action}'" in refused.json()["error"]["message"]
    assert ArmClient(azure).get(path).status_code == 200


def test_a_right_on_the_vault_covers_what_lies_on_it(azure: LocalAzure, estate: Estate) -> None:
    estate.vault()
    azure.grant("guard", ["*/read"], scope=VAULT)
    assert ArmClient(azure, "guard").get(SETTINGS, api=API).status_code == 200
    azure.service.world.access.restore("guard")
    azure.grant("guard", ["*/read"], scope=f"{VAULT}x")
    assert ArmClient(azure, "guard").get(SETTINGS, api=API).status_code == 403


def test_assignments_are_inherited_from_above_and_hidden_from_below(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    other = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-other"
    estate.put(other, {"location": "westeurope", "properties": {"sku": {"name": "standard"}, "tenantId": WHO}})
    for number, scope in enumerate((SUBSCRIPTION_ID, GROUP, VAULT, other), 1):
        path = f"{scope}/{AUTHORIZATION}/roleAssignments/{named(number)}"
        assert arm.put(path, assignment(who=named(100 + number))).status_code == 201

    def principals(scope: str, query: str = "") -> list[str]:
        rows = arm.get(f"{scope}/{AUTHORIZATION}/roleAssignments{query}").json()["value"]
        return [row["properties"]["principalId"] for row in rows]

    assert principals(VAULT, "?$filter=atScope()") == [named(101), named(102), named(103)]
    assert principals(GROUP, "?$filter=atScope()") == [named(101), named(102)]
    assert principals(GROUP) == [named(101), named(102), named(103), named(104)]
    assert principals(VAULT, f"?$filter=principalId eq '{named(103)}'") == [named(103)]
    shown = arm.get(f"{ASSIGNMENTS}/{named(3)}").json()
    assert shown["properties"]["scope"] == VAULT
    assert shown["id"] == f"{ASSIGNMENTS}/{named(3)}"
    assert arm.delete(f"{ASSIGNMENTS}/{named(3)}").status_code == 200
    assert arm.delete(f"{ASSIGNMENTS}/{named(3)}").status_code == 204
    assert principals(VAULT, "?$filter=atScope()") == [named(101), named(102)]


def test_what_a_vault_reader_sees_includes_what_is_inherited(azure: LocalAzure, estate: Estate) -> None:
    estate.vault()
    estate.put(f"{SUBSCRIPTION_ID}/{AUTHORIZATION}/roleAssignments/{named(1)}", assignment())
    azure.grant("guard", ["*/read"], scope=VAULT)
    rows = ArmClient(azure, "guard").get(f"{ASSIGNMENTS}?$filter=atScope()").json()["value"]
    assert [row["properties"]["scope"] for row in rows] == [SUBSCRIPTION_ID]


def test_assignments_that_make_no_sense_are_refused(arm: ArmClient, estate: Estate) -> None:
    estate.vault()

    def code(path: str, body: dict[str, Any]) -> tuple[int, str]:
        answer = arm.put(path, body)
        return answer.status_code, answer.json()["error"]["code"]

    unknown = assignment()
    unknown["properties"]["roleDefinitionId"] = f"{SUBSCRIPTION_ID}/{AUTHORIZATION}/roleDefinitions/{named(9)}"
    assert code(f"{ASSIGNMENTS}/reader", assignment()) == (400, "InvalidRoleAssignmentId")
    assert code(f"{ASSIGNMENTS}/{named(1)}", unknown) == (400, "RoleDefinitionDoesNotExist")
    assert arm.put(f"{ASSIGNMENTS}/{named(1)}", assignment()).status_code == 201
    assert code(f"{ASSIGNMENTS}/{named(2)}", assignment()) == (409, "RoleAssignmentExists")
    assert code(f"{VAULT}x/{AUTHORIZATION}/roleAssignments/{named(3)}", assignment()) == (404, "ResourceNotFound")


def test_a_built_in_role_tells_its_data_actions(arm: ArmClient) -> None:
    [role] = arm.get(
        f"{SUBSCRIPTION_ID}/{AUTHORIZATION}/roleDefinitions?$filter=roleName eq 'Key Vault Secrets User'"
    ).json()["value"]
    [permission] = arm.get(role["id"]).json()["properties"]["permissions"]
    assert permission["dataActions"] == [
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    ]
    assert role["properties"]["type"] == "BuiltInRole"


def test_a_custom_role_is_made_assigned_and_deleted_after_its_assignment(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    role = f"{SUBSCRIPTION_ID}/{AUTHORIZATION}/roleDefinitions/{named(7)}"
    body = {
        "properties": {
            "roleName": "Everything",
            "assignableScopes": [SUBSCRIPTION_ID],
            "permissions": [{"dataActions": ["Microsoft.KeyVault/vaults/*"]}],
        }
    }
    assert arm.get(role).status_code == 404
    assert arm.put(role, body).status_code == 201
    given = assignment()
    given["properties"]["roleDefinitionId"] = role
    assert arm.put(f"{ASSIGNMENTS}/{named(1)}", given).status_code == 201
    refused = arm.delete(role)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "RoleDefinitionHasAssignments")
    arm.delete(f"{ASSIGNMENTS}/{named(1)}")
    assert arm.delete(role).status_code == 200
    assert arm.get(role).status_code == 404


def test_role_assignments_do_not_survive_a_deleted_vault(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    estate.put(f"{ASSIGNMENTS}/{named(1)}", assignment())
    estate.delete(VAULT)
    estate.put(VAULT, {"location": "westeurope", "properties": {"createMode": "recover"}})
    assert arm.get(ASSIGNMENTS).json()["value"] == []
