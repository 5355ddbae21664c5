"""Several processes as instances of one app: what they share, and what a killed one leaves behind."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.storage.blob import BlobClient, BlobLeaseClient, BlobServiceClient

from emulator.eventgrid import EventGrid
from emulator.host import HostFleet, HostProcess, InvocationRecord, read_invocations
from emulator.host.__main__ import main
from emulator.host.singleton import ListenerLock
from tests.emulator.eventgrid.arm import Change
from tests.emulator.eventgrid.endpoint import eventually
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import TOY, write_app

StartFleet = Callable[..., HostFleet]

# The file tells apart who ran: the pid is in it. `hold` is there to be killed in the middle of.
_APP = """
import os, pathlib, time
@app.function_name("once")
@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *", run_on_startup=True)
def once(timer: func.TimerRequest) -> None:
    pass

@app.function_name("hold")
@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-hold", connection="Toy")
def hold(message: func.QueueMessage) -> None:
    while not pathlib.Path(os.environ["GATE"]).exists():
        time.sleep(0.02)

@app.function_name("who")
@app.route(route="who", auth_level="function")
def who(req: func.HttpRequest) -> str:
    return str(os.getpid())

@app.function_name("change")
@app.event_grid_trigger(arg_name="event")
def change(event: func.EventGridEvent) -> None:
    pass
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    return tmp_path / "invocations.jsonl"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@pytest.fixture
def start_fleet(storage: Storage, tmp_path: Path, lines: Path, gate: Path) -> Iterator[StartFleet]:
    app = tmp_path / "app"
    app.mkdir()
    write_app(app, _APP)
    env = {
        **storage.settings,
        "GATE": str(gate),
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1",
        "AzureFunctionsWebHost__hostid": storage.prefix,
    }
    with ExitStack() as stack:
        yield lambda count, **options: stack.enter_context(HostFleet(app, env, count, log_json=lines, **options))


def _ran(lines: Path, function: str) -> list[InvocationRecord]:
    return [record for record in read_invocations(lines) if record.function == function]


def _ended(lines: Path, function: str, count: int) -> list[InvocationRecord]:
    found = eventually(lambda: [r for r in _ran(lines, function) if r.ended is not None][count - 1 :])
    assert found, read_invocations(lines)
    return [record for record in _ran(lines, function) if record.ended is not None]


def _lock(storage: Storage, function: str) -> BlobClient:
    name = f"locks/{storage.prefix}/Host.Functions.{function}.Listener"
    return BlobClient.from_connection_string(storage.connection_string, "azure-webjobs-hosts", name)


def _break_lock(storage: Storage, function: str) -> None:
    """What time does to the lock of a process that was killed, at once."""
    with _lock(storage, function) as blob:
        BlobLeaseClient(blob).break_lease(lease_break_period=0)


def test_one_of_four_instances_runs_a_timer(start_fleet: StartFleet, lines: Path) -> None:
    start_fleet(4)
    _ended(lines, "once", 1)
    time.sleep(0.3)  # All are ready, and what belongs to their start has begun.
    assert len(_ran(lines, "once")) == 1


def test_a_timer_moves_on_when_its_instance_was_killed_and_its_lock_is_over(
    start_fleet: StartFleet, storage: Storage, lines: Path
) -> None:
    fleet = start_fleet(2, scale=0.005)
    (first,) = _ended(lines, "once", 1)
    holder = next(instance for instance in fleet.instances if instance.address.pid == first.pid)
    holder.kill()
    time.sleep(0.7)  # The other one asks every 0.3 s, and the lease still runs.
    assert len(_ran(lines, "once")) == 1
    _break_lock(storage, "once")
    assert {record.pid for record in _ended(lines, "once", 2)} == {i.address.pid for i in fleet.instances}


def test_a_timer_is_free_at_once_when_its_instance_ends_in_order(
    start_fleet: StartFleet, storage: Storage, lines: Path
) -> None:
    # Unscaled: the lease lasts a minute, and the other instance asks for it once a minute.
    fleet = start_fleet(2)
    (first,) = _ended(lines, "once", 1)
    with _lock(storage, "once") as blob:
        assert blob.get_blob_properties().lease.state == "leased"
        next(instance for instance in fleet.instances if instance.address.pid == first.pid).stop()
        assert blob.get_blob_properties().lease.state == "available"


def test_all_instances_share_a_port_a_key_and_the_work(
    start_fleet: StartFleet, storage: Storage, lines: Path, gate: Path
) -> None:
    fleet = start_fleet(3)
    pids = {instance.address.pid for instance in fleet.instances}
    key = fleet.instances[0].address.function_keys["who"]
    assert len({json.dumps(dict(instance.address.function_keys)) for instance in fleet.instances}) == 1

    def ask(_: int) -> str:
        return requests.get(f"{fleet.url}/api/who", params={"code": key}, timeout=60).text

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(ask, range(60)))
    assert {int(text) for text in answers} == pids
    for number in range(40):
        storage.put("hold", str(number))
    eventually(lambda: len(_ran(lines, "hold")) == 40)
    gate.touch()
    storage.wait_count("hold", 0)
    done = _ended(lines, "hold", 40)
    # Nobody lost and nobody doubled, whoever took it.
    assert Counter(Counter(record.message_id for record in done).values()) == {1: 40}
    assert {record.pid for record in done} <= pids
    assert {record.dequeue_count for record in done} == {1}


