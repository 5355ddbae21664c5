"""The wire form of work on ``kvguard-reconcile``: JSON with a version field.

Version 1: ``{"version": 1, "kind": "hint" | "look" | "sweep", ...}``, times as RFC 3339 in UTC. Messages of the
previous release are still read; a message of an unknown version is refused, so that it ends on the poison queue
instead of being misread. A member may be added to a kind only if a reader that ignores it does more than is needed
and never less, because during a deployment the previous release reads what this one writes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from shared.domain.arm_id import VAULT, ArmId, InvalidArmId, is_subscription
from shared.domain.message import MESSAGE_VERSION, Hint, Look, SweepRequest, Work
from shared.reporting.text import plain

_LONGEST_CURSOR: Final = 8192
_MOST_WORDS: Final = 300
# Texts that decide nothing. A message must not grow beyond its queue when it comes back.
_FOR_PEOPLE: Final = frozenset({"why", "operation", "initiator"})


class InvalidMessage(ValueError):
    """The text is no message that this release understands; it says why."""


def encode(work: Work) -> str:
    """The JSON text of one piece of work."""
    body: dict[str, object] = {"version": MESSAGE_VERSION}
    if isinstance(work, Hint):
        body |= {"kind": "hint", "resource": work.resource.text, "operation": work.operation}
        body |= {"time": _text(work.time), "initiator": work.initiator, "cursor": work.cursor, "again": work.again}
    elif isinstance(work, Look):
        body |= {"kind": "look", "vault": work.vault.text, "why": work.why}
        body["event"] = None if work.event is None else _text(work.event)
        body["resource"] = None if work.resource is None else work.resource.text
        body["initiator"] = work.initiator
        body["promised"] = None if work.promised is None else _text(work.promised)
        body["thorough"] = work.thorough
    else:
        body |= {"kind": "sweep", "subscription": work.subscription, "why": work.why, "cursor": work.cursor}
        body["event"] = None if work.event is None else _text(work.event)
    body |= {"attempt": work.attempt, "first": None if work.first is None else _text(work.first)}
    return json.dumps(body, separators=(",", ":"))


def decode(text: str) -> Work:
    """Read one message. Raises InvalidMessage with the reason."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage("the message is not JSON") from error
    if not isinstance(body, dict):
        raise InvalidMessage("the message is not a JSON object")
    if body.get("version") != MESSAGE_VERSION or isinstance(body.get("version"), bool):
        raise InvalidMessage(f"message version {body.get('version')!r} is not known here")
    attempt = body.get("attempt", 0)
    if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 0:
        raise InvalidMessage("attempt is not a count")
    first = None if body.get("first") is None else _time(body["first"], "first")
    kind = body.get("kind")
    if kind == "hint":
        operation, initiator = _string(body, "operation"), _string(body, "initiator", "")
        time, again = _time(body.get("time"), "time"), body.get("again", False)
        if not isinstance(again, bool):
            raise InvalidMessage("again is neither true nor false")
        return Hint(_id(body, "resource"), operation, time, initiator, attempt, first, _cursor(body), again)
    if kind == "look":
        event = None if body.get("event") is None else _time(body["event"], "event")
        vault = _id(body, "vault")
        if not vault.is_a(VAULT):
            raise InvalidMessage("vault is not the id of a vault")
        resource = None if body.get("resource") is None else _id(body, "resource")
        initiator = _string(body, "initiator", "")
        promised = None if body.get("promised") is None else _time(body["promised"], "promised")
        thorough = body.get("thorough", False)
        if not isinstance(thorough, bool):
            raise InvalidMessage("thorough is neither true nor false")
        return Look(vault, _string(body, "why", ""), attempt, first, event, resource, initiator, promised, thorough)
    if kind == "sweep":
        subscription = _string(body, "subscription")
        if not is_subscription(subscription):
            raise InvalidMessage("subscription is not a subscription id")
        event = None if body.get("event") is None else _time(body["event"], "event")
        return SweepRequest(subscription, _string(body, "why", ""), attempt, first, _cursor(body), event)
    raise InvalidMessage(f"message kind {kind!r} is not known")


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(value: object, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidMessage(f"{name} is not a time with a zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidMessage(f"{name} is beyond any calendar") from error


def _id(body: dict[str, object], name: str) -> ArmId:
    try:
        return ArmId.parse(_string(body, name))
    except InvalidArmId as error:
        raise InvalidMessage(f"{name} is not a resource id") from error


def _cursor(body: dict[str, object]) -> str:
    cursor = _string(body, "cursor", "")
    if len(cursor) > _LONGEST_CURSOR:
        raise InvalidMessage("cursor is too long")
    return cursor


def _string(body: dict[str, object], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise InvalidMessage(f"{name} is missing or not a text")
    return value if name not in _FOR_PEOPLE else plain(value, _MOST_WORDS)
