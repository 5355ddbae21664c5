"""Whole invocations against an Azure that misbehaves: they end in time, lose nothing, and claim nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.arm.faults import Cut, FaultAction, Hang, Redirect, Status
from emulator.arm.resources import Resource
from emulator.azure import LocalAzure
from shared.domain.arm_id import ArmId
from shared.domain.message import Look
from shared.service.messages import encode
from tests.emulator.arm.estate import ENDPOINT, VAULT, ZONE, Estate
from tests.functions.installation import Installation
from tests.functions.worker.harness import Invocation, WorkerHarness
from tests.functions.worker.harness import Status as Ended

LONGEST_SECONDS = 15.0
LOOK = encode(Look(ArmId.parse(VAULT), "a test"))
THROTTLED = {"error": {"code": "TooManyRequests", "message": "slow down"}}
BUSY = {"error": {"code": "AnotherOperationInProgress", "message": "busy"}}
LOCKED = {"error": {"code": "ScopeLocked", "message": "The scope is locked by 'do-not-touch'."}}
DENIED = {"error": {"code": "RequestDisallowedByPolicy", "message": "Policy 'no-records' says no."}}
STALE = {"code": "PreconditionFailed", "message": "The Record set exists already and hence cannot be created again."}


def error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": code}}


READ_FAULTS: dict[str, FaultAction] = {
    "401": Status(401, error("InvalidAuthenticationToken")),
    "403": Status(403, error("AuthorizationFailed")),
    "409": Status(409, BUSY),
    "429": Status(429, THROTTLED),
    "429 for an hour": Status(429, THROTTLED, {"Retry-After": "3600"}),
    "500": Status(500, error("InternalServerError")),
    "503": Status(503, error("ServiceUnavailable"), {"Retry-After": "0"}),
    "504 without a body": Status(504),
    "hang": Hang(),
    "cut": Cut(),
    "cut in the body": Cut(served=True, after_bytes=40),
}
WRITE_FAULTS: dict[str, FaultAction] = {
    "401": Status(401, error("InvalidAuthenticationToken")),
    "403": Status(403, error("LinkedAuthorizationFailed")),
    "403 by policy": Status(403, DENIED),
    "404": Status(404, error("ParentResourceNotFound")),
    "409": Status(409, BUSY),
    "409 locked": Status(409, LOCKED),
    "412": Status(412, STALE),
    "429": Status(429, THROTTLED),
    "429 for an hour": Status(429, THROTTLED, {"Retry-After": "3600"}),
    "500": Status(500, error("InternalServerError")),
    "hang": Hang(),
    "cut": Cut(),
}


@pytest.fixture(autouse=True)
def whole(installation: Installation) -> Iterator[None]:
    """A vault whose zone lacks the record; faults and queues cleared afterwards."""
    estate = Estate(installation.azure)
    estate.endpoint()
    estate.zone()
    yield
    installation.azure.faults.clear()
    installation.forget()
    estate.delete(ENDPOINT)
    estate.delete(f"{ZONE}/A/kv-orders")
    for queue in ("kvguard-reconcile", "kvguard-findings"):
        installation.queue(queue).clear_messages()


def run(app: WorkerHarness) -> Invocation:
    began = time.monotonic()
    result = app.send_queue("reconcile_vault", LOOK)
    assert time.monotonic() - began < LONGEST_SECONDS
    assert result.status is Ended.SUCCESS, result.message
    return result


def waiting(installation: Installation) -> int:
    """Messages on the reconcile queue, those not yet visible included."""
    return installation.queue("kvguard-reconcile").get_queue_properties().approximate_message_count or 0


@pytest.mark.parametrize("name", READ_FAULTS)
def test_a_vault_that_cannot_be_read_comes_back_and_nothing_is_written(
    app: WorkerHarness, installation: Installation, name: str
) -> None:
    mark = installation.azure.log.mark()
    installation.azure.faults.add("GET", r"/vaults/kv-orders\?", READ_FAULTS[name])
    run(app)
    assert waiting(installation) == 1
    assert {verb for verb, _ in installation.calls(mark)} <= {"GET"}


@pytest.mark.parametrize("name", ["403", "429 for an hour", "500", "cut in the body"])
def test_a_part_that_cannot_be_read_is_not_taken_for_missing(
    app: WorkerHarness, installation: Installation, name: str
) -> None:
    installation.azure.faults.add("GET", r"/privateDnsZones", READ_FAULTS[name])
    mark = installation.azure.log.mark()
    run(app)
    time.sleep(1.1)
    run(app)
    assert {verb for verb, _ in installation.calls(mark)} <= {"GET"}


@pytest.mark.parametrize("name", WRITE_FAULTS)
def test_a_write_that_fails_is_not_recorded_as_made(app: WorkerHarness, installation: Installation, name: str) -> None:
    before = len(installation.rows("journal"))
    run(app)
    time.sleep(1.1)
    installation.azure.faults.add("PUT", r"/A/kv-orders", WRITE_FAULTS[name])
    run(app)
    rows = sorted(installation.rows("journal"), key=lambda row: str(row["RowKey"]))[before and before - 1 :]
    results = [row["outcome"] for row in rows if row.get("kind") == "result"]
    assert results, "the write was tried"
    assert not set(results) & {"applied", "accepted", "already-true"}, results
    assert _record(installation.azure) is None


def test_a_next_link_to_another_host_gets_no_token(app: WorkerHarness, installation: Installation) -> None:
    with LocalAzure(scale=0) as elsewhere:
        installation.azure.faults.add("GET", r"/privateDnsZones", Redirect(elsewhere.url))
        mark = installation.azure.log.mark()
        run(app)
        assert elsewhere.log.since(0) == []
        assert {verb for verb, _ in installation.calls(mark)} <= {"GET"}


def test_after_the_outage_everything_heals(app: WorkerHarness, installation: Installation) -> None:
    run(app)
    installation.azure.faults.add("GET", r"/vaults/kv-orders\?", Status(503, error("ServiceUnavailable")))
    time.sleep(1.1)
    run(app)
    installation.azure.faults.clear()
    run(app)
    assert _record(installation.azure) is not None


def _record(azure: LocalAzure) -> object | None:
    return azure.store.find(f"{ZONE}/A/kv-orders", Resource)
