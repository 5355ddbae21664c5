"""The sweep: a look at every vault, because events get lost and some changes raise none.

A hint that cannot be traced to vaults asks for a sweep. Whoever may create a zone anywhere can cause as many such hints
as they like, so all processes together request one sweep at a time, by a claim in the ledger:

1. a hint that meets a claim whose sweep is sent and still to begin, late enough for its event, is served by it;
2. otherwise the worker claims the next sweep (unsent, for a few seconds), sends its messages, and marks it as sent.

Nothing is lost at any step. Before the claim the hint is still on the queue. A worker that dies between claim and
message leaves an unsent claim, which serves nobody: hints that meet it come back until it has run out, then one of
them takes it over. A worker that dies after the message leaves one sweep too many, when the claim is taken over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.message import Look, SweepRequest
from shared.domain.policy import Timing
from shared.service.ports import Clock, Deadline, Estate, Inbox, Ledger, LedgerConflict, SweepClaim

_SECONDS_FOR_ONE_PAGE: Final = 6.0
_SWEEPS_APART: Final = timedelta(minutes=5)
# Longer than it takes to put a handful of messages on a queue that answers slowly.
_SENDING: Final = timedelta(seconds=15)
_TRIES: Final = 8
# A zone of any subscription can be linked to networks of any other, so all watched ones are swept together.
_SCOPE: Final = "watched"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a piece of work ended: a countable word and, for the log, what it was about."""

    result: str
    detail: str = ""


class Sweeper:
    """Lists vaults and puts a look at each on the queue."""

    def __init__(
        self, estate: Estate, ledger: Ledger, inbox: Inbox, clock: Clock, subscriptions: frozenset[str]
    ) -> None:
        self._estate = estate
        self._ledger = ledger
        self._inbox = inbox
        self._clock = clock
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)

    def sweep_all(self, why: str) -> Ended:
        """Request a sweep of every watched subscription; each is then its own piece of work, retried alone."""
        now = self._clock.now()
        self._inbox.send([SweepRequest(subscription, why, first=now) for subscription in sorted(self._subscriptions)])
        return Ended("sweeping", f"{len(self._subscriptions)} subscriptions")

    def request(self, why: str, event: datetime, timing: Timing) -> timedelta | None:
        """Make sure that a sweep begins which sees what an event of that time announced.

        It begins once Azure's answers cannot be older than the event, and a while after the one before. None when a
        sweep is on its way; otherwise how long to wait before asking again, because another worker is requesting one.
        Raises LedgerUnavailable, and LedgerConflict when too many write the claim at once.
        """
        for _ in range(_TRIES):
            now, claim = self._clock.now(), self._ledger.claim_sweep(_SCOPE)
            earliest = max(now, event + timing.consistency)
            if claim.sent and claim.start is not None and claim.start >= earliest:
                return None
            if not claim.sent and claim.until is not None and now < claim.until:
                return claim.until - now
            start = earliest if claim.start is None else max(earliest, _free(claim, timing))
            try:
                taken = self._ledger.save_claim(replace(claim, start=start, sent=False, until=now + _SENDING))
            except LedgerConflict:
                continue
            stands_for = start - timing.consistency
            works = [
                SweepRequest(subscription, why, first=start, event=stands_for)
                for subscription in sorted(self._subscriptions)
            ]
            self._inbox.send(works, start - now)
            self._confirm(taken)
            return None
        raise LedgerConflict("the next sweep is requested by too many at once")

    def sweep(self, request: SweepRequest, deadline: Deadline) -> Ended:
        """Put a look at every vault of one subscription on the queue, page by page. Raises EstateError.

        A list that takes longer than one invocation goes on in the next, from where this one stopped.
        """
        subscription = request.subscription
        if subscription.lower() not in self._subscriptions:
            return Ended("ignored", f"subscription {subscription} is not watched")
        cursor, count, seen = request.cursor, 0, {""}
        while True:
            now = self._clock.now()
            seen.add(cursor)
            vaults, cursor = self._estate.vault_page(subscription, cursor, deadline=deadline)
            thorough = request.event is None
            looks = [Look(v, request.why, first=now, event=request.event, thorough=thorough) for v in vaults]
            self._inbox.send(looks)
            count += len(vaults)
            if cursor in seen:
                back = ", whose list leads back to a page that was read" if cursor else ""
                return Ended("swept", f"{count} vaults of subscription {subscription}{back}")
            if deadline.remaining() < _SECONDS_FOR_ONE_PAGE:
                self._inbox.send([replace(request, attempt=0, first=now, cursor=cursor)])
                return Ended("sweeping", f"{count} vaults of subscription {subscription} so far")

    def _confirm(self, claim: SweepClaim) -> None:
        """Mark a claim as sent. Somebody who took it over meanwhile sends a sweep as well, and marks that."""
        try:
            self._ledger.save_claim(replace(claim, sent=True))
        except LedgerConflict:
            return


def _free(claim: SweepClaim, timing: Timing) -> datetime:
    """When the next sweep may begin: a while after the last one, or when an unsent one was to."""
    assert claim.start is not None
    return claim.start + min(_SWEEPS_APART, timing.max_settle) if claim.sent else claim.start
