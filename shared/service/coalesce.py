"""Coalescing: which looks need no run of their own, and why none of them is lost.

An event is settled by a run that was completed, began reading at least ``consistency`` after the event by Azure's
clock, and saw the vault whole and quiet. Every run that is completed leaves one of two things behind: the newest event
of the row is settled, or a look is promised. So a look for an event ends without a call to Azure when

1. the row's last quiet reading settles its event. Reading and event are both on Azure's clock. ``last_quiet_read`` is
   stored only together with the end of the run, after its messages were sent, so a worker that dies in between settles
   nothing. What a cache may have answered (zones, links, networks) is settled only by a reading past every cache;
2. a look is promised that will come soon, and the row has noted the event. The note and the promise are in one row,
   which is written by ETag: had the promised look begun meanwhile, the row would carry its lease, the note would fail
   or become a mark for the holder, who looks again. A promised look is sent before the row says so and is put back
   until it has ended, so it comes; it is never coalesced itself, it reads the newest event from the row, and while that
   one is not settled it promises another. Where Azure has no room for it, it ends by promising one for its turn, or by
   the promise of an earlier one. A promise that is due is not relied on, since clocks differ: then this look promises
   one of its own, which is sent first as well.

A worker that dies before the note is stored still has its message, which comes again; one that dies after it has left
nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from shared.domain.arm_id import LINK, NETWORK, PEERING, ZONE, ArmId
from shared.domain.message import Look, believable
from shared.domain.policy import Timing
from shared.service.ports import VaultRow

# A queue counts a message's delay by its own clock, a worker the time by its own.
CLOCKS_DIFFER: Final = timedelta(seconds=5)
MOST_TOUCHED: Final = 64
MOST_INITIATORS: Final = 64
UNKNOWN: Final = ""
_SHARED: Final = frozenset(kind.casefold() for kind in (ZONE, LINK, NETWORK, PEERING))

Key = TypeVar("Key")


class Need(Enum):
    """What a look that has come calls for."""

    RUN = "a run of its own"
    NOTHING = "its event is settled"
    NOTE = "a look is promised that will see it"
    PROMISE = "a look is promised, but is due"


def need(row: VaultRow, look: Look, now: datetime, timing: Timing) -> Need:
    """What a look calls for on this row; only looks for an event on a known resource can do without a run."""
    if look.event is None or look.resource is None:
        return Need.RUN
    if settles(row, look.resource, look.event, timing):
        return Need.NOTHING
    if row.lease.owner or row.look_at is None or not now < row.look_at <= now + timing.consistency + CLOCKS_DIFFER:
        return Need.RUN
    return Need.NOTE if row.look_at > now + CLOCKS_DIFFER else Need.PROMISE


def settles(row: VaultRow, resource: ArmId, event: datetime, timing: Timing) -> bool:
    """Whether a completed run has seen what an event announced."""
    read = row.last_fresh_read if shared(resource) else row.last_quiet_read
    return read is not None and read >= event + timing.consistency


def shared(resource: ArmId) -> bool:
    """Whether a resource is of a kind that many vaults have in common, which the estate may answer from a cache."""
    return resource.type.casefold() in _SHARED


def wants_fresh(row: VaultRow, timing: Timing) -> bool:
    """Whether an event has come that no reading past the caches has settled, on something shared or not known what."""
    if row.newest_event is None:
        return False
    waiting = {resource: at for resource, at in row.touched.items() if not settles(row, resource, at, timing)}
    read = row.last_fresh_read
    unknown = row.newest_event not in row.touched.values() or len(row.touched) >= MOST_TOUCHED
    unsettled = read is None or read < row.newest_event + timing.consistency
    return (unknown and unsettled) or any(shared(resource) for resource in waiting)


def clamped(look: Look, now: datetime) -> Look:
    """The look with its event at a time that can be true: nobody may make the vault wait for years."""
    return look if look.event is None else replace(look, event=believable(look.event, now))


def note(row: VaultRow, look: Look, timing: Timing) -> VaultRow:
    """The row that knows of a look's event: when, on what, by whom. Bounded, the newest are kept.

    When initiators had to be left out, the unknown one stands for them.
    """
    if look.event is None:
        return row
    newest = look.event if row.newest_event is None else max(look.event, row.newest_event)
    touched = dict(row.touched)
    if look.resource is not None:
        touched[look.resource] = max(look.event, touched.get(look.resource, look.event))
    touched = {
        resource: at
        for resource, at in touched.items()
        if newest - at <= timing.max_settle or not settles(row, resource, at, timing)
    }
    initiators = dict(row.initiators)
    initiators[look.initiator] = max(look.event, initiators.get(look.initiator, look.event))
    return replace(
        row,
        newest_event=newest,
        touched=MappingProxyType(_newest(touched, MOST_TOUCHED)),
        initiators=MappingProxyType(_bounded(initiators)),
    )


def merged(row: VaultRow, stored: VaultRow) -> VaultRow:
    """The holder's row with what others have noted in the stored one since it was loaded."""
    newest = max((at for at in (row.newest_event, stored.newest_event) if at is not None), default=None)
    return replace(
        row,
        newest_event=newest,
        touched=MappingProxyType(_newest(_later(row.touched, stored.touched), MOST_TOUCHED)),
        initiators=MappingProxyType(_bounded(_later(row.initiators, stored.initiators))),
    )


def _later(one: Mapping[Key, datetime], other: Mapping[Key, datetime]) -> dict[Key, datetime]:
    return {**one, **{key: max(at, one.get(key, at)) for key, at in other.items()}}


def _newest(times: Mapping[Key, datetime], most: int) -> dict[Key, datetime]:
    kept = sorted(times, key=lambda key: times[key], reverse=True)[:most]
    return {key: times[key] for key in kept}


def _bounded(initiators: Mapping[str, datetime]) -> dict[str, datetime]:
    kept = _newest(initiators, MOST_INITIATORS)
    left_out = [at for who, at in initiators.items() if who not in kept]
    return {**kept, UNKNOWN: max(left_out)} if left_out else kept
