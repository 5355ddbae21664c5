"""The Event Grid webhook of the host, request by request."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator.host import FunctionsHost, InvocationLog, InvocationStatus, read_invocations
from emulator.host.records import InvocationLines
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import StartHost

_VALIDATION = {"aeg-event-type": "SubscriptionValidation"}
_NOTIFICATION = {"aeg-event-type": "Notification"}


def _event(event_id: str, subject: str = "quiet", **data: object) -> dict[str, Any]:
    return {
        "id": event_id,
        "topic": "/subscriptions/s",
        "subject": subject,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-21T10:00:00.1234567Z",
        "dataVersion": "2",
        "metadataVersion": "1",
        "data": data,
    }


def _post(host: FunctionsHost, document: object, headers: dict[str, str], name: str = "on_event") -> requests.Response:
    return requests.post(host.eventgrid_url(name), data=json.dumps(document), headers=headers, timeout=60)


def test_an_unknown_function_is_404_with_its_name(host: FunctionsHost) -> None:
    answer = _post(host, [], _NOTIFICATION, name="nobody")
    assert (answer.status_code, answer.text) == (404, "cannot find function: 'nobody'")


def test_a_request_without_a_function_name_is_404_as_well(host: FunctionsHost) -> None:
    url = f"{host.url}/runtime/webhooks/EventGrid?code={host.eventgrid_key}"
    answer = requests.post(url, json=[_event("1")], headers=_NOTIFICATION, timeout=60)
    assert (answer.status_code, answer.text) == (404, "cannot find function: ''")


def test_a_function_with_another_trigger_is_not_found(host: FunctionsHost) -> None:
    assert _post(host, [], _NOTIFICATION, name="plain").status_code == 404


def test_the_system_key_is_needed(host: FunctionsHost) -> None:
    url = f"{host.url}/runtime/webhooks/EventGrid?functionName=on_event"
    for key in ("", "wrong", host.function_keys["on_event"], host.keys.default):
        answer = requests.post(f"{url}&code={key}", json=[_event("1")], headers=_NOTIFICATION, timeout=60)
        assert answer.status_code == 401
    assert host.log.entries() == []


def test_the_validation_event_is_answered_with_200_and_its_code(host: FunctionsHost) -> None:
    event = {"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "C"}}
    answer = _post(host, [event], _VALIDATION)
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "C"})
    assert host.log.entries("on_event") == []


def test_the_validation_event_in_cloud_event_form_carries_json_text_in_json(host: FunctionsHost) -> None:
    answer = _post(host, {"specversion": "1.0", "data": json.dumps({"validationCode": "C"})}, _VALIDATION)
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "C"})


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("eventgrid.azure.us", "eventgrid.azure.us"),
        ("evil.example", "eventgrid.azure.net"),
        ("", "eventgrid.azure.net"),
    ],
)
def test_options_allows_the_origins_of_event_grid_only(host: FunctionsHost, asked: str, allowed: str) -> None:
    headers = {"WebHook-Request-Origin": asked} if asked else {}
    answer = requests.options(host.eventgrid_url("on_event"), headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["Webhook-Allowed-Origin"]) == (200, allowed)


def test_a_notification_runs_the_function_and_is_202(host: FunctionsHost, storage: Storage) -> None:
    assert _post(host, [_event("1", subject="/a", x=1)], _NOTIFICATION).status_code == 202
    assert json.loads(storage.wait("events", 1)[0]) == {"kind": "grid", "id": "1", "data": {"x": 1}}


def test_the_answer_waits_for_the_function(start_host: StartHost, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    host = start_host(log=InvocationLog(lines=InvocationLines(lines)))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_post, host, [_event("1", subject="wait")], _NOTIFICATION)
        deadline = time.monotonic() + 60
        while not read_invocations(lines):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # An answer that does not wait would come in this time.
        assert not wait({answer}, timeout=0.4).done
        requests.post(f"{host.url}/api/open-gate", timeout=60)
        assert answer.result().status_code == 202


def test_times_in_the_data_arrive_as_the_text_that_was_sent(host: FunctionsHost, storage: Storage) -> None:
    times = {"a": "2026-11-21T10:00:00.1234567Z", "b": "2026-11-21T12:00:00+02:00"}
    assert _post(host, [_event("1", **times)], _NOTIFICATION).status_code == 202
    assert json.loads(storage.wait("events", 1)[0])["data"] == times


def test_a_single_object_is_accepted_as_well(host: FunctionsHost) -> None:
    assert _post(host, _event("1"), _NOTIFICATION).status_code == 202
    assert [entry.cause["eventId"] for entry in host.log.entries("on_event")] == ["1"]


def test_a_cloud_event_reaches_the_function_as_a_cloud_event(host: FunctionsHost, storage: Storage) -> None:
    event = {
        "specversion": "1.0",
        "id": "c1",
        "source": "/subscriptions/s",
        "type": "Microsoft.Resources.ResourceWriteSuccess",
        "subject": "/a",
        "time": "2026-11-21T10:00:00.1234567Z",
        "data": {"x": 2},
    }
    assert _post(host, event, _NOTIFICATION).status_code == 202
    assert json.loads(storage.wait("events", 1)[0]) == {"kind": "cloud", "id": "c1", "data": {"x": 2}}


def test_the_events_of_an_array_run_at_the_same_time(host: FunctionsHost) -> None:
    # Each of the three waits for the other two: one after the other, none would get past the barrier.
    answer = _post(host, [_event(str(number), subject="meet") for number in range(3)], _NOTIFICATION)
    assert answer.status_code == 202
    assert len(host.log.entries("on_event")) == 3


def test_one_failure_makes_the_whole_delivery_500_though_the_others_ran(host: FunctionsHost, storage: Storage) -> None:
    answer = _post(host, [_event("good"), _event("bad", subject="boom")], _NOTIFICATION)
    assert answer.status_code == 500
    assert "on_event" in answer.text
    assert "the event is bad" in answer.text
    assert [json.loads(text)["id"] for text in storage.wait("events", 1)] == ["good"]


def test_an_event_time_that_cannot_be_parsed_fails_before_the_function(host: FunctionsHost) -> None:
    answer = _post(host, [{**_event("1"), "eventTime": "yesterday"}], _NOTIFICATION)
    assert answer.status_code == 500
    (entry,) = host.log.entries("on_event")
    assert entry.status is InvocationStatus.FAILED


@pytest.mark.parametrize("subject", ["boom", "exit"])
def test_a_failure_of_any_kind_is_500(host: FunctionsHost, subject: str) -> None:
    assert _post(host, [_event("1", subject=subject)], _NOTIFICATION).status_code == 500
    assert [entry.status for entry in host.log.entries("on_event")] == [InvocationStatus.FAILED]


def test_unsubscribe_is_accepted(host: FunctionsHost) -> None:
    assert _post(host, [], {"aeg-event-type": "Unsubscribe"}).status_code == 202


@pytest.mark.parametrize("headers", [{}, {"aeg-event-type": "Other"}])
def test_any_other_request_is_400(host: FunctionsHost, headers: dict[str, str]) -> None:
    assert _post(host, [_event("1")], headers).status_code == 400
    assert host.log.entries() == []
