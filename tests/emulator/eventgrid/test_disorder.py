"""Duplicates, loss, reordering and bursts, as an endpoint meets them, and what the ledger says of each event."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from emulator.azure import LocalAzure
from emulator.eventgrid import Disorder, EventGrid, Fate
from tests.emulator.eventgrid.arm import Change
from tests.emulator.eventgrid.endpoint import Endpoint, Received, eventually, replies

_EVENTS = 200


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


def _deliver(endpoint: Endpoint, disorder: Disorder, *, events: int = _EVENTS, scale: float = 0.001) -> EventGrid:
    """Publish that many numbered changes and wait until nothing is on its way."""
    with EventGrid(scale, disorder=disorder) as grid:
        grid.subscribe("guard", endpoint.url)
        for number in range(events):
            grid.publish_arm(Change(correlation_id=str(number)))
        assert grid.wait_settled()
    return grid


def _numbers(requests_: list[Received]) -> list[int]:
    return [int(request.body[0]["data"]["correlationId"]) for request in requests_]


def test_without_disorder_every_event_comes_once(endpoint: Endpoint) -> None:
    grid = _deliver(endpoint, Disorder())
    assert Counter(_numbers(endpoint.received)) == dict.fromkeys(range(_EVENTS), 1)
    assert grid.fates()[Fate.DELIVERED] == _EVENTS


def test_a_share_of_the_events_comes_twice(endpoint: Endpoint) -> None:
    grid = _deliver(endpoint, Disorder(duplicates=0.2, seed=1))
    times = Counter(_numbers(endpoint.received))
    assert set(times) == set(range(_EVENTS))
    twice = [number for number, count in times.items() if count == 2]
    assert 0.1 * _EVENTS < len(twice) < 0.3 * _EVENTS
    assert max(times.values()) == 2
    assert [row.number - 1 for row in grid.ledger() if row.delivered == 2] == sorted(twice)


def test_a_share_of_the_events_never_comes(endpoint: Endpoint) -> None:
    grid = _deliver(endpoint, Disorder(loss=0.25, seed=1))
    times = Counter(_numbers(endpoint.received))
    lost = [number for number in range(_EVENTS) if number not in times]
    assert 0.15 * _EVENTS < len(lost) < 0.35 * _EVENTS
    assert [row.number - 1 for row in grid.ledger() if row.fate is Fate.LOST] == lost
    assert grid.fates()[Fate.DELIVERED] == _EVENTS - len(lost)


def test_with_a_window_each_event_is_late_by_its_own_chance() -> None:
    disorder, scale = Disorder(reorder_seconds=60), 0.01
    moments: dict[int, float] = {}
    with EventGrid(scale, disorder=disorder) as grid, Endpoint() as endpoint:
        grid.subscribe("guard", endpoint.url)
        for number in range(50):
            moments[number] = time.monotonic()
            grid.publish_arm(Change(correlation_id=str(number)))
        assert grid.wait_settled()
    order = _numbers(endpoint.received)
    assert sorted(order) == list(range(50))
    planned = [disorder.delays("guard", number + 1) for number in range(50)]
    for number, request in zip(order, endpoint.received, strict=True):
        assert request.at - moments[number] >= planned[number][0] * scale
    assert all(len(delays) == 1 and 0 <= delays[0] <= 60 for delays in planned)
    assert sum(delays[0] < 20 for delays in planned) > 8
    assert sum(delays[0] > 40 for delays in planned) > 8
    # An event that sets out late is overtaken by those that set out at once.
    assert sum(earlier > later for earlier, later in pairwise(order)) > 10


def test_a_window_of_bursts_lets_its_events_go_together(endpoint: Endpoint) -> None:
    with EventGrid(0.01, disorder=Disorder(burst_seconds=50)) as grid:
        grid.subscribe("guard", endpoint.url, max_events_per_batch=100)
        begun = time.monotonic()
        for number in range(20):
            grid.publish_arm(Change(correlation_id=str(number)))
        windows = int((time.monotonic() - begun) / 0.5) + 2
        assert grid.wait_settled()
    # Two windows at most on a machine that is not held up, and a window is one request.
    assert len(endpoint.received) <= windows
    assert sum(len(request.body) for request in endpoint.received) == 20


def test_nothing_of_a_burst_comes_before_its_window_ends(endpoint: Endpoint) -> None:
    with EventGrid(1.0, disorder=Disorder(burst_seconds=3600)) as grid:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        grid.publish({"id": "spared"})
        assert eventually(lambda: endpoint.received)
        assert grid.ledger()[0].fate is Fate.PENDING
    assert [request.body for request in endpoint.received] == [[{"id": "spared"}]]


def test_the_same_seed_does_the_same_and_another_one_does_not() -> None:
    def numbers(seed: int) -> dict[int, int]:
        with Endpoint() as endpoint:
            _deliver(endpoint, Disorder(duplicates=0.3, loss=0.2, seed=seed), events=100)
        return dict(Counter(_numbers(endpoint.received)))

    assert numbers(7) == numbers(7) != numbers(8)


def test_one_knob_does_not_change_what_another_one_does() -> None:
    with_loss = {n for n in range(500) if not Disorder(loss=0.1, seed=3).delays("guard", n)}
    with_both = {n for n in range(500) if not Disorder(loss=0.1, duplicates=0.5, seed=3).delays("guard", n)}
    assert with_loss == with_both != set()


def test_a_duplicate_is_refused_and_tried_again_on_its_own() -> None:
    with Endpoint(replies(500, 202)) as endpoint, EventGrid(0.001, disorder=Disorder(duplicates=1)) as grid:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        assert grid.wait_settled()
        (row,) = grid.ledger()
    assert len(endpoint.received) == 3
    assert (row.copies, row.attempts, row.delivered, row.fate) == (2, 3, 2, Fate.DELIVERED)


def test_each_fate_is_in_the_ledger_and_every_event_has_one_row_per_subscription() -> None:
    before = datetime.now(UTC)
    with Endpoint() as good, Endpoint(replies(400)) as bad, EventGrid(0.001) as grid:
        grid.subscribe("good", good.url)
        grid.subscribe("kept", bad.url, dead_letter=True)
        grid.subscribe("dropped", bad.url)
        grid.subscribe("filtered", good.url, operations=["nothing/"])
        grid.publish_arm(Change())
        assert grid.wait_settled()
        grid.disorder = Disorder(loss=1)
        grid.unsubscribe("kept")
        grid.unsubscribe("dropped")
        grid.unsubscribe("filtered")
        grid.publish_arm(Change())
        rows = grid.ledger()
    assert [(row.number, row.subscription, row.fate) for row in rows] == [
        (1, "good", Fate.DELIVERED),
        (1, "kept", Fate.DEAD_LETTERED),
        (1, "dropped", Fate.DROPPED),
        (1, "filtered", Fate.FILTERED),
        (2, "good", Fate.LOST),
    ]
    delivered = rows[0]
    assert delivered.first_delivered is not None
    assert before <= delivered.published <= delivered.first_delivered <= datetime.now(UTC)
    assert delivered.event_id == grid.published[0]["id"] == good.received[0].body[0]["id"]
    assert delivered.resource == grid.published[0]["subject"]


def test_an_event_is_pending_until_it_was_accepted() -> None:
    with Endpoint(replies(500)) as endpoint, EventGrid(1.0) as grid:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        assert eventually(grid.deliveries)
        (row,) = grid.ledger()
    assert (row.fate, row.attempts, row.delivered) == (Fate.PENDING, 1, 0)


@pytest.mark.parametrize(
    "settings",
    [
        ["duplicates=1.1"],
        ["loss=-0.1"],
        ["loss"],
        ["loss=much"],
        ["reorder_seconds=-1"],
        ["burst_seconds=inf"],
        ["x=1"],
    ],
)
def test_what_makes_no_sense_is_refused(settings: list[str]) -> None:
    with pytest.raises(ValueError, match=settings[0].partition("=")[0]):
        Disorder.parse(settings)


def test_a_command_line_gives_names_and_numbers() -> None:
    given = ["duplicates=0.2", "loss=0.05", "reorder_seconds=30", "burst_seconds=5", "seed=9"]
    assert Disorder.parse(given) == Disorder(0.2, 0.05, 30, 5, 9)
    assert Disorder.parse([]) == Disorder()


def test_the_local_azure_takes_it_for_its_own_event_grid(tmp_path: Path) -> None:
    with LocalAzure(tmp_path, scale=0, disorder=Disorder(loss=1)) as azure:
        assert azure.grid.disorder == Disorder(loss=1)
        url = f"{azure.url}/_emulator/eventgrid/disorder"
        headers = {"X-Emulator-Control": azure.control_secret}
        shown = requests.get(url, headers=headers, verify=str(azure.ca_path), timeout=30).json()
    assert shown["loss"] == 1
