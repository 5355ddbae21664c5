"""Invocations as JSON lines in a file: one line when an invocation begins, one when it ends.

What began and did not end was running when its process was killed. Several processes may write to one file: each
line is one write at the file's end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class InvocationRecord:
    """One invocation as its lines tell it. Times are seconds since the epoch; `ended` and `succeeded` are `None` for
    one that never ended; `message_id` and `dequeue_count` are there for queue triggers only. `cause` holds what
    else is known of the trigger (event id, method and path, schedule)."""

    function: str
    invocation_id: str
    pid: int
    started: float
    ended: float | None
    succeeded: bool | None
    error: str | None
    message_id: str | None
    dequeue_count: int | None
    cause: Mapping[str, str]


class InvocationLines:
    """Appends to a file. Safe to use from threads and by several processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def began(self, *, invocation_id: str, function: str, started: float, cause: Mapping[str, str]) -> None:
        self._write(
            {
                "event": "began",
                "invocationId": invocation_id,
                "function": function,
                "pid": os.getpid(),
                "started": started,
                **_typed(cause),
            }
        )

    def ended(self, *, invocation_id: str, ended: float, error: str | None) -> None:
        self._write(
            {"event": "ended", "invocationId": invocation_id, "ended": ended, "ok": error is None, "error": error}
        )

    def close(self) -> None:
        os.close(self._file)

    def _write(self, document: Mapping[str, object]) -> None:
        os.write(self._file, json.dumps(document).encode() + b"\n")


def read_invocations(path: Path) -> list[InvocationRecord]:
    """All invocations of a file, in the order in which they began. A file that is not there has none."""
    if not path.exists():
        return []
    began: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        if document["event"] == "began":
            began[document["invocationId"]] = document
        else:
            began[document["invocationId"]].update(document)
    return [_record(document) for document in began.values()]


def _typed(cause: Mapping[str, str]) -> dict[str, object]:
    count = cause.get("dequeueCount")
    return {**cause, **({} if count is None else {"dequeueCount": int(count)})}


_KNOWN = frozenset(
    {"event", "invocationId", "function", "pid", "started", "ended", "ok", "error", "messageId", "dequeueCount"}
)


def _record(document: Mapping[str, Any]) -> InvocationRecord:
    return InvocationRecord(
        function=document["function"],
        invocation_id=document["invocationId"],
        pid=document["pid"],
        started=document["started"],
        ended=document.get("ended"),
        succeeded=document.get("ok"),
        error=document.get("error"),
        message_id=document.get("messageId"),
        dequeue_count=document.get("dequeueCount"),
        cause={name: str(value) for name, value in document.items() if name not in _KNOWN},
    )
