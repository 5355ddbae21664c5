"""The topic, its event subscriptions, and the threads that deliver.

Publishing is quick and never fails. Delivery is at least once and unordered: several events are under way at
a time, and a retried one arrives after later ones.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from starlette.routing import BaseRoute

from emulator.eventgrid.control import control_routes
from emulator.eventgrid.delivery import Answer, Delivery, DeliveryOutcome, EndpointClient, retry_seconds
from emulator.eventgrid.disorder import Disorder
from emulator.eventgrid.envelope import ArmEvent, EventSchema, cloud_event, event_grid_event
from emulator.eventgrid.ledger import Fate, LedgerEntry, LedgerRow, count
from emulator.eventgrid.subscription import DeadLetter, EndpointType, EventSubscription

_log = logging.getLogger("emulator.eventgrid")
SENDERS = 16


@dataclass(order=True)
class _Due:
    """A copy of an event on its way to one subscription; ordered by when to try next."""

    at: float
    order: int
    subscription: EventSubscription = field(compare=False)
    event: Mapping[str, Any] = field(compare=False)
    published: datetime = field(compare=False)
    expires: float = field(compare=False)
    size: int = field(compare=False)
    entry: LedgerEntry = field(compare=False)
    attempts: int = field(compare=False, default=0)


class EventGrid:
    """A local Event Grid; a context manager, or `start` and `close`. Safe to use from threads.

    `scale` shortens Azure's waits (retry schedule, time to live): 0.02 makes 10 s into 0.2 s. `http_timeout`
    is Azure's wait for an answer; scaled too, but never below `minimum_timeout` seconds, since a real
    function answers it. `disorder` is what happens to events on their way; it can be changed at any time, for the
    events that are published from then on.

    Not here: the five minutes before a dead letter is written, and the hours for which Azure leaves an endpoint
    alone that has failed often.
    """

    def __init__(
        self,
        scale: float = 1.0,
        http_timeout: float = 30.0,
        *,
        minimum_timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
        disorder: Disorder | None = None,
    ) -> None:
        self._scale = scale
        self.disorder = disorder or Disorder()
        self.http_timeout = max(http_timeout * scale, minimum_timeout)
        self._client = EndpointClient(self.http_timeout, tls)
        self._on_dead_letter = on_dead_letter
        self._changed = threading.Condition()
        self._waiting: list[_Due] = []
        self._order = itertools.count()
        self._pending = 0
        self._busy = 0
        self._begun = time.monotonic()
        self._numbers = itertools.count(1)
        self._entries: list[LedgerEntry] = []
        self._stopping = False
        self._subscriptions: dict[str, EventSubscription] = {}
        self._deliveries: list[Delivery] = []
        self._dead_letters: list[DeadLetter] = []
        self._published: list[dict[str, Any]] = []
        self._pool: ThreadPoolExecutor | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> EventGrid:
        """Begin to deliver. Events published before wait."""
        if self._thread is None:
            self._stopping = False
            self._pool = ThreadPoolExecutor(SENDERS, "eventgrid")
            self._thread = threading.Thread(target=self._dispatch, args=(self._pool,), name="eventgrid")
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop. What waits for a retry is dropped; attempts under way are finished."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def __enter__(self) -> EventGrid:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def subscribe(
        self,
        name: str,
        endpoint: str,
        *,
        schema: EventSchema = EventSchema.EVENT_GRID,
        operations: Iterable[str] = (),
        event_types: Iterable[str] | None = None,
        endpoint_type: EndpointType = EndpointType.AZURE_FUNCTION,
        max_attempts: int = 30,
        time_to_live: timedelta = timedelta(minutes=1440),
        max_events_per_batch: int = 1,
        preferred_batch_kilobytes: int = 64,
        dead_letter: bool = False,
        topic: str = "/subscriptions/00000000-0000-0000-0000-000000000000",
    ) -> EventSubscription:
        """Create an event subscription, or replace the one of that name. A webhook is validated first; raises
        `ValidationFailedError`, or `ValueError` for settings that Azure refuses."""
        subscription = EventSubscription(
            name=name,
            endpoint=endpoint,
            schema=schema,
            operations=tuple(operations),
            endpoint_type=endpoint_type,
            max_attempts=max_attempts,
            time_to_live=time_to_live,
            max_events_per_batch=max_events_per_batch,
            preferred_batch_kilobytes=preferred_batch_kilobytes,
            dead_letter=dead_letter,
            **({} if event_types is None else {"event_types": tuple(event_types)}),
        )
        if endpoint_type is EndpointType.WEBHOOK:
            self._client.validate(subscription, topic)
        with self._changed:
            self._subscriptions[name] = subscription
        return subscription

    def unsubscribe(self, name: str) -> None:
        """Remove an event subscription. Events on their way to it are still delivered."""
        with self._changed:
            self._subscriptions.pop(name, None)

    def publish_arm(self, event: ArmEvent) -> None:
        """Publish a change of Resource Manager to the subscriptions whose filters let it through. Does not
        block."""
        envelope = event_grid_event(event)
        with self._changed:
            self._published.append(envelope)
            number = next(self._numbers)
            for subscription in self._subscriptions.values():
                if subscription.wants(envelope):
                    cloud = subscription.schema is EventSchema.CLOUD_EVENTS
                    sent = cloud_event(envelope) if cloud else envelope
                    self._enqueue(subscription, number, sent, self._departures(subscription, number))
                else:
                    entry = LedgerEntry(number, subscription.name, envelope, datetime.now(UTC), None)
                    self._entries.append(entry)

    def publish(self, event: Mapping[str, Any], subscription: str | None = None, *, disordered: bool = False) -> int:
        """Deliver `event` as it is, without filters, to one subscription or to all: for duplicates, old
        events and malformed ones. It is spared the grid's disorder unless `disordered`. Returns the number of
        subscriptions it goes to; raises `KeyError` for an unknown subscription."""
        with self._changed:
            names = list(self._subscriptions) if subscription is None else [subscription]
            targets = [self._subscriptions[name] for name in names]
            number = next(self._numbers)
            for target in targets:
                moments = self._departures(target, number) if disordered else (time.monotonic(),)
                self._enqueue(target, number, dict(event), moments)
        return len(targets)

    @property
    def subscriptions(self) -> list[EventSubscription]:
        with self._changed:
            return list(self._subscriptions.values())

    @property
    def published(self) -> list[dict[str, Any]]:
        """All events of `publish_arm` in the Event Grid schema, oldest first, whether wanted by anybody or
        not."""
        with self._changed:
            return list(self._published)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        with self._changed:
            return list(self._dead_letters)

    def deliveries(self, since: int = 0) -> list[Delivery]:
        """Attempts with a sequence above `since`."""
        with self._changed:
            return self._deliveries[since:]

    def ledger(self) -> list[LedgerRow]:
        """What became of each published event for each subscription there was, in the order of publishing."""
        with self._changed:
            return [entry.row() for entry in self._entries]

    def fates(self) -> dict[Fate, int]:
        """How many rows of the ledger there are of each fate."""
        return count(self.ledger())

    def wait_settled(self, timeout: float = 60.0) -> bool:
        """Wait until no published event is on its way; false after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, timeout)

    def routes(self) -> list[BaseRoute]:
        """Control routes under `/_emulator/eventgrid`, for a server to mount."""
        return control_routes(self)

    def _enqueue(
        self, subscription: EventSubscription, number: int, event: Mapping[str, Any], moments: tuple[float, ...]
    ) -> None:
        now, published = time.monotonic(), datetime.now(UTC)
        entry = LedgerEntry(number, subscription.name, event, published, len(moments))
        self._entries.append(entry)
        due = _Due(
            at=now,
            order=0,
            subscription=subscription,
            event=event,
            published=published,
            expires=now + subscription.time_to_live.total_seconds() * self._scale,
            size=len(json.dumps(event)),
            entry=entry,
        )
        for moment in moments:
            self._pending += 1
            heapq.heappush(self._waiting, replace(due, at=moment, order=next(self._order)))
        self._changed.notify_all()

    def _departures(self, subscription: EventSubscription, number: int) -> tuple[float, ...]:
        """When the copies of a disordered event set out."""
        now, window = time.monotonic(), self.disorder.burst_seconds * self._scale
        moments = [now + delay * self._scale for delay in self.disorder.delays(subscription.name, number)]
        if window:
            moments = [self._begun + math.ceil((moment - self._begun) / window) * window for moment in moments]
        return tuple(moments)

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        while True:
            with self._changed:
                while not self._stopping and (self._busy >= SENDERS or not self._ready()):
                    waiting = self._waiting and self._busy < SENDERS
                    self._changed.wait(max(self._waiting[0].at - time.monotonic(), 0) if waiting else None)
                if self._stopping:
                    return
                batch = self._take_batch(time.monotonic())
                self._busy += 1
            pool.submit(self._attempt_safely, batch)

    def _ready(self) -> bool:
        return bool(self._waiting) and self._waiting[0].at <= time.monotonic()

    def _take_batch(self, now: float) -> list[_Due]:
        """What goes out in one request: nothing is waited for in order to fill a batch."""
        batch = [heapq.heappop(self._waiting)]
        subscription, size, aside = batch[0].subscription, batch[0].size, list[_Due]()
        while len(batch) < subscription.max_events_per_batch and self._waiting and self._waiting[0].at <= now:
            candidate = heapq.heappop(self._waiting)
            if candidate.subscription is not subscription:
                aside.append(candidate)
            elif size + candidate.size > subscription.preferred_batch_kilobytes * 1024:
                aside.append(candidate)
                break
            else:
                size += candidate.size
                batch.append(candidate)
        for candidate in aside:
            heapq.heappush(self._waiting, candidate)
        return batch

    def _attempt_safely(self, batch: list[_Due]) -> None:
        try:
            self._attempt(batch)
        except Exception:  # noqa: BLE001  Logged; see the next line.
            # A worker thread has nobody to raise to, and a lost event must not keep wait_settled waiting.
            _log.exception("Event %s could not be handled", batch[0].event.get("id"))
            with self._changed:
                self._pending -= len(batch)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _attempt(self, batch: list[_Due]) -> None:
        started = datetime.now(UTC)
        subscription = batch[0].subscription
        made = max(due.attempts for due in batch)
        answer = self._client.deliver(subscription, [due.event for due in batch], made)
        letters = [self._judge(due, answer, started) for due in batch]
        if self._on_dead_letter is not None:
            for letter in letters:
                if letter is not None and subscription.dead_letter:
                    self._on_dead_letter(letter)
        with self._changed:
            for due, letter in zip(batch, letters, strict=True):
                self._record(due, answer, letter, started, len(batch))

    def _judge(self, due: _Due, answer: Answer, started: datetime) -> DeadLetter | None:
        """Plan the next attempt; the letter to write if there is none."""
        due.attempts += 1
        due.at = time.monotonic() + retry_seconds(due.attempts, answer.status) * self._scale
        reason = None if answer.accepted else self._reason_to_give_up(due, answer)
        return None if reason is None else self._dead_letter(due, reason, answer, started)

    def _record(self, due: _Due, answer: Answer, letter: DeadLetter | None, started: datetime, batch_size: int) -> None:
        due.entry.attempts += 1
        if answer.accepted:
            outcome = DeliveryOutcome.DELIVERED
            due.entry.delivered(started)
        elif letter is None:
            outcome = DeliveryOutcome.RETRY
            heapq.heappush(self._waiting, due)
        else:
            outcome = DeliveryOutcome.DEAD_LETTER if due.subscription.dead_letter else DeliveryOutcome.DROPPED
            due.entry.given_up(dead_letter=due.subscription.dead_letter)
            if due.subscription.dead_letter:
                self._dead_letters.append(letter)
        if outcome is not DeliveryOutcome.RETRY:
            self._pending -= 1
        self._deliveries.append(
            Delivery(
                sequence=len(self._deliveries) + 1,
                subscription=due.subscription.name,
                event_id=str(due.event.get("id", "")),
                attempt=due.attempts,
                time=started,
                status=answer.status,
                outcome=outcome,
                detail=answer.detail,
                batch_size=batch_size,
            )
        )

    def _reason_to_give_up(self, due: _Due, answer: Answer) -> str | None:
        if answer.status in due.subscription.final_statuses():
            return "UndeliverableDueToFinalStatus"
        if due.attempts >= due.subscription.max_attempts:
            return "MaxDeliveryAttemptsExceeded"
        if due.at > due.expires:
            return "TimeToLiveExceeded"
        return None

    def _dead_letter(self, due: _Due, reason: str, answer: Answer, attempted: datetime) -> DeadLetter:
        outcome = answer.detail if answer.status is None else f"{answer.status} {answer.detail}"
        return DeadLetter(
            subscription=due.subscription.name,
            event=due.event,
            reason=reason,
            attempts=due.attempts,
            last_outcome=outcome,
            published=due.published,
            last_attempt=attempted,
        )
