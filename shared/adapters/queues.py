"""The queues that kvguard writes to, behind the port ``Inbox``. azure-storage-queue is imported with the first message.

Messages are base64, as the Functions host expects them, so 48 KiB of text fill the 64 KiB that a queue takes.
Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from shared.adapters.blobs import EVIDENCE, BlobStore
from shared.adapters.storage_connection import StorageConnection, StorageService
from shared.adapters.storage_options import identity_of, queue_and_blob_options, storage_call
from shared.domain.message import Work
from shared.service.messages import encode
from shared.service.ports import LedgerUnavailable

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

RECONCILE: Final = "kvguard-reconcile"
RECONCILE_POISON: Final = "kvguard-reconcile-poison"
FINDINGS: Final = "kvguard-findings"
MESSAGE_BYTES: Final = 48 * 1024
MOST_DELAY: Final = timedelta(days=7)
_THREADS: Final = 8


class MessageTooLarge(ValueError):
    """A message has more than 48 KiB of text; what is large belongs into a blob (``keep``)."""


class QueueAccount:
    """Clients of the queues of one account, built at the first use. Thread-safe."""

    def __init__(self, connection: StorageConnection, credential: TokenCredential | None = None) -> None:
        self._connection = connection
        self._credential = credential
        self._lock = threading.Lock()
        self._queues: dict[str, QueueClient] = {}

    def send(self, queue: str, text: str, *, delay: int = 0) -> None:
        """Put one text on a queue, visible after ``delay`` seconds. A queue that does not exist is created once.

        Raises LedgerUnavailable.
        """
        client = self._queue(queue)
        with storage_call(f"queue {queue}"):
            try:
                client.send_message(text, visibility_timeout=delay, time_to_live=-1)
            except ResourceNotFoundError:
                _create(client)
                client.send_message(text, visibility_timeout=delay, time_to_live=-1)

    def probe(self, queue: str) -> None:
        """Ask for a queue's properties; one that does not exist yet is made by the first message.

        An identity that may only send is refused them, which tells that the queue service answers. Raises
        LedgerUnavailable.
        """
        client = self._queue(queue)
        with storage_call(f"queue {queue}"):
            try:
                client.get_queue_properties()
            except ResourceNotFoundError:
                return
            except HttpResponseError as error:
                if error.status_code != 403 or not self._connection.uses_identity:
                    raise

    def ensure(self, queues: Iterable[str]) -> None:
        """Create the queues that are missing: for deployment and local runs."""
        for queue in queues:
            client = self._queue(queue)
            with storage_call(f"queue {queue}"):
                _create(client)

    def raw(self, queue: str) -> QueueClient:
        """A client that hands over messages as they are stored, base64 or not."""
        return self._open(queue, encode=False)

    def _queue(self, name: str) -> QueueClient:
        with self._lock:
            if name not in self._queues:
                self._queues[name] = self._open(name)
            return self._queues[name]

    def _open(self, name: str, *, encode: bool = True) -> QueueClient:
        from azure.storage.queue import QueueClient, TextBase64EncodePolicy

        options: dict[str, Any] = queue_and_blob_options()
        if encode:
            options["message_encode_policy"] = TextBase64EncodePolicy()
        if self._connection.uses_identity:
            uri = self._connection.uri(StorageService.QUEUE)
            return QueueClient(uri, name, credential=identity_of(self._connection, self._credential), **options)
        return QueueClient.from_connection_string(self._connection.connection_string, name, **options)


class QueueInbox:
    """See ``shared.service.ports.Inbox`` for the contract. Thread-safe.

    ``own`` is the account of the app (KvGuardStorage), ``findings`` that of the review app (KvGuardFindings), on which
    the guard may only send.
    """

    def __init__(self, own: QueueAccount, findings: QueueAccount, blobs: BlobStore) -> None:
        self._own = own
        self._findings = findings
        self._blobs = blobs

    def send(self, work: Iterable[Work], delay: timedelta = timedelta(0)) -> None:
        """Put work on ``kvguard-reconcile``, visible after ``delay``: rounded up to seconds, at most 7 days."""
        seconds = math.ceil(min(max(delay, timedelta(0)), MOST_DELAY).total_seconds())
        texts = [_checked(encode(item)) for item in work]
        _send_all(lambda text: self._own.send(RECONCILE, text, delay=seconds), texts)

    def poison(self, work: Work, reason: str) -> None:
        """Put work that is given up on ``kvguard-reconcile-poison`` with its reason, to be replayed by a person."""
        body = {"work": json.loads(encode(work)), "reason": reason[:4096]}
        self._own.send(RECONCILE_POISON, _checked(json.dumps(body, separators=(",", ":"))))

    def tell(self, messages: Iterable[str]) -> None:
        """Put finding messages on ``kvguard-findings``. Raises MessageTooLarge before anything is sent."""
        texts = [_checked(text) for text in messages]
        _send_all(lambda text: self._findings.send(FINDINGS, text), texts)

    def keep(self, text: str) -> str:
        """Store a text too large for a message and return the name of its blob in ``kvguard-evidence``."""
        return self._blobs.put(EVIDENCE, text)


def _checked(text: str) -> str:
    size = len(text.encode())
    if size > MESSAGE_BYTES:
        raise MessageTooLarge(f"a message of {size} bytes; a queue takes at most {MESSAGE_BYTES} before base64")
    return text


def _send_all(send: Callable[[str], None], texts: list[str]) -> None:
    """Send all, many in parallel. A failure does not keep the others from being sent, and is raised at the end."""
    if len(texts) < 2:
        for text in texts:
            send(text)
        return
    with ThreadPoolExecutor(min(_THREADS, len(texts))) as pool:
        sent = [pool.submit(send, text) for text in texts]
    failures = [error for error in (item.exception() for item in sent) if error is not None]
    if not failures:
        return
    if not isinstance(failures[0], LedgerUnavailable):
        raise failures[0]
    raise LedgerUnavailable(f"{len(failures)} of {len(texts)} messages were not sent: {failures[0]}") from failures[0]


def _create(queue: QueueClient) -> None:
    with suppress(ResourceExistsError):
        queue.create_queue()
