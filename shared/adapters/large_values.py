"""Values too large for a column of a table: they become blobs named by their hash, and the column a reference."""

from __future__ import annotations

import hashlib
from typing import Final

from shared.adapters.blobs import STATE, BlobStore

COLUMN_BYTES: Final = 32 * 1024
_REFERENCE: Final = "kvguard-blob:"


class LargeValues:
    """Stores and restores column values. A column holds at most 64 KiB of UTF-16."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def stored(self, text: str) -> str:
        """What goes into the column: the text itself, or a reference to the blob that now holds it."""
        if len(text.encode()) <= COLUMN_BYTES and not text.startswith(_REFERENCE):
            return text
        return _REFERENCE + self._blobs.put(STATE, text)

    def restored(self, column: str) -> str:
        """The text behind a column. Raises LedgerUnavailable when its blob is gone or was altered."""
        return self._blobs.get(STATE, column.removeprefix(_REFERENCE)) if column.startswith(_REFERENCE) else column

    def digest(self, column: str) -> str:
        """The SHA-256 of the text behind a column, in hex, without reading a blob: its name is the hash."""
        if column.startswith(_REFERENCE):
            return column.removeprefix(_REFERENCE)
        return hashlib.sha256(column.encode()).hexdigest()
