"""What travels on the queue ``kvguard-reconcile``: hints about resources and looks at vaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.arm_id import ArmId

MESSAGE_VERSION = 1
# How long a piece of work may come back before it is given up.
GIVE_UP_AFTER: Final = timedelta(hours=24)
# How far clocks can be apart: with more, Azure Storage refuses every request, and there is no loop at all.
# https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#specifying-the-date-header
MOST_APART: Final = timedelta(minutes=15)
# Event Grid gives a delivery up after 24 hours; what says that it is much older was not written by Azure.
_OLDEST: Final = timedelta(days=2)


def believable(time: datetime, now: datetime) -> datetime:
    """The time of an event as far as it can be true: neither from another age nor further ahead than clocks differ.

    It must not be cut to ``now``: Azure's clock may be ahead of ours, and an event that is taken for an older one seems
    to be settled by a reading that came before it.
    """
    return min(max(time, now - _OLDEST), now + MOST_APART)


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
    ``promised`` is the time in the vault's row that this look was promised for, None for any other look: so a worker
    whose clock is behind knows too that nothing else will come for that promise. ``thorough`` says that no event asked
    for it, so that there is time to read what only rules with ``at_events`` False want.
    """

    vault: ArmId
    why: str
    attempt: int = 0
    first: datetime | None = None
    event: datetime | None = None
    resource: ArmId | None = None
    initiator: str = ""
    promised: datetime | None = None
    thorough: bool = False


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
