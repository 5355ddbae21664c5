"""The convergence routine: one look at one vault, for events, sweeps and looks that were promised.

The vault is read, judged, and a plan made; what has settled is confirmed by a fresh reading and applied; people are
told; and where something still waits, another look is promised through a delayed message. A look for an event that
another run has seen or will see ends at once, see ``shared.service.coalesce``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.arm_id import ArmId
from shared.domain.message import GIVE_UP_AFTER, Look
from shared.domain.policy import Policy
from shared.domain.reading import Gone
from shared.reporting.findings import Fix, FixState
from shared.service.announce import announce, announce_moving
from shared.service.coalesce import CLOCKS_DIFFER, Need, clamped, need, note, wants_fresh
from shared.service.execute import Execution, Executor
from shared.service.gone import GoneVaults
from shared.service.judge import Judge, Judgement
from shared.service.lease import LeaseKept, Leases, Left
from shared.service.memory import history_of, note_completed, note_seen, open_rules, remember
from shared.service.nearby import keep_index, near
from shared.service.outlook import (
    LONGEST_PROMISE,
    hangs,
    held_fixes,
    look_again_in,
    look_again_while_moving,
    open_findings,
    summary,
)
from shared.service.ports import (
    Clock,
    Deadline,
    EstateThrottled,
    Inbox,
    Ledger,
    LedgerConflict,
    LedgerUnavailable,
    PolicySource,
    VaultRow,
)
from shared.service.settle import settled
from shared.service.sweep import Ended

_AT_ONCE = timedelta(seconds=1)


class Reconciler:
    """Looks at one vault at a time; many may run in parallel on different vaults."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        inbox: Inbox,
        clock: Clock,
        policies: PolicySource,
        judge: Judge,
        executor: Executor,
        leases: Leases,
        subscriptions: frozenset[str],
        enforce: bool,
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._clock = clock
        self._policies = policies
        self._judge = judge
        self._executor = executor
        self._leases = leases
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)
        self._enforce = enforce
        self._gone_vaults = GoneVaults(ledger=ledger, inbox=inbox, clock=clock, judge=judge, leases=leases)

    def look(self, look: Look, deadline: Deadline, *, fresh: bool) -> Ended:
        """Look at one vault. ``fresh`` goes past the cache of zones, links and networks: an event was about them.

        Whatever is not as it should be is read again past the cache, since people are told of it, or promised a look.
        Raises EstateError, LedgerUnavailable and LedgerConflict; the lease is given back before, or LeaseKept raised.
        """
        if look.vault.subscription.lower() not in self._subscriptions:
            return Ended("ignored", f"vault {look.vault.name} is in no watched subscription")
        policy = self._policies.policy()
        look = clamped(look, self._clock.now())
        taken = self._leases.take(look.vault, lambda row: note(row, look, policy.timing), self._spare(look, policy))
        if isinstance(taken, Left):
            return Ended("coalesced", f"vault {look.vault.name}: {taken.value}")
        arrived = _arrived(taken, look, self._clock.now())

        def look_again(row: VaultRow) -> None:
            self._look_again(row, arrived.look_at, policy)

        try:
            ended, row = self._run(look, arrived, policy, deadline, fresh=fresh)
        except Exception as error:
            with _lease_runs_out(error), suppress(LedgerConflict):
                self._leases.drop(taken, look_again)
            raise
        with _lease_runs_out(None):
            self._leases.give_back(row, look_again)
        return ended

    def _spare(self, look: Look, policy: Policy) -> Callable[[VaultRow], VaultRow | None]:
        """What a look that needs no run leaves in the row; see ``shared.service.coalesce`` for why nothing is lost."""

        def spare(row: VaultRow) -> VaultRow | None:
            now = self._clock.now()
            match need(row, look, now, policy.timing):
                case Need.RUN:
                    return None
                case Need.NOTHING:
                    # Who it was and on what still matters to what is open.
                    return note(row, look, policy.timing) if row.first_seen or row.told else row
                case Need.NOTE:
                    return note(row, look, policy.timing)
                case Need.PROMISE:
                    wait = policy.timing.consistency + (look.event - now if look.event is not None else timedelta(0))
                    return note(self._sent(row, now, wait), look, policy.timing)

        return spare

    def _look_again(self, row: VaultRow, promised_before: datetime | None, policy: Policy) -> None:
        """Work arrived while the vault was held, perhaps after it was read.

        A look that this very run has promised to come soon serves that work. An older promise may have come, met the
        lease and been that work.
        """
        now, soon = self._clock.now(), policy.timing.consistency + CLOCKS_DIFFER
        if row.look_at is not None and row.look_at != promised_before and now < row.look_at <= now + soon:
            return
        came = row.look_at if row.look_at == promised_before else None
        self._inbox.send([Look(row.vault, "work arrived meanwhile", promised=came)], _AT_ONCE)

    def _run(
        self, look: Look, row: VaultRow, policy: Policy, deadline: Deadline, *, fresh: bool
    ) -> tuple[Ended, VaultRow]:
        """One run under the lease: how it ended, and the row to store."""
        try:
            self._judge.admit(row.vault)
        except EstateThrottled as error:
            return self._in_turn(look, row, error)
        fresh = fresh or bool(row.told or row.first_seen) or wants_fresh(row, policy.timing)
        also = self._judge.every_rule if look.thorough else open_rules(row)
        judged = self._judge.judge(row.vault, policy, history_of(row), deadline, fresh=fresh, also=also)
        if isinstance(judged, Judgement) and judged.snapshot.cached and _noteworthy(judged):
            parts = judged.parts
            judged = self._judge.judge(row.vault, policy, history_of(row), deadline, parts=parts, fresh=True, also=also)
        if isinstance(judged, Gone):
            return self._gone(row, policy, deadline)
        row = remember(row, judged.snapshot)
        row = keep_index(row, near(judged.snapshot), judged.snapshot.read_at, self._ledger)
        if not judged.snapshot.quiet:
            return self._moving(row, judged, policy)
        if row.unfinished:
            row = self._executor.finish_interrupted(row, judged.snapshot)
        return self._settle(row, self._with_history(judged, row, policy, deadline), policy, deadline)

    def _in_turn(self, look: Look, row: VaultRow, error: EstateThrottled) -> tuple[Ended, VaultRow]:
        """Azure has no room for this look: another is promised for its turn, into which the vault's others coalesce.

        Raises the error when the work has come back for too long, and for an event on nobody knows what: what it
        calls for is not in the row.
        """
        now, wait = self._clock.now(), _whole(timedelta(seconds=error.retry_after))
        first = look.first or now
        if now - first > GIVE_UP_AFTER or (look.event is not None and look.resource is None):
            raise error
        if row.look_at is not None and now < row.look_at <= now + wait:
            return Ended("coalesced", f"{error}; a look is promised"), row
        again = replace(promised(row.vault, now + wait), attempt=look.attempt, first=first, thorough=look.thorough)
        self._inbox.send([again], wait)
        return Ended("retry", f"{error}, asks again in {wait.total_seconds():.0f} s"), replace(row, look_at=now + wait)

    def _with_history(self, judged: Judgement, row: VaultRow, policy: Policy, deadline: Deadline) -> Judgement:
        """The same reading judged with what this look has added to the history."""
        snapshot = replace(judged.snapshot, history=history_of(row))
        return self._judge.again(snapshot, policy, judged.parts, deadline, also=judged.also)

    def _settle(self, row: VaultRow, judged: Judgement, policy: Policy, deadline: Deadline) -> tuple[Ended, VaultRow]:
        row = note_seen(row, judged)
        due = any(settled(row, p.finding, p.option, judged.snapshot, policy) for p in judged.plan.apply)
        execution = Execution(row, judged)
        if due and self._enforce:
            execution = self._executor.carry_out(row, judged, policy, deadline, judged.parts)
        last, row = execution.judgement, execution.row
        if isinstance(last, Gone):
            return self._gone(row, policy, deadline)
        fixes = execution.fixes
        if not self._enforce:
            fixes = {p.finding.fingerprint: Fix(FixState.OBSERVE, p.change.description) for p in last.plan.apply}
        fixes = {**held_fixes(row, last), **fixes}
        if last.snapshot.quiet:
            row = note_seen(row, last)
            row = announce(row, open_findings(last, fixes), fixes, last, policy, self._inbox, self._leases.save)
        row = self._promise(row, look_again_in(row, last, policy, enforce=self._enforce), execution.come_back)
        row = note_completed(row, last, policy.timing.consistency)
        made = ", ".join(f"{outcome.kind.value} {outcome.target.name}" for outcome in execution.outcomes)
        return Ended("changed" if made else "looked", made or summary(last.plan)), row

    def _moving(self, row: VaultRow, judged: Judgement, policy: Policy) -> tuple[Ended, VaultRow]:
        """A state that is still changing is judged only by how long it has lasted; come back, however often."""
        reason = next(judged.snapshot.transient_parts(), "")
        row = announce_moving(row, judged, self._judge.of_moving, self._inbox, self._leases.save)
        row = note_completed(row, judged, policy.timing.consistency)
        row = self._promise(row, look_again_while_moving(row, judged.snapshot, policy))
        if hangs(row, judged.snapshot.read_at):
            return Ended("hanging", f"{reason}, since {row.restless_since:%Y-%m-%d %H:%M} UTC"), row
        return Ended("moving", reason), row

    def _gone(self, row: VaultRow, policy: Policy, deadline: Deadline) -> tuple[Ended, VaultRow]:
        """A vault that does not exist; see ``shared.service.gone``. Nothing is changed."""
        if row.unfinished:
            row = self._executor.finish_interrupted(row, Gone())
        departed = self._gone_vaults.look(replace(row, restless_since=None), policy, deadline, enforce=self._enforce)
        return Ended("gone", departed.detail), self._promise(departed.row, departed.again)

    def _promise(self, row: VaultRow, *waits: timedelta | None) -> VaultRow:
        """Send a delayed look for the shortest wait, unless one as early is promised already or nothing waits."""
        known = [wait for wait in waits if wait is not None]
        if not known:
            return replace(row, look_at=None)
        now, wait = self._clock.now(), _whole(min(known))
        if row.look_at is not None and now < row.look_at <= now + wait:
            return row
        return self._sent(row, now, wait)

    def _sent(self, row: VaultRow, now: datetime, wait: timedelta) -> VaultRow:
        """The row of which a look is promised; the message is sent before the row says so."""
        wait = _whole(wait)
        self._inbox.send([promised(row.vault, now + wait)], wait)
        return replace(row, look_at=now + wait)


