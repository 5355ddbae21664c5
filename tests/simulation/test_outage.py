"""Half an hour without Azure, or without a part of it, poisons nothing, and everything heals afterwards by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from shared.adapters.queues import RECONCILE_POISON
from shared.domain.grades import Writer
from tests.simulation.checker import check
from tests.simulation.collect import course_of, differences, final_state, opened
from tests.simulation.estate import Broken, Estate, Hub, policy_for, record, vault, vault_body
from tests.simulation.wire import Caller, Trouble
from tests.simulation.world import World

OUTAGE = (60.0, 60.0 + 30 * 60.0)
VAULTS = 6
HUB = Hub(1, Writer.KVGUARD, (1, 2))

MIXES: dict[str, Mapping[Trouble, int]] = {
    "503": {Trouble.UNAVAILABLE: 1},
    "429": {Trouble.THROTTLED: 1},
    "hanging": {Trouble.HANG: 1},
    "cut": {Trouble.CUT: 1, Trouble.SERVED_CUT: 1},
    "dripping": {Trouble.DRIP: 1},
    "all at once": dict.fromkeys(Trouble, 1),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """An outage fills the log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def during(world: World, estate: Estate) -> None:
    """Before, in and at the end of the outage deployments break things."""
    deployer = Caller(world.arm, "deployer")
    for number in range(VAULTS):
        opened_later = (deployer, "PUT", vault(number), vault_body(closed=False))
        removed = (deployer, "DELETE", record(HUB, number), None)
        step = opened_later if number % 3 == 2 else removed
        world.timeline.after(30.0 + number * 300.0, partial(_must, *step))


def _must(deployer: Caller, method: str, path: str, body: Any) -> None:
    deployer.must(method, path, body)


def build(seed: int = 3) -> tuple[World, Estate]:
    world = World(seed, policy_for((HUB,)), workers_wanted=2)
    estate = Estate(world, (HUB,))
    estate.base()
    for number in range(VAULTS):
        estate.add(number, 1 + number % 2, Broken.NOTHING)
    during(world, estate)
    return world, estate


def played(world: World) -> World:
    with world:
        world.start()
        world.run(OUTAGE[1] + 60.0)
        world.settle()
    return world


@pytest.fixture(scope="module")
def calm() -> World:
    """The same without an outage."""
    return played(build()[0])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *((name, "") for name in MIXES),
        *(("503", part) for part in ("privateDnsZones", "privateEndpoints", "networkInterfaces", "virtualNetworks")),
    ],
)
def test_an_outage_poisons_nothing_and_everything_heals(name: str, part: str, calm: World) -> None:
    world, estate = build()
    world.weather.mix = MIXES[name]
    world.weather.rate = lambda seconds: 1.0 if OUTAGE[0] <= seconds < OUTAGE[1] else 0.0
    world.weather.part = part

    played(world)

    assert sum(world.weather.met.values()) >= 20
    assert not world.queues[RECONCILE_POISON].messages
    assert not check(course_of(world))
    assert not differences(final_state(world), final_state(calm))
    for number in range(VAULTS):
        if number % 3 == 2:
            assert any(line.startswith("KVG101 ") and line.endswith(f"/kv-{number:04d}") for line in opened(world))
        else:
            found = estate.record_at(number)
            assert found is not None
            assert found.records["aRecords"] == [{"ipv4Address": estate.address(number)}]
