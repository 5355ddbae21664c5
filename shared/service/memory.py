"""What kvguard remembers of a vault between two looks, as pure functions over its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, CreateRecord, RejectConnection, UpdateRecord
from shared.domain.finding import Finding, Option
from shared.domain.history import KVGUARD, History, Hold, Sighting, WrittenRecord
from shared.domain.plan import PlannedChange
from shared.domain.reading import Unread, UnreadReason, is_transient
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Connection, ConnectionStatus
from shared.service.judge import Judgement
from shared.service.ports import VaultRow
from shared.service.settle import sight

FOUGHT_WITHIN = timedelta(days=1)
HELD_FOR = timedelta(days=1)
_FORGET_GONE_AFTER = timedelta(days=31)
_FIGHT = 2
_MOST_NAMED = 3
_MOST_LINKS = 64


def history_of(row: VaultRow) -> History:
    """The part of a row that rules may see."""
    return History(row.sightings, row.holds, row.written, row.ttl_mended, row.links_moving_since)


def remember(row: VaultRow, snapshot: VaultSnapshot) -> VaultRow:
    """The row after this snapshot: each connection's status and movement with when they began, its last approval."""
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
            moving_since=_moving_since(connection, old if same else None, now),
        )
    for connection_id, old in row.sightings.items():
        # A connection that was not listed once may come back; that it was Approved, or rejected here, must not be lost.
        # Of others nothing is kept: whoever may create private endpoints could make the row grow without end.
        lately = max((at for at in (old.last_approved, old.rejected_by_kvguard) if at is not None), default=None)
        if connection_id not in sightings and lately is not None and now - lately < _FORGET_GONE_AFTER:
            sightings[connection_id] = replace(old, status=ConnectionStatus.UNKNOWN, since=now, moving_since=None)
    return replace(row, sightings=MappingProxyType(sightings), links_moving_since=_links_moving(row, snapshot))


def _links_moving(row: VaultRow, snapshot: VaultSnapshot) -> Mapping[ArmId, datetime]:
    """When each unfinished link to a network that was read was first seen so; of unread zones what was known before.

    Bounded, the longest unfinished are kept: whoever may link a zone must not make the row grow without end.
    """
    unread = {zone.id for zone in snapshot.zones if isinstance(zone.links, Unread)}
    since = {link: at for link, at in row.links_moving_since.items() if link.parent in unread}
    for zone in snapshot.zones:
        for link in () if isinstance(zone.links, Unread) else zone.links:
            if not link.completed and link.network in snapshot.networks:
                since[link.id] = row.links_moving_since.get(link.id, snapshot.read_at)
    longest = sorted(since, key=lambda link: (since[link], link.key))[:_MOST_LINKS]
    return MappingProxyType({link: since[link] for link in longest})


def _moving_since(connection: Connection, old: Sighting | None, now: datetime) -> datetime | None:
    """When the connection was first seen moving, if it moves: ``old`` is the last sighting in the same status."""
    if not is_transient(connection.provisioning_state):
        return None
    return old.moving_since if old is not None and old.moving_since is not None else now


def passing_unread(judged: Judgement) -> Unread | None:
    """A part that could not be read for a passing reason and that a verdict waits for, None when all was read.

    A reading with such a part is not whole: what it did not show may still be there.
    """
    unread = [missing.unread for missing in judged.assessment.not_evaluated]
    unread += [blocker.unread for option in _options(judged) for blocker in option.blockers if blocker.unread]
    unread += judged.snapshot.zones_unread
    return next((part for part in unread if part.reason is UnreadReason.UNAVAILABLE), None)


