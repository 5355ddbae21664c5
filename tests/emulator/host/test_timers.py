"""Timer triggers on a fast clock, with the schedule status in Azurite."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from emulator.host import FunctionsHost, IndexingError, InvocationStatus
from emulator.host.singleton import ListenerLock
from emulator.host.timers import Schedule, SystemClock
from tests.emulator.eventgrid.endpoint import eventually
from tests.emulator.host.clocks import FastClock
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import StartHost, write_app

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_TIMER = """
import time
@app.function_name("tick")
@app.timer_trigger(arg_name="timer", schedule="{schedule}", run_on_startup={startup}, use_monitor={monitor})
@app.queue_output(arg_name="out", queue_name="%PREFIX%-ticks", connection="Toy")
def tick(timer: func.TimerRequest, out: func.Out[str]) -> None:
    {body}
    import json
    out.set(json.dumps([json.dumps({{"past_due": timer.past_due, "status": timer.schedule_status}})]))
"""


def _app(folder: Path, schedule: str, *, startup: bool = False, monitor: bool = True, body: str = "pass") -> Path:
    return write_app(folder, _TIMER.format(schedule=schedule, startup=startup, monitor=monitor, body=body))


@pytest.mark.parametrize(
    ("expression", "moments"),
    [
        ("0 */5 * * * *", ["12:05:00", "12:10:00"]),
        ("*/5 * * * *", ["12:05:00", "12:10:00"]),
        ("30 0 13 * * *", ["13:00:30"]),
        ("*/20 * * * * *", ["12:00:20", "12:00:40", "12:01:00"]),
    ],
)
def test_five_or_six_fields_with_seconds_first(expression: str, moments: list[str]) -> None:
    schedule, moment = Schedule(expression), _NOON
    for expected in moments:
        moment = schedule.next_after(moment)
        assert moment.strftime("%H:%M:%S") == expected


def test_day_of_month_and_day_of_week_must_both_hold() -> None:
    # 13 March 2026 is the second Friday the 13th of that year; Unix cron would take any Friday.
    assert Schedule("0 0 0 13 * 5").next_after(datetime(2026, 2, 14, tzinfo=UTC)).date().isoformat() == "2026-03-13"


@pytest.mark.parametrize("expression", ["00:05:00", "* * *", "0 0 25 * * *", ""])
def test_what_is_no_ncrontab_expression_is_an_indexing_error(
    start_host: StartHost, tmp_path: Path, expression: str
) -> None:
    with pytest.raises(IndexingError, match="NCRONTAB"):
        start_host(_app(tmp_path, expression))


def test_a_timer_runs_at_its_occurrences(start_host: StartHost, storage: Storage, tmp_path: Path) -> None:
    clock = FastClock(_NOON, 36_000)
    host = start_host(_app(tmp_path, "0 0 * * * *"), clock=clock)
    entries = host.log.wait("tick", 3)[:3]
    assert [entry.cause["pastDue"] for entry in entries] == ["false"] * 3
    planned = [
        datetime.fromisoformat(json.loads(text)["status"]["Next"]) for text in storage.wait("ticks", 3)[: len(entries)]
    ]
    assert planned[0] >= _NOON + timedelta(hours=1)
    assert all(earlier < later for earlier, later in pairwise(planned))
    assert all((moment.minute, moment.second) == (0, 0) for moment in planned)
    for moment, entry in zip(planned, entries, strict=True):
        # Two clocks of this machine that differ by milliseconds differ by minutes here.
        assert clock.moment(entry.started) > moment - timedelta(minutes=10)


def test_run_on_startup_runs_at_once(start_host: StartHost, storage: Storage, tmp_path: Path) -> None:
    host = start_host(_app(tmp_path, "0 0 3 * * *", startup=True), clock=FastClock(_NOON, 1))
    host.log.wait("tick", 1)
    assert json.loads(storage.wait("ticks", 1)[0])["past_due"] is False


def test_without_run_on_startup_nothing_runs_before_its_time(host: FunctionsHost) -> None:
    requests.get(f"{host.url}/api/plain", timeout=60)
    assert host.log.entries("tick") == []


def test_a_run_that_lasts_beyond_the_next_occurrence_does_not_overlap(start_host: StartHost, tmp_path: Path) -> None:
    host = start_host(
        _app(tmp_path, "0 0 * * * *", monitor=False, body="time.sleep(0.15)"), clock=FastClock(_NOON, 72_000)
    )
    entries = host.log.wait("tick", 3)
    for earlier, later in pairwise(entries):
        assert later.started >= earlier.started + earlier.duration_ms / 1000


def test_a_failure_does_not_stop_the_schedule(start_host: StartHost, tmp_path: Path) -> None:
    host = start_host(_app(tmp_path, "0 0 * * * *", body="raise ValueError('no')"), clock=FastClock(_NOON, 72_000))
    entries = host.log.wait("tick", 2)
    assert {entry.status for entry in entries} == {InvocationStatus.FAILED}


def test_a_timer_rests_while_somebody_else_has_its_lock(
    start_host: StartHost,
    storage: Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    create = ListenerLock.__init__

    def impatient(self: ListenerLock, *arguments: Any, **options: Any) -> None:
        create(self, *arguments, **options)
        self.renewal_interval = 0.1

    monkeypatch.setattr(ListenerLock, "__init__", impatient)
    host = start_host(_app(tmp_path, "0 0 * * * *"), clock=FastClock(_NOON, 36_000), scale=0.005)
    host.log.wait("tick", 2)
    name = f"locks/{host.host_id}/Host.Functions.tick.Listener"
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        blob = service.get_blob_client("azure-webjobs-hosts", name)
        BlobLeaseClient(blob).break_lease(lease_break_period=0)
        taken = BlobLeaseClient(blob)
        taken.acquire(lease_duration=60)
        assert eventually(lambda: "is lost" in caplog.text)
        seen = len(host.log.entries("tick"))
        time.sleep(0.5)  # Five occurrences, of which one may have been under way.
        assert len(host.log.entries("tick")) <= seen + 1
        taken.release()
        host.log.wait("tick", seen + 3)


def test_a_failed_run_is_not_repeated(start_host: StartHost, tmp_path: Path) -> None:
    app = _app(tmp_path, "0 0 3 * * *", startup=True, body="raise ValueError('no')")
    host = start_host(app, clock=FastClock(_NOON, 1))
    host.log.wait("tick", 1)
    time.sleep(0.3)
    host.close()
    assert len(host.log.entries("tick")) == 1


def test_the_hosts_time_is_utc_whatever_the_machines_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        now = SystemClock().now()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert now.utcoffset() == timedelta(0)
    assert abs(now.timestamp() - time.time()) < 60
    noon = now.replace(hour=12, minute=30, second=0, microsecond=0)
    assert Schedule("0 0 * * * *").next_after(noon).isoformat().endswith("T13:00:00+00:00")


def test_a_missed_occurrence_is_made_up_once_at_the_next_start(
    start_host: StartHost, storage: Storage, tmp_path: Path
) -> None:
    app = _app(tmp_path, "0 0 * * * *")
    start_host(app, clock=FastClock(_NOON + timedelta(minutes=1), 1)).close()
    late = start_host(app, clock=FastClock(_NOON + timedelta(hours=2, minutes=1), 1))
    (entry,) = late.log.wait("tick", 1)
    assert entry.cause["pastDue"] == "true"
    seen = json.loads(storage.wait("ticks", 1)[0])
    assert seen["past_due"] is True
    assert seen["status"]["Next"] == "2026-01-01T13:00:00+00:00"


def test_a_changed_schedule_is_not_past_due(start_host: StartHost, tmp_path: Path) -> None:
    start_host(_app(tmp_path, "0 0 * * * *"), clock=FastClock(_NOON, 1)).close()
    host = start_host(_app(tmp_path, "0 30 * * * *"), clock=FastClock(_NOON + timedelta(hours=2), 1))
    host.close()  # What belongs to the start has run when this returns.
    assert host.log.entries("tick") == []


def test_the_status_is_a_blob_in_the_hosts_container(start_host: StartHost, storage: Storage, tmp_path: Path) -> None:
    host = start_host(_app(tmp_path, "0 0 * * * *"), clock=FastClock(_NOON, 1))
    service = BlobServiceClient.from_connection_string(storage.connection_string)
    with service, service.get_container_client("azure-webjobs-hosts") as container:
        (name,) = list(container.list_blob_names(name_starts_with=f"timers/{host.host_id}/"))
        status = json.loads(container.download_blob(name).readall())
    assert name == f"timers/{host.host_id}/Host.Functions.tick/status"
    assert status["Next"] == "2026-01-01T13:00:00+00:00"


@pytest.mark.parametrize(("schedule", "monitor"), [("*/30 * * * * *", True), ("0 0 * * * *", False)])
def test_a_short_interval_or_use_monitor_false_keeps_no_status(
    start_host: StartHost, storage: Storage, tmp_path: Path, schedule: str, monitor: bool
) -> None:
    host = start_host(_app(tmp_path, schedule, monitor=monitor, startup=True), clock=FastClock(_NOON, 1))
    host.log.wait("tick", 1)
    assert json.loads(storage.wait("ticks", 1)[0])["status"] == {}
    service = BlobServiceClient.from_connection_string(storage.connection_string)
    with service, service.get_container_client("azure-webjobs-hosts") as container:
        container_names = [each.name for each in service.list_containers()]
        found = (
            list(container.list_blob_names(name_starts_with=f"timers/{host.host_id}/"))
            if "azure-webjobs-hosts" in container_names
            else []
        )
    assert found == []


@pytest.mark.parametrize("name", ["tick", "TICK"])
def test_a_timer_can_be_started_by_hand(host: FunctionsHost, storage: Storage, name: str) -> None:
    answer = requests.post(
        f"{host.url}/admin/functions/{name}",
        json={"input": ""},
        headers={"x-functions-key": host.keys.master},
        timeout=5,
    )
    assert answer.status_code == 202
    storage.wait("ticks", 1)


def test_a_start_by_hand_is_answered_while_the_function_runs(host: FunctionsHost, storage: Storage) -> None:
    answer = requests.post(
        f"{host.url}/admin/functions/on_work",
        json={"input": "wait"},
        headers={"x-functions-key": host.keys.master},
        timeout=60,
    )
    assert (answer.status_code, host.log.entries("on_work")) == (202, [])
    requests.post(f"{host.url}/api/open-gate", timeout=60)
    assert json.loads(storage.wait("done", 1)[0])["body"] == "wait"


def test_a_queue_function_started_by_hand_gets_the_input(host: FunctionsHost, storage: Storage) -> None:
    requests.post(
        f"{host.url}/admin/functions/on_work",
        json={"input": "by hand"},
        headers={"x-functions-key": host.keys.master},
        timeout=5,
    )
    assert json.loads(storage.wait("done", 1)[0])["body"] == "by hand"


@pytest.mark.parametrize(
    ("path", "key", "body", "status"),
    [
        ("tick", "master", "", 400),
        ("tick", "master", "[]", 400),
        ("plain", "master", "{}", 400),
        ("nobody", "master", "{}", 404),
        ("tick", "default", "{}", 401),
    ],
)
def test_manual_starts_that_are_refused(host: FunctionsHost, path: str, key: str, body: str, status: int) -> None:
    headers = {"x-functions-key": getattr(host.keys, key)}
    answer = requests.post(f"{host.url}/admin/functions/{path}", data=body, headers=headers, timeout=60)
    assert answer.status_code == status
    host.close()  # What was started in the background has ended when this returns.
    assert host.log.entries() == []
