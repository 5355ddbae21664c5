"""Clocks for timers under test."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta


class FastClock:
    """Begins at `start` and runs `speed` times as fast as real time."""

    def __init__(self, start: datetime, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._begun = time.monotonic()
        self._epoch = time.time()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._begun) * self._speed)

    def moment(self, epoch: float) -> datetime:
        """What this clock showed at that moment of real time, in seconds since the epoch."""
        return self._start + timedelta(seconds=(epoch - self._epoch) * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)
