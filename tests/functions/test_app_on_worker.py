"""Every function of the app, invoked as Azure's worker invokes it; what happened is read from the world."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from emulator.azure import SUBSCRIPTION
from shared.domain.arm_id import ArmId
from shared.domain.message import Hint, Look, SweepRequest
from shared.service.messages import decode, encode
from tests.emulator.arm.estate import GROUP_NAME, VAULT, Estate
from tests.functions.installation import Installation
from tests.functions.worker.harness import HttpCall, Status, WorkerHarness

OPEN_VAULT = VAULT.replace("Kv-Orders", "Kv-Open")


def event(installation: Installation, **changes: Any) -> dict[str, Any]:
    """An Event Grid envelope of a vault's write."""
    return {
        "id": "e1",
        "topic": f"/subscriptions/{SUBSCRIPTION}",
        "subject": VAULT,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-21T10:00:00.1234567Z",
        "dataVersion": "2",
        "metadataVersion": "1",
        "data": {
            "operationName": "Microsoft.KeyVault/vaults/write",
            "resourceUri": VAULT,
            "status": "Succeeded",
            "tenantId": installation.azure.tenant,
        },
        **changes,
    }


def cloud_event(installation: Installation) -> dict[str, Any]:
    """The same as a CloudEvent 1.0."""
    return {
        "id": "e2",
        "source": f"/subscriptions/{SUBSCRIPTION}",
        "specversion": "1.0",
        "type": "Microsoft.Resources.ResourceWriteSuccess",
        "subject": VAULT,
        "time": "2026-11-21T10:00:00.1234567Z",
        "data": event(installation)["data"],
    }


@pytest.mark.parametrize("schema", ["event-grid", "cloud-events"])
def test_an_event_of_either_schema_becomes_one_hint(
    app: WorkerHarness, installation: Installation, schema: str
) -> None:
    mark = installation.azure.log.mark()
    envelope = event(installation) if schema == "event-grid" else cloud_event(installation)
    result = app.send_event("on_resource_change", envelope)
    assert result.status is Status.SUCCESS, result
    hint = decode(str(result.outputs["work"].value))
    assert isinstance(hint, Hint)
    assert hint.resource == ArmId.parse(VAULT)
    assert installation.calls(mark) == []


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "Microsoft.Resources.ResourceWriteFailure"},
        {"eventType": "Microsoft.Resources.ResourceDeleteCancel"},
        {"eventType": "Microsoft.Storage.BlobCreated"},
        {"eventType": None},
        {"data": None},
        {"data": {}},
        {"data": "text"},
        {"data": {"resourceUri": "nonsense"}, "subject": "nonsense"},
        {"data": {"resourceUri": VAULT, "tenantId": "99999999-9999-9999-9999-999999999999"}},
        {"data": {"resourceUri": f"{VAULT}/secrets/s"}},
    ],
)
def test_an_event_that_is_no_work_is_acknowledged_and_counted_with_its_reason(
    app: WorkerHarness, installation: Installation, change: dict[str, Any]
) -> None:
    result = app.send_event("on_resource_change", event(installation, **change))
    assert result.status is Status.SUCCESS, result
    assert "work" not in result.outputs
    assert any(line.logger == "kvguard.events" and "ignored" in line.message for line in result.logs)


def test_a_message_of_an_unknown_version_fails_with_a_clear_message(app: WorkerHarness) -> None:
    result = app.send_queue("reconcile_vault", '{"version": 99, "kind": "look"}')
    assert result.status is Status.FAILURE
    assert "version 99" in result.message


def test_an_open_vault_is_reported_and_not_touched(app: WorkerHarness, installation: Installation) -> None:
    estate = Estate(installation.azure)
    estate.vault()
    estate.put(OPEN_VAULT, {"location": "westeurope", "properties": _open(installation)})
    mark = installation.azure.log.mark()
    look = encode(Look(ArmId.parse(OPEN_VAULT), "a test"))
    assert app.send_queue("reconcile_vault", look).status is Status.SUCCESS
    assert installation.take("kvguard-findings") == []
    _later(installation)
    assert app.send_queue("reconcile_vault", look).status is Status.SUCCESS
    told = {message["rule"]: message for message in installation.take("kvguard-findings")}
    assert (told["KVG101"]["state"], told["KVG101"]["subject"]) == ("open", OPEN_VAULT)
    assert {verb for verb, _ in installation.calls(mark)} == {"GET"}


