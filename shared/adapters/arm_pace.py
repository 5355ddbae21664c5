"""How fast Azure Resource Manager may be read, and whose turn it is when there is no room.

Resource Manager refuses reads beyond token buckets (250 at once, 25 more per second, for each subscription and
principal), private DNS beyond 500 in five minutes for each subscription. Work that waits longer and longer after a
refusal leaves refilled buckets unused; work that comes back all at once is refused again, and has spent what it read
until then. So the process keeps an estimate of each bucket, set right by every answer that says what is left. A look
begins only when there is room for what a look usually reads. Otherwise it gets a turn: the turns of a bucket follow
each other as fast as it refills. A long line is only a guess: another process may do what waits in it, and what waits
on a queue cannot be called. So work asks again on its way, and is let in early when there is room to spare.
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling

Several processes share the buckets without knowing of each other; each sees in the answers what the others leave.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_DNS: Final = "/providers/microsoft.network/privatedns"
_READS_LEFT: Final = "x-ms-ratelimit-remaining-subscription-reads"
_DNS_LEFT: Final = "x-ms-ratelimit-remaining-subscription-resource-requests"
# A look that was let in has made its reads by then, or needs fewer than usual.
_PROMISE_SECONDS: Final = 5.0
# Turns follow a little closer than the bucket refills: who comes too early is sent back without a call, but room that
# nobody uses is gone once the bucket is full.
_CLOSER: Final = 0.9
# How much one look changes the notion of what looks usually read.
_LEARNING: Final = 0.05
# Below that, a bucket has hardly to do with looks.
_LEAST_COST: Final = 0.1
# A refusal for no longer than this is over before anybody comes back.
_SHORT_REFUSAL: Final = 1.0
# No limit lasts longer; whoever says so is asked again.
_LONGEST_REFUSAL: Final = 300.0
# A longer line is that of a clock that was set back.
_LONGEST_LINE: Final = 3600.0
# How long after the first the rest of the work on one subject comes: a look takes about so long.
_BEHIND: Final = 2.0
_MOST_TURNS: Final = 8192
# Work asks again after this part of its wait, but not sooner than after so many seconds: asking is not free. Less than
# ten seconds would be too short for a promised look, into which other work coalesces, see shared.service.coalesce.
_ASKS_AFTER: Final = 0.25
_ASKS_NOT_BEFORE: Final = 10.0
# Room for so many looks is room to spare: whoever has the turn then finds enough.
_TO_SPARE: Final = 4


class _Bucket:
    """One bucket of reads: size, refill per second, and what is believed to be left. Times are seconds."""

    def __init__(self, size: float, rate: float, cost: float) -> None:
        self.size = size
        self.rate = rate
        self.cost = cost
        self._left: float | None = None
        self._at = 0.0
        self._shut_until = 0.0
        self._turn = 0.0
        self._calls = 0
        self._promises: deque[list[float]] = deque()

    def spend(self, now: float) -> None:
        """A read was answered."""
        self._calls += 1
        if self._left is not None:
            self._left, self._at = max(0.0, self._level(now) - 1), now
        if self._promises:
            self._promises[0][1] -= 1
            if self._promises[0][1] <= 0:
                self._promises.popleft()

    def set(self, left: float, now: float) -> None:
        """Azure says what is left."""
        self._left, self._at = min(left, self.size), now

    def shut(self, seconds: float, now: float) -> None:
        """A read was refused for so long."""
        self._left, self._at = 0.0, now
        if seconds > _SHORT_REFUSAL:
            self._shut_until = max(self._shut_until, now + min(seconds, _LONGEST_REFUSAL))

    def lack(self, now: float, looks: int = 1) -> float:
        """Seconds until there is room for so many more looks, 0 when there is, or nothing is known."""
        if self._left is None or self.cost < _LEAST_COST:
            return 0.0
        self._allow_for_a_clock_set_back(now)
        while self._promises and self._promises[0][0] <= now - _PROMISE_SECONDS:
            self._promises.popleft()
        short = looks * self.cost - (self._level(now) - sum(left for _, left in self._promises))
        return max(self._shut_until - now, short / self.rate, 0.0)

    def promise(self, now: float) -> None:
        """A look was let in; what the last one read is known now."""
        self.cost += _LEARNING * (min(self._calls, self.size / 4) - self.cost)
        self._calls = 0
        self._promises.append([now, self.cost])

    def turn(self, now: float) -> float:
        """When the next in line may come, in seconds from now."""
        at = max(min(self._turn, now + _LONGEST_LINE), now + self.lack(now))
        self._turn = at + _CLOSER * self.cost / self.rate
        return at - now

    def _allow_for_a_clock_set_back(self, now: float) -> None:
        """Nothing is known from the future: the bucket refills from now on."""
        self._shut_until = min(self._shut_until, now + _LONGEST_REFUSAL)
        if now < self._at:
            self._at = now
            self._promises.clear()

    def _level(self, now: float) -> float:
        return min(self.size, (self._left or 0.0) + max(0.0, now - self._at) * self.rate)


class Pace:
    """What the process knows of the buckets. ``now`` gives seconds of any origin. Thread-safe."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._reads: dict[str, _Bucket] = {}
        self._dns: dict[str, _Bucket] = {}
        self._turns: dict[str, float] = {}

    def admit(self, subscription: str, subject: str) -> float:
        """Let a look at a vault of this subscription in (0), or say in how many seconds to ask again.

        Work on one ``subject`` shares a turn, with the rest a moment behind the first: it is likely that one look does
        for all of it. Who comes before that turn takes no room from those whose turn it is.
        """
        with self._lock:
            now = self._now()
            buckets = tuple(self._of_look(subscription))
            looks = 1 if self._turn_of(subject, now) is None else _TO_SPARE
            if all(bucket.lack(now, looks) <= 0 for bucket in buckets):
                for bucket in buckets:
                    bucket.promise(now)
                self._turns.pop(subject, None)
                return 0.0
            return self._wait(subscription, subject, now)

    def spare(self, subscription: str) -> float:
        """Let a look in that nobody depends on (0), or say in how many seconds to ask again.

        It gets in only while there is room to spare, and no turn is kept for it: questions of people come as often as
        people like, and must not push back the work of the guard.
        """
        with self._lock:
            now = self._now()
            buckets = tuple(self._of_look(subscription))
            wait = max(bucket.lack(now, _TO_SPARE) for bucket in buckets)
            if wait <= 0:
                for bucket in buckets:
                    bucket.promise(now)
            return wait

    def turn(self, subscription: str, subject: str) -> float:
        """In how many seconds work on this subject that was refused may come back."""
        with self._lock:
            return self._wait(subscription, subject, self._now())

    def _turn_of(self, subject: str, now: float) -> float | None:
        """When the turn of a subject comes, None when it has none ahead."""
        at = self._turns.get(subject, now)
        return at if now < at <= now + _LONGEST_LINE else None

    def _wait(self, subscription: str, subject: str, now: float) -> float:
        buckets = tuple(self._of_look(subscription))
        at = self._turn_of(subject, now)
        if at is None:
            at = now + max(bucket.turn(now) for bucket in buckets)
            if len(self._turns) >= _MOST_TURNS:
                self._turns = {name: turn for name, turn in self._turns.items() if now < turn}
            self._turns[subject] = at
        else:
            at += _BEHIND
        early = max(_ASKS_NOT_BEFORE, (at - now) * _ASKS_AFTER)
        return max(min(at - now, early), *(bucket.lack(now) for bucket in buckets))

    def answered(self, path: str, headers: Mapping[str, str], refused_for: float | None = None) -> None:
        """Take note of an answer to a read of ``path``; ``refused_for`` in seconds when it was refused.

        A refusal that does not say that nothing is left is a provider protecting itself, and no news of a bucket.
        """
        folded = path.casefold()
        if not folded.startswith("/subscriptions/"):
            return
        subscription = folded.split("/")[2]
        with self._lock:
            now = self._now()
            dns = _DNS in folded
            bucket = self._bucket_of_dns(subscription) if dns else self._bucket_of_reads(subscription)
            if refused_for is None:
                bucket.spend(now)
                if dns:
                    self._bucket_of_reads(subscription).spend(now)
            left = headers.get(_DNS_LEFT if dns else _READS_LEFT)
            if left is not None and left.isascii() and left.isdigit():
                bucket.set(float(left[:9]), now)
                if refused_for is not None and not int(left[:9]):
                    bucket.shut(refused_for, now)

    def _of_look(self, subscription: str) -> Iterator[_Bucket]:
        """The buckets that a look reads from: the vault's subscription, and wherever zones are."""
        yield self._bucket_of_reads(subscription.casefold())
        yield from self._dns.values()

    def _bucket_of_reads(self, subscription: str) -> _Bucket:
        if subscription not in self._reads:
            self._reads[subscription] = _Bucket(250, 25.0, 6.0)
        return self._reads[subscription]

    def _bucket_of_dns(self, subscription: str) -> _Bucket:
        if subscription not in self._dns:
            self._dns[subscription] = _Bucket(500, 500 / 300, 2.0)
        return self._dns[subscription]
