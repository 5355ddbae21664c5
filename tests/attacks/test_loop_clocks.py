"""Workers whose clocks are minutes apart, and times that nobody can have meant, lose nothing and stall nothing."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.message import Hint, Look
from shared.service.events import Envelope, to_hint
from tests.builders import NOW, endpoint_id, healthy, missing_record, record_id, zone_id
from tests.service.world import FakeClock, World

TENANT = "99999999-0000-0000-0000-000000000001"
WRITE = "Microsoft.Resources.ResourceWriteSuccess"


class Skewed:
    """A world in which each worker has a clock of its own; the queue and Azure have the true one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.true = FakeClock(NOW)
        world.inbox.clock = self.true

    def handle(self, work: Hint | Look, behind: timedelta) -> str:
        """One piece of work, done by a worker whose clock is that far behind."""
        self.world.clock.time = self.true.time - behind
        self.world.estate.ahead = behind
        return self.world.handle(work).result

    def play(self, behind: Callable[[int], timedelta], most: int = 60, until: timedelta = timedelta(hours=2)) -> None:
        """What waits, in the order of the queue, each piece by the next worker."""
        waiting, stop = self.world.inbox.waiting, self.true.time + until
        for turn in range(most):
            if not waiting or waiting[0][0] > stop:
                return
            visible, _, work = heapq.heappop(waiting)
            self.true.time = max(self.true.time, visible)
            assert isinstance(work, Hint | Look)
            self.handle(work, behind(turn))


def hint_of(resource: str, at: datetime, now: datetime) -> Hint:
    data = {"resourceUri": resource, "operationName": "write", "tenantId": TENANT}
    found = to_hint(Envelope(WRITE, None, at, data), TENANT, now)
    assert isinstance(found, Hint)
    return found


@pytest.mark.parametrize("minutes", [-4, -2, -1, 1, 2, 4])
def test_a_promised_look_that_a_worker_with_another_clock_takes_is_promised_again(minutes: int) -> None:
    """The first worker promises by its clock, the second takes the look and must not wait for what has come."""
    skewed = Skewed(World(missing_record()))
    skewed.handle(Look(skewed.world.vault, "the sweep"), timedelta(0))
    skewed.play(lambda turn: timedelta(minutes=minutes))
    assert skewed.world.verbs == ["create-record"]


def test_workers_with_clocks_minutes_apart_make_a_change_once() -> None:
    skewed = Skewed(World(missing_record()))
    skewed.handle(Look(skewed.world.vault, "the sweep"), timedelta(minutes=3))
    skewed.play(lambda turn: timedelta(minutes=3 if turn % 2 else -3))
    assert skewed.world.verbs == ["create-record"]
    assert not skewed.world.inbox.waiting


@pytest.mark.parametrize("seconds", [30, 290, 600])
def test_an_event_on_a_worker_that_is_behind_is_not_taken_for_one_that_was_seen(seconds: int) -> None:
    """A reading before the event, on Azure's clock, does not settle it, whatever the app's clock says."""
    behind = timedelta(seconds=seconds)
    skewed = Skewed(World(healthy()))
    skewed.world.handle(Look(skewed.world.vault, "an event", event=NOW - timedelta(hours=1)))
    skewed.true.time = NOW + timedelta(seconds=5)
    skewed.world.estate.truth = missing_record().snapshot
    event = skewed.true.time
    skewed.world.ledger.index(skewed.world.vault, {record_id()})
    hint = hint_of(record_id().text, event, skewed.true.time - behind)
    skewed.handle(hint, behind)
    skewed.play(lambda turn: behind)
    assert skewed.world.verbs == ["create-record"]


@pytest.mark.parametrize("ahead", [timedelta(seconds=3), timedelta(minutes=3)])
def test_an_event_from_before_all_time_stalls_no_vault(ahead: timedelta) -> None:
    world = World(missing_record())
    world.estate.ahead = ahead
    old = datetime(1, 1, 1, tzinfo=UTC)
    world.handle(Look(world.vault, "forged", event=old, resource=endpoint_id()))
    world.play()
    assert world.verbs == ["create-record"]


@pytest.mark.parametrize("year", [1, 1970, 2036, 9999])
def test_a_hint_from_another_age_is_routed_like_any_other(year: int) -> None:
    world = World(missing_record())
    world.estate.endpoints = {endpoint_id(): (world.vault,)}
    world.handle(Hint(endpoint_id(), "write", datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)))
    world.play(until=timedelta(hours=1))
    assert world.verbs == ["create-record"]


def test_a_hint_from_the_future_does_not_serve_the_sweeps_of_years() -> None:
    """One forged hint about a zone that nobody knows; a real one a day later still gets its sweep."""
    world = World(missing_record())
    world.estate.listed = (world.vault,)
    world.handle(Hint(zone_id(), "write", NOW + timedelta(days=3650)))
    world.play(until=timedelta(hours=1))
    seen = len(world.estate.reads)
    assert seen
    world.clock.time += timedelta(days=1)
    world.ledger.near.clear()
    world.handle(Hint(zone_id(), "write", world.clock.time))
    world.play(until=timedelta(minutes=10))
    assert len(world.estate.reads) > seen


def test_a_hint_from_the_future_does_not_answer_for_an_endpoint_for_years() -> None:
    """What ARM said about an endpoint long ago does not answer for the one that was made of that name since."""
    world = World(missing_record())
    world.estate.endpoints = {}
    world.handle(Hint(endpoint_id(), "write", NOW + timedelta(days=3650)))
    world.play(until=timedelta(hours=1))
    world.clock.time += timedelta(days=1)
    world.estate.endpoints = {endpoint_id(): (world.vault,)}
    world.handle(Hint(endpoint_id(), "write", world.clock.time))
    world.play(until=timedelta(hours=1))
    assert world.verbs == ["create-record"]


@pytest.mark.parametrize("seconds", [45, 180])
def test_a_new_endpoint_is_asked_about_again_by_an_app_whose_clock_is_ahead(seconds: int) -> None:
    """By that clock the event is old enough for ARM to show the endpoint; by Azure's it happened a moment ago."""
    ahead = timedelta(seconds=seconds)
    skewed = Skewed(World(missing_record()))
    skewed.handle(hint_of(endpoint_id().text, NOW, NOW + ahead), -ahead)
    skewed.world.estate.endpoints = {endpoint_id(): (skewed.world.vault,)}
    skewed.play(lambda turn: -ahead)
    assert skewed.world.verbs == ["create-record"]
