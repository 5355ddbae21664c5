"""Making changes: confirm past every cache, intent row, write, result row, verify by reading again.

One change at a time. After each, the vault is read anew and the plan computed again; what the fresh plan no longer
contains is not made. So a change is only ever based on a reading that is seconds old, and the verification of one
change is the confirmation of the next.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.domain.history import AZURE, Hold
from shared.domain.plan import Outcome, OutcomeKind, PlannedChange
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part
from shared.domain.snapshot import VaultSnapshot
from shared.reporting.findings import Fix, FixState
from shared.service.interrupted import adopted, outcome_by
from shared.service.judge import Judge, Judgement
from shared.service.lease import Leases
from shared.service.memory import history_of, hold_fought, note_applied, note_repaired, with_hold
from shared.service.ports import Clock, Deadline, Estate, Intent, Ledger, LedgerConflict, VaultRow
from shared.service.settle import settled

_LOG = logging.getLogger("kvguard.execute")
_SECONDS_FOR_ONE_CHANGE = 4.0
# How long a write may take at most: the whole of an invocation.
_ONE_WRITE = timedelta(seconds=12)
REFUSED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of carrying out a plan.

    ``judgement`` is the last reading, Gone when the vault vanished meanwhile. ``fixes`` says by fingerprint why a
    finding that had a safe change is still open. ``come_back`` is when to look again, None when nothing waits.
    """

    row: VaultRow
    judgement: Judgement | Gone
    outcomes: tuple[Outcome, ...] = ()
    fixes: dict[str, Fix] = field(default_factory=dict)
    come_back: timedelta | None = None


class Executor:
    """Carries out the settled, SAFE part of a plan."""

    def __init__(
        self,
        estate: Estate,
        ledger: Ledger,
        leases: Leases,
        judge: Judge,
        clock: Clock,
        new_id: Callable[[], str],
        backoff: timedelta,
    ) -> None:
        self._estate = estate
        self._ledger = ledger
        self._leases = leases
        self._judge = judge
        self._clock = clock
        self._new_id = new_id
        self._backoff = backoff

    def carry_out(
        self, row: VaultRow, first: Judgement, policy: Policy, deadline: Deadline, parts: frozenset[Part]
    ) -> Execution:
        """Make every change that was settled before and that a fresh reading confirms.

        Raises EstateError, LedgerUnavailable and LedgerConflict; what was made until then is in the journal.
        """
        outcomes: list[Outcome] = []
        fixes: dict[str, Fix] = {}
        attempted: set[str] = set()
        current: Judgement = first
        while True:
            if deadline.remaining() < _SECONDS_FOR_ONE_CHANGE:
                return Execution(row, current, tuple(outcomes), fixes, self._backoff)
            history = history_of(row)
            judged = self._judge.judge(row.vault, policy, history, deadline, parts=parts, fresh=True, also=first.also)
            if isinstance(judged, Gone):
                return Execution(row, judged, tuple(outcomes), fixes)
            current, parts = judged, judged.parts
            if not current.snapshot.quiet:
                return Execution(row, current, tuple(outcomes), fixes, policy.timing.settle)
            row = _held_fights(row, current, policy, attempted, fixes)
            planned = self._next(row, current, policy, attempted, fixes)
            if planned is None:
                wait = _waits(row, current, attempted, fixes, policy)
                return Execution(row, current, tuple(outcomes), fixes, wait)
            stop = self._ledger.stopped()
            if stop:
                fixes[planned.finding.fingerprint] = Fix(FixState.OBSERVE, f"writes are stopped: {stop}")
                return Execution(row, current, tuple(outcomes), fixes)
            subscription = planned.change.target.subscription
            if not self._ledger.reserve_write(subscription, self._clock.now(), policy.writes_per_hour):
                detail = f"{policy.writes_per_hour} writes were made in this subscription within the hour"
                for other in current.plan.apply:
                    if other.change.target.subscription.lower() == subscription.lower():
                        attempted.add(other.change.key)
                        if settled(row, other.finding, other.option, current.snapshot, policy):
                            fixes.setdefault(other.finding.fingerprint, Fix(FixState.OVER_BUDGET, detail))
                continue
            attempted.add(planned.change.key)
            row, outcome = self._make(row, planned, deadline)
            outcomes.append(outcome)
            if outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.FAILED):
                state = FixState.REFUSED if outcome.kind is OutcomeKind.REFUSED else FixState.FAILED
                fixes[planned.finding.fingerprint] = Fix(state, outcome.detail)
            if outcome.retry:
                wait = max(self._backoff, timedelta(seconds=outcome.retry_after))
                return Execution(row, current, tuple(outcomes), fixes, wait)

    def finish_interrupted(self, row: VaultRow, reading: VaultSnapshot | Gone) -> VaultRow:
        """Close an intent that a crash left open, by what the reading shows."""
        intent = self._ledger.intent(row.vault, row.unfinished)
        change_id, row = row.unfinished, replace(row, unfinished="")
        if intent is None:
            return row
        outcome = outcome_by(reading, intent, self._clock.now())
        # The worker may have died between the result and the row.
        journal = self._ledger.journal(row.vault)
        if not any(entry.change_id == change_id and entry.kind == "result" for entry in journal):
            self._ledger.conclude(row.vault, change_id, outcome)
        return adopted(row, intent) if outcome.changed else row

    def _next(
        self, row: VaultRow, judgement: Judgement, policy: Policy, attempted: set[str], fixes: dict[str, Fix]
    ) -> PlannedChange | None:
        """The first change that may be made now. A change made lately that is planned again has been survived."""
        now = judgement.snapshot.read_at
        for planned in judgement.plan.apply:
            made = row.made.get(planned.change.key)
            if planned.after or planned.change.key in attempted:
                continue
            if made is not None and now - made < policy.timing.max_settle:
                detail = f"made at {made:%H:%M:%S} UTC and needed again"
                fixes.setdefault(planned.finding.fingerprint, Fix(FixState.SURVIVED, detail))
                continue
            if settled(row, planned.finding, planned.option, judgement.snapshot, policy):
                return planned
        return None

    def _make(self, row: VaultRow, planned: PlannedChange, deadline: Deadline) -> tuple[VaultRow, Outcome]:
        change, now = planned.change, self._clock.now()
        change_id = self._new_id()
        intent = Intent(
            change_id=change_id,
            at=now,
            rule=planned.finding.rule,
            digest=planned.option.digest,
            key=change.key,
            verb=change.verb,
            target=change.target,
            description=change.description,
            arguments=json.dumps(dict(change.arguments), sort_keys=True),
            why=planned.finding.message,
        )
        # The row names the change before the journal does, so no intent is left that nobody would close. Whoever has
        # lost the lease stops here.
        row = self._leases.renew(replace(row, unfinished=change_id))
        self._ledger.intend(row.vault, intent)
        # Asked before as well, but reserving and storing may have taken a while, and people wait for the stop.
        stop = self._ledger.stopped()
        if stop:
            outcome = Outcome(OutcomeKind.FAILED, change.target, now, f"writes are stopped: {stop}; nothing was sent")
            self._ledger.conclude(row.vault, change_id, outcome)
            return self._leases.save(replace(row, unfinished="")), outcome
        try:
            # Storing both may have taken so long that another worker can take the lease during the write.
            self._leases.ensure(row, _ONE_WRITE)
        except LedgerConflict as error:
            stopped = Outcome(OutcomeKind.FAILED, change.target, now, f"{error}; nothing was sent")
            self._ledger.conclude(row.vault, change_id, stopped)
            raise
        outcome = self._estate.apply(change, change_id, deadline=deadline)
        self._ledger.conclude(row.vault, change_id, outcome)
        _LOG.info("change %s %s: %s %s", change_id, outcome.kind.value, change.description, outcome.detail)
        row = replace(row, unfinished="")
        if outcome.changed:
            row = note_applied(row, change, change_id, now)
            row = note_repaired(row, planned.finding, change.key, now)
        if outcome.kind is OutcomeKind.REFUSED:
            row = _held(row, planned, outcome)
        # Stored at once: the reading that follows may fail, and what came of the write must not be forgotten with it.
        return self._leases.save(row), outcome


