"""Small worlds in which one thing happens, for what is tried at every step of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from tests.simulation.estate import (
    TIMING,
    Broken,
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
from tests.simulation.wire import Caller
from tests.simulation.world import World

OWN: Final = Hub(1, Writer.KVGUARD, (1, 2))
# Seconds instead of minutes, since nothing here depends on how long they are.
QUICK: Final = replace(TIMING, dead_connection_age=timedelta(seconds=150), max_settle=timedelta(seconds=300))
Prepare = Callable[[Estate], None]
Begin = Callable[[World, Estate, Caller], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """``prepare`` deploys what is there before; ``begin`` is what happens, within ``lasts`` seconds. kvguard then asks
    Azure for ``writes`` (method and type), tells people ``told`` things, and ``poisoned`` messages are given up."""

    name: str
    prepare: Prepare
    begin: Begin
    writes: tuple[str, ...] = ()
    told: int = 0
    poisoned: int = 0
    lasts: float = 60.0

    def build(self, *, workers: int = 1, seed: int = 1) -> tuple[World, Estate, Caller]:
        """The world before anything has happened; no machine's clock is wrong and requests take hardly any time."""
        world = World(seed, policy_for((OWN,), QUICK), workers_wanted=workers, skew=0.0, latency=(0.01, 0.02))
        estate = Estate(world, (OWN,))
        estate.base()
        self.prepare(estate)
        return world, estate, Caller(world.arm, "deployer")


def _one(broken: Broken) -> Prepare:
    return lambda estate: estate.add(1, 1, broken)


def _touch(world: World, estate: Estate, deployer: Caller) -> None:
    deployer.must("PATCH", vault(1), {"tags": {"touched": "yes"}})


def _delete_record(world: World, estate: Estate, deployer: Caller) -> None:
    deployer.must("DELETE", record(OWN, 1))


def _write_long_ttl(world: World, estate: Estate, deployer: Caller) -> None:
    deployer.must("PUT", record(OWN, 1), record_body(estate.address(1), 3600))


def _open_vault(world: World, estate: Estate, deployer: Caller) -> None:
    deployer.must("PUT", vault(1), vault_body(closed=False))


def _unlinked(estate: Estate) -> None:
    estate.add(1, 1)
    estate.delete(link(OWN, 1))


def _two_unlinked(estate: Estate) -> None:
    """The other vault's endpoint is elsewhere, so the link would take its public name away from the first network."""
    estate.add(1, 1)
    estate.add(2, 2)
    estate.delete(link(OWN, 1))


def _three(estate: Estate) -> None:
    for number in (1, 2, 3):
        estate.add(number, 1, Broken.NO_RECORD if number == 2 else Broken.NOTHING)


def _change_link(world: World, estate: Estate, deployer: Caller) -> None:
    """The index has to know who is near the zone before an event about it can be told apart."""
    ledger = world.ledger
    for number in (1, 2, 3):
        ledger.index(ArmId.parse(vault(number)), [ArmId.parse(OWN.zone)])
    deployer.must("PATCH", link(OWN, 1), {**link_body(1), "tags": {"touched": "yes"}})


def _sweep(world: World, estate: Estate, deployer: Caller) -> None:
    world.sweep()


def _repaired_by_its_owner(world: World, estate: Estate, deployer: Caller) -> None:
    deployer.must("PUT", vault(1), vault_body(closed=False))
    world.timeline.after(400.0, lambda: _ignore(deployer.must("PUT", vault(1), vault_body())))


def _troubled(world: World, estate: Estate, deployer: Caller) -> None:
    """Azure is away for a minute, so that work comes back."""
    world.weather.rate = lambda seconds: 1.0 if seconds < 60 else 0.0
    deployer.must("DELETE", record(OWN, 1))


def _unreadable(world: World, estate: Estate, deployer: Caller) -> None:
    """A message that no release can read, which the host gives up after five times; and work beside it."""
    world.enqueue("kvguard-reconcile", "{}", 0.0)
    deployer.must("DELETE", record(OWN, 1))


def _ignore(result: object) -> None:
    """An event returns nothing."""


SCENARIOS: Final = (
    Scenario("a record is missing", _one(Broken.NOTHING), _delete_record, writes=("PUT A",)),
    Scenario("a TTL is too long", _one(Broken.NOTHING), _write_long_ttl, writes=("PUT A",)),
    Scenario(
        "a connection is dead",
        _one(Broken.DEAD_CONNECTION),
        _touch,
        writes=("DELETE privateEndpointConnections",),
    ),
    Scenario("a network is not linked", _unlinked, _touch, writes=("PUT virtualNetworkLinks",)),
    Scenario("a network may not be linked", _two_unlinked, _touch, told=1),
    Scenario("people are told", _one(Broken.NOTHING), _open_vault, told=1),
    Scenario("people are told that it is over", _one(Broken.NOTHING), _repaired_by_its_owner, told=2, lasts=420.0),
    Scenario("one change concerns many", _three, _change_link, writes=("PUT A",)),
    Scenario("a sweep", _three, _sweep, writes=("PUT A",)),
    Scenario("Azure is away", _one(Broken.NOTHING), _troubled, writes=("PUT A",)),
    Scenario("a message is unreadable", _one(Broken.NOTHING), _unreadable, writes=("PUT A",), poisoned=1),
)
