"""The sweep: a look at every vault, because events get lost and some changes raise none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.message import Look, SweepRequest, Work
from shared.service.ports import Clock, Deadline, Estate, Inbox

_LOG = logging.getLogger("kvguard.sweep")


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

    def sweep(self, subscription: str, why: str, deadline: Deadline) -> Ended:
        """Put a look at every vault of one subscription on the queue. Raises EstateError."""
        if subscription.lower() not in self._subscriptions:
            return Ended("ignored", f"subscription {subscription} is not watched")
        count = 0

        def looks() -> Iterator[Work]:
            nonlocal count
            now = self._clock.now()
            for vault in self._estate.vaults(subscription, deadline=deadline):
                count += 1
                yield Look(vault, why, first=now)

        self._inbox.send(looks())
        return Ended("swept", f"{count} vaults of subscription {subscription}")
