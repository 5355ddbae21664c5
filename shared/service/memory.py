"""What kvguard remembers of a vault between two looks, as pure functions over its row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, CreateRecord, RejectConnection, UpdateRecord
from shared.domain.snapshot import ConnectionStatus, History, Sighting, VaultSnapshot, WrittenRecord
from shared.service.ports import VaultRow

_FORGET_GONE_AFTER = timedelta(days=31)


def history_of(row: VaultRow) -> History:
    """The part of a row that rules may see."""
    return History(row.sightings, row.holds, row.written, row.ttl_mended)


def remember(row: VaultRow, snapshot: VaultSnapshot) -> VaultRow:
    """The row after this snapshot: each connection's status with when it began, and when it was last Approved."""
    now = snapshot.read_at
    sightings: dict[ArmId, Sighting] = {}
    for connection in snapshot.vault.connections:
        old = row.sightings.get(connection.id)
        approved = connection.status is ConnectionStatus.APPROVED
        same = old is not None and old.status is connection.status
        sightings[connection.id] = Sighting(
            status=connection.status,
            since=old.since if old is not None and same else now,
            last_approved=now if approved else (old.last_approved if old is not None else None),
            rejected_by_kvguard=old.rejected_by_kvguard if old is not None else None,
        )
    for connection_id, old in row.sightings.items():
        # A connection that was not listed once may come back; that it was Approved, or rejected here, must not be lost.
        # Of others nothing is kept: whoever may create private endpoints could make the row grow without end.
        lately = max((at for at in (old.last_approved, old.rejected_by_kvguard) if at is not None), default=None)
        if connection_id not in sightings and lately is not None and now - lately < _FORGET_GONE_AFTER:
            sightings[connection_id] = replace(old, status=ConnectionStatus.UNKNOWN, since=now)
    quiet = now if snapshot.quiet else row.last_quiet_read
    return replace(row, sightings=MappingProxyType(sightings), last_quiet_read=quiet)


def note_seen(row: VaultRow, keys: Iterable[str], now: datetime) -> VaultRow:
    """Keep when each key was first seen; a key that is no longer seen is forgotten and starts anew."""
    seen = {key: row.first_seen.get(key, now) for key in keys}
    return replace(row, first_seen=MappingProxyType(seen))


def settled(row: VaultRow, key: str, now: datetime, settle: timedelta) -> bool:
    """Whether a key has been seen twice, at least ``settle`` apart."""
    first = row.first_seen.get(key)
    return first is not None and now > first and now - first >= settle


def note_applied(row: VaultRow, change: Change, change_id: str, at: datetime) -> VaultRow:
    """The row after a change was made: which records are kvguard's, which TTL it mended, whom it rejected."""
    written = dict(row.written)
    mended = dict(row.ttl_mended)
    sightings = dict(row.sightings)
    if isinstance(change, CreateRecord):
        written[change.target] = WrittenRecord(change_id, change.addresses, change.ttl, at)
    elif isinstance(change, UpdateRecord):
        if change.adopt or change.target in written:
            written[change.target] = WrittenRecord(change_id, change.addresses, change.ttl, at)
        if change.ttl != change.before.ttl:
            mended[change.target] = at
    elif isinstance(change, RejectConnection):
        old = sightings.get(change.target, Sighting(ConnectionStatus.REJECTED, at))
        sightings[change.target] = replace(old, rejected_by_kvguard=at)
    return replace(
        row,
        written=MappingProxyType(written),
        ttl_mended=MappingProxyType(mended),
        sightings=MappingProxyType(sightings),
    )
