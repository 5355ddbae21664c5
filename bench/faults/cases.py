"""What goes wrong: one case per row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emulator.arm.faults import Cut, Delay, FaultAction, Status


class Event(Enum):
    """What the event is about."""

    VAULT_WRITTEN = "vault written"
    VAULT_WRITE_FAILED = "write of the vault failed"
    VAULT_DELETED = "vault deleted"
    RECORD_DELETED = "record deleted"


class Due(Enum):
    """What a guard owes to the event, as the request log can show it."""

    EVALUATION = "the vault is read with success once Azure has recovered"
    NOTHING = "nothing: no write"


@dataclass(frozen=True, slots=True)
class Fault:
    """What Azure does with a GET of the vault: for the next ``times`` (None: all) and for at most ``seconds``."""

    action: FaultAction
    times: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """One row. ``copies`` of the event are delivered; ``writes`` says whether the guard may change anything.

    ``healthy``: the vault is as both guards want it.
    """

    name: str
    fault: Fault | None = None
    event: Event = Event.VAULT_WRITTEN
    due: Due = Due.EVALUATION
    copies: int = 1
    writes: bool = True
    healthy: bool = False


def _error(code: int, name: str, headers: dict[str, str] | None = None) -> Status:
    return Status(code, {"error": {"code": name, "message": "The bench says so."}}, headers or {})


_NOT_FOUND = _error(404, "ResourceNotFound")
_FORBIDDEN = _error(403, "AuthorizationFailed")
_UNAVAILABLE = _error(503, "ServiceUnavailable")
_THROTTLED = _error(429, "TooManyRequests", {"Retry-After": "2"})

CASES = (
    Case("no fault"),
    Case("no fault, nothing to repair", healthy=True),
    Case("vault answers 404 for 5 s", Fault(_NOT_FOUND, seconds=5)),
    Case("vault answers 403 for 5 s", Fault(_FORBIDDEN, seconds=5)),
    Case("503 once", Fault(_UNAVAILABLE, times=1)),
    Case("503 for 30 s", Fault(_UNAVAILABLE, seconds=30)),
    Case("503 for 120 s", Fault(_UNAVAILABLE, seconds=120)),
    Case("429 once, Retry-After 2", Fault(_THROTTLED, times=1)),
    Case("connection cut once", Fault(Cut(), times=1)),
    Case("answer takes 3 s, once", Fault(Delay(3.0), times=1)),
    Case("event ResourceWriteFailure", event=Event.VAULT_WRITE_FAILED, due=Due.NOTHING),
    Case("event: the vault was deleted", event=Event.VAULT_DELETED, due=Due.NOTHING),
    Case("event: its A record was deleted", event=Event.RECORD_DELETED),
    Case("the event five times", copies=5),
    Case("dry run / observe", writes=False),
)
