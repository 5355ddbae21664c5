"""The sweep: a look at every vault, because events get lost and some changes raise none."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.message import Look, SweepRequest
from shared.service.ports import Clock, Deadline, Estate, Inbox

_SECONDS_FOR_ONE_PAGE = 6.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a piece of work ended: a countable word and, for the log, what it was about."""

    result: str
    detail: str = ""


class Sweeper:
    """Lists vaults and puts a look at each on the queue."""

    def __init__(self, estate: Estate, inbox: Inbox, clock: Clock, subscriptions: frozenset[str]) -> None:
        self._estate = estate
        self._inbox = inbox
        self._clock = clock
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)

    def sweep_all(self, why: str) -> Ended:
        """Request a sweep of every watched subscription; each is then its own piece of work, retried alone."""
        now = self._clock.now()
        self._inbox.send([SweepRequest(subscription, why, first=now) for subscription in sorted(self._subscriptions)])
        return Ended("sweeping", f"{len(self._subscriptions)} subscriptions")

    def sweep(self, request: SweepRequest, deadline: Deadline) -> Ended:
        """Put a look at every vault of one subscription on the queue, page by page. Raises EstateError.

        A list that takes longer than one invocation goes on in the next, from where this one stopped.
        """
        subscription = request.subscription
        if subscription.lower() not in self._subscriptions:
            return Ended("ignored", f"subscription {subscription} is not watched")
        cursor, count = request.cursor, 0
        while True:
            now = self._clock.now()
            vaults, cursor = self._estate.vault_page(subscription, cursor, deadline=deadline)
            self._inbox.send([Look(vault, request.why, first=now) for vault in vaults])
            count += len(vaults)
            if not cursor:
                return Ended("swept", f"{count} vaults of subscription {subscription}")
            if deadline.remaining() < _SECONDS_FOR_ONE_PAGE:
                self._inbox.send([SweepRequest(subscription, request.why, first=now, cursor=cursor)])
                return Ended("sweeping", f"{count} vaults of subscription {subscription} so far")
