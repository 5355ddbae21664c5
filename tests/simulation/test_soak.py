"""Ten thousand events over two hundred vaults, everything going wrong that can: nothing is lost, nothing done twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest

from tests.simulation.checker import Rule, check
from tests.simulation.churn import HUBS, play, populate, script
from tests.simulation.collect import accounts, course_of, differences, final_state
from tests.simulation.estate import Estate, policy_for
from tests.simulation.grid import Disorder
from tests.simulation.wire import Caller
from tests.simulation.world import World, never

EVENTS: Final = 10_000
VAULTS: Final = 200
_SECONDS: Final = 3 * 3600.0
_SEED: Final = 20261121
pytestmark = pytest.mark.xdist_group("soak")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A hundred thousand lines of log tell nothing."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def deployed(events: int, vaults: int) -> World:
    """A world in which the deployments of the soak are scheduled."""
    world = World(_SEED, policy_for(HUBS), workers_wanted=4)
    world.arm.world.switches.throttling = False  # see test_throttling.py; here Azure refuses at random
    estate = Estate(world, HUBS)
    populate(estate, vaults)
    steps = script(estate, Random(_SEED), vaults, events, _SECONDS)
    play(world.timeline, Caller(world.arm, "deployer"), steps)
    return world


def swept_once(events: int, vaults: int) -> dict[str, Any]:
    """The state after the same deployments, no event and one sweep in good weather."""
    world = deployed(events, vaults)
    world.grid.open = False
    with world:
        world.start()
        world.run(_SECONDS)
        world.sweep()
        world.settle()
    return final_state(world)


def test_ten_thousand_events_with_everything_going_wrong(record_property: Any) -> None:
    world = deployed(EVENTS, VAULTS)
    chance = Random(_SEED + 1)
    world.grid.disorder = Disorder(duplicates=0.2, loss=0.05, late=0.1)
    world.weather.rate = lambda seconds: 0.3
    world.storage_faults = 0.001
    world.kill = lambda number, kind, about, phase: chance.random() < 1 / 4000
    with world:
        world.start()
        world.run(_SECONDS)
        world.settle()
        before_the_sweep = check(course_of(world))

        world.weather.rate = lambda seconds: 0.0
        world.storage_faults = 0.0
        world.kill = never
        world.sweep()
        world.settle()
        after_the_sweep = check(course_of(world))
    lost = sum(broken.rule is Rule.EVENT_LOST for broken in (*before_the_sweep, *after_the_sweep))
    counts = accounts(world, lost)
    record_property("printed", "\n".join(f"{name:<24}{count:>10,}" for name, count in counts.items()))

    assert len(world.grid.fates) >= EVENTS
    assert world.grid.lost >= 0.04 * EVENTS
    assert world.kills >= 20
    assert counts["of them faulted"] >= 0.25 * counts["ARM calls"]
    assert counts["changed"] >= 40
    assert not before_the_sweep, "\n".join(map(str, before_the_sweep[:20]))
    assert not after_the_sweep, "\n".join(map(str, after_the_sweep[:20]))
    assert counts["poison"] == 0
    different = differences(final_state(world), swept_once(EVENTS, VAULTS))
    assert not different, "\n".join(different[:20])
