"""Sweeps: paged, and requested once by all processes together, whatever dies in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.message import Hint, Look, SweepRequest
from shared.service.ports import LedgerUnavailable, SweepClaim
from tests.builders import NOW, SUBSCRIPTION, healthy, vault_id, zone_id
from tests.service.world import QUICK, FakeDeadline, World


def new_zone(number: int = 0) -> Hint:
    return Hint(zone_id(group=f"rg-{number}"), "x/write", NOW, first=NOW)


def sweeps(world: World) -> list[SweepRequest]:
    return [work for _, _, work in world.inbox.waiting if isinstance(work, SweepRequest)]


def begins(world: World) -> list[timedelta]:
    return [visible - NOW for visible, _, work in world.inbox.waiting if isinstance(work, SweepRequest)]


# Claim, send, confirm: what a worker does when it requests a sweep.
STEPS = [("ledger", "save_claim", 0), ("inbox", "send", 0), ("ledger", "save_claim", 1)]


class Death(BaseException):
    """The worker's end."""


def test_hints_that_many_workers_cannot_route_become_one_sweep() -> None:
    world = World(healthy())
    for number in range(30):
        assert world.worker().handle(new_zone(number)).result == "sweeping"
    assert len(sweeps(world)) == 1


def test_the_sweep_begins_when_azure_shows_what_the_event_announced_and_says_so() -> None:
    world = World(healthy())
    world.handle(new_zone())
    assert begins(world) == [QUICK.consistency]
    assert [request.event for request in sweeps(world)] == [NOW]


def test_its_looks_go_past_the_cache() -> None:
    """The zone that nobody knew is in no cached list of zones."""
    world = World(healthy())
    world.estate.listed = (vault_id(),)
    world.handle(new_zone())
    assert [ended.result for ended in world.play(most=2)] == ["swept", "looked"]
    assert world.estate.reads == ["fresh"]


def test_a_hint_that_comes_when_the_sweep_has_begun_gets_the_next_one() -> None:
    world = World(healthy())
    world.handle(new_zone())
    world.clock.time = NOW + QUICK.consistency
    late = Hint(zone_id(group="rg-late"), "x/write", world.clock.time, first=world.clock.time)
    world.worker().handle(late)
    world.worker().handle(late)
    assert begins(world) == [timedelta(seconds=10), timedelta(seconds=10 + 300)]


def test_a_hint_that_is_too_fresh_for_the_sweep_under_way_gets_the_next_one() -> None:
    world = World(healthy())
    world.handle(new_zone())
    world.clock.time = NOW + timedelta(seconds=4)
    world.worker().handle(Hint(zone_id(group="rg-late"), "x/write", world.clock.time, first=world.clock.time))
    assert len(sweeps(world)) == 2


def dying(world: World, owner: Any, name: str, step: int, *, before: bool) -> Callable[[], None]:
    """Let the worker die at the ``step``-th call of a method; returns what restores the method."""
    call, calls = getattr(owner, name), iter(range(1000))

    def wrapped(*arguments: Any, **options: Any) -> Any:
        fatal = next(calls) == step
        if fatal and before:
            raise Death
        result = call(*arguments, **options)
        if fatal:
            raise Death
        return result

    setattr(owner, name, wrapped)
    return lambda: setattr(owner, name, call)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("port", "name", "step"), STEPS)
@pytest.mark.parametrize("also_later", [True, False])
def test_a_worker_that_dies_while_it_requests_a_sweep_swallows_no_hint(
    port: str, name: str, step: int, before: bool, also_later: bool
) -> None:
    """Its message comes again after a while, other hints at once; a sweep begins late enough for every one of them."""
    world = World(healthy())
    world.estate.listed = (vault_id(),)
    restore = dying(world, getattr(world, port), name, step, before=before)
    with pytest.raises(Death):
        world.handle(new_zone(0))
    restore()
    world.inbox.send([new_zone(0)], timedelta(minutes=10))
    if also_later:
        world.clock.time = NOW + timedelta(seconds=1)
        world.worker().handle(new_zone(1))
    begun = []
    for _ in range(40):
        if not world.inbox.waiting:
            break
        if isinstance(world.inbox.waiting[0][2], SweepRequest):
            begun.append(world.inbox.waiting[0][0])
        world.play(most=1)
    assert begun, "no sweep at all"
    assert begun[0] >= NOW + QUICK.consistency
    # The first hint alone is served ten minutes later at the latest, together with another one within seconds.
    assert begun[0] <= NOW + (timedelta(seconds=30) if also_later else timedelta(minutes=11))
    assert len(begun) <= 3


def test_a_claim_whose_message_cannot_be_sent_serves_nobody() -> None:
    world = World(healthy())
    send = world.inbox.send

    def failing(*_: Any, **__: Any) -> None:
        world.inbox.send = send  # type: ignore[method-assign]  # the queue fails once
        raise LedgerUnavailable("queue")

    world.inbox.send = failing  # type: ignore[method-assign]  # the queue fails once
    assert world.handle(new_zone(0)).result == "retry"
    assert world.worker().handle(new_zone(1)).result == "retry"
    assert sweeps(world) == []
    world.play(most=2)
    assert len(sweeps(world)) == 1


def test_a_hint_that_meets_a_claim_waits_no_longer_than_the_claim() -> None:
    world = World(healthy())
    until = NOW + timedelta(seconds=9)
    world.ledger.claims["watched"] = SweepClaim("watched", "e", NOW + timedelta(minutes=3), sent=False, until=until)
    assert world.handle(new_zone()).result == "retry"
    ((visible, _, work),) = world.inbox.waiting
    assert (visible, work.attempt) == (until, 0)
    world.play(most=1)
    assert begins(world) == [timedelta(minutes=3)]


def test_of_two_workers_that_claim_at_once_one_sends() -> None:
    world = World(healthy())
    read, other = world.ledger.claim_sweep, world.worker()
    first = iter([True])

    def raced(scope: str) -> SweepClaim:
        claim = read(scope)
        if next(first, False):
            other.handle(new_zone(1))
        return claim

    world.ledger.claim_sweep = raced  # type: ignore[method-assign]  # another worker gets in between
    assert world.handle(new_zone(0)).result == "sweeping"
    assert len(sweeps(world)) == 1


def test_a_list_that_takes_longer_goes_on_where_it_stopped_with_the_same_event() -> None:
    world = World(healthy())
    world.estate.listed = tuple(vault_id(f"kv-{number}") for number in range(5))
    world.estate.page_size = 2
    world.clock.seconds_left = 1.0
    world.handle(SweepRequest(SUBSCRIPTION, "a test", event=NOW))
    (rest,) = sweeps(world)
    assert (rest.cursor, rest.event) == ("2", NOW)
    world.clock.seconds_left = 12.0
    world.handle(rest)
    looks = [work for _, _, work in world.inbox.waiting if isinstance(work, Look)]
    assert [look.vault.name for look in looks] == [f"kv-{number}" for number in range(5)]
    assert {look.event for look in looks} == {NOW}
    assert isinstance(world.clock.deadline(99.0), FakeDeadline)
