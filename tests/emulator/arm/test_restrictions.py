"""Locks, denials by Azure Policy and deny assignments: whom and what they stop, and how Azure words it."""

import json

import pytest

from emulator.arm.access import Principal
from emulator.arm.restrictions import LockLevel
from emulator.azure import SUBSCRIPTION, LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import GROUP, LINK, RECORD, SUBSCRIPTION_ID, VAULT, ZONE, Estate, link_body, record_body
from tests.emulator.arm.inprocess import Local, Reply

GUARD = Principal.named("guard")


def _code(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["error"]["code"]


@pytest.mark.parametrize("scope", [RECORD, ZONE, GROUP, SUBSCRIPTION_ID, ZONE.upper()])
def test_a_read_only_lock_stops_writes_at_and_below_its_scope(scope: str) -> None:
    local = Local()
    local.estate.zone()
    local.service.world.restrictions.lock(scope)
    refused = local.put(RECORD, record_body("10.1.0.4"))
    assert refused.status == 409
    assert refused.body["error"] == {
        "code": "ScopeLocked",
        "message": f"The scope '{RECORD}' cannot perform write operation because following scope(s) are locked: "
        f"'{scope}'. Please remove the lock and try again.",
    }
    assert refused.headers["x-ms-failure-cause"] == "gateway"
    assert local.events == []
    assert local.call("GET", RECORD).status == 404
    assert local.get(ZONE)["name"]


def test_a_lock_against_deletion_lets_writes_through() -> None:
    local = Local()
    local.estate.zone()
    local.service.world.restrictions.lock(ZONE, LockLevel.CAN_NOT_DELETE)
    assert local.put(RECORD, record_body("10.1.0.4")).status == 201
    assert _code(local.delete(RECORD)) == (409, "ScopeLocked")
    local.service.world.restrictions.clear()
    assert local.delete(RECORD).status == 200


def test_what_holds_a_locked_resource_cannot_be_deleted_either() -> None:
    local = Local()
    local.estate.zone()
    local.service.world.restrictions.lock(ZONE, LockLevel.CAN_NOT_DELETE)
    assert _code(local.delete(GROUP)) == (409, "ScopeLocked")
    assert local.call("GET", ZONE).status == 200


def test_a_lock_next_door_stops_nobody() -> None:
    local = Local()
    local.estate.zone()
    local.estate.vault()
    local.service.world.restrictions.lock(VAULT)
    assert local.put(RECORD, record_body("10.1.0.4")).status == 201


def test_a_policy_denies_writes_of_its_type_below_its_scope() -> None:
    local = Local()
    local.estate.network()
    local.estate.zone()
    denial = local.service.world.restrictions.deny_by_policy(
        GROUP, "microsoft.network/privateDnsZones/virtualNetworkLinks", "no-links", "No links but by the platform"
    )
    refused = local.put(LINK, link_body())
    assert refused.status == 403
    error = refused.body["error"]
    assert (error["code"], error["target"]) == ("RequestDisallowedByPolicy", "Link-Spoke")
    start, _, rest = error["message"].partition("Policy identifiers: '")
    assert start == "Resource 'Link-Spoke' was disallowed by policy. "
    [named] = json.loads(rest.removesuffix("'."))
    assert named["policyAssignment"] == {"name": "No links but by the platform", "id": denial.assignment_id}
    assert named["policyDefinition"]["id"] == (
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/no-links"
    )
    [told] = error["additionalInfo"]
    assert told["type"] == "PolicyViolation"
    assert told["info"]["policyAssignmentScope"] == GROUP
    assert told["info"]["policyDefinitionEffect"] == "Deny"
    assert local.put(RECORD, record_body("10.1.0.4")).status == 201
    assert local.delete(LINK).status == 204


def test_a_deny_assignment_stops_all_but_the_excluded() -> None:
    local = Local()
    local.estate.zone()
    denial = local.service.world.restrictions.deny_assignment(
        GROUP, ("Microsoft.Network/privateDnsZones/A/*",), "stack", excluded=("platform",)
    )
    refused = local.put(RECORD, record_body("10.1.0.4"), who="guard")
    assert refused.status == 403
    assert refused.body["error"] == {
        "code": "DenyAssignmentAuthorizationFailed",
        "message": f"The client '{GUARD.appid}' with object id '{GUARD.oid}' has permission to perform action "
        f"'Microsoft.Network/privateDnsZones/A/write' on scope '{RECORD}'; however, the access is denied because of "
        f"the deny assignment with name 'stack' and Id '{denial.id}' at scope '{GROUP}'.",
    }
    assert local.put(RECORD, record_body("10.1.0.4"), who="platform").status == 201
    assert _code(local.call("GET", RECORD, who="guard")) == (403, "DenyAssignmentAuthorizationFailed")
    assert local.call("GET", ZONE, who="guard").status == 200


def test_who_has_no_right_hears_of_that_first() -> None:
    local = Local()
    local.estate.zone()
    local.service.world.access.deny("guard", "Microsoft.Network")
    local.service.world.restrictions.lock(ZONE)
    local.service.world.restrictions.deny_assignment(ZONE, ("*",))
    assert _code(local.put(RECORD, record_body("10.1.0.4"), who="guard")) == (403, "AuthorizationFailed")


def test_what_tests_put_in_place_is_stopped_by_nothing() -> None:
    local = Local()
    local.service.world.restrictions.lock(SUBSCRIPTION_ID)
    local.estate.zone()
    assert local.call("GET", ZONE).status == 200


def test_another_process_restricts_and_lifts(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.network()
    estate.zone()
    denied = {"scope": GROUP, "resourceType": "Microsoft.Network/privateDnsZones/virtualNetworkLinks"}
    assert arm.control("POST", "/_emulator/locks", {"scope": VAULT, "level": "ReadOnly"}).status_code == 200
    assert arm.control("POST", "/_emulator/policy-denials", denied).status_code == 200
    actions = {"scope": ZONE, "actions": ["Microsoft.Network/privateDnsZones/A/write"], "excluded": ["platform"]}
    assert arm.control("POST", "/_emulator/deny-assignments", actions).status_code == 200
    assert arm.patch(VAULT, {"tags": {}}).json()["error"]["code"] == "ScopeLocked"
    assert arm.put(LINK, link_body()).json()["error"]["code"] == "RequestDisallowedByPolicy"
    assert arm.put(RECORD, record_body("10.1.0.4")).json()["error"]["code"] == "DenyAssignmentAuthorizationFailed"
    assert arm.control("DELETE", "/_emulator/restrictions").status_code == 200
    assert arm.put(LINK, link_body()).status_code == 202
    assert arm.put(RECORD, record_body("10.1.0.4")).status_code == 201
    assert arm.control("POST", "/_emulator/locks", {"scope": VAULT, "level": "Soft"}).status_code == 400
