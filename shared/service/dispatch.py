"""What is done with one piece of work from ``kvguard-reconcile``: routed, swept or looked at, or put back for later.

No worker sleeps on Azure, and only bugs raise: what cannot be done now comes back as a successor message. A message is
on the queue until its work has ended, and whatever follows from it is sent before that; a worker that dies leaves work
that is done twice, never work that is not done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.arm_id import ENDPOINT, ArmId
from shared.domain.message import GIVE_UP_AFTER, Hint, Look, SweepRequest, Work, believable
from shared.reporting.text import plain
from shared.service.coalesce import CLOCKS_DIFFER, shared
from shared.service.lease import LASTS, LeaseKept
from shared.service.ports import (
    Clock,
    Deadline,
    EstateError,
    EstateForbidden,
    EstateThrottled,
    EstateUnavailable,
    Inbox,
    LedgerConflict,
    LedgerUnavailable,
    PolicySource,
)
from shared.service.reconcile import Reconciler
from shared.service.routing import Routed, Router
from shared.service.sweep import Ended, Sweeper

_LOG = logging.getLogger("kvguard.dispatch")
_INVOCATION_SECONDS: Final = 12.0
_LONGEST_BACKOFF: Final = timedelta(minutes=15)
_SHORTEST_BACKOFF: Final = timedelta(seconds=5)
_LONGEST_ASKED: Final = timedelta(hours=1)
# Turns are handed out one after the other, so there is no herd to spread, only clocks and queues that are not exact.
_TURN_JITTER: Final = timedelta(seconds=0.5)
_MOST_ENDPOINTS: Final = 4096


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
        jitter: Callable[[], float],
    ) -> None:
        self._reconciler = reconciler
        self._router = router
        self._sweeper = sweeper
        self._inbox = inbox
        self._clock = clock
        self._policies = policies
        self._jitter = jitter
        self._asked: dict[ArmId, tuple[datetime, tuple[ArmId, ...]]] = {}

    def handle(self, work: Work) -> Ended:
        """Do one piece of work. What cannot be done now is put back for later; after 24 h it is given up as poison."""
        deadline = self._clock.deadline(_INVOCATION_SECONDS)
        if isinstance(work, Hint):
            hint = replace(work, time=believable(work.time, self._clock.now()))
            return self._attempt(hint, lambda: self._hint(hint, deadline))
        if isinstance(work, SweepRequest):
            return self._attempt(work, lambda: self._sweeper.sweep(work, deadline))
        return self._look(work, deadline)

    def _look(self, look: Look, deadline: Deadline) -> Ended:
        """Look past the cache when the event is about what many vaults have in common, or nobody knows about what."""
        fresh = look.event is not None and (look.resource is None or shared(look.resource))
        return self._attempt(look, lambda: self._reconciler.look(look, deadline, fresh=fresh))

    def _attempt(self, work: Work, do: Callable[[], Ended]) -> Ended:
        try:
            return do()
        except EstateThrottled as error:
            # A turn was handed out: waiting longer, or longer each time, would leave Azure's room unused.
            wait = timedelta(seconds=error.retry_after) or _SHORTEST_BACKOFF
            return self._later(work, str(error), min(wait, _LONGEST_BACKOFF) + _TURN_JITTER * self._jitter())
        except EstateUnavailable as error:
            return self._come_back(work, f"Azure is unavailable: {error}", timedelta(seconds=error.retry_after))
        except EstateForbidden as error:
            return self._come_back(work, f"missing right {error.action}", timedelta(0))
        except LeaseKept as error:
            return self._come_back(work, str(error), LASTS + CLOCKS_DIFFER)
        except (EstateError, LedgerUnavailable) as error:
            return self._come_back(work, str(error), timedelta(0))
        except LedgerConflict:
            return self._come_back(work, "another worker is at this vault", timedelta(0))

    def _hint(self, hint: Hint, deadline: Deadline) -> Ended:
        """Put a page of looks on the queue, then the hint for the next page; a single look is made at once.

        The looks go first: should sending them fail, the hint comes back for this page alone, and not twice for the
        pages behind it.
        """
        why, now = f"{hint.operation or 'a change'} on {hint.resource.name}", self._clock.now()
        routed = self._router.route(hint, deadline, told=self._told(hint))
        if routed.sweep:
            return self._sweep(hint, why)
        asked = self._ask_again(hint, routed, now)
        first = hint.first or now
        looks = [Look(vault, why, 0, first, hint.time, hint.resource, hint.initiator) for vault in routed.vaults]
        if len(looks) == 1 and not (routed.cursor or hint.cursor):
            ended = self._look(replace(looks[0], attempt=hint.attempt), deadline)
        else:
            self._inbox.send(looks)
            if routed.cursor:
                self._inbox.send([replace(hint, attempt=0, first=now, cursor=routed.cursor)])
            more = " so far" if routed.cursor else ""
            ended = Ended("routed" if looks else "ignored", f"{hint.resource.text} concerns {len(looks)} vaults{more}")
        if asked is not None:
            self._remember(hint.resource, asked, routed.vaults)
        return ended

    def _told(self, hint: Hint) -> tuple[ArmId, ...] | None:
        """What ARM said about an endpoint, if it was asked late enough for this hint or is sure to be; else None."""
        asked, vaults = self._asked.get(hint.resource, (None, ()))
        return None if hint.again or asked is None or asked < self._happened(hint) + self._lag() else vaults

    def _ask_again(self, hint: Hint, routed: Routed, now: datetime) -> datetime | None:
        """Ask about a written endpoint once more when ARM's answer may have been older than the event.

        Such an answer can lack a new endpoint, or name the vault that a former one of the same name led to. Returns
        when ARM was, or is going to be, asked for the last time; None when it was not asked.
        """
        if not routed.asked or not hint.resource.is_a(ENDPOINT):
            return None
        # A little later than this event needs, so that others of the same burst need no question of their own.
        happened = self._happened(hint)
        late_enough = happened + self._lag() * 1.5
        if hint.again or now >= happened + self._lag() or hint.operation.casefold().endswith("/delete"):
            return now
        self._inbox.send([replace(hint, attempt=0, first=now, again=True)], late_enough - now)
        return late_enough

    def _remember(self, endpoint: ArmId, asked: datetime, vaults: tuple[ArmId, ...]) -> None:
        """Keep when an endpoint was asked about; what is forgotten is only asked about once more."""
        if len(self._asked) >= _MOST_ENDPOINTS:
            self._asked = {}
        self._asked[endpoint] = (
            asked,
            (*vaults, *(v for v in self._asked.get(endpoint, (asked, ()))[1] if v not in vaults)),
        )

    def _happened(self, hint: Hint) -> datetime:
        """When the event happened, at the latest: its time is on Azure's clock, to which ours may be ahead."""
        return max(hint.time, min(hint.first or hint.time, self._clock.now()))

    def _lag(self) -> timedelta:
        """How old ARM's answers may be, with time to spare."""
        return self._policies.policy().timing.consistency * 2

    def _sweep(self, hint: Hint, why: str) -> Ended:
        wait = self._sweeper.request(why, hint.time, self._policies.policy().timing)
        if wait is not None:
            return self._later(hint, "another worker is requesting a sweep", wait)
        return Ended("sweeping", hint.resource.text)

    def _come_back(self, work: Work, why: str, retry_after: timedelta) -> Ended:
        """Put work back with a growing wait, as Azure asked or longer.

        What asks for more than an hour is asked again after one: no limit of Azure lasts longer, and work that waited
        for a day would be given up at the next failure.
        """
        _LOG.warning("attempt %d: %s", work.attempt + 1, plain(why, 500))
        backoff = min(_SHORTEST_BACKOFF * 2 ** min(work.attempt, 10), _LONGEST_BACKOFF) * (0.5 + self._jitter() / 2)
        wait = max(min(retry_after, _LONGEST_ASKED), backoff)
        return self._later(replace(work, attempt=work.attempt + 1), why, wait)

    def _later(self, work: Work, why: str, wait: timedelta) -> Ended:
        now = self._clock.now()
        first = work.first or now
        if now - first > GIVE_UP_AFTER:
            self._inbox.poison(work, why)
            return Ended("poison", why)
        self._inbox.send([replace(work, first=first)], wait)
        _LOG.info("comes back in %.1f s (attempt %d): %s", wait.total_seconds(), work.attempt, plain(why, 500))
        return Ended("retry", why)
