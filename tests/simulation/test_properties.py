"""Properties 8 and 9 of the loop, for sequences that Hypothesis draws."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.queues import FINDINGS
from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.history import Hold
from tests.simulation.checker import check
from tests.simulation.collect import course_of, differences, final_state
from tests.simulation.estate import (
    TIMING,
    Estate,
    Hub,
    link,
    link_body,
    policy_for,
    record,
    record_body,
    vault,
    vault_body,
)
from tests.simulation.timeline import START
from tests.simulation.wire import Caller
from tests.simulation.world import GUARD, World

HUB: Final = Hub(1, Writer.KVGUARD, (1,))
VAULTS: Final = (1, 2)
_QUICK: Final = replace(TIMING, max_settle=timedelta(seconds=300))
_PROFILE: Final = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Drawn worlds are full of warnings."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a deployment, ``gap`` seconds after the one before; its event comes in copies, so late each."""

    kind: str
    number: int
    gap: float
    copies: tuple[float, ...]


KINDS: Final = ("delete record", "long TTL", "open", "close", "touch", "touch link")
# What kvguard mends is broken once, since it gives way to who insists.
ONCE: Final = frozenset({"delete record", "long TTL"})
STEPS: Final = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(KINDS),
        number=st.sampled_from(VAULTS),
        gap=st.floats(0, 400),
        copies=st.lists(st.floats(0, 600), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda step: (step.kind, step.number) if step.kind in ONCE else (step.gap, step.copies),
)


def request(estate: Estate, step: Step) -> tuple[str, str, Any]:
    """What a step asks of Resource Manager."""
    match step.kind:
        case "delete record":
            return "DELETE", record(HUB, step.number), None
        case "long TTL":
            return "PUT", record(HUB, step.number), record_body(estate.address(step.number), 3600)
        case "open" | "close":
            return "PUT", vault(step.number), vault_body(closed=step.kind == "close")
        case "touch":
            return "PATCH", vault(step.number), {"tags": {"touched": str(step.gap)}}
        case _:
            return "PATCH", link(HUB, 1), {**link_body(1), "tags": {"touched": str(step.gap)}}


def deployed(seed: int) -> tuple[World, Estate]:
    world = World(seed, policy_for((HUB,), _QUICK), workers_wanted=2, skew=0.0, latency=(0.01, 0.05))
    estate = Estate(world, (HUB,))
    estate.base()
    for number in VAULTS:
        estate.add(number, 1)
    return world, estate


def after_a_sweep(steps: list[Step], *, events: bool) -> World:
    """The world in which the steps were made, with their events or without any, and then swept once."""
    world, estate = deployed(len(steps))
    deployer = Caller(world.arm, "deployer")
    world.grid.open = events
    with world:
        world.start()
        for step in steps:
            world.run(step.gap)
            world.grid.copies = step.copies
            deployer.must(*request(estate, step))
            world.grid.copies = None
        world.run(700.0)
        if events:
            world.settle()
        world.grid.open = True
        world.sweep()
        world.settle()
    return world


@_PROFILE
@given(STEPS)
def test_any_course_of_events_and_one_sweep_end_in_the_same_state(steps: list[Step]) -> None:
    """Property 8."""
    with_events = after_a_sweep(steps, events=True)
    without = after_a_sweep(steps, events=False)

    assert not differences(final_state(with_events), final_state(without))
    assert not check(course_of(with_events))
    assert not check(course_of(without))


BROKEN: Final = ("delete record", "long TTL", "open")
RULES: Final = {"delete record": "KVG411", "long TTL": "KVG413", "open": "KVG101"}


@_PROFILE
@given(
    kind=st.sampled_from(BROKEN),
    hours=st.floats(1, 72),
    nuisances=st.lists(
        st.tuples(st.sampled_from(("touch", "touch link", "sweep", "other facts")), st.floats(0, 7200)), max_size=6
    ),
)
def test_a_held_subject_is_left_alone_until_the_hold_ends(
    kind: str, hours: float, nuisances: list[tuple[str, float]]
) -> None:
    """Property 9: whatever comes meanwhile, nothing is changed and nothing is asked; afterwards it is.

    "Until the hold ends or a fact changes" can be read in two ways: a changed fact lifts the hold, or it only may be
    lifted then. Of two readings the one that writes less to Azure holds, and a hold has no facts to compare with: it is
    on a rule and a subject, and stays until its end whatever their facts do. What another rule finds is not held.
    """
    world, estate = deployed(len(nuisances))
    deployer = Caller(world.arm, "deployer")
    subject = ArmId.parse(vault(1) if kind == "open" else record(HUB, 1))
    held = ArmId.parse(vault(1))
    until = START + timedelta(hours=hours)
    ledger = world.ledger
    row = ledger.load(held)
    ledger.save(replace(row, holds=(Hold(RULES[kind], subject, "reviewer", "not now", until),)))
    with world:
        world.start()
        deployer.must(*request(estate, Step(kind, 1, 0.0, ())))
        for nuisance, gap in nuisances:
            if world.timeline.seconds + gap > hours * 3600.0 - 60.0:
                break
            world.run(gap)
            if nuisance == "sweep":
                world.sweep()
            elif nuisance == "other facts":
                for method, path, body in other_facts(estate, kind):
                    deployer.must(method, path, body)
                    world.run(60.0)
            else:
                deployer.must(*request(estate, Step(nuisance, 1, gap, ())))
        world.run(max(0.0, hours * 3600.0 - world.timeline.seconds - 1.0))
        assert _interventions(world, subject, until) == []

        world.run(60.0)
        world.sweep()
        world.settle()
    assert _interventions(world, subject, None) != []


def other_facts(estate: Estate, kind: str) -> list[tuple[str, str, Any]]:
    """Requests after which the same rule finds the same subject by other facts."""
    match kind:
        case "delete record":
            right = record_body(estate.address(1))
            return [("PUT", record(HUB, 1), right), ("DELETE", record(HUB, 1), None)]
        case "long TTL":
            return [("PUT", record(HUB, 1), record_body(estate.address(1), 7200))]
        case _:
            return [("PUT", vault(1), vault_body()), ("PUT", vault(1), vault_body(closed=False))]


def _interventions(world: World, subject: ArmId, before: Any) -> list[str]:
    """Writes to the subject, and messages with something for a person to decide about it."""
    key = subject.key
    writes = [
        f"{entry.method} {entry.resource_id}"
        for entry in world.arm.log.writes(GUARD)
        if entry.resource_id.casefold() == key and (before is None or entry.time < before)
    ]
    asked = []
    for message in world.queues[FINDINGS].messages.values():
        body = json.loads(message.text)
        if body["state"] == "open" and body["subject"].casefold() == key:
            asked += [option["verb"] for option in body["options"] if option["applicability"] != "manual"]
    return writes + asked
