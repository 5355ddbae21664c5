"""Timer triggers: NCRONTAB schedules, no overlap, and the monitor that notices a missed occurrence.

Follows azure-webjobs-sdk-extensions, Timers (TimerListener.cs, ScheduleMonitor.cs,
StorageScheduleMonitorV2.cs); the documented part is at
https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer. Of several instances the one that holds
the lock of `singleton.py` runs the timer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import croniter  # type: ignore[import-untyped]  # The package has no py.typed file.
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import BlobClient

from emulator.host.index import FunctionSpec, IndexingError, TimerTrigger
from emulator.host.invoke import Invoker
from emulator.host.singleton import HOST_CONTAINER, ListenerLock
from emulator.host.storage import ConnectionMissingError, Connections

_log = logging.getLogger("emulator.host")
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


class TimerClock(Protocol):
    """Time as timers see it: `now` in UTC, `sleep` in seconds of that time."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """Real time. Azure's hosts run in UTC, whatever the zone of this machine is."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Schedule:
    """An NCRONTAB expression: six fields with seconds first, or five with second 0.

    Day of month and day of week must both hold, unlike in Unix cron, where either is enough.
    """

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) not in (5, 6) or not croniter.croniter.is_valid(expression, second_at_beginning=True):
            raise ValueError(f"'{expression}' is no NCRONTAB expression of five or six fields")
        self._expression = expression

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`."""
        occurrences = croniter.croniter(
            self._expression, moment.replace(microsecond=0), day_or=False, second_at_beginning=True
        )
        following: datetime = occurrences.get_next(datetime)
        return following

    def shorter_than_a_minute(self, moment: datetime) -> bool:
        first = self.next_after(moment)
        return self.next_after(first) - first < timedelta(minutes=1)


def schedule_of(spec: FunctionSpec, trigger: TimerTrigger) -> Schedule:
    """The schedule of a timer function; raises `IndexingError`. A TimeSpan works on dedicated plans only:
    refused."""
    try:
        return Schedule(trigger.schedule)
    except ValueError as error:
        raise IndexingError(f"{spec.name}: {error}") from error


@dataclass(frozen=True)
class ScheduleStatus:
    """What the monitor remembers: last run (year 1 for none), next occurrence, when this was written."""

    last: datetime
    next: datetime
    updated: datetime

    def as_json(self) -> dict[str, str]:
        return {
            "Last": _iso(self.last),
            "Next": _iso(self.next),
            "LastUpdated": _iso(self.updated),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, str]) -> ScheduleStatus:
        return cls(
            last=datetime.fromisoformat(document["Last"]),
            next=datetime.fromisoformat(document["Next"]),
            updated=datetime.fromisoformat(document["LastUpdated"]),
        )


class ScheduleMonitor:
    """Schedule status in a blob, `azure-webjobs-hosts/timers/<host id>/Host.Functions.<name>/status`.
    Blocking."""

    def __init__(self, connections: Connections, host_id: str) -> None:
        self._service = connections.blobs()
        self._host_id = host_id

    def lock(self, name: str, scale: float) -> ListenerLock:
        """The lock of the timer function `name`."""
        return ListenerLock(self._service, self._host_id, name, scale=scale)

    def read(self, name: str) -> ScheduleStatus | None:
        try:
            text = self._blob(name).download_blob().readall()
        except ResourceNotFoundError:
            return None
        return ScheduleStatus.from_json(json.loads(text))

    def write(self, name: str, status: ScheduleStatus) -> None:
        blob = self._blob(name)
        content = json.dumps(status.as_json()).encode()
        try:
            blob.upload_blob(content, overwrite=True)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                self._service.create_container(HOST_CONTAINER)
            blob.upload_blob(content, overwrite=True)

    def close(self) -> None:
        self._service.close()

    def _blob(self, name: str) -> BlobClient:
        path = f"timers/{self._host_id}/Host.Functions.{name}/status"
        return self._service.get_blob_client(HOST_CONTAINER, path)


def monitor_for(connections: Connections, host_id: str) -> ScheduleMonitor | None:
    """The monitor, or `None` where the host has no storage of its own to keep the status in."""
    try:
        return ScheduleMonitor(connections, host_id)
    except ConnectionMissingError as error:
        _log.warning("Timers are not monitored: %s", error)
        return None


class TimerListener:
    """Runs one timer function while it holds `lock`; without a lock, always. The next run is planned when the current
    one has ended."""

    def __init__(
        self,
        spec: FunctionSpec,
        trigger: TimerTrigger,
        *,
        schedule: Schedule,
        invoker: Invoker,
        monitor: ScheduleMonitor | None,
        lock: ListenerLock | None,
        io: Executor,
        clock: TimerClock,
    ) -> None:
        self._spec = spec
        self._trigger = trigger
        self._schedule = schedule
        self._invoker = invoker
        self._io = io
        self._clock = clock
        wanted = trigger.use_monitor and not schedule.shorter_than_a_minute(clock.now())
        self._monitor = monitor if wanted else None
        self._lock = lock
        self._held = False
        self._status: ScheduleStatus | None = None
        self._past_due = False
        self._stopping = asyncio.Event()
        # Set when there is a reason to stop waiting for the next occurrence: the host stops, or the lock is lost.
        self._interrupted = asyncio.Event()

    def stop(self) -> None:
        """Start nothing more. A run under way goes on."""
        self._stopping.set()
        self._interrupted.set()

    async def load(self) -> None:
        """Ask for the lock and, with it, read or begin the status. Runs nothing."""
        self._held = await self._acquire()
        if self._held:
            self._past_due = await self._load(self._clock.now())

    async def run(self) -> None:
        """Run on schedule until `stop`, beginning with what was missed or belongs to the start; without the lock, ask
        for it until it is free."""
        while not self._stopping.is_set():
            if self._held:
                await self._run_with_the_lock()
            elif self._lock is not None:
                await self._wait_or_stop(self._lock.asking_interval)
                if not self._stopping.is_set():
                    await self.load()

    async def _run_with_the_lock(self) -> None:
        renewing = asyncio.create_task(self._renew())
        try:
            await self._run_on_schedule()
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            self._held = False
            if self._lock is not None:
                await self._call(self._lock.release)

    async def _run_on_schedule(self) -> None:
        if self._past_due or self._trigger.run_on_startup:
            await self._fire(self._clock.now(), past_due=self._past_due, scheduled=False)
        while not self._interrupted.is_set():
            due = self._require_status().next
            await self._sleep_until(due)
            if not self._interrupted.is_set():
                await self._fire(max(self._clock.now(), due), past_due=False, scheduled=True)

    async def _acquire(self) -> bool:
        if self._lock is None:
            return True
        try:
            held = await self._call(self._lock.acquire)
        except AzureError as error:
            _log.warning("The lock of timer '%s' cannot be asked for: %s", self._spec.name, error)
            return False
        if held and not self._stopping.is_set():
            self._interrupted.clear()
        return held

    async def _renew(self) -> None:
        """Renew until the lock is lost. Azure stops the whole host then; here the timer waits for the lock again."""
        lock = self._lock
        if lock is None:
            return
        renewed, wait = time.monotonic(), lock.renewal_interval
        while True:
            await self._wait_or_stop(wait)
            if self._stopping.is_set():
                return
            try:
                kept = await self._call(lock.renew)
                renewed, wait = time.monotonic(), lock.renewal_interval
            except AzureError as error:
                _log.warning("The lock of timer '%s' cannot be renewed: %s", self._spec.name, error)
                kept, wait = time.monotonic() - renewed < lock.period, 1.0
            if not kept:
                _log.warning("The lock of timer '%s' is lost", self._spec.name)
                self._interrupted.set()
                return

    async def _wait_or_stop(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _call(self, action: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._io, action)

    async def _load(self, now: datetime) -> bool:
        """Whether an occurrence was missed since the status was written. A changed schedule starts anew."""
        stored = await self._read()
        fresh = ScheduleStatus(_NEVER, self._schedule.next_after(now), now)
        self._status = fresh
        if stored is None:
            await self._write(fresh)
            return False
        expected = self._schedule.next_after(stored.updated if stored.last == _NEVER else stored.last)
        if expected != stored.next:
            await self._write(ScheduleStatus(stored.last, fresh.next, now))
            return False
        self._status = stored
        return now > stored.next

    async def _fire(self, at: datetime, *, past_due: bool, scheduled: bool) -> None:
        status = self._require_status()
        document = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if self._monitor is not None else None,
            "IsPastDue": past_due,
        }
        cause = {"trigger": "timer", "schedule": self._trigger.schedule, "pastDue": str(past_due).lower()}
        # A failure is in the log; it does not stop the schedule.
        await self._invoker.invoke(self._spec, Datum(json.dumps(document), "json"), {}, cause)
        reached = max(at, status.next) if scheduled else at
        # Occurrences that passed while the function ran are skipped, except one: the wait is then zero.
        self._status = ScheduleStatus(reached, self._schedule.next_after(reached), reached)
        await self._write(self._status)

    async def _sleep_until(self, due: datetime) -> None:
        remaining = max((due - self._clock.now()).total_seconds(), 0.0)
        sleeping = asyncio.ensure_future(self._clock.sleep(remaining))
        interrupted = asyncio.ensure_future(self._interrupted.wait())
        try:
            await asyncio.wait({sleeping, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            interrupted.cancel()

    async def _read(self) -> ScheduleStatus | None:
        monitor = self._monitor
        if monitor is None:
            return None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._io, monitor.read, self._spec.name)
        except (AzureError, ValueError, KeyError) as error:
            _log.warning("The status of timer '%s' cannot be read: %s", self._spec.name, error)
            return None

    async def _write(self, status: ScheduleStatus) -> None:
        monitor = self._monitor
        if monitor is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._io, monitor.write, self._spec.name, status)
        except AzureError as error:
            _log.warning("The status of timer '%s' cannot be written: %s", self._spec.name, error)

    def _require_status(self) -> ScheduleStatus:
        if self._status is None:
            raise RuntimeError("the timer has not been loaded")
        return self._status


def manual_timer() -> tuple[Datum, dict[str, Datum]]:
    """Trigger data of a timer function that is started by hand."""
    document = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    return Datum(json.dumps(document), "json"), {}


def _iso(moment: datetime) -> str:
    return moment.isoformat()
