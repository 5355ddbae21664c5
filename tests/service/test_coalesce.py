"""Coalescing: a burst costs few readings, and whatever dies at whichever step, no event is lost."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.message import Look
from shared.domain.policy import Timing
from shared.domain.reading import Gone
from shared.domain.vault import PublicAccess
from shared.service.coalesce import MOST_INITIATORS, MOST_TOUCHED, UNKNOWN, merged, note
from shared.service.memory import note_repaired
from shared.service.ports import EstateUnavailable, Lease, VaultRow
from tests.builders import NOW, endpoint_id, healthy, missing_record, record_id, vault_id, zone_id
from tests.service.world import World

SECOND = timedelta(seconds=1)
SOMEBODY = "00000000-0000-0000-0000-0000000000e1"
LINK = zone_id().child("virtualNetworkLinks", "to-vnet-1")


def event(at: datetime, resource: ArmId | None = None, initiator: str = SOMEBODY) -> Look:
    return Look(vault_id(), "an event", event=at, resource=resource or record_id(), initiator=initiator)


def test_an_event_that_a_later_reading_has_settled_costs_no_call() -> None:
    world = World(healthy())
    world.look()
    world.estate.reads.clear()
    assert world.handle(event(NOW - 10 * SECOND)).result == "coalesced"
    assert (world.estate.reads, world.inbox.waiting) == ([], [])


@pytest.mark.parametrize("ahead", [0, -30, 30])
def test_what_counts_is_azures_clock(ahead: int) -> None:
    world = World(healthy())
    world.estate.ahead = ahead * SECOND
    world.look()
    azure = NOW + ahead * SECOND
    assert world.handle(event(azure - 10 * SECOND)).result == "coalesced"
    assert world.handle(event(azure - 9 * SECOND)).result == "looked"
    assert world.inbox.waiting[0][0] == NOW + SECOND


@pytest.mark.parametrize(
    "unsettled",
    [
        healthy().connection(state="Updating").snapshot,
        Gone(),
    ],
    ids=["moving", "gone"],
)
def test_a_reading_that_was_not_quiet_settles_nothing(unsettled: Any) -> None:
    world = World(healthy())
    world.estate.truth = unsettled
    world.look()
    world.estate.truth = missing_record().snapshot
    assert world.handle(event(NOW - 60 * SECOND)).result == "looked"
    world.play()
    assert world.verbs == ["create-record"]


def test_a_reading_from_a_cache_does_not_settle_an_event_on_what_was_cached() -> None:
    world = World(healthy())
    world.estate.stale = healthy().snapshot
    world.look()
    world.estate.truth = missing_record().snapshot
    assert world.handle(event(NOW - 20 * SECOND, LINK)).result == "looked"
    world.play()
    assert world.verbs == ["create-record"]


def test_a_noted_event_on_what_is_cached_makes_the_promised_look_go_past_the_cache() -> None:
    world = World(healthy())
    world.estate.stale = healthy().snapshot
    world.handle(Look(world.vault, "an event", event=NOW, resource=vault_id(), initiator=SOMEBODY))
    world.clock.time += 2 * SECOND
    world.estate.truth = missing_record().snapshot
    assert world.handle(event(world.clock.now(), LINK)).result == "coalesced"
    world.play()
    assert world.verbs == ["create-record"]


def test_a_run_that_fails_settles_nothing() -> None:
    """The reading was quiet, and what should have followed from it never happened."""
    world = World(missing_record())
    world.look()
    world.clock.time += 120 * SECOND
    late = event(world.clock.now() - 30 * SECOND)
    world.estate.before_apply = lambda: world.estate.errors.append(EstateUnavailable("503"))
    world.estate.ignores_writes = True
    assert world.look().result == "retry"
    assert world.row.last_quiet_read == NOW
    assert world.handle(late).result != "coalesced"


def test_a_burst_of_events_costs_few_readings_and_the_last_of_them_is_seen() -> None:
    world = World(healthy())
    for number in range(40):
        world.clock.time = NOW + number * 0.1 * SECOND
        world.handle(event(world.clock.now(), endpoint_id(f"pe-{number}")))
    world.estate.truth = missing_record().snapshot
    world.handle(event(world.clock.now()))
    assert len(world.estate.reads) == 1
    world.play(until=30 * SECOND)
    assert len(world.estate.reads) <= 5
    world.play()
    assert world.verbs == ["create-record"]


def test_a_stream_of_events_is_followed_and_not_put_off_for_ever() -> None:
    world = World(healthy())
    reads: list[datetime] = []
    read = world.estate.read

    def counting(*arguments: Any, **options: Any) -> Any:
        reads.append(world.clock.now())
        return read(*arguments, **options)

    world.estate.read = counting  # type: ignore[method-assign] # it only counts
    for number in range(300):
        at = NOW + number * SECOND
        while world.inbox.waiting and world.inbox.waiting[0][0] <= at:
            world.play(most=1)
        world.clock.time = at
        world.handle(event(at))
    apart = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(reads)]
    assert len(reads) < 80
    assert max(apart) <= 16


def test_a_promise_that_is_due_is_not_relied_on() -> None:
    """Its message may have come to another worker, whose clock differs: this event gets a promise of its own."""
    world = World(healthy())
    world.handle(event(NOW))
    world.clock.time += 6 * SECOND
    world.inbox.waiting.clear()
    world.estate.reads.clear()
    world.estate.truth = missing_record().snapshot
    assert world.handle(event(world.clock.now())).result == "coalesced"
    assert world.estate.reads == []
    world.play()
    assert world.verbs == ["create-record"]


def test_a_promised_look_of_a_dead_holder_is_not_relied_on() -> None:
    world = World(healthy())
    world.handle(event(NOW))
    row = world.row
    world.ledger.rows[world.vault] = replace(row, lease=Lease("dead", NOW - SECOND, row.lease.fence))
    world.estate.reads.clear()
    world.handle(event(NOW + SECOND))
    assert world.estate.reads


def test_a_vault_that_is_not_there_yet_is_looked_at_again() -> None:
    world = World(healthy())
    world.estate.truth = Gone()
    assert world.handle(event(NOW, vault_id())).result == "gone"
    world.estate.truth = healthy().vault(public_access=PublicAccess.ENABLED, acl=None).snapshot
    world.play()
    assert world.inbox.told


class Killed(BaseException):
    """The worker's process is gone."""


