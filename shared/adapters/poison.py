"""The poison queue of reconcile work, behind the port ``PoisonQueue``."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.adapters.queues import RECONCILE_POISON, QueueAccount
from shared.adapters.storage_options import storage_call
from shared.service.replay import Taken

# Peeking shows 32 messages at most, so messages are taken, and hidden from others for so long.
_HIDDEN_SECONDS: Final = 300
_PAGE: Final = 32
_MOST_PAGES: Final = 400


class StoredPoison:
    """See ``shared.service.replay.PoisonQueue`` for the contract."""

    def __init__(self, account: QueueAccount) -> None:
        self._queue = account.raw(RECONCILE_POISON)

    def take(self) -> list[Taken]:
        """Every message that is visible, at most 12,800. A queue that does not exist has none."""
        found: list[Taken] = []
        for _ in range(_MOST_PAGES):
            with storage_call(f"queue {RECONCILE_POISON}"):
                try:
                    page = list(self._queue.receive_messages(max_messages=_PAGE, visibility_timeout=_HIDDEN_SECONDS))
                except ResourceNotFoundError:
                    break
            if not page:
                break
            for message in page:
                inserted = message.inserted_on or datetime.now(UTC)
                receipt = message.pop_receipt or ""
                found.append(Taken(message.id, _text(str(message.content)), inserted, receipt))
        return found

    def release(self, taken: Taken) -> None:
        """Let a message be seen again at once; one that somebody else has meanwhile is left to them."""
        with storage_call(f"queue {RECONCILE_POISON}"), suppress(ResourceNotFoundError):
            try:
                self._queue.update_message(taken.id, taken.receipt, visibility_timeout=0)
            except HttpResponseError as error:
                if error.status_code != 400:
                    raise

    def delete(self, taken: Taken) -> None:
        """Delete a message; one that is gone is no error."""
        with storage_call(f"queue {RECONCILE_POISON}"), suppress(ResourceNotFoundError):
            self._queue.delete_message(taken.id, taken.receipt)


def _text(content: str) -> str:
    """What a message says: base64 as the host and kvguard write it, anything else as it is."""
    try:
        return base64.b64decode(content, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return content
