"""What is done with one piece of work from ``kvguard-reconcile``: routed, swept or looked at, or put back for later.

No worker sleeps on Azure, and only bugs raise: what cannot be done now comes back as a successor message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.arm_id import LINK, NETWORK, PEERING, ZONE
from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.reporting.text import plain
from shared.service.ports import (
    Clock,
    Deadline,
    EstateError,
    EstateForbidden,
    EstateUnavailable,
    Inbox,
    LedgerConflict,
    LedgerUnavailable,
    PolicySource,
)
from shared.service.reconcile import Reconciler
from shared.service.routing import Router
from shared.service.sweep import Ended, Sweeper

_LOG = logging.getLogger("kvguard.dispatch")
_INVOCATION_SECONDS = 12.0
_GIVE_UP_AFTER = timedelta(hours=24)
_LONGEST_BACKOFF = timedelta(minutes=15)
_SHORTEST_BACKOFF = timedelta(seconds=5)
_SWEEPS_APART = timedelta(minutes=5)
# What many vaults have in common, and what the estate may therefore answer from a cache.
_SHARED = frozenset(kind.casefold() for kind in (ZONE, LINK, NETWORK, PEERING))


class Dispatcher:
    """Handles one piece of work at a time; many may run in parallel."""

    def __init__(
        self,
        *,
        reconciler: Reconciler,
        router: Router,
        sweeper: Sweeper,
        inbox: Inbox,
        clock: Clock,
        policies: PolicySource,
        subscriptions: frozenset[str],
        jitter: Callable[[], float],
    ) -> None:
        self._reconciler = reconciler
        self._router = router
        self._sweeper = sweeper
        self._inbox = inbox
        self._clock = clock
        self._policies = policies
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)
        self._jitter = jitter
        self._swept: datetime | None = None

    def handle(self, work: Work) -> Ended:
        """Do one piece of work. What cannot be done now is put back for later; after 24 h it is given up as poison."""
        deadline = self._clock.deadline(_INVOCATION_SECONDS)
        try:
            if isinstance(work, Hint):
                return self._hint(work, deadline)
            if isinstance(work, SweepRequest):
                return self._sweeper.sweep(work, deadline)
            return self._reconciler.look(work, deadline, fresh=work.event is not None)
        except EstateUnavailable as error:
            return self._come_back(work, f"Azure is unavailable: {error}", timedelta(seconds=error.retry_after))
        except EstateForbidden as error:
            return self._come_back(work, f"missing right {error.action}", timedelta(0))
        except (EstateError, LedgerUnavailable) as error:
            return self._come_back(work, str(error), timedelta(0))
        except LedgerConflict:
            return self._come_back(work, "another worker is at this vault", timedelta(0))

    def _hint(self, hint: Hint, deadline: Deadline) -> Ended:
        routed = self._router.route(hint, deadline)
        why, now = f"{hint.operation or 'a change'} on {hint.resource.name}", self._clock.now()
        if routed.sweep:
            return self._sweep(hint, why, now)
        looks = [
            Look(vault, why, 0, hint.first or now, hint.time, hint.resource, hint.initiator) for vault in routed.vaults
        ]
        if len(looks) == 1:
            fresh = hint.resource.type.casefold() in _SHARED
            return self._reconciler.look(replace(looks[0], attempt=hint.attempt), deadline, fresh=fresh)
        self._inbox.send(looks)
        return Ended("routed" if looks else "ignored", f"{hint.resource.text} concerns {len(looks)} vaults")

    def _sweep(self, hint: Hint, why: str, now: datetime) -> Ended:
        """Request a sweep, now or once the last one is a while ago; one that is still to begin serves this hint too.

        Whoever may create a zone anywhere in a subscription can cause such hints as often as they like.
        """
        last = self._swept
        if last is not None and now < last:
            return Ended("sweeping", f"{hint.resource.text}: a sweep is on its way")
        apart = min(_SWEEPS_APART, self._policies.policy().timing.max_settle)
        start = now if last is None else max(now, last + apart)
        works = [SweepRequest(subscription, why, first=start) for subscription in sorted(self._subscriptions)]
        self._inbox.send(works, start - now)
        self._swept = start
        return Ended("sweeping", hint.resource.text)

    def _come_back(self, work: Work, why: str, retry_after: timedelta) -> Ended:
        now = self._clock.now()
        first = work.first or now
        if now - first > _GIVE_UP_AFTER:
            self._inbox.poison(work, why)
            return Ended("poison", why)
        backoff = min(_SHORTEST_BACKOFF * 2 ** min(work.attempt, 10), _LONGEST_BACKOFF) * (0.5 + self._jitter() / 2)
        self._inbox.send([replace(work, attempt=work.attempt + 1, first=first)], max(retry_after, backoff))
        _LOG.warning("come back later (attempt %d): %s", work.attempt + 1, plain(why, 500))
        return Ended("retry", why)