def dying(world: World, at: int) -> None:
    """Kill the worker once, at the n-th time that it begins or ends a touch of the world."""
    moments = itertools.count(1)

    def touching(call: Callable[..., Any]) -> Callable[..., Any]:
        def touch(*arguments: Any, **options: Any) -> Any:
            if next(moments) == at:
                raise Killed
            answer = call(*arguments, **options)
            if next(moments) == at:
                raise Killed
            return answer

        return touch

    for port, names in (
        (world.ledger, ("load", "save", "intend", "conclude", "journal", "index", "reserve_write", "last_hint")),
        (world.estate, ("read", "deepen", "apply")),
        (world.inbox, ("send", "tell")),
    ):
        for name in names:
            setattr(port, name, touching(getattr(port, name)))


@pytest.mark.parametrize("story", ["first sight", "noted", "promised anew", "the change is due"])
def test_no_step_can_die_and_lose_or_double_anything(story: str) -> None:
    """Every step until nothing waits is enumerated; the message of a dead worker comes again a minute later."""
    for at in itertools.count(1):
        world = World(healthy())
        if story == "the change is due":
            world.estate.truth = missing_record().snapshot
            world.look()
            world.clock.time += 120 * SECOND
            world.inbox.waiting.clear()
        elif story != "first sight":
            world.handle(event(NOW, endpoint_id("pe-1")))
            world.clock.time += (2 if story == "noted" else 6) * SECOND
        world.estate.truth = missing_record().snapshot
        world.inbox.send([event(world.clock.now() - (115 if story == "the change is due" else 0) * SECOND)])
        dying(world, at)
        died = False
        while world.inbox.waiting:
            visible, number, work = heapq.heappop(world.inbox.waiting)
            world.clock.time = max(world.clock.time, visible)
            try:
                world.handle(work)
            except Killed:
                died = True
                heapq.heappush(world.inbox.waiting, (world.clock.now() + 60 * SECOND, number, work))
        if not died:
            break
        assert world.verbs == ["create-record"], at
        intents = [entry.change_id for entry in world.ledger.entries if entry.kind == "intent"]
        results = [entry.change_id for entry in world.ledger.entries if entry.kind == "result"]
        assert sorted(intents) == sorted(results), at
        assert (world.row.unfinished, world.row.lease.owner, world.row.lease.dirty) == ("", "", None)
        assert world.row.last_quiet_read is not None
        assert world.row.newest_event is not None
        assert world.row.last_quiet_read >= world.row.newest_event + 10 * SECOND
        assert world.clock.now() < NOW + timedelta(hours=1)
    assert at > 30


