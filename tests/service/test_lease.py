"""One run per vault at a time: every interleaving of two workers, step by step, and what a dead holder leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from greenlet import greenlet  # type: ignore[import-untyped] # it brings no types

from shared.domain.message import Look
from shared.rules import kvg411_missing_a_record
from shared.service.judge import Judge
from shared.service.lease import Leases, Left
from shared.service.ports import Lease, LedgerConflict, VaultRow
from tests.builders import NOW, Given, healthy, missing_record
from tests.service.world import FakeClock, FakeLedger, World


class Stage:
    """Runs workers one step at a time; a step ends where a worker next touches the ledger or Azure."""

    def __init__(self, world: World, works: list[Look]) -> None:
        for name in ("load", "save", "intend", "conclude"):
            setattr(world.ledger, name, self._stepping(getattr(world.ledger, name)))
        for name in ("read", "apply"):
            setattr(world.estate, name, self._stepping(getattr(world.estate, name)))
        # One rule is enough to make a change, and the others would be asked thousands of times.
        judge = Judge(world.estate, (kvg411_missing_a_record.RULE,))
        self._workers = [greenlet(partial(world.worker(judge=judge).handle, work)) for work in works]

    def play(self, choose: Callable[[list[int]], int]) -> None:
        """Let ``choose`` say who goes next among those who can, until all are done."""
        for worker in self._workers:
            worker.switch()
        while ready := [number for number, worker in enumerate(self._workers) if not worker.dead]:
            self._workers[choose(ready)].switch()

    def _stepping(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            here = greenlet.getcurrent()
            if here in self._workers:
                here.parent.switch()
            return call(*arguments, **options)

        return step


def interleavings(begin: Callable[[], tuple[World, list[Look]]], most: int) -> Iterator[World]:
    """The world after every schedule of the workers, found depth first by playing each one from the start."""
    trail: list[tuple[int, int]] = []
    for _ in range(most):
        world, works = begin()
        stage, depth = Stage(world, works), 0

        def choose(ready: list[int]) -> int:
            nonlocal depth
            if depth == len(trail):
                trail.append((0, len(ready)))
            picked = ready[trail[depth][0]]
            depth += 1
            return picked

        stage.play(choose)
        yield world
        while trail and trail[-1][0] + 1 >= trail[-1][1]:
            trail.pop()
        if not trail:
            return
        trail[-1] = (trail[-1][0] + 1, trail[-1][1])
    raise AssertionError(f"more than {most} schedules")


def settled(given: Given) -> World:
    """A world in which everything has been seen once and long enough ago."""
    world = World(given)
    world.look()
    world.clock.time += timedelta(seconds=120)
    world.inbox.waiting.clear()
    return world


def test_two_workers_make_one_change_in_every_interleaving() -> None:
    def begin() -> tuple[World, list[Look]]:
        world = settled(missing_record())
        return world, [Look(world.vault, "one"), Look(world.vault, "two")]

    count = 0
    for world in interleavings(begin, 20_000):
        count += 1
        assert world.verbs == ["create-record"]
        assert [entry.kind for entry in world.ledger.entries] == ["intent", "result"]
        world.play()
        assert world.verbs == ["create-record"]
        assert not world.row.lease.owner
        assert not world.row.unfinished
    assert count > 20


def test_what_breaks_while_a_worker_is_at_a_healthy_vault_is_seen_in_every_interleaving() -> None:
    """The second message comes with a fault that the first worker's reading may have missed."""

    def begin() -> tuple[World, list[Look]]:
        world = World(healthy())
        world.look()
        read, broken = world.estate.read, missing_record().snapshot

        def breaking(*arguments: Any, **options: Any) -> Any:
            answer = read(*arguments, **options)
            world.estate.truth = broken
            return answer

        world.estate.read = breaking  # type: ignore[method-assign] # it breaks right after the first reading
        return world, [Look(world.vault, "one"), Look(world.vault, "two", event=NOW)]

    for world in interleavings(begin, 20_000):
        world.play()
        assert world.verbs == ["create-record"]


def leases() -> tuple[Leases, FakeLedger, FakeClock]:
    ledger, clock, names = FakeLedger(), FakeClock(), iter(f"worker-{number}" for number in range(100))
    return Leases(ledger, clock, lambda: next(names)), ledger, clock


def event_at(time: datetime) -> Callable[[VaultRow], VaultRow]:
    return lambda row: replace(row, newest_event=time)


def taken(found: VaultRow | Left) -> VaultRow:
    assert isinstance(found, VaultRow)
    return found


