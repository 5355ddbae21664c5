"""A holder that storage leaves without an answer: its work comes back after the lease that may be in the row."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from shared.domain.message import Look
from shared.service.lease import LASTS
from shared.service.ports import LedgerUnavailable, VaultRow
from tests.builders import missing_record
from tests.service.world import World

_MOST_SAVES = 30


def broken_world(number: int, *, served: bool, lasting: bool) -> tuple[World, list[int]]:
    """A world in which the ``number``-th save of a row, counted from 1, fails, and with ``lasting`` all later ones.

    ``served`` saves take effect before the answer is lost. The list counts the saves.
    """
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=120)
    world.inbox.waiting.clear()
    save, counted, saves = world.ledger.save, itertools.count(1), [0]

    def failing(row: VaultRow) -> VaultRow:
        saves[0] = next(counted)
        if saves[0] == number or (lasting and saves[0] > number):
            if served:
                save(row)
            raise LedgerUnavailable("no answer")
        return save(row)

    def recovers() -> None:
        world.ledger.save = save  # type: ignore[method-assign]  # storage is back

    world.ledger.save = failing  # type: ignore[method-assign]  # storage that fails
    ended = world.handle(Look(world.vault, "a test"))
    recovers()
    assert ended.result in ("retry", "changed"), ended
    return world, saves


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "until it ends"])
@pytest.mark.parametrize("served", [False, True], ids=["not served", "served"])
def test_work_comes_back_after_the_lease_and_nothing_is_lost(served: bool, lasting: bool) -> None:
    """Whichever save of the run it is: the one that takes the lease, one in between, the one that gives it back."""
    kept = 0
    for number in range(1, _MOST_SAVES):
        world, saves = broken_world(number, served=served, lasting=lasting)
        if saves[0] < number:
            break
        where = f"save {number}"
        lease, waiting = world.row.lease, [(at, work) for at, _, work in world.inbox.waiting]
        assert waiting, where
        if lease.held(world.clock.time):
            kept += 1
            back = [at for at, work in waiting if isinstance(work, Look) and work.why == "a test"]
            assert back, where
            assert all(lease.until is not None and at > lease.until for at in back), where
            # Others find the lease held, leave their mark, and end.
            assert world.look().result == "coalesced", where
        world.play(until=timedelta(hours=1))
        assert world.verbs == ["create-record"], where
        kinds = [entry.kind for entry in world.ledger.entries]
        assert kinds == ["intent", "result"], where
        assert not world.row.lease.owner, where
        assert not world.row.unfinished, where
        assert world.inbox.poisoned == [], where
    else:
        raise AssertionError("the run has more saves than were tried")
    assert number > 4, "the run has fewer saves than it makes"
    assert kept >= (1 if served or lasting else 0)


def test_a_lease_that_may_have_been_taken_is_waited_for_even_if_it_was_not() -> None:
    """The worker cannot tell the two apart."""
    for served in (False, True):
        world, _ = broken_world(1, served=served, lasting=False)
        [(at, _, work)] = world.inbox.waiting
        assert bool(world.row.lease.owner) is served
        assert isinstance(work, Look)
        assert at >= world.clock.time + LASTS
