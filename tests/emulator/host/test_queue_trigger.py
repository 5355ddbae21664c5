"""Queue triggers against a real Azurite: what is in the queues afterwards is what counts."""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from azure.storage.queue import QueueClient, QueueMessage

from emulator.host import FunctionsHost, InvocationStatus
from emulator.host.queuetrigger import PollingDelay, poison_queue_name
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import StartHost

_PREFIX = "AzureFunctionsJobHost__extensions__queues__"


def _seen(storage: Storage) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(storage.wait("done", 1)[0])
    return document


def test_a_message_is_decoded_run_and_deleted(host: FunctionsHost, storage: Storage) -> None:
    storage.put("work", "hello")
    assert _seen(storage)["body"] == "hello"
    storage.wait_count("work", 0)


def test_the_function_sees_the_metadata_of_the_message(host: FunctionsHost, storage: Storage) -> None:
    storage.create("work")
    sent = storage.queue("work").send_message(base64.b64encode(b"hello").decode())
    seen = _seen(storage)
    assert (seen["id"], seen["dequeue_count"]) == (sent.id, 1)
    assert sent.inserted_on is not None
    assert sent.expires_on is not None
    assert seen["inserted"] == str(sent.inserted_on.replace(microsecond=0))
    assert seen["expires"] == str(sent.expires_on.replace(microsecond=0))
    assert seen["pop_receipt"]
    assert seen["visible"] > seen["inserted"]


