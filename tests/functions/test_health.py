"""``GET health`` of the real app: each dependency stopped in turn is named, in time, whatever way it is stopped."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.arm.faults import Cut, FaultAction, Hang, Status
from tests.adapters.storage.slow_storage import BlackHole
from tests.functions.conftest import ROOT
from tests.functions.installation import Installation
from tests.functions.worker.harness import HttpCall, WorkerHarness
from tests.functions.worker.harness import Status as Ended

KEY = "a-key-of-this-installation-0123456789"
HEADER = "x-kvguard-health-key"
LONGEST_SECONDS = 10.0
NAMES = ["identity", "arm", "policy", "tables", "queues", "findings-queue", "blobs", "kill-switch"]
SERVICES = {"tables": "TableEndpoint", "queues": "QueueEndpoint", "blobs": "BlobEndpoint"}


@dataclass(frozen=True)
class Answer:
    """What health said, and after how many seconds."""

    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def failed(self) -> set[str]:
        """The dependencies that are named as failed."""
        return {line["name"] for line in self.body["dependencies"] if line["status"] == "failed"}


@contextmanager
def running(installation: Installation, **changes: str) -> Iterator[WorkerHarness]:
    """The app in a process of its own, with other settings."""
    settings = installation.settings(**{"KVGUARD_HEALTH_KEY": KEY, **changes})
    with WorkerHarness(ROOT, settings) as app:
        assert app.init().status is Ended.SUCCESS
        assert {function.name for function in app.metadata()} > {"health"}
        assert app.load("health").status is Ended.SUCCESS
        yield app


def ask(app: WorkerHarness, **headers: str) -> Answer:
    """Ask as somebody who knows the key, or with other headers."""
    began = time.monotonic()
    sent = headers or {HEADER: KEY}
    reply = app.send_http("health", HttpCall(method="GET", url="http://localhost/api/health", headers=sent)).reply
    return Answer(reply.status, json.loads(reply.body), time.monotonic() - began)


@contextmanager
def closed() -> Iterator[int]:
    """A port that nobody listens at."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@contextmanager
def silent() -> Iterator[int]:
    with BlackHole() as hole:
        yield hole.port


@contextmanager
def dripping() -> Iterator[int]:
    with BlackHole(0.2) as hole:
        yield hole.port


def moved(connection: str, member: str, port: int) -> str:
    """A connection string in which one service is elsewhere."""
    parts = dict(part.split("=", 1) for part in connection.strip(";").split(";"))
    parts[member] = f"http://127.0.0.1:{port}/devstoreaccount1"
    return ";".join(f"{name}={value}" for name, value in parts.items())


def test_everything_is_well_and_only_the_key_opens_the_details(installation: Installation) -> None:
    with running(installation) as app:
        known = ask(app)
        assert (known.status, known.body["status"]) == (200, "ok"), known
        assert [line["name"] for line in known.body["dependencies"]] == NAMES
        assert known.body["dependencies"][-1]["detail"] == "writes are allowed"
        for wrong in ("", KEY[:-1], KEY + "0", "ü", KEY.upper()):
            assert ask(app, **{HEADER: wrong}).body == {"status": "ok"}
        assert ask(app, **{"x-functions-key": KEY, "authorization": KEY}).body == {"status": "ok"}


def test_asking_often_does_not_load_anything(installation: Installation) -> None:
    with running(installation) as app:
        first = ask(app)
        mark = installation.azure.log.mark()
        repeated = [ask(app) for _ in range(30)]
        rounds = {answer.body["asked_at"] for answer in (first, *repeated)}
        assert len(installation.calls(mark)) <= len(rounds) - 1 < 30


