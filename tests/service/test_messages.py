"""The wire form of work: what is written is read, what is not understood is refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.service.messages import InvalidMessage, decode, encode
from tests.builders import SUBSCRIPTION, vault_id, zone_id
from tools.schemas import reconcile

TIME = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
WORK: list[Work] = [
    Hint(vault_id(), "Microsoft.KeyVault/vaults/write", TIME, "oid-1"),
    Hint(vault_id(), "", TIME, attempt=3, first=TIME),
    Look(vault_id(), "a promised look", promised=TIME),
    Hint(vault_id(), "", TIME, "", 1, TIME, "k7abc", again=True),
    Look(vault_id(), "", 2, TIME, TIME),
    Look(vault_id(), "", 2, TIME, TIME, zone_id(), "oid-2"),
    SweepRequest(SUBSCRIPTION, "a zone changed", 1, TIME),
    SweepRequest(SUBSCRIPTION, "", 0, TIME, "/subscriptions?$skiptoken=x", TIME),
]


@pytest.mark.parametrize("work", WORK)
def test_work_survives_the_queue(work: Work) -> None:
    assert decode(encode(work)) == work


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version 2"),
        ({"version": None}, "version None"),
        ({"version": True}, "version True"),
        ({"kind": "purge"}, "'purge'"),
        ({"vault": "contoso"}, "vault is not a resource id"),
        ({"vault": None}, "vault is missing"),
        ({"vault": ["x"]}, "vault is missing or not a text"),
        ({"attempt": -1}, "attempt"),
        ({"attempt": "1"}, "attempt"),
        ({"first": "yesterday"}, "first is not a time"),
        ({"first": "2026-11-21T12:00:00"}, "first is not a time with a zone"),
        ({"event": 5}, "event is not a time"),
    ],
)
def test_a_message_that_is_not_understood_is_refused_with_its_reason(change: dict[str, Any], reason: str) -> None:
    body = json.loads(encode(Look(vault_id(), "why"))) | change
    with pytest.raises(InvalidMessage, match=reason):
        decode(json.dumps(body))


@pytest.mark.parametrize("text", ["", "no json", "[]", "7", '"look"', "null"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage):
        decode(text)


@pytest.mark.parametrize(
    ("work", "change", "reason"),
    [
        (WORK[0], {"again": 1}, "again"),
        (WORK[0], {"cursor": 7}, "cursor"),
        (WORK[0], {"cursor": "x" * 8193}, "cursor is too long"),
        (WORK[-1], {"event": "soon"}, "event is not a time"),
    ],
)
def test_what_only_some_kinds_have_is_checked_too(work: Work, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        decode(json.dumps(json.loads(encode(work)) | change))


@pytest.mark.parametrize("work", WORK)
def test_the_previous_release_s_messages_are_still_read(work: Work) -> None:
    """It wrote neither the cursor of a hint nor the promise of a look nor the event of a sweep."""
    body = json.loads(encode(work))
    for name in {"hint": ("cursor", "again"), "look": ("promised",), "sweep": ("event",)}[body["kind"]]:
        del body[name]
    read = decode(json.dumps(body))
    if isinstance(work, Hint):
        assert read == replace(work, cursor="", again=False)
    elif isinstance(work, SweepRequest):
        assert read == replace(work, event=None)
    else:
        assert read == replace(work, promised=None)


@pytest.mark.parametrize("work", WORK)
def test_the_schema_knows_every_member_that_is_written(work: Work) -> None:
    body = json.loads(encode(work))
    assert set(body) == set(reconcile()["$defs"][body["kind"]]["properties"])


def test_members_of_a_later_minor_change_are_not_in_the_way() -> None:
    body = json.loads(encode(WORK[2])) | {"hue": "blue"}
    assert decode(json.dumps(body)) == WORK[2]