def note_seen(row: VaultRow, judged: Judgement) -> VaultRow:
    """Keep when each planned change and each finding was first seen.

    What is no longer seen is forgotten and starts anew, unless it only could not be judged this time: a rule that was
    not evaluated for a passing reason, or an option that an unread part stands in the way of.
    """
    now, known = judged.snapshot.read_at, row.first_seen
    keys = [sight(planned.finding, planned.option) for planned in judged.plan.apply]
    findings = (*judged.assessment.findings, *judged.plan.ask, *judged.plan.explain)
    keys += [sight(finding) for finding in findings]
    if passing_unread(judged) is not None:
        unjudged = {m.rule for m in judged.assessment.not_evaluated if m.unread.reason is UnreadReason.UNAVAILABLE}
        keys += [key for key in known if key.split(" ", 1)[0] in unjudged]
        keys += [
            sight(finding, option)
            for finding in findings
            for option in finding.options
            if sight(finding, option) in known and any(blocker.unread for blocker in option.blockers)
        ]
    return replace(row, first_seen=MappingProxyType({key: known.get(key, now) for key in keys}))


def open_rules(row: VaultRow) -> frozenset[str]:
    """The rules that something is known of which waits to settle or that people were told."""
    told = {note.split(" ", 2)[1] for note in row.told.values() if note.count(" ") >= 2}
    return frozenset(told | {key.split(" ", 1)[0] for key in row.first_seen})


def note_completed(row: VaultRow, judged: Judgement, consistency: timedelta) -> VaultRow:
    """The row of a run that ends with this reading: what it settles, and since when the vault gives no whole answer.

    To be stored only with the end of the run, see ``shared.service.coalesce``. All is well without any finding, an
    exempted one included, which comes back when its exemption ends; then the initiators of what was seen are forgotten.
    """
    snapshot = judged.snapshot
    if not snapshot.quiet or passing_unread(judged) is not None:
        return replace(row, restless_since=row.restless_since or snapshot.read_at)
    initiators = dict(row.initiators)
    if not (judged.assessment.findings or judged.assessment.exempted):
        initiators = {who: at for who, at in initiators.items() if at + consistency > snapshot.began}
    return replace(
        row,
        last_quiet_read=_latest(row.last_quiet_read, snapshot.began),
        last_fresh_read=row.last_fresh_read if snapshot.cached else _latest(row.last_fresh_read, snapshot.began),
        restless_since=None,
        initiators=MappingProxyType(initiators),
    )


def note_repaired(row: VaultRow, finding: Finding, key: str, at: datetime) -> VaultRow:
    """The row after the change with this key was made for a finding; what is older than a day is dropped."""
    made = {known: when for known, when in row.made.items() if at - when < FOUGHT_WITHIN}
    repaired = {
        known: tuple(when for when in times if at - when < FOUGHT_WITHIN) for known, times in row.repaired.items()
    }
    repaired[finding.fingerprint] = (*repaired.get(finding.fingerprint, ())[1 - _FIGHT :], at)
    return replace(
        row,
        made=MappingProxyType({**made, key: at}),
        repaired=MappingProxyType({known: times for known, times in repaired.items() if times}),
    )


def hold_fought(row: VaultRow, planned: PlannedChange, now: datetime) -> VaultRow | None:
    """The row with a hold on what was repaired twice within a day and is needed again, None when it was not.

    Somebody else wants it otherwise. To go on would be a fight that nobody wins, and that nobody hears of.
    """
    times = [at for at in row.repaired.get(planned.finding.fingerprint, ()) if now - at < FOUGHT_WITHIN]
    if len(times) < _FIGHT:
        return None
    said = " and ".join(f"{at:%Y-%m-%d %H:%M:%S}" for at in times)
    why = f"repaired at {said} UTC and needed again: somebody takes it back"
    named = sorted((who for who in row.initiators if who), key=lambda who: row.initiators[who], reverse=True)
    if named:
        why += f"; events of this vault named the principals {', '.join(named[:_MOST_NAMED])}"
    hold = Hold(planned.finding.rule, planned.finding.subject, KVGUARD, why, now + HELD_FOR)
    return with_hold(row, hold, now)


def with_hold(row: VaultRow, hold: Hold, now: datetime) -> VaultRow:
    """The row with one more hold, without those that have ended."""
    return replace(row, holds=(*(known for known in row.holds if known.until > now), hold))


def _options(judged: Judgement) -> list[Option]:
    findings = (*judged.assessment.findings, *judged.plan.ask)
    return [option for finding in findings for option in finding.options]


def _latest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)


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
