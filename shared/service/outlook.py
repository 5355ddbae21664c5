"""What follows from a judgement besides changes: whom to tell, and when to look again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.finding import Finding, Option
from shared.domain.plan import ChangePlan
from shared.domain.policy import Policy
from shared.domain.reading import UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.reporting.findings import Fix, FixState
from shared.service.judge import Judgement
from shared.service.memory import passing_unread
from shared.service.ports import VaultRow
from shared.service.settle import backoff, ready_at, settled

LONGEST_PROMISE = timedelta(days=2)
LONGEST_BACKOFF = timedelta(minutes=15)
HANGS_AFTER = timedelta(days=1)
_WHILE_IT_HANGS = timedelta(hours=1)
_AT_ONCE = timedelta(seconds=1)


def look_again_in(row: VaultRow, judged: Judgement, policy: Policy, *, enforce: bool) -> timedelta | None:
    """How long until something that was seen now could be acted on, None when nothing waits.

    A change or a finding settles, a blocker passes, the event was too fresh, or a part could not be read.
    """
    snapshot, now = judged.snapshot, judged.snapshot.read_at
    times: list[datetime] = []
    for finding, option in _pending(row, judged.plan, enforce=enforce):
        if not settled(row, finding, option, snapshot, policy):
            times.append(max(ready_at(row, finding, option, snapshot, policy), now + _AT_ONCE))
    times += _passing(judged.plan, now)
    times += _follow_up(row, snapshot, policy)
    if passing_unread(judged) is not None:
        since = row.restless_since
        times.append(now + backoff(since, now, policy.timing.consistency, _longest(policy)))
    return min(times) - now if times else None


def look_again_while_moving(row: VaultRow, snapshot: VaultSnapshot, policy: Policy) -> timedelta:
    """How long until a vault that is changing is looked at again: less and less often, but never not at all."""
    now, since = snapshot.read_at, row.restless_since
    wait = backoff(since, now, policy.timing.settle, _longest(policy))
    if hangs(row, now):
        wait = max(wait, _WHILE_IT_HANGS)
    return min([wait, *(at - now for at in _follow_up(row, snapshot, policy))])


def hangs(row: VaultRow, now: datetime) -> bool:
    """Whether a vault has not come to rest for a day."""
    return row.restless_since is not None and now - row.restless_since >= HANGS_AFTER


def open_findings(judged: Judgement, fixes: dict[str, Fix]) -> tuple[Finding, ...]:
    """The findings for people: what is asked and explained, and of the safe changes those that were not made.

    The plan speaks of the state it leads to; what is only explained is told as it is now.
    """
    plan, now = judged.plan, {finding.fingerprint: finding for finding in judged.assessment.findings}
    unmade = [planned.finding for planned in plan.apply if planned.finding.fingerprint in fixes]
    explained = [now.get(finding.fingerprint, finding) for finding in plan.explain]
    read_at = judged.snapshot.read_at
    asked = [f for f in plan.ask if not _only_a_matter_of_time(f, read_at) and not _only_not_read_now(f)]
    by_fingerprint = {finding.fingerprint: finding for finding in (*asked, *explained, *unmade)}
    return tuple(by_fingerprint[fingerprint] for fingerprint in sorted(by_fingerprint))


def held_fixes(row: VaultRow, judged: Judgement) -> dict[str, Fix]:
    """Why a finding that kvguard could mend is open as long as a hold on it lasts: refused by Azure, or fought over."""
    now = judged.snapshot.read_at
    held = {(hold.rule, hold.subject): hold for hold in row.holds if now < hold.until}
    fixes: dict[str, Fix] = {}
    for finding in judged.assessment.findings:
        hold = held.get((finding.rule, finding.subject))
        if hold is not None and hold.by_azure:
            fixes[finding.fingerprint] = Fix(FixState.REFUSED, hold.why)
        elif hold is not None and hold.by_fight:
            fixes[finding.fingerprint] = Fix(FixState.SURVIVED, hold.why)
    return fixes


def summary(plan: ChangePlan) -> str:
    """A plan in a few words, for the log."""
    return f"{len(plan.apply)} to apply, {len(plan.ask)} to ask, {len(plan.explain)} to explain"


def _longest(policy: Policy) -> timedelta:
    return min(LONGEST_BACKOFF, policy.timing.max_settle)


def _follow_up(row: VaultRow, snapshot: VaultSnapshot, policy: Policy) -> list[datetime]:
    """When a reading would settle the newest event that is known of, which this one came too soon after."""
    if row.newest_event is None:
        return []
    early = row.newest_event + policy.timing.consistency - snapshot.began
    return [snapshot.read_at + early] if early > timedelta(0) else []


def _pending(row: VaultRow, plan: ChangePlan, *, enforce: bool) -> list[tuple[Finding, Option | None]]:
    """What waits to be acted on: planned changes, and findings that nobody was told of."""
    findings = [finding for finding in plan.ask if any(option.free_at is None for option in finding.options)]
    findings += plan.explain
    if not enforce:
        findings += [planned.finding for planned in plan.apply]
    pending: list[tuple[Finding, Option | None]] = [(f, None) for f in findings if f.fingerprint not in row.told]
    return [*pending, *((planned.finding, planned.option) for planned in plan.apply)] if enforce else pending


def _passing(plan: ChangePlan, now: datetime) -> list[datetime]:
    """When options that only time blocks will be free."""
    ends = [option.free_at for finding in plan.ask for option in finding.options if option.free_at is not None]
    return [max(end, now + _AT_ONCE) for end in ends]


def _only_not_read_now(finding: Finding) -> bool:
    """Whether it may be a question only because a part could not be read for a passing reason: the next look tells."""
    unread = [blocker.unread for option in finding.options for blocker in option.blockers]
    return any(part is not None and part.reason is UnreadReason.UNAVAILABLE for part in unread)


def _only_a_matter_of_time(finding: Finding, now: datetime) -> bool:
    """Whether kvguard will mend a finding itself before long: then nobody needs to be asked about it."""
    ends = [option.free_at for option in finding.options]
    return bool(ends) and all(end is not None and end - now <= LONGEST_PROMISE for end in ends)