def test_a_settled_event_still_says_who_and_what_while_something_is_open() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += 60 * SECOND
    world.look()
    world.handle(event(NOW + 20 * SECOND))
    assert world.row.initiators[SOMEBODY] == NOW + 20 * SECOND
    world.estate.before_apply = lambda: None
    world.play(until=79 * SECOND)
    assert world.verbs == []


def test_initiators_are_kept_until_all_is_well() -> None:
    world = World(missing_record())
    world.handle(event(NOW, initiator=""))
    world.handle(Look(world.vault, "an event", event=NOW + SECOND, resource=record_id(), initiator=SOMEBODY))
    assert dict(world.row.initiators) == {"": NOW, SOMEBODY: NOW + SECOND}
    world.play()
    assert world.verbs == ["create-record"]
    assert dict(world.row.initiators) == {}


def test_the_initiator_of_what_a_clean_reading_may_have_missed_is_kept() -> None:
    world = World(healthy())
    world.handle(event(NOW - 5 * SECOND))
    assert dict(world.row.initiators) == {SOMEBODY: NOW - 5 * SECOND}
    world.play()
    assert dict(world.row.initiators) == {}


def test_nothing_in_the_row_grows_without_end() -> None:
    row, timing = VaultRow(vault_id()), Timing()
    for number in range(300):
        row = note(row, event(NOW + number * SECOND, endpoint_id(f"pe-{number}"), f"oid-{number}"), timing)
    assert (len(row.touched), len(row.initiators)) == (MOST_TOUCHED, MOST_INITIATORS + 1)
    assert (max(row.touched.values()), row.initiators[UNKNOWN]) == (NOW + 299 * SECOND, NOW + 235 * SECOND)
    row = replace(row, last_quiet_read=NOW + 2000 * SECOND)
    row = note(row, event(NOW + 1250 * SECOND), timing)
    assert min(row.touched.values()) >= NOW + 350 * SECOND - SECOND * 115
    finding = missing_record().plan().apply[0].finding
    for hours in range(100):
        row = note_repaired(row, finding, f"key-{hours}", NOW + timedelta(hours=hours))
    assert len(row.made) <= 24
    assert len(row.repaired[finding.fingerprint]) == 2


def test_a_mark_of_another_worker_adds_to_what_the_holder_knows() -> None:
    one = note(VaultRow(vault_id()), event(NOW), Timing())
    other = note(one, event(NOW + SECOND, endpoint_id("pe-2"), "oid-2"), Timing())
    both = merged(replace(one, told=MappingProxyType({"f": "n"})), other)
    assert (both.newest_event, both.touched, both.initiators) == (other.newest_event, other.touched, other.initiators)
    assert both.told == {"f": "n"}


def test_an_event_from_the_far_future_is_one_of_soon() -> None:
    world = World(healthy())
    world.handle(event(NOW + timedelta(days=900)))
    assert world.row.newest_event == NOW + timedelta(minutes=15)
    world.play()
    assert not world.inbox.waiting