def promised(vault: ArmId, at: datetime) -> Look:
    """A promised look. It carries no event, so that it is never coalesced: what it has to see is in the row."""
    return Look(vault, "a promised look", promised=at)


def _whole(wait: timedelta) -> timedelta:
    """A delay as queues count it, in whole seconds."""
    return timedelta(seconds=math.ceil(min(max(wait, _AT_ONCE), LONGEST_PROMISE).total_seconds()))


def _noteworthy(judged: Judgement) -> bool:
    """Whether anything follows from a reading."""
    return bool(judged.assessment.findings) or not judged.snapshot.quiet


def _arrived(row: VaultRow, look: Look, now: datetime) -> VaultRow:
    """The row once a look has come: a promise is kept by the look that was sent for it, or when it is due.

    Who promised may have had another clock, so the look that was sent for a promise says so itself.
    """
    kept = row.look_at is None or row.look_at == look.promised or row.look_at <= now + CLOCKS_DIFFER
    return replace(row, look_at=None) if kept else row


@contextmanager
def _lease_runs_out(cause: Exception | None) -> Iterator[None]:
    """Without the ledger a lease is not given back: it runs out by itself. ``cause`` is why the run had failed."""
    try:
        yield
    except LedgerUnavailable as error:
        raise LeaseKept(str(error if cause is None else cause)) from (cause or error)
