"""The convergence routine: one look at one vault, for events, sweeps and looks that were promised.

The vault is read, judged, and a plan made; what has settled is confirmed by a fresh reading and applied; people are
told; and where something still waits, another look is promised through a delayed message.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.finding import Finding
from shared.domain.message import Look
from shared.domain.plan import ChangePlan
from shared.domain.policy import Policy
from shared.domain.snapshot import Gone, PrivateEndpoint, VaultSnapshot
from shared.reporting.findings import Fix, FixState
from shared.service.announce import announce, announce_gone
from shared.service.execute import AZURE, Execution, Executor
from shared.service.judge import Judge, Judgement
from shared.service.lease import Leases
from shared.service.memory import history_of, note_seen, remember, settled
from shared.service.ports import (
    Clock,
    Deadline,
    Inbox,
    Ledger,
    LedgerConflict,
    LedgerUnavailable,
    PolicySource,
    VaultRow,
)
from shared.service.sweep import Ended

_LONGEST_BACKOFF = timedelta(minutes=15)
_LONGEST_PROMISE = timedelta(days=2)
_MOVING_ATTEMPTS = 6
# A queue counts a message's delay by its own clock, a worker the time by its own.
_CLOCKS_DIFFER = timedelta(seconds=5)


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

    def look(self, look: Look, deadline: Deadline, *, fresh: bool) -> Ended:
        """Look at one vault. ``fresh`` goes past the cache of zones, links and networks: an event was about them.

        Whatever is not as it should be is read again past the cache, since people are told of it, or promised a look.
        Raises EstateError, LedgerUnavailable and LedgerConflict; the lease is given back before.
        """
        if look.vault.subscription.lower() not in self._subscriptions:
            return Ended("ignored", f"vault {look.vault.name} is in no watched subscription")
        policy, now = self._policies.policy(), self._clock.now()
        if look.event is not None and look.event > now:
            look = replace(look, event=now)
        taken = self._leases.take(look.vault, look.event)
        if taken is None:
            return Ended("coalesced", f"another worker is at vault {look.vault.name}")
        try:
            ended, row = self._run(look, _arrived(taken, look, now), policy, deadline, fresh=fresh)
        except Exception:
            # Without the ledger the lease runs out by itself.
            with suppress(LedgerUnavailable, LedgerConflict):
                self._leases.drop(taken, self._look_again)
            raise
        self._leases.give_back(row, self._look_again)
        return ended

    def _look_again(self, row: VaultRow) -> None:
        """Work arrived while the vault was held, perhaps after it was read."""
        self._inbox.send([Look(row.vault, "work arrived meanwhile", event=row.newest_event)])

    def _run(
        self, look: Look, row: VaultRow, policy: Policy, deadline: Deadline, *, fresh: bool
    ) -> tuple[Ended, VaultRow]:
        """One run under the lease: how it ended, and the row to store."""
        fresh = fresh or bool(row.told or row.first_seen)
        judged = self._judge.judge(look.vault, policy, history_of(row), deadline, fresh=fresh)
        if isinstance(judged, Judgement) and judged.snapshot.cached and _noteworthy(judged):
            parts = judged.parts
            judged = self._judge.judge(look.vault, policy, history_of(row), deadline, parts=parts, fresh=True)
        if isinstance(judged, Gone):
            return self._gone(row)
        row = remember(row, judged.snapshot)
        row = self._index(row, judged.snapshot)
        if not judged.snapshot.quiet:
            return self._moving(look, row, judged, policy)
        if row.unfinished:
            row = self._executor.finish_interrupted(row, judged)
        return self._settle(look, row, self._with_history(judged, row, policy, deadline), policy, deadline)

    def _with_history(self, judged: Judgement, row: VaultRow, policy: Policy, deadline: Deadline) -> Judgement:
        """The same reading judged with what this look has added to the history."""
        snapshot = replace(judged.snapshot, history=history_of(row))
        return self._judge.again(snapshot, policy, judged.parts, deadline)

    def _settle(
        self, look: Look, row: VaultRow, judged: Judgement, policy: Policy, deadline: Deadline
    ) -> tuple[Ended, VaultRow]:
        now, plan = judged.snapshot.read_at, judged.plan
        keys = [planned.option.digest for planned in plan.apply]
        keys += [finding.fingerprint for finding in (*judged.assessment.findings, *plan.ask, *plan.explain)]
        row = note_seen(row, keys, now)
        due = [p for p in plan.apply if settled(row, p.option.digest, now, policy.timing.settle)]
        execution = Execution(row, judged)
        if due and self._enforce:
            execution = self._executor.carry_out(row, judged, policy, deadline, judged.parts)
        last, row = execution.judgement, execution.row
        if isinstance(last, Gone):
            return self._gone(row)
        fixes = execution.fixes
        if not self._enforce:
            fixes = {p.finding.fingerprint: Fix(FixState.OBSERVE, p.change.description) for p in last.plan.apply}
        fixes = {**_refusals(row, last), **fixes}
        if last.snapshot.quiet:
            row = announce(row, _open(last, fixes), fixes, last, policy, self._inbox, self._leases.save)
        wait = _soonest(self._waits(row, last, look, policy), execution.come_back)
        look = replace(look, attempt=0)
        row = self._promise(look, row, wait) if wait is not None else replace(row, look_at=None)
        made = ", ".join(f"{outcome.kind.value} {outcome.target.name}" for outcome in execution.outcomes)
        return Ended("changed" if made else "looked", made or _summary(last.plan)), row

    def _waits(self, row: VaultRow, judged: Judgement, look: Look, policy: Policy) -> timedelta | None:
        """When something seen now could be acted on: it settles, a blocker passes, or the event was too fresh."""
        now, settle = judged.snapshot.read_at, policy.timing.settle
        times: list[datetime] = []
        for key in _pending(row, judged.plan, enforce=self._enforce):
            first = row.first_seen.get(key, now)
            if not settled(row, key, now, settle):
                times.append(max(first + settle, now + timedelta(seconds=1)))
        times += _passing(judged.plan, now)
        event = _newest_event(look, row)
        if event is not None and now < event + policy.timing.consistency:
            times.append(event + policy.timing.consistency)
        return min(times) - now if times else None

    def _moving(self, look: Look, row: VaultRow, judged: Judgement, policy: Policy) -> tuple[Ended, VaultRow]:
        """Nothing is judged by a state that is still changing; come back, less and less often.

        Only promised looks count: the attempts of work that came back say how often Azure could not be asked.
        """
        reason = next(judged.snapshot.transient_parts(), "")
        attempt = look.attempt if look.first is None else 0
        if attempt < _MOVING_ATTEMPTS:
            wait = min(policy.timing.settle * 2**attempt, _LONGEST_BACKOFF)
            row = self._promise(replace(look, attempt=attempt + 1), row, wait)
        return Ended("moving", reason), row

    def _gone(self, row: VaultRow) -> tuple[Ended, VaultRow]:
        row = announce_gone(row, self._clock.now(), self._inbox, self._leases.save)
        return Ended("gone", f"vault {row.vault.name} does not exist"), row

    def _promise(self, look: Look, row: VaultRow, wait: timedelta) -> VaultRow:
        """Send a delayed look unless an earlier or equal one is promised already."""
        now = self._clock.now()
        wait = timedelta(seconds=math.ceil(min(max(wait, timedelta(seconds=1)), _LONGEST_PROMISE).total_seconds()))
        if row.look_at is not None and now < row.look_at <= now + wait:
            return row
        event = _newest_event(look, row)
        event = event if event is not None and now < event + timedelta(minutes=1) else None
        self._inbox.send([Look(look.vault, "a promised look", look.attempt, None, event)], wait)
        return replace(row, look_at=now + wait)

    def _index(self, row: VaultRow, snapshot: VaultSnapshot) -> VaultRow:
        """Tell the index which endpoints, networks and zones concern this vault, when that has changed."""
        endpoints = [e for e in snapshot.endpoints.values() if isinstance(e, PrivateEndpoint)]
        near = {e.id for e in endpoints} | {e.network for e in endpoints} | {zone.id for zone in snapshot.named_zones()}
        keys = frozenset(resource.key for resource in near)
        if keys <= row.indexed:
            return row
        self._ledger.index(row.vault, near)
        return replace(row, indexed=row.indexed | keys)


def _noteworthy(judged: Judgement) -> bool:
    """Whether anything follows from a reading."""
    return bool(judged.assessment.findings) or not judged.snapshot.quiet


def _arrived(row: VaultRow, look: Look, now: datetime) -> VaultRow:
    """The row once this look has come, which may be the promised one though its time is not quite there yet."""
    promised = row.look_at if row.look_at is not None and row.look_at > now + _CLOCKS_DIFFER else None
    return replace(row, newest_event=_newest_event(look, row), look_at=promised)


def _newest_event(look: Look, row: VaultRow) -> datetime | None:
    """The newest event that is known of: a look that was promised before it must follow it up as well."""
    known = [event for event in (look.event, row.newest_event) if event is not None]
    return max(known) if known else None


def _open(judged: Judgement, fixes: dict[str, Fix]) -> tuple[Finding, ...]:
    """The findings for people: what is asked and explained, and of the safe changes those that were not made.

    The plan speaks of the state it leads to; what is only explained is told as it is now.
    """
    plan, now = judged.plan, {finding.fingerprint: finding for finding in judged.assessment.findings}
    unmade = [planned.finding for planned in plan.apply if planned.finding.fingerprint in fixes]
    explained = [now.get(finding.fingerprint, finding) for finding in plan.explain]
    asked = [finding for finding in plan.ask if not _only_a_matter_of_time(finding, judged.snapshot.read_at)]
    by_fingerprint = {finding.fingerprint: finding for finding in (*asked, *explained, *unmade)}
    return tuple(by_fingerprint[fingerprint] for fingerprint in sorted(by_fingerprint))


def _refusals(row: VaultRow, judged: Judgement) -> dict[str, Fix]:
    """Why a finding that Azure does not let kvguard mend is open, as long as the hold on it lasts."""
    now = judged.snapshot.read_at
    held = {(hold.rule, hold.subject): hold.why for hold in row.holds if hold.who == AZURE and now < hold.until}
    return {
        finding.fingerprint: Fix(FixState.REFUSED, held[finding.rule, finding.subject])
        for finding in judged.assessment.findings
        if (finding.rule, finding.subject) in held
    }


def _pending(row: VaultRow, plan: ChangePlan, *, enforce: bool) -> list[str]:
    """Keys that wait to be acted on: planned changes, and findings that nobody was told of."""
    findings = [finding for finding in plan.ask if any(option.free_at is None for option in finding.options)]
    findings += plan.explain
    if not enforce:
        findings += [planned.finding for planned in plan.apply]
    keys = [finding.fingerprint for finding in findings if finding.fingerprint not in row.told]
    return keys + [planned.option.digest for planned in plan.apply] if enforce else keys


def _passing(plan: ChangePlan, now: datetime) -> list[datetime]:
    """When options that only time blocks will be free."""
    ends = [option.free_at for finding in plan.ask for option in finding.options if option.free_at is not None]
    return [max(end, now + timedelta(seconds=1)) for end in ends]


def _only_a_matter_of_time(finding: Finding, now: datetime) -> bool:
    """Whether kvguard will mend a finding itself before long: then nobody needs to be asked about it."""
    ends = [option.free_at for option in finding.options]
    return bool(ends) and all(end is not None and end - now <= _LONGEST_PROMISE for end in ends)


def _soonest(*waits: timedelta | None) -> timedelta | None:
    known = [wait for wait in waits if wait is not None]
    return min(known) if known else None


def _summary(plan: ChangePlan) -> str:
    return f"{len(plan.apply)} to apply, {len(plan.ask)} to ask, {len(plan.explain)} to explain"