def test_message_encoding_none_takes_the_text_as_it_is(start_host: StartHost, storage: Storage) -> None:
    start_host(env={f"{_PREFIX}messageEncoding": "none"})
    storage.create("work").send_message("plain text")
    deadline = time.monotonic() + 60
    while not (found := storage.peek("done")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert json.loads(str(found[0].content))["body"] == "plain text"


def test_a_failing_message_is_tried_max_dequeue_count_times_and_then_poison(
    host: FunctionsHost, storage: Storage
) -> None:
    storage.put("work", "fail")
    assert storage.wait("work-poison", 1) == ["fail"]
    storage.wait_count("work", 0)
    assert [entry.cause["dequeueCount"] for entry in host.log.entries("on_work")] == ["1", "2"]


def test_the_last_failed_attempt_is_poison_at_once(start_host: StartHost, storage: Storage) -> None:
    start_host(env={f"{_PREFIX}maxDequeueCount": "1", f"{_PREFIX}visibilityTimeout": "00:10:00"})
    storage.put("work", "fail")
    assert storage.wait("work-poison", 1) == ["fail"]
    storage.wait_count("work", 0)


def test_the_poison_queue_is_created_only_when_needed(host: FunctionsHost, storage: Storage) -> None:
    storage.put("work", "hello")
    storage.wait("done", 1)
    assert not storage.exists("work-poison")


def test_between_attempts_a_message_is_hidden_for_the_visibility_timeout(
    start_host: StartHost, storage: Storage
) -> None:
    host = start_host(env={f"{_PREFIX}visibilityTimeout": "00:00:30"})
    storage.put("work", "fail")
    host.log.wait("on_work", 1)
    time.sleep(0.4)  # Several polling rounds: with no wait, the second attempt would have come.
    assert len(host.log.entries("on_work")) == 1
    assert (storage.count("work"), storage.peek("work")) == (1, [])


def test_a_message_above_max_dequeue_count_is_poison_without_being_run(start_host: StartHost, storage: Storage) -> None:
    storage.put("work", "hello")
    for _ in range(2):
        (message,) = storage.queue("work").receive_messages(max_messages=1, visibility_timeout=30)
        storage.queue("work").update_message(message, visibility_timeout=0)
    host = start_host()
    assert storage.wait("work-poison", 1) == ["hello"]
    storage.wait_count("work", 0)
    assert host.log.entries("on_work") == []


def test_a_message_that_is_not_base64_is_poison_at_once_and_unchanged(host: FunctionsHost, storage: Storage) -> None:
    storage.create("work").send_message("not base64!")
    storage_deadline = time.monotonic() + 60
    while not (poison := storage.peek("work-poison")):
        assert time.monotonic() < storage_deadline
        time.sleep(0.02)
    assert poison[0].content == "not base64!"
    storage.wait_count("work", 0)
    assert host.log.entries("on_work") == []


def test_a_failing_message_of_a_poison_queue_stays_hidden(host: FunctionsHost, storage: Storage) -> None:
    storage.put("stuck-poison", "again")
    host.log.wait("on_stuck", 1)
    time.sleep(0.4)  # Several polling rounds.
    assert len(host.log.entries("on_stuck")) == 1
    assert (storage.count("stuck-poison"), storage.peek("stuck-poison")) == (1, [])
    assert not storage.exists("stuck-poison-poison")


def test_a_queue_whose_poison_name_would_be_too_long_has_none() -> None:
    assert poison_queue_name("q" * 56) == "q" * 56 + "-poison"
    assert poison_queue_name("q" * 57) is None
    assert poison_queue_name("work-poison") is None


def test_the_trigger_does_not_create_its_queue_and_finds_it_when_it_comes(
    host: FunctionsHost, storage: Storage
) -> None:
    time.sleep(0.3)  # Several polling rounds.
    assert not storage.exists("work")
    storage.put("work", "late")
    assert _seen(storage)["body"] == "late"


def test_a_received_message_is_hidden_for_ten_minutes(host: FunctionsHost, storage: Storage) -> None:
    storage.create("work")
    sent = storage.queue("work").send_message(base64.b64encode(b"hello").decode())
    assert sent.inserted_on is not None
    hidden = datetime.fromisoformat(_seen(storage)["visible"]) - sent.inserted_on
    assert timedelta(minutes=10) - timedelta(seconds=2) <= hidden < timedelta(minutes=12)


def test_scale_shortens_what_hides_a_message(start_host: StartHost, storage: Storage) -> None:
    start_host(scale=0.1)
    storage.create("work")
    sent = storage.queue("work").send_message(base64.b64encode(b"hello").decode())
    assert sent.inserted_on is not None
    hidden = datetime.fromisoformat(_seen(storage)["visible"]) - sent.inserted_on
    assert timedelta(seconds=58) <= hidden < timedelta(minutes=3)


def test_a_running_message_is_renewed_at_half_of_its_time(
    start_host: StartHost, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = threading.Event()
    update = QueueClient.update_message

    def noticed(self: QueueClient, *arguments: Any, **options: Any) -> QueueMessage:
        answer = update(self, *arguments, **options)
        assert options["visibility_timeout"] == 3
        renewed.set()
        return answer

    monkeypatch.setattr(QueueClient, "update_message", noticed)
    host = start_host(invisibility=timedelta(seconds=3))
    storage.put("work", "wait")
    assert renewed.wait(60)
    requests.post(f"{host.url}/api/open-gate", timeout=60)
    storage.wait("done", 1)
    # Deleted with the pop receipt of the renewal; the first one would not have done it.
    storage.wait_count("work", 0)
    assert len(host.log.wait("on_work", 1)) == 1


@pytest.mark.parametrize("taken", ["deleted", "renewed"])
def test_a_message_that_somebody_else_took_is_let_go(
    start_host: StartHost,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    taken: str,
) -> None:
    caplog.set_level("INFO", "emulator.host")
    received: queue.Queue[QueueMessage] = queue.Queue()
    receive = QueueClient.receive_messages

    def remembering(self: QueueClient, **options: Any) -> list[QueueMessage]:
        messages = list(receive(self, **options))
        for message in messages:
            received.put(message)
        return messages

    monkeypatch.setattr(QueueClient, "receive_messages", remembering)
    host = start_host()
    storage.put("work", "wait")
    ours = received.get(timeout=60)  # Not sooner: the queue hides a message before the host has it.
    if taken == "deleted":
        storage.queue("work").clear_messages()
    else:
        # A new pop receipt makes the host's own one stale.
        storage.queue("work").update_message(ours.id, ours.pop_receipt, visibility_timeout=600)
    requests.post(f"{host.url}/api/open-gate", timeout=60)
    storage.wait("done", 1)
    host.close()
    said = [record.getMessage() for record in caplog.records if record.name == "emulator.host"]
    code = "MessageNotFound" if taken == "deleted" else "PopReceiptMismatch"
    assert [text for text in said if "no longer ours" in text and code in text]
    assert not any("could not be settled" in text for text in said)


def test_no_more_than_batch_size_and_threshold_are_in_work(start_host: StartHost, storage: Storage) -> None:
    for text in ["sleep 0.05", "wait", "wait", "wait", "wait", "wait"]:
        storage.put("work", text)
    host = start_host(env={f"{_PREFIX}batchSize": "2", f"{_PREFIX}newBatchThreshold": "1"})
    host.log.wait("on_work", 1)
    deadline = time.monotonic() + 60
    while len(storage.peek("work")) > 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)  # Several polling rounds: a host that takes more would have done so.
    # Two came first; when one of them had ended, two more, and three in work is the limit.
    assert len(storage.peek("work")) == 2
    requests.post(f"{host.url}/api/open-gate", timeout=60)
    storage.wait("done", 6)


def test_an_output_to_its_queue_wakes_the_listener(
    start_host: StartHost, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PollingDelay, "after", lambda self, found: 0.1 if found else 600.0)
    storage.create("work")
    host = start_host()
    time.sleep(0.2)  # The listener has looked once, and sleeps.
    requests.post(f"{host.url}/api/starts-work", data="now", timeout=60)
    host.log.wait("on_work", 1)


def test_a_message_that_arrives_while_the_host_stops_is_still_run(
    start_host: StartHost, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = threading.Event()
    receive = QueueClient.receive_messages

    def slow(self: QueueClient, **options: Any) -> list[QueueMessage]:
        messages = list(receive(self, **options))
        if messages:
            received.set()
            time.sleep(0.3)
        return messages

    monkeypatch.setattr(QueueClient, "receive_messages", slow)
    storage.put("work", "last")
    host = start_host()
    assert received.wait(60)
    host.close()
    assert [json.loads(text)["body"] for text in storage.texts("done")] == ["last"]


def test_a_return_value_without_a_binding_is_a_failure(host: FunctionsHost, storage: Storage) -> None:
    storage.put("returning", "x")
    entries = host.log.wait("on_returning", 1)
    assert entries[0].status is InvocationStatus.FAILED
    assert "without a $return binding" in str(entries[0].error)


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_polling_backs_off_with_jitter_between_100_ms_and_the_maximum(factor: float) -> None:
    delay = PollingDelay(timedelta(seconds=2), uniform=lambda low, high: factor)
    waits = [delay.after(False) for _ in range(8)]
    assert waits == pytest.approx([min(0.1 + 0.1 * factor * (2**n - 1), 2.0) for n in range(8)])
    assert delay.after(True) == 0.1
    assert delay.after(False) == pytest.approx(0.1)


def test_polling_asks_for_jitter_of_a_fifth() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 1.0

    PollingDelay(timedelta(seconds=1), uniform).after(False)
    assert asked == [(0.8, 1.2)]
