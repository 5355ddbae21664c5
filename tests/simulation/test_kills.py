"""A worker is killed before and after every single step it makes; nothing is lost and nothing is done twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from shared.adapters.queues import FINDINGS, RECONCILE_POISON
from tests.simulation.checker import check
from tests.simulation.collect import course_of, differences, final_state
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.world import GUARD, World


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Ten thousand lines of log cost more than what they tell."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def play(
    scenario: Scenario, victim: int = 0, phase: str = "after", *, storage_fails_at: tuple[int, str] = (0, "")
) -> World:
    """The scenario from its beginning to where nothing is left to do within the hour."""
    world, estate, deployer = scenario.build()
    world.storage_fails_at = storage_fails_at
    world.kill = lambda number, kind, about, when: number == victim and when == phase
    with world:
        scenario.begin(world, estate, deployer)
        world.start()
        world.run(scenario.lasts)
        world.settle()
    return world


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_worker_may_die_between_any_two_steps(scenario: Scenario) -> None:
    """A step is one request, to ARM, to storage or to the queue; between two of them nothing leaves the worker.

    So dying right after a step is dying right before the next one, and the places are: before the first step, and
    after each.
    """
    undisturbed = play(scenario)
    asked = [f"{entry.method} {entry.path.split('/')[-2]}" for entry in undisturbed.arm.log.writes(GUARD)]
    assert tuple(asked) == scenario.writes
    assert len(undisturbed.queues[FINDINGS].messages) == scenario.told
    assert len(undisturbed.queues[RECONCILE_POISON].messages) == scenario.poisoned
    assert not check(course_of(undisturbed))
    expected = final_state(undisturbed)

    problems: list[str] = []
    for victim in range(undisturbed.steps + 1):
        world = play(scenario, max(victim, 1), "after" if victim else "before")
        where = f"killed after step {victim}"
        assert world.kills == 1, where
        problems += [f"{where}: {broken}" for broken in check(course_of(world))]
        problems += [f"{where}: {line}" for line in differences(final_state(world), expected)]
        if len(world.queues[RECONCILE_POISON].messages) != scenario.poisoned:
            problems.append(f"{where}: another number of poisoned messages")

    assert not problems, "\n".join(problems[:20])


@pytest.mark.parametrize("scenario", SCENARIOS[::2], ids=lambda scenario: scenario.name)
def test_storage_may_fail_at_any_step(scenario: Scenario) -> None:
    """Once, before or after the request has had its effect, which the worker cannot tell apart."""
    undisturbed = play(scenario)
    expected = final_state(undisturbed)

    problems: list[str] = []
    for step in range(1, undisturbed.steps + 1):
        for when in ("before", "after"):
            world = play(scenario, storage_fails_at=(step, when))
            where = f"storage failed {when} step {step}"
            problems += [f"{where}: {broken}" for broken in check(course_of(world))]
            problems += [f"{where}: {line}" for line in differences(final_state(world), expected)]

    assert not problems, "\n".join(problems[:20])