def test_a_held_vault_is_marked_and_its_holder_looks_again() -> None:
    held, ledger, _ = leases()
    vault = healthy().snapshot.vault.id
    row = taken(held.take(vault))
    assert held.take(vault, event_at(NOW)) is Left.HELD
    again: list[VaultRow] = []
    held.give_back(row, again.append)
    assert [found.newest_event for found in again] == [NOW]
    assert ledger.load(vault).lease == Lease(fence=1)


def test_a_vault_that_nobody_asked_for_meanwhile_is_given_back_in_silence() -> None:
    held, _, _ = leases()
    again: list[VaultRow] = []
    held.give_back(taken(held.take(healthy().snapshot.vault.id)), again.append)
    assert again == []


def test_a_holder_whose_lease_ran_out_can_store_nothing_any_more() -> None:
    held, ledger, clock = leases()
    vault = healthy().snapshot.vault.id
    late = taken(held.take(vault))
    clock.time += timedelta(seconds=31)
    new = taken(held.take(vault))
    assert new.lease.fence == late.lease.fence + 1
    with pytest.raises(LedgerConflict):
        held.save(replace(late, unfinished="chg-1"))
    with pytest.raises(LedgerConflict):
        held.give_back(late, lambda _: None)
    held.drop(late, lambda _: None)
    assert ledger.load(vault).lease == new.lease


def test_a_mark_that_comes_while_the_row_is_given_back_leads_to_a_look_as_well() -> None:
    """The message sent for the first mark has come already, has met the lease and has become the second mark."""
    held, ledger, _ = leases()
    vault = healthy().snapshot.vault.id
    row = taken(held.take(vault))
    held.take(vault)
    again: list[VaultRow] = []

    def look_again(marked: VaultRow) -> None:
        again.append(marked)
        if len(again) < 3:
            assert held.take(vault) is Left.HELD

    held.give_back(held.save(row), look_again)
    assert len(again) == 3
    assert ledger.load(vault).lease == Lease(fence=1)


def test_a_lease_is_renewed_as_the_fence_before_a_write() -> None:
    held, ledger, clock = leases()
    vault = healthy().snapshot.vault.id
    row = taken(held.take(vault))
    clock.time += timedelta(seconds=29)
    row = held.renew(row)
    clock.time += timedelta(seconds=10)
    assert held.take(vault) is Left.HELD
    held.ensure(row, timedelta(seconds=12))
    clock.time += timedelta(seconds=4)
    with pytest.raises(LedgerConflict):
        held.ensure(row, timedelta(seconds=12))
    clock.time += timedelta(seconds=16)
    with pytest.raises(LedgerConflict):
        held.renew(row)
    assert ledger.load(vault).lease.until == row.lease.until


@pytest.mark.parametrize("stalled", ["read", "reserve_write", "save", "intend"])
def test_after_a_long_stall_the_holder_stops_before_its_write_though_nobody_took_the_lease(stalled: str) -> None:
    """A storage call may hang for longer than a lease lasts; another worker could begin at any moment."""
    world = settled(missing_record())
    port: Any = world.estate if stalled == "read" else world.ledger
    call, count = getattr(port, stalled), 0

    def stalling(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        answer = call(*arguments, **options)
        count += 1
        # The first save takes the lease; the second is the fence.
        if count == (2 if stalled == "save" else 1):
            world.clock.time += timedelta(seconds=31)
        return answer

    setattr(port, stalled, stalling)
    assert world.look().result == "retry"
    assert world.verbs == []
    setattr(port, stalled, call)
    world.play()
    assert world.verbs == ["create-record"]
    kinds = [entry.kind for entry in world.ledger.entries]
    assert kinds.count("intent") == kinds.count("result")


def test_a_holder_keeps_its_lease_while_others_mark_the_row() -> None:
    held, ledger, _ = leases()
    vault = healthy().snapshot.vault.id
    row = taken(held.take(vault))
    held.take(vault, event_at(NOW))
    row = held.save(replace(row, unfinished="chg-1"))
    assert (row.lease.dirty, row.newest_event, ledger.load(vault).unfinished) == (NOW, NOW, "chg-1")


def test_the_message_of_a_dead_holder_finishes_its_work_when_it_comes_again() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=120)
    row = world.row
    dead = Lease("dead", world.clock.time + timedelta(seconds=20), row.lease.fence + 1)
    world.ledger.rows[world.vault] = replace(row, lease=dead)
    assert {world.look().result for _ in range(3)} == {"coalesced"}
    assert world.verbs == []
    world.clock.time += timedelta(minutes=10)
    world.look()
    assert world.verbs == ["create-record"]
    assert world.row.lease == Lease(fence=dead.fence + 1)
