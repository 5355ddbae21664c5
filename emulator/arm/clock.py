"""Azure's time, scaled: an operation that takes Azure 30 s takes 30 s times the scale here."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

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
    lazily: `settle` runs what has become due, in the order of its due times, each piece as if at its due time.

    `virtual`: a moment from which `now` counts in seconds of Azure, so that dates in headers, events and the log
    follow the time source; None (the default) lets `now` be the machine's time.
    """

    def __init__(
        self,
        scale: float = 0.02,
        source: Callable[[], float] = time.monotonic,
        *,
        virtual: datetime | None = None,
    ) -> None:
        if scale < 0:
            raise ValueError("scale must not be negative")
        if virtual is not None and virtual.tzinfo is None:
            raise ValueError("the virtual start must be an aware time")
        self.scale = scale
        self.worked: Work | None = None
        self._source = source
        self._virtual = virtual
        self._instant = False
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Work]] = []
        self._start = source()
        self._due: float | None = None

    def _time(self) -> float:
        return self._source() if self._due is None else self._due

    def now(self) -> datetime:
        """The time in UTC: what the `Date` header, `systemData`, events and the log show."""
        if self._virtual is None:
            return datetime.now(UTC)
        return self._virtual + timedelta(seconds=self.azure_seconds())

    def azure_seconds(self) -> float:
        """Seconds of Azure since the start; what rate limits refill by and schedules count in."""
        passed = self._time() - self._start
        return passed / self.scale if self.scale else passed

    def retry_after(self, seconds: float) -> str:
        """A Retry-After value for so many seconds of Azure.

        Whole seconds, since the SDKs read the header as an integer; at least 1 unless time stands still (scale 0).
        """
        return str(math.ceil(seconds * self.scale))

    def after(self, seconds: float, work: Work) -> None:
        """Do the work once so many seconds of Azure have passed."""
        delay = 0.0 if self._instant else seconds * self.scale
        heapq.heappush(self._waiting, (self._time() + delay, next(self._order), work))

    def settle(self) -> None:
        """Do all work that is due; `worked` is called after each piece."""
        while self._waiting and self._waiting[0][0] <= self._source():
            due, _, work = heapq.heappop(self._waiting)
            before, self._due = self._due, due
            try:
                work()
                if self.worked is not None:
                    self.worked()
            finally:
                self._due = before

    @property
    def pending(self) -> int:
        """How many pieces of work wait."""
        return len(self._waiting)

    def next_due(self) -> float | None:
        """Seconds of Azure, since the start, at which the next piece of work is due; None when none waits.

        For simulations that jump from one happening to the next.
        """
        if not self._waiting:
            return None
        passed = self._waiting[0][0] - self._start
        return passed / self.scale if self.scale else passed

    @property
    def seeding(self) -> bool:
        """Whether operations take no time at the moment."""
        return self._instant

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
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "0Z"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(moment: datetime) -> str:
    """A time as HTTP headers write it, in English whatever the machine's language is."""
    at = moment.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )
