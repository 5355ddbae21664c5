"""Azure's time, scaled: an operation that takes Azure 30 s takes 30 s times the scale here."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

Work = Callable[[], None]


class ManualTime:
    """A time source that moves only when told to, for tests that look into the middle of an operation."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.seconds += seconds


class Clock:
    """Scaled delays and the work that waits for them.

    `scale` is real seconds per second of Azure; 0 lets every operation finish at the next look. Work is done
    lazily: `settle` runs what has become due, in the order of its due times.
    """

    def __init__(self, scale: float = 0.02, source: Callable[[], float] = time.monotonic) -> None:
        if scale < 0:
            raise ValueError("scale must not be negative")
        self.scale = scale
        self._source = source
        self._instant = False
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Work]] = []
        self._start = source()

    def now(self) -> datetime:
        """Wall clock time in UTC: what the `Date` header and `systemData` show."""
        return datetime.now(UTC)

    def azure_seconds(self) -> float:
        """Seconds of Azure since the start; what rate limits refill by."""
        passed = self._source() - self._start
        return passed / self.scale if self.scale else passed

    def retry_after(self, seconds: float) -> str:
        """A Retry-After value for so many seconds of Azure.

        Whole seconds, since the SDKs read the header as an integer; at least 1 unless time stands still (scale 0).
        """
        return str(math.ceil(seconds * self.scale))

    def after(self, seconds: float, work: Work) -> None:
        """Do the work once so many seconds of Azure have passed."""
        delay = 0.0 if self._instant else seconds * self.scale
        heapq.heappush(self._waiting, (self._source() + delay, next(self._order), work))

    def settle(self) -> None:
        """Do all work that is due."""
        while self._waiting and self._waiting[0][0] <= self._source():
            _, _, work = heapq.heappop(self._waiting)
            work()

    @property
    def pending(self) -> int:
        """How many pieces of work wait."""
        return len(self._waiting)

    @contextmanager
    def instant(self) -> Iterator[None]:
        """Inside this block operations take no time; all of them are finished when it ends."""
        before, self._instant = self._instant, True
        try:
            yield
            self.settle()
        finally:
            self._instant = before


def iso(moment: datetime) -> str:
    """A time as ARM writes it: seven fractional digits and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def http_date(moment: datetime) -> str:
    """A time as HTTP headers write it."""
    return moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