@pytest.mark.parametrize("stopped", [closed, silent, dripping], ids=["closed", "silent", "dripping"])
@pytest.mark.parametrize("service", SERVICES)
def test_each_service_of_the_storage_is_named(
    installation: Installation, service: str, stopped: Callable[[], Any]
) -> None:
    with stopped() as port:
        connection = moved(installation.connection, SERVICES[service], port)
        with running(installation, KvGuardStorage=connection) as app:
            answer = ask(app)
            assert (answer.status, answer.body["status"]) == (503, "degraded")
            assert answer.failed == {service}
            assert answer.seconds < LONGEST_SECONDS
            assert ask(app, **{HEADER: "wrong"}).body == {"status": "degraded"}


@pytest.mark.parametrize("stopped", [closed, silent], ids=["closed", "silent"])
def test_the_bridge_to_the_review_app_is_named(installation: Installation, stopped: Callable[[], Any]) -> None:
    with stopped() as port:
        connection = moved(installation.connection, "QueueEndpoint", port)
        with running(installation, KvGuardFindings=connection) as app:
            answer = ask(app)
            assert (answer.failed, answer.seconds < LONGEST_SECONDS) == ({"findings-queue"}, True)


ARM_FAULTS: dict[str, FaultAction] = {
    "hang": Hang(),
    "cut": Cut(),
    "503": Status(503, {"error": {"code": "ServiceUnavailable", "message": "away"}}),
    "403": Status(403, {"error": {"code": "AuthorizationFailed", "message": "no"}}),
}


@pytest.mark.parametrize("fault", ARM_FAULTS)
def test_resource_manager_is_named_whatever_it_does(installation: Installation, fault: str) -> None:
    with running(installation) as app:
        installation.azure.faults.add("GET", r"KeyVault/vaults\?", ARM_FAULTS[fault])
        try:
            answer = ask(app)
        finally:
            installation.azure.faults.clear()
        assert (answer.failed, answer.seconds < LONGEST_SECONDS) == ({"arm"}, True)
        if fault == "403":
            assert "Microsoft.KeyVault/vaults/read" in answer.body["dependencies"][1]["detail"]


@pytest.mark.parametrize("stopped", [closed, silent], ids=["closed", "silent"])
def test_resource_manager_that_is_not_there_at_all_is_named(
    installation: Installation, stopped: Callable[[], Any]
) -> None:
    with stopped() as port, running(installation, KVGUARD_ARM_ENDPOINT=f"https://127.0.0.1:{port}") as app:
        answer = ask(app)
        assert "arm" in answer.failed
        assert not answer.failed & {"tables", "queues", "findings-queue", "blobs"}
        assert answer.seconds < LONGEST_SECONDS


@pytest.mark.parametrize("stopped", [closed, silent, dripping], ids=["closed", "silent", "dripping"])
def test_an_identity_that_gives_no_token_is_named(installation: Installation, stopped: Callable[[], Any]) -> None:
    with stopped() as port:
        endpoint = f"http://127.0.0.1:{port}/msi/token"
        with running(installation, IDENTITY_ENDPOINT=endpoint) as app:
            answer = ask(app)
            assert "identity" in answer.failed
            assert not answer.failed & {"tables", "queues", "findings-queue", "blobs", "policy"}
            assert answer.seconds < LONGEST_SECONDS


def test_a_policy_that_cannot_be_used_is_named(installation: Installation) -> None:
    with running(installation, KVGUARD_POLICY="no-such-policy.yaml") as app:
        answer = ask(app)
        assert answer.failed == {"policy"}
        assert "no-such-policy.yaml" in answer.body["dependencies"][2]["detail"]


def test_the_kill_switch_is_said_and_is_no_failure(installation: Installation) -> None:
    with installation.switched("maintenance \x1b[2J of the hub"), running(installation) as app:
        answer = ask(app)
        assert (answer.status, answer.failed) == (200, set())
        assert answer.body["dependencies"][-1]["detail"] == "writes are stopped: maintenance \\u{1b}[2J of the hub"


def test_without_a_key_in_the_settings_nobody_gets_details(installation: Installation) -> None:
    with running(installation, KVGUARD_HEALTH_KEY="") as app:
        assert ask(app, **{HEADER: ""}).body == {"status": "ok"}
        assert ask(app).body == {"status": "ok"}
