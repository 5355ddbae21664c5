"""One judgement: read as deep as the rules ask for, evaluate, plan. The same for events, sweeps, audits, approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.arm_id import ArmId
from shared.domain.finding import Assessment
from shared.domain.history import History
from shared.domain.plan import ChangePlan
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part, Unread
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.service.ports import Deadline, Estate

_DEEPEST = len(Part)


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


class Judge:
    """Reads and judges single vaults; writes nothing."""

    def __init__(self, estate: Estate, rules: Sequence[Rule]) -> None:
        self._estate = estate
        self._rules = rules
        self._at_events = frozenset(rule.id for rule in rules if rule.at_events)
        self.every_rule = frozenset(rule.id for rule in rules)
        self.of_moving = frozenset(rule.id for rule in rules if rule.of_moving)

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
        for _ in range(_DEEPEST):
            asking = self._at_events | also
            wanted = frozenset(unread.part for unread in assessment.wanted(asking) if unread.part is not None) - parts
            if not wanted:
                break
            parts |= wanted
            snapshot = self._estate.deepen(snapshot, deadline=deadline, parts=wanted)
            assessment = evaluate(snapshot, policy, self._rules)
        return Judgement(snapshot, assessment, plan(snapshot, policy, self._rules), parts, also)
