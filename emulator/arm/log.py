"""The request log: who asked for what, and what the answer was. Tests take it as their witness."""

from __future__ import annotations

import bisect
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.arm.access import Principal
from emulator.arm.clock import iso

_MOST_SHARED = 1000
WRITE_METHODS = ("PUT", "PATCH", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request.

    `caller` is None when the token named nobody; `status` is 0 when the connection was cut or left hanging;
    `resource_id` is the id in its canonical spelling, or the path where it names no resource; `duration` is in
    seconds; `action` is the right it needed, empty when no route was found; `body` is the parsed request body.
    """

    seq: int
    time: datetime
    caller: Principal | None
    method: str
    path: str
    query: dict[str, str]
    resource_id: str
    action: str
    api_version: str
    status: int
    request_headers: dict[str, str]
    body: Any
    duration: float
    correlation_id: str

    @property
    def is_write(self) -> bool:
        """Whether the request asked for a change."""
        return self.method in WRITE_METHODS

    def as_json(self) -> dict[str, Any]:
        """The entry for the control interface."""
        who = self.caller
        return {
            "seq": self.seq,
            "time": iso(self.time),
            "caller": None if who is None else {"name": who.name, "oid": who.oid, "appid": who.appid},
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "resourceId": self.resource_id,
            "action": self.action,
            "apiVersion": self.api_version,
            "status": self.status,
            "requestHeaders": self.request_headers,
            "body": self.body,
            "duration": self.duration,
            "correlationId": self.correlation_id,
        }


def _number(entry: LogEntry) -> int:
    return entry.seq


class RequestLog:
    """All requests in order of their end."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._lock = threading.Lock()
        self._next = 1
        self._shared: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}

    def next_number(self) -> int:
        """A number for the next entry."""
        with self._lock:
            number = self._next
            self._next += 1
            return number

    def shared(self, items: dict[str, str]) -> dict[str, str]:
        """A dictionary with these items, the same one as for an earlier entry where there is one, to save memory."""
        key = tuple(items.items())
        with self._lock:
            if len(self._shared) >= _MOST_SHARED:
                self._shared.clear()
            return self._shared.setdefault(key, items)

    def append(self, entry: LogEntry) -> None:
        """Add an entry."""
        with self._lock:
            self._entries.append(entry)
            if entry.seq < self._entries[-2 if len(self._entries) > 1 else -1].seq:
                # Two threads took their numbers in one order and came here in the other.
                self._entries.sort(key=_number)

    def since(self, seq: int = 0) -> list[LogEntry]:
        """The entries after a number."""
        with self._lock:
            return self._entries[bisect.bisect_right(self._entries, seq, key=_number) :]

    def drain(self) -> list[LogEntry]:
        """All entries, which the log forgets; numbers go on. For runs that would fill the memory."""
        with self._lock:
            taken, self._entries = self._entries, []
            return taken

    def mark(self) -> int:
        """The number of the latest entry, for `since`."""
        with self._lock:
            return self._entries[-1].seq if self._entries else 0

    def writes(self, caller: str | None = None, since: int = 0) -> list[LogEntry]:
        """Requests that asked for a change, of one caller or of all."""
        return [
            entry
            for entry in self.since(since)
            if entry.is_write and (caller is None or (entry.caller is not None and entry.caller.name == caller))
        ]

    def about(self, resource_id: str, since: int = 0) -> list[LogEntry]:
        """Requests about one resource."""
        key = resource_id.casefold()
        return [entry for entry in self.since(since) if entry.resource_id.casefold() == key]

    def clear(self) -> None:
        """Forget all entries; numbers go on."""
        with self._lock:
            self._entries.clear()
