"""The product's own reader, judge and writer over the Azure of a scenario."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_estate import ArmEstate
from shared.adapters.arm_reader import ArmReader
from shared.adapters.arm_writer import ArmWriter
from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.finding import Finding, Option
from shared.domain.history import History
from shared.domain.plan import Outcome
from shared.domain.policy import Policy
from shared.domain.reading import Gone
from shared.domain.snapshot import VaultSnapshot
from shared.rules.registry import RULES
from shared.service.judge import Judge, Judgement
from tests.scenarios.azure import GUARD, HUB, SUBSCRIPTION, Azure, credential
from tests.scenarios.journal import Journal
from tests.simulation.world import GivenPolicy

WATCHED: Final = frozenset({SUBSCRIPTION, HUB})
_SECONDS: Final = 600.0


@dataclass(frozen=True)
class _Never:
    """A deadline that does not come nearer: what happens in virtual time takes none of it."""

    def remaining(self) -> float:
        return _SECONDS


class _Clock:
    """The time of the scenario under way."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now

    def deadline(self, seconds: float) -> _Never:
        return _Never()


@dataclass(frozen=True)
class Made:
    """What came of a change, and what the journal keeps of what it has deleted (JSON text, empty for nothing)."""

    outcome: Outcome
    kept: str


@cache
def _writer() -> tuple[ArmWriter, list[Azure]]:
    """One writer for the process, since its SDK clients are costly; it asks the Azure in the list for the time."""
    where: list[Azure] = []
    who: Any = credential(GUARD)
    return ArmWriter(who, AZURE_CLOUD, _Clock(lambda: where[0].clock.now())), where


class Guard:
    """kvguard as it reads, judges and writes, with a journal and without queues. Reads past every cache."""

    def __init__(self, azure: Azure, policy: Policy) -> None:
        self._azure = azure
        self._policy = policy
        writer, where = _writer()
        where[:] = [azure]
        clock = _Clock(azure.clock.now)
        client = ArmClient(AZURE_CLOUD, credential(GUARD), clock, sleep=azure.later)
        self._estate = ArmEstate(ArmReader(client, AZURE_CLOUD, GivenPolicy(policy), WATCHED, clock), writer)
        self._judge = Judge(self._estate, RULES)

    def judge(self, vault: str, history: Callable[[VaultSnapshot], History]) -> Judgement | None:
        """Judge a vault, or what remains of it, as an audit does: every part that any rule asks for is read.

        None when the vault is gone and nothing remains of it.
        """
        where = ArmId.parse(vault)
        snapshot: VaultSnapshot | Gone | None = self._estate.read(where, deadline=_Never(), fresh=True)
        if isinstance(snapshot, Gone):
            snapshot = self._estate.remains(where, deadline=_Never())
        if snapshot is None or isinstance(snapshot, Gone):
            return None
        known = replace(snapshot, history=history(snapshot))
        return self._judge.again(known, self._policy, frozenset(), _Never(), also=self._judge.every_rule)

    def carry_out(self, vault: str, finding: Finding, option: Option) -> Made:
        """Make one option between its two rows of the journal; long operations are under way when it returns."""
        journal, change_id = Journal(vault), uuid.uuid4().hex
        journal.intend(finding, option, change_id, self._azure.clock.now())
        outcome = self._estate.apply(option.change, change_id, deadline=_Never())
        journal.conclude(change_id, outcome)
        return Made(outcome, journal.kept(change_id))

    def apply(self, change: Change) -> Outcome:
        """Make one change, as an undo does."""
        return self._estate.apply(change, uuid.uuid4().hex, deadline=_Never())