def _held(row: VaultRow, planned: PlannedChange, outcome: Outcome) -> VaultRow:
    """The row with a hold on what Azure refused: a lock or a denial does not go away by trying again."""
    until = outcome.at + REFUSED_FOR
    hold = Hold(planned.finding.rule, planned.finding.subject, AZURE, outcome.detail, until)
    return with_hold(row, hold, outcome.at)


def _held_fights(
    row: VaultRow, judgement: Judgement, policy: Policy, attempted: set[str], fixes: dict[str, Fix]
) -> VaultRow:
    """The row with a hold on each settled change that was made twice within a day and is needed again."""
    snapshot = judgement.snapshot
    for planned in judgement.plan.apply:
        if planned.change.key in attempted or not settled(row, planned.finding, planned.option, snapshot, policy):
            continue
        held = hold_fought(row, planned, snapshot.read_at)
        if held is not None:
            row = held
            attempted.add(planned.change.key)
            fixes[planned.finding.fingerprint] = Fix(FixState.SURVIVED, row.holds[-1].why)
    return row


def _waits(
    row: VaultRow, judgement: Judgement, attempted: set[str], fixes: dict[str, Fix], policy: Policy
) -> timedelta | None:
    """When to look again though nothing more can be made now.

    A change that was made and is still planned may only not be visible yet, so the next look tells; one whose
    precondition failed because the state moved is planned anew on what the next look reads.
    """
    states = {fix.state for fix in fixes.values()}
    if FixState.OVER_BUDGET in states:
        return timedelta(hours=1)
    if FixState.SURVIVED in states:
        return policy.timing.max_settle
    open_still = any(
        planned.change.key in row.made or (planned.change.key in attempted and planned.finding.fingerprint not in fixes)
        for planned in judgement.plan.apply
    )
    return policy.timing.settle if open_still else None
