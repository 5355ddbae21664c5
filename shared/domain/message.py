"""What travels on the queue ``kvguard-reconcile``: hints about resources and looks at vaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.arm_id import ArmId

MESSAGE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to a resource. ``operation`` is its ARM operation, ``time`` Azure's own (UTC).

    ``initiator`` is the object id of who did it, empty when the event did not say. ``first`` is when this piece of
    work was first put on the queue; it bounds how long it may come back. ``cursor`` is where an earlier piece of the
    same hint stopped when it concerned many vaults, empty at the beginning. ``again`` marks the second asking about an
    endpoint, at a time when Azure's answer cannot be older than the event.
    """

    resource: ArmId
    operation: str
    time: datetime
    initiator: str = ""
    attempt: int = 0
    first: datetime | None = None
    cursor: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Look at one vault. ``why`` is for people; ``attempt`` and ``first`` as in Hint.

    ``event`` is the time of the event that led here, if one did: a reading that began too soon after it may have
    missed what it announced. ``resource`` and ``initiator`` are that event's, None and empty when there was none.
    """

    vault: ArmId
    why: str
    attempt: int = 0
    first: datetime | None = None
    event: datetime | None = None
    resource: ArmId | None = None
    initiator: str = ""


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """Look at every vault of a subscription, because a change could not be traced to single vaults.

    ``cursor`` is where an earlier piece of the same sweep stopped, empty at the beginning. ``event`` is the time of
    the newest event that the sweep stands for, None for one that no event asked for.
    """

    subscription: str
    why: str
    attempt: int = 0
    first: datetime | None = None
    cursor: str = ""
    event: datetime | None = None


Work = Hint | Look | SweepRequest
