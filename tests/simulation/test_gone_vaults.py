"""A vault that is deleted, purged, recovered, made anew or moved, with the product's own reader, worker and queue."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pytest

from emulator.arm.log import LogEntry
from shared.adapters.queues import FINDINGS, RECONCILE_POISON
from shared.domain.arm_id import ArmId
from shared.domain.grades import Mode
from tests.simulation.checker import check
from tests.simulation.collect import course_of
from tests.simulation.estate import LOCATION, Estate, endpoint, group, policy_for, record, vault, vault_body
from tests.simulation.scenarios import OWN, QUICK
from tests.simulation.wire import Caller
from tests.simulation.world import GUARD, SUBSCRIPTION, World

DAY: Final = 86_400.0
# A look at a vault that is gone: the vault, the names of all vaults, the deleted ones, the zones, one record, the
# endpoints, and of each that is left its zone groups and its interface.
MOST_CALLS: Final = 10
STRANDED: Final = ("KVG207", "open", "pe-0001")
CLEARED: Final = ("KVG207", "cleared", "pe-0001")
STALE: Final = ("KVG414", "open", "kv-0001")
_PURGE: Final = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/{LOCATION}/deletedVaults"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@dataclass
class Stage:
    """A well-kept vault that can be purged, with a worker that has looked at it."""

    world: World
    estate: Estate
    deployer: Caller

    def ask(self, method: str, path: str, body: Any = None) -> None:
        """Somebody changes something; then half an hour passes."""
        self.deployer.must(method, path, body)
        self.world.run(1800.0)

    def purge(self) -> None:
        """The vault is deleted, and half an hour later purged, which raises no event that leads anywhere."""
        self.ask("DELETE", vault(1))
        self.ask("POST", f"{_PURGE}/kv-0001/purge")

    def told(self) -> list[tuple[str, str, str]]:
        """Rule, state and name of the subject of every message to people, oldest first."""
        messages = [json.loads(message.text) for message in self.world.queues[FINDINGS].messages.values()]
        return [(found["rule"], found["state"], found["subject"].rpartition("/")[2]) for found in messages]

    def calls(self, mark: int) -> list[LogEntry]:
        """What kvguard has asked Azure for since."""
        entries = self.world.arm.log.since()[mark:]
        return [entry for entry in entries if entry.caller is not None and entry.caller.name == GUARD]

    @property
    def mark(self) -> int:
        """How many requests Azure has had."""
        return len(self.world.arm.log.since())


@pytest.fixture
def stage() -> Iterator[Stage]:
    modes = MappingProxyType({"KVG605": Mode.OFF})
    world = World(1, policy_for((OWN,), QUICK, modes=modes), workers_wanted=1, skew=0.0, latency=(0.01, 0.02))
    estate = Estate(world, (OWN,))
    estate.base()
    estate.add(1, 1, protected=False)
    stage = Stage(world, estate, Caller(world.arm, "deployer"))
    with world:
        world.start()
        stage.ask("PATCH", vault(1), {"tags": {"touched": "yes"}})
        assert stage.told() == []
        yield stage
    assert world.queues[RECONCILE_POISON].messages == {}
    assert world.arm.log.writes(GUARD) == []
    assert not check(course_of(world))


def test_what_is_left_of_a_purged_vault_is_told_until_somebody_has_deleted_it(stage: Stage) -> None:
    stage.purge()
    stage.world.run(DAY)
    assert stage.told() == [STRANDED]
    stage.ask("DELETE", endpoint(1))
    assert stage.told()[1:] == [CLEARED, STALE]
    stage.ask("DELETE", record(OWN, 1))
    assert stage.told()[3:] == [("KVG414", "cleared", "kv-0001")]
    stage.world.run(5 * DAY)
    row = stage.world.ledger.load(ArmId.parse(vault(1)))
    assert (dict(row.told), dict(row.first_seen), dict(row.indexed), row.look_at) == ({}, {}, {}, None)
    assert stage.world.ledger.vaults_near(ArmId.parse(endpoint(1))) == ((), "")
    mark = stage.mark
    stage.world.run(5 * DAY)
    assert stage.calls(mark) == []


def test_a_look_at_what_is_left_costs_a_few_calls_a_day(stage: Stage) -> None:
    stage.purge()
    stage.world.run(2 * DAY)
    mark = stage.mark
    stage.world.run(3 * DAY)
    asked = stage.calls(mark)
    looks = sum(entry.path.casefold() == vault(1).casefold() for entry in asked)
    assert looks == 3
    assert len(asked) <= MOST_CALLS * looks, [entry.path for entry in asked]
    assert {entry.method for entry in asked} == {"GET"}


def test_a_vault_that_is_soft_deleted_has_left_nothing_behind_until_it_is_purged(stage: Stage) -> None:
    stage.ask("DELETE", vault(1))
    stage.world.run(3 * DAY)
    assert stage.told() == []
    stage.ask("POST", f"{_PURGE}/kv-0001/purge")
    stage.world.run(DAY + 3600.0)
    assert stage.told() == [STRANDED]


def test_a_vault_that_is_recovered_is_judged_as_it_is(stage: Stage) -> None:
    """Its connections were cut when it was deleted, and do not come back."""
    stage.ask("DELETE", vault(1))
    assert stage.told() == []
    recovered = vault_body(protected=False)
    recovered["properties"]["createMode"] = "recover"
    stage.ask("PUT", vault(1), recovered)
    assert {subject for _, _, subject in stage.told()} == {"kv-0001"}
    stage.world.sweep()
    stage.world.run(3600.0)
    assert STRANDED in stage.told()


def test_a_vault_that_is_made_anew_under_its_name_does_not_bring_the_endpoint_back(stage: Stage) -> None:
    stage.purge()
    stage.world.run(DAY)
    assert stage.told() == [STRANDED]
    stage.ask("PUT", vault(1), vault_body(protected=False))
    assert CLEARED not in stage.told()
    stage.ask("DELETE", endpoint(1))
    assert CLEARED in stage.told()


def test_a_vault_that_was_moved_has_left_nothing_behind(stage: Stage) -> None:
    stage.deployer.must("DELETE", vault(1))
    stage.world.arm.world.store.deleted_vaults.clear()
    stage.estate.put(vault(1).replace(group("vaults"), group("spoke-1")), vault_body(protected=False))
    stage.world.run(3 * DAY)
    about = [entry for entry in stage.told() if entry[2] == "pe-0001" or entry[0] == "KVG414"]
    assert about == []
