"""What a worker that died left open: an intent without a result is closed by what the next reading shows. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from shared.domain.history import WrittenRecord
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.reading import Gone, Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import RecordSet
from shared.service.ports import Intent, VaultRow


def outcome_by(reading: VaultSnapshot | Gone, intent: Intent, now: datetime) -> Outcome:
    """The result of an interrupted change by what a reading shows."""
    if isinstance(reading, Gone):
        detail = "interrupted; the vault does not exist any more, so whether it was made is not known"
        return Outcome(OutcomeKind.FAILED, intent.target, now, detail)
    made = _shows(reading, intent)
    kind = OutcomeKind.APPLIED if made else OutcomeKind.FAILED
    detail = "interrupted; a later reading " + ("shows it made" if made else "does not show the change")
    return Outcome(kind, intent.target, now, detail)


def adopted(row: VaultRow, intent: Intent) -> VaultRow:
    """The row that knows of an interrupted change that was made: when, and which record is kvguard's by it."""
    row = replace(row, made=MappingProxyType({**row.made, intent.key: intent.at}))
    if intent.verb not in ("create-record", "update-record"):
        return row
    arguments = json.loads(intent.arguments)
    if intent.verb == "update-record" and not (arguments.get("adopt") or intent.target in row.written):
        return row
    written = WrittenRecord(intent.change_id, tuple(arguments["addresses"]), int(arguments["ttl"]), intent.at)
    return replace(row, written=MappingProxyType({**row.written, intent.target: written}))


def _shows(snapshot: VaultSnapshot, intent: Intent) -> bool:
    """Whether a reading shows what a change was to bring about; that it is no longer planned can have other reasons."""
    target, arguments = intent.target, json.loads(intent.arguments)
    if intent.verb in ("create-record", "update-record"):
        zone = snapshot.zone(target.parent)
        record = None if zone is None else zone.lookup(target.name)
        return (
            isinstance(record, RecordSet)
            and sorted(record.addresses) == arguments["addresses"]
            and record.ttl == arguments["ttl"]
        )
    if intent.verb == "create-link":
        zone = snapshot.zone(target.parent)
        links = () if zone is None or isinstance(zone.links, Unread) else zone.links
        return any(link.id == target and link.network.key == arguments["network"] for link in links)
    if intent.verb == "delete-connection":
        return all(connection.id != target for connection in snapshot.vault.connections)
    return False
