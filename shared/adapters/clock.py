"""Real time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class MonotonicDeadline:
    """A point on the monotonic clock, in seconds."""

    at: float

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at - time.monotonic()


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The current time, UTC and aware."""
        return datetime.now(UTC)

    def deadline(self, seconds: float) -> MonotonicDeadline:
        """A deadline that many seconds from now."""
        return MonotonicDeadline(time.monotonic() + seconds)
