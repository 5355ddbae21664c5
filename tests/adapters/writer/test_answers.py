"""What Azure answers, or does not, becomes an outcome; nothing raises, nothing is repeated, nothing takes long."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Never

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from emulator.arm.faults import Cut, Hang, Status
from emulator.azure import LocalAzure
from shared.adapters.arm_answers import clip
from shared.adapters.arm_writer import ArmWriter
from shared.adapters.clock import SystemClock
from shared.domain.arm_id import ArmId
from shared.domain.change import Change, CreateLink, CreateRecord, SetPublicAccess
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.vault import PublicAccess
from tests.adapters.arm.raw_server import RawServer, answer
from tests.adapters.writer.conftest import CHANGE_ID, GUARD, Bench, cloud_at
from tests.emulator.arm.estate import NETWORK, RECORD, VAULT, ZONE

CREATE = CreateRecord(ArmId.parse(ZONE), "kv-orders", ("10.1.0.4",), 60)
LINK = CreateLink(ArmId.parse(ZONE), ArmId.parse(NETWORK))
CLOSE = SetPublicAccess(ArmId.parse(VAULT), PublicAccess.ENABLED, PublicAccess.DISABLED)
LOCK = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/Rg-Kv-Prod"
POLICY = {
    "code": "RequestDisallowedByPolicy",
    "message": "Resource 'kv-orders' was disallowed by policy. " + "x" * 400,
    "additionalInfo": [
        {"type": "PolicyViolation", "info": {"policyAssignmentDisplayName": "Central DNS only", "other": [1]}}
    ],
}


@pytest.fixture(autouse=True)
def zone(bench: Bench) -> None:
    bench.estate.network()
    bench.estate.zone()


def error(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


BUSY = error("RetryableError", "A retryable error occurred.", details=[{"code": "RetryableErrorDueToAnotherOperation"}])
INNER_BUSY = error("Conflict", details=[{"code": "AnotherOperationInProgress", "message": "Busy."}])
DENIED = error(
    "DenyAssignmentAuthorizationFailed",
    "The client has permission to perform action; however, the access is denied because of the deny assignment with "
    "name 'Managed by the platform' and Id '1' at scope '/'.",
)
LOCKED = error(
    "ScopeLocked",
    f"The scope '{ZONE}' cannot perform write operation because following scope(s) are locked: '{LOCK}'. Please "
    "remove the lock and try again.",
)


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "retry", "after", "names"),
    [
        pytest.param(409, LOCKED, {}, OutcomeKind.REFUSED, False, 0, LOCK, id="lock"),
        pytest.param(403, {"error": POLICY}, {}, OutcomeKind.REFUSED, False, 0, "Central DNS only", id="policy"),
        pytest.param(403, DENIED, {}, OutcomeKind.REFUSED, False, 0, "Managed by the platform", id="deny-assignment"),
        pytest.param(403, error("Other"), {}, OutcomeKind.REFUSED, False, 0, "Other", id="other 403"),
        pytest.param(429, BUSY, {"Retry-After": "14"}, OutcomeKind.FAILED, True, 14, "RetryableError", id="busy 429"),
        pytest.param(429, error("TooManyRequests"), {}, OutcomeKind.FAILED, True, 0, "TooMany", id="throttled"),
        pytest.param(409, error("AnotherOperationInProgress"), {}, OutcomeKind.FAILED, True, 0, "Another", id="busy"),
        pytest.param(409, INNER_BUSY, {"Retry-After": "3"}, OutcomeKind.FAILED, True, 3, "Conflict", id="inner busy"),
        pytest.param(409, error("QuotaExceeded"), {}, OutcomeKind.FAILED, False, 0, "Quota", id="other 409"),
        pytest.param(400, error("BadRequest"), {}, OutcomeKind.REFUSED, False, 0, "BadRequest", id="400"),
        pytest.param(422, error("Odd"), {}, OutcomeKind.FAILED, False, 0, "Odd", id="other 4xx"),
        pytest.param(500, "<html>", {}, OutcomeKind.FAILED, True, 0, "unknown whether it was made", id="500"),
        pytest.param(503, None, {"Retry-After": "7"}, OutcomeKind.FAILED, True, 7, "503", id="503"),
        pytest.param(404, error("ResourceGroupNotFound"), {}, OutcomeKind.CONFLICT, False, 0, "gone", id="404"),
    ],
)
def test_each_answer_has_its_outcome_and_is_not_tried_again(
    bench: Bench,
    status: int,
    body: Any,
    headers: dict[str, str],
    kind: OutcomeKind,
    retry: bool,
    after: float,
    names: str,
) -> None:
    bench.azure.faults.add("PUT", "/privateDnsZones/", Status(status, body, headers))

    for change in (CREATE, LINK):
        outcome = bench.apply(change)
        assert (outcome.kind, outcome.retry, outcome.retry_after) == (kind, retry, after)
        assert names in outcome.detail
        assert len(outcome.detail) <= 300
    assert len(bench.writes) == 2


def test_a_missing_right_is_named_by_its_action(bench: Bench) -> None:
    bench.azure.deny(GUARD, "Microsoft.Network/privateDnsZones/A/write")

    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.retry) == (OutcomeKind.REFUSED, False)
    assert outcome.detail == "AuthorizationFailed: missing action Microsoft.Network/privateDnsZones/A/write"


def test_a_refused_token_comes_back_later_and_is_not_looped_on(bench: Bench) -> None:
    bench.azure.faults.add("PUT", ".", Status(401, error("ExpiredAuthenticationToken"), {"WWW-Authenticate": "Bearer"}))

    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.retry) == (OutcomeKind.FAILED, True)
    assert len(bench.writes) <= 2


def test_no_provider_is_registered_behind_our_back(bench: Bench) -> None:
    body = error("MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'X'.")
    bench.azure.faults.add("PUT", ".", Status(409, body))

    assert bench.apply(CREATE).kind is OutcomeKind.FAILED
    assert [entry.method for entry in bench.azure.log.since()] == ["PUT"]


def test_redirects_and_operation_urls_are_not_followed(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    with LocalAzure(tmp_path_factory.mktemp("elsewhere"), scale=0) as elsewhere:
        there = f"{elsewhere.url}{RECORD}?api-version=2024-06-01"
        headers = {"Location": there, "Azure-AsyncOperation": there, "Retry-After": "0"}
        for status in (307, 202):
            bench.azure.faults.add("PUT", ".", Status(status, {}, headers), times=2)
            bench.apply(CREATE)
            bench.apply(LINK)
        assert elsewhere.log.since() == []
    assert len(bench.writes) == 4


def test_a_hanging_answer_leaves_it_open_whether_the_change_was_made(bench: Bench) -> None:
    bench.azure.faults.add("PUT", ".", Hang())
    start = time.monotonic()

    outcome = bench.apply(CREATE, seconds=0.5)

    assert time.monotonic() - start < 2
    assert (outcome.kind, outcome.retry) == (OutcomeKind.FAILED, True)
    assert "unknown whether it was made" in outcome.detail


@pytest.mark.parametrize("cut", [Cut(served=True), Cut(served=True, after_bytes=20)], ids=["no answer", "half a body"])
def test_a_cut_answer_to_a_change_that_was_made_is_found_true_by_the_next_attempt(bench: Bench, cut: Cut) -> None:
    bench.azure.faults.add("PUT", ".", cut, times=1)

    first = bench.apply(CREATE)
    second = bench.apply(CREATE)

    assert (first.kind, first.retry) == (OutcomeKind.FAILED, True)
    assert "unknown whether it was made" in first.detail
    assert second.kind is OutcomeKind.ALREADY_TRUE


def test_an_answer_without_a_body_does_not_undo_a_confirmed_change(bench: Bench) -> None:
    bench.azure.faults.add("PUT", ".", Status(201, None))

    assert bench.apply(CREATE).kind is OutcomeKind.APPLIED


DRIPS = {
    "headers": b"HTTP/1.1 200 OK\r\nX-Long:",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
    "body without a length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("head", DRIPS.values(), ids=DRIPS.keys())
@pytest.mark.parametrize("change", [CREATE, CLOSE], ids=["write", "read before it"])
def test_an_answer_that_drips_ends_with_the_deadline(azure: LocalAzure, head: bytes, change: Change) -> None:
    servers: list[RawServer] = []

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        while not servers[0].stopping.wait(0.02):
            connection.sendall(b" ")

    with RawServer(azure.ca_path.parent, drip) as server:
        servers.append(server)
        writer = ArmWriter(azure.credential(GUARD), cloud_at(server.url), SystemClock())
        start = time.monotonic()
        outcome = writer.apply(change, CHANGE_ID, deadline=SystemClock().deadline(0.4))
        took = time.monotonic() - start

    assert took < 1
    assert len(server.requests) == 1
    assert (outcome.kind, outcome.retry) == (OutcomeKind.FAILED, True)
    assert ("unknown whether" if change is CREATE else "nothing was changed") in outcome.detail


@pytest.mark.parametrize("body", ["<html>", "", '{"properties": 7}', "[]", '{"properties": {"networkAcls": "x"}}'])
def test_a_state_that_cannot_be_read_is_not_written_on(azure: LocalAzure, body: str) -> None:
    with RawServer(azure.ca_path.parent, lambda wire: wire.sendall(answer(body.encode()))) as server:
        writer = ArmWriter(azure.credential(GUARD), cloud_at(server.url), SystemClock())

        outcome = writer.apply(CLOSE, CHANGE_ID, deadline=SystemClock().deadline(5))

    assert (outcome.kind, outcome.retry) == (OutcomeKind.FAILED, False)
    assert "unknown shape" in outcome.detail
    assert [head.split()[0] for head in server.requests] == ["GET"]


def test_silence_before_the_change_says_that_nothing_was_changed(bench: Bench) -> None:
    bench.estate.vault()
    bench.azure.faults.add("GET", "/vaults/", Hang())

    outcome = bench.apply(SetPublicAccess(ArmId.parse(VAULT), PublicAccess.ENABLED, PublicAccess.DISABLED), seconds=0.4)

    assert (outcome.kind, outcome.retry, bench.writes) == (OutcomeKind.FAILED, True, [])
    assert "nothing was changed" in outcome.detail


def test_no_server_and_no_time_mean_that_nothing_was_sent(azure: LocalAzure, bench: Bench) -> None:
    late = bench.apply(CREATE, seconds=0)
    azure.close()
    nobody = bench.apply(CREATE, seconds=1)

    assert [(outcome.kind, outcome.retry) for outcome in (late, nobody)] == [(OutcomeKind.FAILED, True)] * 2
    assert all("nothing was changed" in outcome.detail for outcome in (late, nobody))


def test_a_credential_that_fails_is_an_outcome(azure: LocalAzure) -> None:
    class Failing:
        def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
            raise ClientAuthenticationError("no managed identity endpoint: Bearer abc.def")

    writer = ArmWriter(Failing(), cloud_at(azure.url), SystemClock())

    outcome = writer.apply(CREATE, CHANGE_ID, deadline=SystemClock().deadline(5))

    assert (outcome.kind, outcome.retry) == (OutcomeKind.FAILED, True)
    assert "nothing was changed" in outcome.detail
    assert "abc.def" not in outcome.detail


def test_a_bug_is_not_swallowed(azure: LocalAzure) -> None:
    class Broken:
        def get_token(self, *_scopes: str, **_options: object) -> Never:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ArmWriter(Broken(), cloud_at(azure.url), SystemClock()).apply(
            CREATE, CHANGE_ID, deadline=SystemClock().deadline(5)
        )


def test_many_threads_share_one_writer(bench: Bench) -> None:
    outcomes: list[Outcome] = []

    def work(number: int) -> None:
        change = CreateRecord(ArmId.parse(ZONE), f"kv-{number % 4}", ("10.1.0.4",), 60)
        outcomes.append(bench.apply(change, change_id=f"change-{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kinds = [outcome.kind for outcome in outcomes]
    assert (kinds.count(OutcomeKind.APPLIED), kinds.count(OutcomeKind.CONFLICT)) == (4, 8)


def test_foreign_text_is_one_short_line_without_tokens() -> None:
    text = clip(
        "a\r\nb\x00c \u202egnp Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc https://x?sig=secret&y=1" + "z" * 400
    )

    assert len(text) == 300
    assert text.startswith("a b c gnp [removed] https://x?[removed]&y=1zzz")


def test_each_sdk_is_imported_with_the_first_change_of_its_kind(azure: LocalAzure) -> None:
    program = f"""
import json, sys
from shared.adapters.arm_writer import ArmWriter
from shared.adapters.clock import SystemClock
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateRecord
from tests.adapters.writer.conftest import cloud_at
def loaded():
    return sorted(name for name in ("keyvault", "network", "privatedns") if f"azure.mgmt.{{name}}" in sys.modules)
class Credential:
    def get_token(self, *scopes, **options):
        from azure.core.credentials import AccessToken
        return AccessToken("none", 9999999999)
writer = ArmWriter(Credential(), cloud_at({azure.url!r}), SystemClock())
before = loaded()
writer.apply(CreateRecord(ArmId.parse({ZONE!r}), "a", ("10.0.0.4",), 60), "c", deadline=SystemClock().deadline(5))
print(json.dumps([before, loaded()]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert json.loads(done.stdout) == [[], ["privatedns"]]
