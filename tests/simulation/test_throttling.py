"""A burst of a thousand events against Resource Manager's own limits: hardly slower than the limits allow."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest

from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.arm.log import LogEntry
from shared.adapters.queues import RECONCILE_POISON
from shared.domain.grades import Writer
from tests.simulation.checker import check
from tests.simulation.collect import course_of
from tests.simulation.estate import Estate, Hub, endpoint, policy_for
from tests.simulation.timeline import START
from tests.simulation.world import GUARD, SUBSCRIPTION, TENANT, World

VAULTS: Final = 100
EVENTS: Final = 1000
_BURST: Final = 2.0
# Size and refill per second: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
_READS: Final = (250, 25.0)
_DNS_READS: Final = (500, 500 / 300)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A thousand come-backs fill the log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def burst(seed: int, *, throttling: bool) -> World:
    """Ten events for the endpoint of each vault within two seconds; nothing is wrong with any of them."""
    hub = Hub(1, Writer.KVGUARD, (1, 2, 3, 4))
    world = World(seed, policy_for((hub,)), workers_wanted=4)
    world.arm.world.switches.throttling = throttling
    estate = Estate(world, (hub,))
    estate.base()
    for number in range(VAULTS):
        estate.add(number, 1 + number % 4)
    for number in range(EVENTS):
        world.timeline.after(world.random.uniform(0, _BURST), partial(_touched, world, endpoint(number % VAULTS)))
    with world:
        world.start()
        world.run(_BURST)
        world.settle(horizon=1800.0)
    return world


def _touched(world: World, resource: str) -> None:
    world.arm.world.events.publish(
        ArmEvent(
            resource_id=resource,
            operation_name="Microsoft.Network/privateEndpoints/write",
            kind=EventKind.WRITE,
            status=EventStatus.SUCCESS,
            principal=world.identities.named("deployer").principal,
            correlation_id=f"burst-{world.random.random()}",
            time=world.timeline.now,
            subscription=SUBSCRIPTION,
            tenant=TENANT,
            http_method="PUT",
        )
    )


def makespan(world: World) -> float:
    """Seconds from the beginning of the burst to the last answer that kvguard got."""
    return (max(entry.time for entry in _asked(world)) - START).total_seconds()


def floor(world: World) -> float:
    """How long the reads of a world must take through the buckets.

    Private DNS counts its reads by itself; they count for the subscription as well.
    """
    answered = [entry for entry in _asked(world) if entry.status != 429]
    dns = sum("/privatedns" in entry.path.casefold() for entry in answered)
    counts = ((len(answered), _READS), (dns, _DNS_READS))
    return max(max(0.0, count - size) / rate for count, (size, rate) in counts)


def _asked(world: World) -> list[LogEntry]:
    entries = world.arm.log.since()
    return [entry for entry in entries if entry.caller is not None and entry.caller.name == GUARD]


@pytest.mark.parametrize("seed", [7, 11])
def test_a_burst_takes_at_most_a_fifth_longer_than_the_limits_demand(seed: int, record_property: Any) -> None:
    """The floor is that of the reads that the burst takes without limits; with them it takes fewer."""
    free = burst(seed, throttling=False)
    world = burst(seed, throttling=True)

    refused = sum(entry.status == 429 for entry in _asked(world))
    took, least = makespan(world), floor(free)
    record_property(
        "printed",
        f"{EVENTS} events on {VAULTS} vaults: {took:.0f} s, floor {least:.0f} s, ratio {took / least:.2f}; "
        f"{len(_asked(free))} reads without limits, {len(_asked(world))} with (floor "
        f"{floor(world):.0f} s), {refused} refused",
    )
    assert not check(course_of(world))
    assert not world.queues[RECONCILE_POISON].messages
    assert world.grid.delivered == EVENTS
    assert refused <= len(_asked(world)) / 20
    assert took <= 1.2 * least
