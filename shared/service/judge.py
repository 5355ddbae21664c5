"""One judgement: read as deep as the rules ask for, evaluate, plan. The same for events, sweeps, audits, approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shared.domain.arm_id import ArmId
from shared.domain.finding import Assessment
from shared.domain.history import History
from shared.domain.plan import ChangePlan
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part, Unread
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Existence
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan_from
from shared.service.ports import Deadline


@dataclass(frozen=True, slots=True)
class Judgement:
    """A reading and what follows from it. ``parts`` are the deeper parts that the reading went to.

    ``also`` are the rules that parts were read for although they do not ask for them at events.
    """

    snapshot: VaultSnapshot
    assessment: Assessment
    plan: ChangePlan
    parts: frozenset[Part]
    also: frozenset[str] = frozenset()


class Readings(Protocol):
    """The part of ``Estate`` that judging needs: it reads and makes no change."""

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        """Read one vault; see ``Estate.read``."""

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        """Read more parts of it; see ``Estate.deepen``."""

    def remains(self, vault: ArmId, *, deadline: Deadline) -> VaultSnapshot | None:
        """Read what is left of one that is gone; see ``Estate.remains``."""

    def admit(self, vault: ArmId) -> None:
        """Ask for room for one look; see ``Estate.admit``."""


class Judge:
    """Reads and judges single vaults; writes nothing."""

    def __init__(self, estate: Readings, rules: Sequence[Rule]) -> None:
        self._estate = estate
        self._rules = rules
        self._at_events = frozenset(rule.id for rule in rules if rule.at_events)
        self.every_rule = frozenset(rule.id for rule in rules)
        self.of_moving = frozenset(rule.id for rule in rules if rule.of_moving)
        self.of_gone = frozenset(rule.id for rule in rules if Existence.DELETED in rule.judges)

    def admit(self, vault: ArmId) -> None:
        """Ask for room for one look; see ``Estate.admit``."""
        self._estate.admit(vault)

    def judge(
        self,
        vault: ArmId,
        policy: Policy,
        history: History | Unread,
        deadline: Deadline,
        *,
        parts: frozenset[Part] = frozenset(),
        fresh: bool = False,
        also: frozenset[str] = frozenset(),
    ) -> Judgement | Gone:
        """Read the vault, deepen while a rule's verdict waits for a part that was left out, then plan.

        Parts are read for the rules that ask for them at events, and for those whose ids are in ``also``.
        """
        snapshot = self._estate.read(vault, deadline=deadline, parts=parts, fresh=fresh)
        if isinstance(snapshot, Gone):
            return snapshot
        return self.again(replace(snapshot, history=history), policy, parts, deadline, also=also)

    def remains(self, vault: ArmId, policy: Policy, history: History | Unread, deadline: Deadline) -> Judgement | None:
        """Judge what is left of a vault that does not exist, None when nothing is."""
        snapshot = self._estate.remains(vault, deadline=deadline)
        if snapshot is None:
            return None
        return self.again(replace(snapshot, history=history), policy, frozenset(), deadline, also=self.every_rule)

    def again(
        self,
        snapshot: VaultSnapshot,
        policy: Policy,
        parts: frozenset[Part],
        deadline: Deadline,
        *,
        also: frozenset[str] = frozenset(),
    ) -> Judgement:
        """Judge a reading that is at hand; only parts that were left out so far and are now wanted are read."""
        assessment = evaluate(snapshot, policy, self._rules)
        outdated: frozenset[Part] = frozenset()
        while wanted := self._wanted(assessment, also, parts - outdated):
            # A part that comes for the first time may show more of what was read before it; so each part is read
            # again at most as often as there are parts.
            outdated = (outdated if wanted <= parts else parts) - wanted
            parts |= wanted
            snapshot = self._estate.deepen(snapshot, deadline=deadline, parts=wanted)
            assessment = evaluate(snapshot, policy, self._rules)
        return Judgement(snapshot, assessment, plan_from(assessment, snapshot, policy, self._rules), parts, also)

    def _wanted(self, assessment: Assessment, also: frozenset[str], done: frozenset[Part]) -> frozenset[Part]:
        """The parts to read next: those that verdicts wait for, without those that nothing new can come of."""
        unread = assessment.wanted(self._at_events | also)
        return frozenset(missing.part for missing in unread if missing.part is not None) - done
