"""Event Grid and the Functions host together, as a subscription in Azure has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.eventgrid import DeliveryOutcome, EndpointType, EventGrid, EventSchema, ValidationFailedError
from emulator.host import FunctionsHost
from tests.emulator.eventgrid.arm import Change

_APP = """
import os
import threading
from pathlib import Path
import azure.functions as func

app = func.FunctionApp()
one_at_a_time = threading.Lock()

@app.function_name("on_change")
@app.event_grid_trigger(arg_name="event")
def on_change(event: func.EventGridEvent) -> None:
    seen = Path(os.environ["SEEN"])
    with one_at_a_time, seen.open("a") as file:
        file.write(f"{type(event).__name__} {event.get_json()['operationName']}\\n")
        file.flush()
        number = len(seen.read_text().splitlines())
    if number <= int(os.environ["FAILURES"]):
        raise RuntimeError("not yet")
"""


@pytest.fixture
def grid() -> Iterator[EventGrid]:
    with EventGrid(0.001) as running:
        yield running


def _host(folder: Path, failures: int = 0) -> FunctionsHost:
    (folder / "function_app.py").write_text(_APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    return FunctionsHost(folder, {"SEEN": str(folder / "seen"), "FAILURES": str(failures)})


@pytest.mark.parametrize(
    ("schema", "kind"), [(EventSchema.EVENT_GRID, "EventGridEvent"), (EventSchema.CLOUD_EVENTS, "CloudEvent")]
)
def test_a_change_reaches_the_function_after_the_handshake(
    grid: EventGrid, tmp_path: Path, schema: EventSchema, kind: str
) -> None:
    with _host(tmp_path) as host:
        url = host.eventgrid_url("on_change")
        grid.subscribe("guard", url, schema=schema, endpoint_type=EndpointType.WEBHOOK)
        grid.publish_arm(Change())
        assert grid.wait_settled()
    assert (tmp_path / "seen").read_text() == f"{kind} Microsoft.KeyVault/vaults/write\n"


def test_a_function_that_fails_gets_the_event_again(grid: EventGrid, tmp_path: Path) -> None:
    with _host(tmp_path, failures=2) as host:
        grid.subscribe("guard", host.eventgrid_url("on_change"))
        grid.publish_arm(Change())
        assert grid.wait_settled()
    assert [(d.status, d.outcome) for d in grid.deliveries()] == [
        (500, DeliveryOutcome.RETRY),
        (500, DeliveryOutcome.RETRY),
        (202, DeliveryOutcome.DELIVERED),
    ]


def test_a_batch_with_one_failure_comes_again_as_a_whole(tmp_path: Path) -> None:
    grid = EventGrid(0.001)
    with _host(tmp_path, failures=1) as host:
        grid.subscribe("guard", host.eventgrid_url("on_change"), max_events_per_batch=10)
        for number in range(3):
            grid.publish_arm(Change(correlation_id=str(number)))
        with grid:
            assert grid.wait_settled()
    assert [(d.status, d.batch_size) for d in grid.deliveries()] == [(500, 3)] * 3 + [(202, 3)] * 3
    # Six runs, of which the first one failed: two events were handled twice.
    assert len((tmp_path / "seen").read_text().splitlines()) == 6


def test_a_wrong_key_fails_the_handshake(grid: EventGrid, tmp_path: Path) -> None:
    with _host(tmp_path) as host:
        url = host.eventgrid_url("on_change").replace(host.eventgrid_key, "wrong")
        with pytest.raises(ValidationFailedError, match="401"):
            grid.subscribe("guard", url, endpoint_type=EndpointType.WEBHOOK)
