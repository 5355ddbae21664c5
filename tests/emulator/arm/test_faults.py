"""Faults on request, and the routes that steer the local Azure from another process."""

import pytest
import requests

from emulator.arm.faults import Cut, Delay, Hang, Redirect, Status
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import (
    GROUP,
    GROUP_NAME,
    RECORD,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    Estate,
    record_body,
    vault_body,
)

THROTTLED = {"error": {"code": "SubscriptionRequestsThrottled", "message": "Number of requests exceeded the limit."}}


def test_a_status_is_answered_so_many_times_and_changes_nothing(
    azure: LocalAzure, arm: ArmClient, estate: Estate
) -> None:
    estate.zone()
    azure.faults.add("PUT", "/A/kv-orders", Status(429, THROTTLED, {"Retry-After": "7"}), times=1)
    refused = arm.put(RECORD, record_body("10.1.0.4"))
    assert (refused.status_code, refused.json(), refused.headers["Retry-After"]) == (429, THROTTLED, "7")
    assert arm.get(RECORD).status_code == 404
    assert arm.put(RECORD, record_body("10.1.0.4")).status_code == 201
    assert [entry.status for entry in azure.log.about(RECORD)] == [429, 404, 201]


def test_a_fault_is_for_its_method_and_pattern_only(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", r"/vaults/kv-orders\?", Status(503))
    assert arm.get(VAULT).status_code == 503
    assert arm.patch(VAULT, {"tags": {}}).status_code == 200
    assert arm.get(f"{VAULT}/privateEndpointConnections").status_code == 200
    azure.faults.clear()
    assert arm.get(VAULT).status_code == 200


def test_a_delay_comes_before_the_answer(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("*", "/vaults/", Delay(0.2), times=2)
    with pytest.raises(requests.exceptions.ReadTimeout):
        arm.get(VAULT, timeout=0.1)
    assert arm.get(VAULT).elapsed.total_seconds() >= 0.2
    assert arm.get(VAULT).elapsed.total_seconds() < 0.2


def test_silence_has_no_effect_and_no_status(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    azure.faults.add("PUT", "/A/", Hang(), times=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        arm.put(RECORD, record_body("10.1.0.4"), timeout=0.1)
    assert arm.get(RECORD).status_code == 404
    [hung] = azure.log.writes()
    assert (hung.status, hung.body["properties"]["ttl"]) == (0, 60)


@pytest.mark.parametrize(("served", "status"), [(False, 404), (True, 200)])
def test_a_cut_connection_takes_effect_or_not(
    azure: LocalAzure, arm: ArmClient, estate: Estate, *, served: bool, status: int
) -> None:
    estate.zone()
    azure.faults.add("PUT", "/A/", Cut(served=served), times=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        arm.put(RECORD, record_body("10.1.0.4"))
    assert arm.get(RECORD).status_code == status


def test_a_body_can_be_cut_in_the_middle(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", "/vaults/", Cut(served=True, after_bytes=20), times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        arm.get(VAULT)


def test_absolute_links_can_lead_to_another_host(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-second", vault_body())
    azure.switches.page_size = 1
    azure.faults.add("*", ".", Redirect("https://elsewhere.example"))
    listed = arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()
    assert listed["nextLink"].startswith("https://elsewhere.example/subscriptions/")
    accepted = arm.put(ZONE, {"location": "global"})
    assert accepted.headers["Azure-AsyncOperation"].startswith("https://elsewhere.example/subscriptions/")
    assert accepted.headers["Location"].startswith("https://elsewhere.example/subscriptions/")


def test_control_routes_want_the_secret(azure: LocalAzure, arm: ArmClient) -> None:
    for path in ("/_emulator/log", "/_emulator/state"):
        assert arm.get(path).status_code == 403
        assert arm.control("GET", path).status_code == 200
    assert arm.call("POST", "/_emulator/switches", {"strict_etag": True}).status_code == 403
    assert azure.switches.strict_etag is False


def test_another_process_adds_faults_denies_and_switches(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    fault = {"method": "GET", "path": "/A/", "action": {"kind": "status", "code": 500}, "times": 1}
    assert arm.control("POST", "/_emulator/faults", fault).status_code == 200
    assert arm.get(RECORD).status_code == 500
    assert arm.get(RECORD).status_code == 404
    who = arm.control("POST", "/_emulator/principals", {"name": "guard"}).json()
    assert who["env"] == azure.env_for("guard")
    denied = {"principal": "guard", "action": "Microsoft.Network/", "scope": GROUP}
    assert arm.control("POST", "/_emulator/deny", denied).status_code == 200
    guard = ArmClient(azure, "guard")
    assert guard.get(ZONE).status_code == 403
    arm.control("POST", "/_emulator/restore", {"principal": "guard"})
    arm.control("POST", "/_emulator/grant", {"principal": "guard", "actions": ["*/read"]})
    assert guard.get(ZONE).status_code == 200
    assert guard.put(RECORD, record_body("10.1.0.4")).status_code == 403
    assert arm.control("POST", "/_emulator/switches", {"strict_etag": True}).status_code == 200
    assert azure.switches.strict_etag is True


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_emulator/switches", {"no_such_switch": True}),
        ("/_emulator/switches", {"strict_etag": "yes"}),
        ("/_emulator/faults", {"path": ".", "action": {"kind": "explode"}}),
        ("/_emulator/faults", {"path": ".", "action": {"kind": "delay", "minutes": 3}}),
        ("/_emulator/deny", {"principal": "guard"}),
    ],
)
def test_control_requests_that_make_no_sense_are_refused(arm: ArmClient, path: str, body: dict[str, object]) -> None:
    answer = arm.control("POST", path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_another_process_reads_log_and_state(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    arm.get(VAULT)
    first = arm.control("GET", "/_emulator/log").json()["entries"]
    assert [(entry["method"], entry["resourceId"], entry["caller"]["name"]) for entry in first] == [
        ("GET", VAULT, "operator")
    ]
    arm.get(ZONE)
    later = arm.control("GET", f"/_emulator/log?since={first[-1]['seq']}").json()["entries"]
    assert [entry["resourceId"] for entry in later] == [ZONE]
    state = arm.control("GET", "/_emulator/state").json()
    assert RECORD in [row["id"] for row in state["resources"]]
    assert state["groups"] == [f"{VAULT.split('/')[2]}/{GROUP_NAME}"]


def test_retries_of_the_sdk_are_seen_as_requests(azure: LocalAzure, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", "/vaults/", Status(429, THROTTLED))
    with azure.requests_ca(), pytest.raises(Exception, match="exceeded the limit"):
        Sdk.of(azure).keyvault.vaults.get(GROUP_NAME, "Kv-Orders")
    assert [entry.status for entry in azure.log.since()] == [429]