def test_a_missing_record_is_made_at_the_second_sight(app: WorkerHarness, installation: Installation) -> None:
    estate = Estate(installation.azure)
    estate.endpoint()
    estate.zone()
    mark = installation.azure.log.mark()
    look = encode(Look(ArmId.parse(VAULT), "a test"))
    assert app.send_queue("reconcile_vault", look).status is Status.SUCCESS
    assert {verb for verb, _ in installation.calls(mark)} == {"GET"}
    _later(installation)
    assert app.send_queue("reconcile_vault", look).status is Status.SUCCESS
    writes = [path for verb, path in installation.calls(mark) if verb != "GET"]
    assert writes[0].endswith("/A/kv-orders")
    assert "/virtualNetworkLinks/kvguard-" in writes[1]
    stages = [(row["kind"], row.get("outcome")) for row in installation.rows("journal") if row.get("kind")]
    assert ("intent", "") in stages or ("intent", None) in stages
    assert any(kind == "result" and outcome == "applied" for kind, outcome in stages)


def test_the_audit_answers_over_http_without_a_write(app: WorkerHarness, installation: Installation) -> None:
    Estate(installation.azure).vault()
    mark = installation.azure.log.mark()
    parameters = {"subscription": SUBSCRIPTION, "group": GROUP_NAME, "name": "Kv-Orders"}
    reply = app.send_http("audit_vault", _call(parameters)).reply
    report = json.loads(reply.body)
    assert (reply.status, report["mode"], report["vault"]) == (200, "enforce", VAULT)
    assert {"KVG411", "KVG101", "KVG904"} <= set(report["evaluated"])
    assert {verb for verb, _ in installation.calls(mark)} == {"GET"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "no-such-vault"}, 404),
        ({"subscription": "00000000-0000-0000-0000-0000000000ff"}, 404),
        ({"subscription": "production"}, 400),
        ({"name": "a"}, 400),
        ({"name": "../../x"}, 400),
        ({"group": "rg/../../providers"}, 400),
    ],
)
def test_the_audit_of_what_is_no_watched_vault_is_a_problem_document(
    app: WorkerHarness, installation: Installation, changes: dict[str, str], status: int
) -> None:
    mark = installation.azure.log.mark()
    parameters = {"subscription": SUBSCRIPTION, "group": GROUP_NAME, "name": "Kv-Orders", **changes}
    reply = app.send_http("audit_vault", _call(parameters)).reply
    assert (reply.status, json.loads(reply.body)["status"]) == (status, status)
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert status == 404 or installation.calls(mark) == []


def test_health_says_ok_and_nothing_else(app: WorkerHarness) -> None:
    reply = app.send_http("health", _call({})).reply
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok"})


def test_the_sweep_requests_every_subscription_and_the_request_every_vault(
    app: WorkerHarness, installation: Installation
) -> None:
    Estate(installation.azure).vault()
    installation.queue("kvguard-reconcile").clear_messages()
    assert app.send_timer("resync").status is Status.SUCCESS
    requests = installation.take("kvguard-reconcile")
    assert [request["subscription"] for request in requests] == [SUBSCRIPTION]
    request = encode(SweepRequest(SUBSCRIPTION, "a test"))
    assert app.send_queue("reconcile_vault", request).status is Status.SUCCESS
    assert VAULT in {look["vault"] for look in installation.take("kvguard-reconcile")}


def _open(installation: Installation) -> dict[str, Any]:
    sku = {"family": "A", "name": "standard"}
    return {"sku": sku, "tenantId": installation.azure.tenant, "publicNetworkAccess": "Enabled"}


def _call(parameters: dict[str, str]) -> HttpCall:
    return HttpCall(method="GET", url="http://localhost/api/x", params=parameters)


def _later(installation: Installation) -> None:
    """Let the settle time of the test's policy, one second, pass."""
    time.sleep(1.1)
    installation.queue("kvguard-reconcile").clear_messages()