def test_events_reach_the_instances_that_live(start_fleet: StartFleet, lines: Path) -> None:
    fleet = start_fleet(3)
    url = fleet.eventgrid_url("change")
    with EventGrid(0.005) as grid:
        grid.subscribe("guard", url)
        for number in range(30):
            if number == 10:
                fleet.instances[0].kill()
            grid.publish_arm(Change(correlation_id=str(number)))
        assert grid.wait_settled()
        wanted = {event["id"] for event in grid.published}
    assert {record.cause["eventId"] for record in _ran(lines, "change") if record.succeeded} == wanted


def test_what_a_killed_process_had_in_work_comes_back_when_its_time_is_over(
    start_fleet: StartFleet, storage: Storage, lines: Path, gate: Path
) -> None:
    fleet = start_fleet(2, scale=0.005)
    storage.put("hold", "work")
    (first,) = eventually(lambda: _ran(lines, "hold"))
    next(instance for instance in fleet.instances if instance.address.pid == first.pid).kill()
    # Three seconds of hiding are what is left of ten minutes.
    eventually(lambda: len(_ran(lines, "hold")) == 2)
    gate.touch()
    storage.wait_count("hold", 0)
    begun, again = _ran(lines, "hold")
    assert (begun.ended, begun.succeeded, begun.dequeue_count) == (None, None, 1)
    assert (again.message_id, again.dequeue_count, again.succeeded) == (begun.message_id, 2, True)
    assert again.pid != begun.pid
    assert again.started - begun.started > 2
    assert again.ended is not None
    assert again.ended >= again.started


def test_a_killed_process_can_be_started_again_on_its_port_and_with_its_keys(start_fleet: StartFleet) -> None:
    fleet = start_fleet(1)
    (instance,) = fleet.instances
    before = instance.address
    instance.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(fleet.url, timeout=60)
    instance.start()
    assert instance.address.pid != before.pid
    assert (instance.url, instance.eventgrid_url("change")) == (fleet.url, fleet.eventgrid_url("change"))
    assert instance.address.function_keys == before.function_keys
    assert instance.address.master_key == before.master_key


def test_apps_with_another_host_id_share_nothing(storage: Storage) -> None:
    keys = []
    for host_id in ("one", "two"):
        env = {**storage.settings, "AzureFunctionsWebHost__hostid": f"{storage.prefix}-{host_id}"}
        with HostProcess(TOY, env) as process:
            keys.append({process.address.master_key, process.address.eventgrid_key, process.address.host_key})
    assert not keys[0] & keys[1]


def test_a_failed_invocation_and_what_caused_it_are_in_the_lines(storage: Storage, lines: Path) -> None:
    with HostProcess(TOY, storage.settings, log_json=lines) as process:
        requests.get(f"{process.url}/api/raises", timeout=60)
        pid = process.address.pid
    began, ended = (json.loads(line) for line in lines.read_text().splitlines())
    assert (began["event"], began["function"], began["pid"]) == ("began", "raises", pid)
    assert (began["trigger"], began["path"]) == ("http", "/api/raises")
    assert (ended["event"], ended["ok"], ended["error"]) == ("ended", False, "ValueError: secret detail")
    assert began["invocationId"] == ended["invocationId"]
    assert began["started"] <= ended["ended"]
    (record,) = read_invocations(lines)
    assert (record.succeeded, record.message_id, record.cause["method"]) == (False, None, "GET")


def test_a_lock_is_taken_once_kept_by_renewal_and_free_after_release(storage: Storage) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        one, two = (ListenerLock(service, storage.prefix, "timer") for _ in range(2))
        assert one.acquire()
        assert not two.acquire()
        assert one.renew()
        assert not two.renew()
        one.release()
        assert two.acquire()
        assert not one.renew()
        _break_lock(storage, "timer")
        assert not two.renew()
        two.release()


@pytest.mark.parametrize(("scale", "period", "asking"), [(1.0, 60.0, 60.0), (0.5, 30.0, 30.0), (0.01, 15.0, 0.6)])
def test_a_lock_lasts_a_minute_or_what_storage_grants(
    storage: Storage, scale: float, period: float, asking: float
) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        lock = ListenerLock(service, storage.prefix, "timer", scale=scale)
    assert (lock.period, lock.asking_interval) == (period, asking)


@pytest.mark.parametrize("scale", ["0", "1.5", "-1", "quick"])
def test_a_scale_that_makes_no_sense_is_refused(scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--app", ".", "--scale", scale])
    assert ended.value.code == 2
    assert f"'{scale}' is not a number above 0" in capsys.readouterr().err


def test_how_long_a_message_is_hidden_can_be_told_exactly(storage: Storage) -> None:
    with HostProcess(TOY, storage.settings, invisibility=100):
        storage.put("work", "hello")
        seen = json.loads(storage.wait("done", 1)[0])
    hidden = datetime.fromisoformat(seen["visible"]) - datetime.fromisoformat(seen["inserted"])
    assert timedelta(seconds=99) <= hidden < timedelta(seconds=300)
