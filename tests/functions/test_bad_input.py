"""What is unparsable or unusable from outside: a clear message each, and nothing lost or changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.azure import SUBSCRIPTION
from shared.domain.arm_id import ArmId
from shared.domain.message import Look
from shared.service.messages import encode
from tests.emulator.arm.estate import ENDPOINT, VAULT, Estate
from tests.functions.installation import Installation
from tests.functions.worker.harness import Kind, Status, Typed, WorkerHarness

ROOT = Path(__file__).resolve().parents[2]
LOOK = encode(Look(ArmId.parse(VAULT), "a test"))
INVALID = {
    "no YAML": "zones: [",
    "a wrong writer": "version: 1\nzones:\n- {id: x, writer: kvgaurd}\n",
    "an unknown key": "version: 1\nzoness: []\n",
    "an unknown rule": "version: 1\nrules: {KVG999: fix}\n",
    "a mode above the ceiling": "version: 1\nrules: {KVG101: fix}\n",
    "empty": "",
}


@pytest.fixture
def broken(installation: Installation) -> Iterator[Estate]:
    """A vault whose zone lacks the record, so that there is something that must not be changed."""
    estate = Estate(installation.azure)
    estate.endpoint()
    estate.zone()
    yield estate
    estate.delete(ENDPOINT)
    installation.forget()
    for queue in ("kvguard-reconcile", "kvguard-findings"):
        installation.queue(queue).clear_messages()


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_policy_changes_nothing_and_is_a_finding_that_says_why(
    installation: Installation, broken: Estate, tmp_path: Path, name: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(INVALID[name], encoding="utf-8")
    mark = installation.azure.log.mark()
    with WorkerHarness(ROOT, installation.settings(KVGUARD_POLICY=str(policy))) as app:
        assert app.init().status is Status.SUCCESS
        assert app.load("reconcile_vault").status is Status.SUCCESS
        assert app.send_queue("reconcile_vault", LOOK).status is Status.SUCCESS
        # Without a policy the settle time is the default; what was seen is made two minutes old.
        installation.age(minutes=3)
        assert app.send_queue("reconcile_vault", LOOK).status is Status.SUCCESS
    told = {message["rule"]: message for message in installation.take("kvguard-findings")}
    assert told["KVG904"]["state"] == "open"
    assert "policy" in told["KVG904"]["message"]
    assert all(message["options"] == [] for message in told.values())
    assert {verb for verb, _ in installation.calls(mark)} == {"GET"}


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"version": 1}', '{"version": 1, "kind": "look", "vault": "x"}']
)
def test_a_queue_message_that_is_none_fails_with_its_reason_so_that_the_host_keeps_it(
    app: WorkerHarness, text: str
) -> None:
    result = app.send_queue("reconcile_vault", text)
    assert result.status is Status.FAILURE
    assert "InvalidMessage" in result.message + result.stack_trace


@pytest.mark.parametrize("changes", [{"eventTime": "yesterday"}, {"eventTime": None}, {"eventTime": ...}])
def test_an_event_with_an_unusable_time_is_either_a_hint_or_a_failure_that_event_grid_keeps(
    app: WorkerHarness, installation: Installation, changes: dict[str, Any]
) -> None:
    event: dict[str, Any] = {
        "id": "e1",
        "topic": f"/subscriptions/{SUBSCRIPTION}",
        "subject": VAULT,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-21T10:00:00Z",
        "dataVersion": "2",
        "data": {"resourceUri": VAULT, "status": "Succeeded", "tenantId": installation.azure.tenant},
    } | changes
    result = app.send_event("on_resource_change", {k: v for k, v in event.items() if v is not ...})
    if result.status is Status.SUCCESS:
        assert json.loads(str(result.outputs["work"].value))["resource"] == VAULT
    else:
        assert "yesterday" in result.message + result.stack_trace


def test_an_event_that_is_no_object_fails_and_puts_nothing_on_the_queue(app: WorkerHarness) -> None:
    trigger = app.function("on_resource_change").trigger.name
    result = app.invoke("on_resource_change", {trigger: Typed(Kind.JSON, "[1, 2]")})
    assert result.status is Status.FAILURE
    assert "work" not in result.outputs
