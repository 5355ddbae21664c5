"""Queue triggers: polling, renewal, poison queues.

Follows azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Queues (QueueListener.cs,
QueueProcessor.cs, QueueListenerFactory.cs, QueueServiceClientProvider.cs); the documented part is at
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import math
import random
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage

from emulator.host.index import FunctionSpec, QueueTrigger
from emulator.host.invoke import Invoker
from emulator.host.settings import MessageEncoding, QueueSettings
from emulator.host.storage import Connections, send_creating

_log = logging.getLogger("emulator.host")
_T = TypeVar("_T")
_MINIMUM_POLLING = 0.1
_MAX_QUEUE_NAME = 63
_POISON_SUFFIX = "-poison"
_GONE = {"PopReceiptMismatch", "MessageNotFound", "QueueNotFound", "QueueBeingDeleted", "QueueDisabled"}

INVISIBILITY = timedelta(minutes=10)


def poison_queue_name(queue: str) -> str | None:
    """Name of the queue that takes what always fails, or `None` where Azure has none: for a poison queue
    itself, and where the name would be too long."""
    name = queue + _POISON_SUFFIX
    return None if queue.endswith(_POISON_SUFFIX) or len(name) > _MAX_QUEUE_NAME else name


class PollingDelay:
    """Seconds to wait before the next look: 0.1 after a message, then growing at random up to the maximum."""

    def __init__(self, maximum: timedelta, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._maximum = maximum.total_seconds()
        self._uniform = uniform
        self._misses = 0

    def after(self, found: bool) -> float:
        if found:
            self._misses = 0
            return _MINIMUM_POLLING
        grown: float = _MINIMUM_POLLING * self._uniform(0.8, 1.2) * float(2**self._misses - 1)
        self._misses = min(self._misses + 1, 30)
        return min(_MINIMUM_POLLING + grown, self._maximum)

    def reset(self) -> None:
        self._misses = 0


class QueueListener:
    """Feeds one function from one queue. At least once: what it meets while renewing or deleting is logged
    and left."""

    def __init__(
        self,
        spec: FunctionSpec,
        trigger: QueueTrigger,
        *,
        connections: Connections,
        settings: QueueSettings,
        invoker: Invoker,
        io: Executor,
        invisibility: timedelta = INVISIBILITY,
    ) -> None:
        self._spec = spec
        self._queue = connections.queue(trigger.connection, trigger.queue)
        poison = poison_queue_name(trigger.queue)
        self._poison = connections.queue(trigger.connection, poison) if poison is not None else None
        self._settings = settings
        self._invoker = invoker
        self._io = io
        self._invisibility = invisibility
        self._delay = PollingDelay(settings.max_polling_interval)
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._fewer = asyncio.Event()
        self._stopping = False

    @property
    def url(self) -> str:
        """URL of the queue, by which an output binding on the same host wakes this listener."""
        return self._queue.url

    def wake(self) -> None:
        """Look at once; called on the event loop."""
        self._delay.reset()
        self._wake.set()

    def stop(self) -> None:
        """Receive nothing more. Messages that are being processed go on."""
        self._stopping = True
        self._wake.set()
        self._fewer.set()

    async def run(self) -> None:
        """Poll until `stop`."""
        while not self._stopping:
            self._wake.clear()
            found = False
            try:
                found = await self._poll()
            except ResourceNotFoundError:
                pass  # A trigger does not create its queue; it waits until somebody does.
            except AzureError as error:
                _log.warning("Queue '%s' cannot be read: %s", self._queue.queue_name, error)
            if found:
                await self._below_threshold()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 0 if found else self._delay.after(found))

    async def finish(self, seconds: float) -> None:
        """Wait for messages in work, at most `seconds`; the rest becomes visible again by itself."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    async def _poll(self) -> bool:
        messages = await self._call(
            lambda: list(
                self._queue.receive_messages(
                    messages_per_page=self._settings.batch_size,
                    max_messages=self._settings.batch_size,
                    visibility_timeout=math.ceil(self._invisibility.total_seconds()),
                )
            )
        )
        for message in messages:
            task = asyncio.create_task(self._process(message))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if messages:
            self._delay.after(True)
        return bool(messages)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._fewer.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A message of '%s' could not be settled", self._queue.queue_name, exc_info=error)

    async def _below_threshold(self) -> None:
        """A new batch is fetched only when few are left: in work are at most batchSize +
        newBatchThreshold."""
        while len(self._running) > self._settings.new_batch_threshold and not self._stopping:
            self._fewer.clear()
            await self._fewer.wait()

    async def _process(self, message: QueueMessage) -> None:
        if (message.dequeue_count or 0) > self._settings.max_dequeue_count:
            await self._to_poison(message)
            return
        try:
            body = _decode(str(message.content or ""), self._settings.message_encoding)
        except ValueError:
            # The SDK under the extension cannot hand over an undecodable message, so no attempt is made with
            # it.
            _log.warning("Message %s of '%s' is not base64", message.id, self._queue.queue_name)
            await self._to_poison(message)
            return
        ended = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, ended))
        try:
            result = await self._invoker.invoke(
                self._spec,
                body,
                _metadata(message, body),
                {
                    "trigger": "queue",
                    "messageId": str(message.id),
                    "dequeueCount": str(message.dequeue_count),
                },
            )
        finally:
            # Not cancelled: a renewal under way changes the pop receipt, which the next step needs.
            ended.set()
            await renewal
        if result.succeeded:
            await self._delete(message)
        elif self._poison is None:
            # Left hidden until its ten minutes are over, so that a poison queue cannot loop fast.
            return
        elif (message.dequeue_count or 0) >= self._settings.max_dequeue_count:
            await self._to_poison(message)
        else:
            await self._update(message, self._settings.visibility_timeout)

    async def _renew(self, message: QueueMessage, ended: asyncio.Event) -> None:
        while not ended.is_set():
            try:
                await asyncio.wait_for(ended.wait(), self._invisibility.total_seconds() / 2)
            except TimeoutError:
                try:
                    await self._update(message, self._invisibility)
                except AzureError as error:
                    _log.warning("A message of '%s' cannot be renewed: %s", self._queue.queue_name, error)

    async def _update(self, message: QueueMessage, hidden: timedelta) -> None:
        seconds = math.ceil(hidden.total_seconds())

        def update() -> None:
            updated = self._queue.update_message(message, message.pop_receipt, visibility_timeout=seconds)
            message.pop_receipt = updated.pop_receipt

        await self._tolerating_gone(update)

    async def _delete(self, message: QueueMessage) -> None:
        await self._tolerating_gone(lambda: self._queue.delete_message(message, message.pop_receipt))

    async def _to_poison(self, message: QueueMessage) -> None:
        poison = self._poison
        if poison is None:
            return
        _log.warning("Message %s of '%s' goes to '%s'", message.id, self._queue.queue_name, poison.queue_name)
        await self._call(lambda: send_creating(poison, str(message.content or "")))
        await self._delete(message)

    async def _tolerating_gone(self, action: Callable[[], None]) -> None:
        try:
            await self._call(action)
        except HttpResponseError as error:
            code = getattr(error, "error_code", None)
            text = str(code.value if isinstance(code, Enum) else code)
            if not (isinstance(error, ResourceNotFoundError) or text in _GONE):
                raise
            _log.info("A message of '%s' is no longer ours: %s", self._queue.queue_name, text)

    async def _call(self, action: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._io, action)


def _decode(text: str, encoding: MessageEncoding) -> Datum:
    if encoding is MessageEncoding.NONE:
        return Datum(text, "string")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    try:
        return Datum(raw.decode("utf-8"), "string")
    except UnicodeDecodeError:
        return Datum(raw, "bytes")


def _metadata(message: QueueMessage, body: Datum) -> dict[str, Datum]:
    values = {
        "Id": str(message.id),
        "PopReceipt": str(message.pop_receipt),
        "InsertionTime": _time(message.inserted_on),
        "ExpirationTime": _time(message.expires_on),
        "NextVisibleTime": _time(message.next_visible_on),
    }
    metadata = {name: Datum(value, "string") for name, value in values.items() if value is not None}
    metadata["DequeueCount"] = Datum(message.dequeue_count, "int")
    metadata["QueueTrigger"] = body
    return metadata


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def manual_message(text: str) -> tuple[Datum, dict[str, Datum]]:
    """Trigger data of a queue function that is started by hand."""
    return Datum(text, "string"), {"QueueTrigger": Datum(text, "string")}
