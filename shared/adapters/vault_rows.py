"""The row of a vault as columns of a table, and back. Mappings and lists are JSON texts, times RFC 3339 in UTC.

Members that this release does not know are ignored and absent ones have their default, so two releases can share a row
during a deployment. The previous release wrote ``lastQuietRead`` by its own clock, before the end of the run and for
readings that were not whole: it settles nothing here, and what does has another name.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b32encode
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from shared.domain.arm_id import ArmId
from shared.domain.history import Hold, Sighting, WrittenRecord
from shared.domain.vault import ConnectionStatus
from shared.service.ports import Lease, VaultRow

Shape = TypeVar("Shape")

# Nobody has said when: whoever reads it takes his own time for it.
_UNKNOWN: Final = datetime(9999, 1, 1, tzinfo=UTC)
JSON_COLUMNS: Final = (
    "firstSeen",
    "told",
    "sightings",
    "holds",
    "written",
    "ttlMended",
    "linksMovingSince",
    "made",
    "repaired",
    "touched",
    "initiators",
    "near",
    "indexed",
)


class _Sighting(msgspec.Struct):
    status: str
    since: datetime
    last_approved: datetime | None = None
    rejected_by_kvguard: datetime | None = None
    moving_since: datetime | None = None


class _Hold(msgspec.Struct):
    rule: str
    subject: str
    who: str
    why: str
    until: datetime


class _Written(msgspec.Struct):
    change_id: str
    addresses: tuple[str, ...]
    ttl: int
    at: datetime


def resource_key(resource: ArmId) -> str:
    """The key of a resource in tables: 26 characters of base32, which no id can break out of."""
    digest = hashlib.sha256(resource.key.encode()).digest()[:16]
    return b32encode(digest).decode().rstrip("=").lower()


def encode_row(row: VaultRow) -> dict[str, str]:
    """The columns of a row, without its keys and etag."""
    return {
        "vault": row.vault.text,
        "leaseOwner": row.lease.owner,
        "leaseUntil": _time(row.lease.until),
        "fence": str(row.lease.fence),
        "dirty": _time(row.lease.dirty),
        "newestEvent": _time(row.newest_event),
        "settledRead": _time(row.last_quiet_read),
        "lastFreshRead": _time(row.last_fresh_read),
        "restlessSince": _time(row.restless_since),
        "lookAt": _time(row.look_at),
        "unfinished": row.unfinished,
        "firstSeen": _json({key: _time(value) for key, value in row.first_seen.items()}),
        "told": _json(dict(row.told)),
        "sightings": _json(
            {
                key.text: {
                    "status": seen.status.value,
                    "since": _time(seen.since),
                    "last_approved": _time(seen.last_approved) or None,
                    "rejected_by_kvguard": _time(seen.rejected_by_kvguard) or None,
                    "moving_since": _time(seen.moving_since) or None,
                }
                for key, seen in row.sightings.items()
            }
        ),
        "holds": _json(
            [
                {
                    "rule": hold.rule,
                    "subject": hold.subject.text,
                    "who": hold.who,
                    "why": hold.why,
                    "until": _time(hold.until),
                }
                for hold in row.holds
            ]
        ),
        "written": _json(
            {
                key.text: {
                    "change_id": written.change_id,
                    "addresses": list(written.addresses),
                    "ttl": written.ttl,
                    "at": _time(written.at),
                }
                for key, written in row.written.items()
            }
        ),
        "ttlMended": _json({key.text: _time(value) for key, value in row.ttl_mended.items()}),
        "linksMovingSince": _json({key.text: _time(value) for key, value in row.links_moving_since.items()}),
        "made": _json({key: _time(value) for key, value in row.made.items()}),
        "repaired": _json({key: [_time(at) for at in times] for key, times in row.repaired.items()}),
        "touched": _json({key.text: _time(value) for key, value in row.touched.items()}),
        "initiators": _json({key: _time(value) for key, value in row.initiators.items()}),
        "near": _json({key.text: _time(value) for key, value in row.indexed.items()}),
    }


def decode_row(vault: ArmId, columns: Mapping[str, object], etag: str) -> VaultRow:
    """The row of these columns. Raises ValueError or msgspec.DecodeError when one cannot be read."""
    sightings = _read(columns, "sightings", dict[str, _Sighting], {})
    holds = _read(columns, "holds", list[_Hold], [])
    written = _read(columns, "written", dict[str, _Written], {})
    mended = _read(columns, "ttlMended", dict[str, datetime], {})
    moving = _read(columns, "linksMovingSince", dict[str, datetime], {})
    touched = _read(columns, "touched", dict[str, datetime], {})
    return VaultRow(
        vault=vault,
        etag=etag,
        lease=Lease(
            owner=str(columns.get("leaseOwner") or ""),
            until=_parsed(columns.get("leaseUntil")),
            fence=int(str(columns.get("fence") or 0)),
            dirty=_parsed(columns.get("dirty")),
        ),
        newest_event=_parsed(columns.get("newestEvent")),
        last_quiet_read=_parsed(columns.get("settledRead")),
        last_fresh_read=_parsed(columns.get("lastFreshRead")),
        restless_since=_parsed(columns.get("restlessSince")),
        look_at=_parsed(columns.get("lookAt")),
        unfinished=str(columns.get("unfinished") or ""),
        first_seen=MappingProxyType(_read(columns, "firstSeen", dict[str, datetime], {})),
        told=MappingProxyType(_read(columns, "told", dict[str, str], {})),
        sightings=MappingProxyType(
            {
                ArmId.parse(key): Sighting(
                    ConnectionStatus(seen.status),
                    seen.since,
                    seen.last_approved,
                    seen.rejected_by_kvguard,
                    seen.moving_since,
                )
                for key, seen in sightings.items()
            }
        ),
        holds=tuple(Hold(hold.rule, ArmId.parse(hold.subject), hold.who, hold.why, hold.until) for hold in holds),
        written=MappingProxyType(
            {
                ArmId.parse(key): WrittenRecord(item.change_id, item.addresses, item.ttl, item.at)
                for key, item in written.items()
            }
        ),
        ttl_mended=MappingProxyType({ArmId.parse(key): value for key, value in mended.items()}),
        links_moving_since=MappingProxyType({ArmId.parse(key): value for key, value in moving.items()}),
        made=MappingProxyType(_read(columns, "made", dict[str, datetime], {})),
        repaired=MappingProxyType(_read(columns, "repaired", dict[str, tuple[datetime, ...]], {})),
        touched=MappingProxyType({ArmId.parse(key): value for key, value in touched.items()}),
        initiators=MappingProxyType(_read(columns, "initiators", dict[str, datetime], {})),
        indexed=MappingProxyType(_near(columns)),
    )


def _near(columns: Mapping[str, object]) -> dict[ArmId, datetime]:
    """What the index holds for the vault. The previous release kept ids without times: those count as seen just now."""
    if columns.get("near"):
        return {ArmId.parse(key): at for key, at in _read(columns, "near", dict[str, datetime], {}).items()}
    return {ArmId.parse(key): _UNKNOWN for key in _read(columns, "indexed", list[str], [])}


def _read(columns: Mapping[str, object], name: str, shape: type[Shape], default: Shape) -> Shape:
    text = columns.get(name)
    return msgspec.json.decode(str(text), type=shape) if text else default


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _time(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parsed(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None
