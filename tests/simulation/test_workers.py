"""Several processes at a few vaults that change all the time: they get in each other's way and end where one would."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Final

import pytest

from shared.adapters.queues import RECONCILE_POISON
from shared.domain.grades import Writer
from tests.simulation.checker import check
from tests.simulation.churn import play, script
from tests.simulation.collect import course_of, differences, final_state
from tests.simulation.estate import Broken, Estate, Hub, policy_for, vault
from tests.simulation.grid import Disorder
from tests.simulation.wire import Caller
from tests.simulation.world import GUARD, World

HUB: Final = Hub(1, Writer.KVGUARD, (1,))
VAULTS: Final = 3
EVENTS: Final = 150
_SECONDS: Final = 600.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Crowded worlds are full of warnings."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def crowded(seed: int, workers: int, *, enforce: bool = True) -> World:
    """Every vault is touched every few seconds, every event comes more than once."""
    world = World(seed, policy_for((HUB,)), workers_wanted=workers, enforce=enforce)
    world.grid.disorder = Disorder(duplicates=0.8, late=0.2, latest=120.0)
    estate = Estate(world, (HUB,))
    estate.base()
    for number in range(VAULTS):
        estate.add(number, 1, (Broken.NO_RECORD, Broken.WRONG_TTL, Broken.NOTHING)[number])
    play(world.timeline, Caller(world.arm, "deployer"), script(estate, Random(seed), VAULTS, EVENTS, _SECONDS))
    with world:
        world.start()
        world.run(_SECONDS)
        world.settle()
    return world


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_many_workers_end_where_one_does(seed: int) -> None:
    alone = crowded(seed, 1)

    for workers in (2, 4):
        world = crowded(seed, workers)

        assert len(world.grid.fates) >= 0.9 * EVENTS
        assert not check(course_of(world)), "\n".join(map(str, check(course_of(world))[:10]))
        assert not differences(final_state(world), final_state(alone))
        assert not world.queues[RECONCILE_POISON].messages


def test_observe_writes_nothing_in_a_crowd() -> None:
    world = crowded(5, 3, enforce=False)

    assert [entry.resource_id for entry in world.arm.log.writes(GUARD)] == []
    assert not check(course_of(world))


def test_the_kill_switch_holds_in_a_crowd() -> None:
    world = World(6, policy_for((HUB,)), workers_wanted=3)
    estate = Estate(world, (HUB,))
    estate.base()
    for number in range(20):
        estate.add(number, 1, Broken.NO_RECORD)
    deployer = Caller(world.arm, "deployer")
    for number in range(20):
        world.timeline.after(number * 20.0, partial(_touch, deployer, number))
    with world:
        world.start()
        world.run(300.0)
        stopped_at = world.timeline.now
        world.ledger.set_stopped("an incident")
        world.run(600.0)
        world.settle()

    made = [entry.time for entry in world.arm.log.writes(GUARD)]
    assert made
    assert len(made) < 20
    assert not check(course_of(world, stopped_at=stopped_at))


def _touch(deployer: Caller, number: int) -> None:
    deployer.must("PATCH", vault(number), {"tags": {"touched": "yes"}})
