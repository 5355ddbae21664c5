"""The topic, its event subscriptions, and the threads that deliver.

Publishing is quick and never fails. Delivery is at least once and unordered: several events are under way at
a time, and a retried one arrives after later ones.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from starlette.routing import BaseRoute

from emulator.eventgrid.control import control_routes
from emulator.eventgrid.delivery import Answer, Delivery, DeliveryOutcome, EndpointClient, retry_seconds
from emulator.eventgrid.envelope import ArmEvent, EventSchema, cloud_event, event_grid_event
from emulator.eventgrid.subscription import DeadLetter, EndpointType, EventSubscription

_log = logging.getLogger("emulator.eventgrid")
_WORKERS = 16


@dataclass(order=True)
class _Due:
    """An event on its way to one subscription; ordered by when to try next."""

    at: float
    order: int
    subscription: EventSubscription = field(compare=False)
    event: Mapping[str, Any] = field(compare=False)
    published: datetime = field(compare=False)
    expires: float = field(compare=False)
    attempts: int = field(compare=False, default=0)


class EventGrid:
    """A local Event Grid; a context manager, or `start` and `close`. Safe to use from threads.

    `scale` shortens Azure's waits (retry schedule, time to live): 0.02 makes 10 s into 0.2 s. `http_timeout`
    is Azure's wait for an answer; scaled too, but never below `minimum_timeout` seconds, since a real
    function answers it.
    """

    def __init__(
        self,
        scale: float = 1.0,
        http_timeout: float = 30.0,
        *,
        minimum_timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        self._scale = scale
        self.http_timeout = max(http_timeout * scale, minimum_timeout)
        self._client = EndpointClient(self.http_timeout, tls)
        self._on_dead_letter = on_dead_letter
        self._changed = threading.Condition()
        self._waiting: list[_Due] = []
        self._order = itertools.count()
        self._pending = 0
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
            self._pool = ThreadPoolExecutor(_WORKERS, "eventgrid")
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
            matching = [each for each in self._subscriptions.values() if each.wants(envelope)]
        for subscription in matching:
            cloud = subscription.schema is EventSchema.CLOUD_EVENTS
            self._enqueue(subscription, cloud_event(envelope) if cloud else envelope)

    def publish(self, event: Mapping[str, Any], subscription: str | None = None) -> int:
        """Deliver `event` as it is, without filters, to one subscription or to all: for duplicates, old
        events and malformed ones. Returns the number of deliveries begun; raises `KeyError` for an unknown
        subscription."""
        with self._changed:
            names = list(self._subscriptions) if subscription is None else [subscription]
            targets = [self._subscriptions[name] for name in names]
        for target in targets:
            self._enqueue(target, dict(event))
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

    def wait_settled(self, timeout: float = 10.0) -> bool:
        """Wait until every published event is delivered or a dead letter; false after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, timeout)

    def routes(self) -> list[BaseRoute]:
        """Control routes under `/_emulator/eventgrid`, for a server to mount."""
        return control_routes(self)

    def _enqueue(self, subscription: EventSubscription, event: Mapping[str, Any]) -> None:
        now = time.monotonic()
        expires = now + subscription.time_to_live.total_seconds() * self._scale
        with self._changed:
            self._pending += 1
            due = _Due(now, next(self._order), subscription, event, datetime.now(UTC), expires)
            heapq.heappush(self._waiting, due)
            self._changed.notify_all()

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        while True:
            with self._changed:
                while not self._stopping and (not self._waiting or self._waiting[0].at > time.monotonic()):
                    wait = self._waiting[0].at - time.monotonic() if self._waiting else None
                    self._changed.wait(wait)
                if self._stopping:
                    return
                due = heapq.heappop(self._waiting)
            pool.submit(self._attempt_safely, due)

    def _attempt_safely(self, due: _Due) -> None:
        try:
            self._attempt(due)
        except Exception:  # noqa: BLE001  Logged; see the next line.
            # A worker thread has nobody to raise to, and a lost event must not keep wait_settled waiting.
            _log.exception("Event %s could not be handled", due.event.get("id"))
            with self._changed:
                self._pending -= 1
                self._changed.notify_all()

    def _attempt(self, due: _Due) -> None:
        started = datetime.now(UTC)
        answer = self._client.deliver(due.subscription, due.event, due.attempts)
        due.attempts += 1
        due.at = time.monotonic() + retry_seconds(due.attempts) * self._scale
        reason = None if answer.accepted else self._reason_to_give_up(due, answer)
        outcome = DeliveryOutcome.RETRY
        if answer.accepted:
            outcome = DeliveryOutcome.DELIVERED
        elif reason is not None:
            outcome = DeliveryOutcome.DEAD_LETTER
        letter = None if reason is None else self._dead_letter(due, reason, answer, started)
        if letter is not None and self._on_dead_letter is not None:
            self._on_dead_letter(letter)
        with self._changed:
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
                )
            )
            if outcome is DeliveryOutcome.RETRY:
                heapq.heappush(self._waiting, due)
            else:
                self._pending -= 1
            if letter is not None:
                self._dead_letters.append(letter)
            self._changed.notify_all()

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
