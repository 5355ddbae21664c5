"""The wire form of work: what is written is read, what is not understood is refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.service.messages import InvalidMessage, decode, encode
from tests.builders import SUBSCRIPTION, vault_id

TIME = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
WORK: list[Work] = [
    Hint(vault_id(), "Microsoft.KeyVault/vaults/write", TIME, "oid-1"),
    Hint(vault_id(), "", TIME, attempt=3, first=TIME),
    Look(vault_id(), "a promised look"),
    Look(vault_id(), "", 2, TIME, TIME),
    SweepRequest(SUBSCRIPTION, "a zone changed", 1, TIME),
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


def test_members_of_a_later_minor_change_are_not_in_the_way() -> None:
    body = json.loads(encode(WORK[2])) | {"hue": "blue"}
    assert decode(json.dumps(body)) == WORK[2]
