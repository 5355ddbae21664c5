"""Events and queue messages of somebody who may send them: never another resource taken for a vault, never a crash."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.queues import MESSAGE_BYTES
from shared.domain.history import History, Sighting
from shared.domain.message import Hint
from shared.domain.vault import ConnectionStatus, Vault
from shared.rules import kvg204_no_effective_connection as kvg204
from shared.service.events import Envelope, Ignored, to_hint
from shared.service.messages import InvalidMessage, decode, encode
from tests.builders import (
    NOW,
    connection_id,
    endpoint_id,
    healthy,
    link_to,
    missing_record,
    neighbour,
    network_id,
    vault_id,
    zone_id,
)

TENANT = "00000000-0000-0000-0000-0000000000ff"
WRITE = "Microsoft.Resources.ResourceWriteSuccess"


def look_at(resource: str, **members: Any) -> str:
    return json.dumps({"version": 1, "kind": "look", "vault": resource, "why": "x", **members})


@pytest.mark.parametrize("resource", [connection_id().text, network_id().text, zone_id().text])
def test_only_a_vault_is_looked_at_as_a_vault(resource: str) -> None:
    """A connection answers a GET like a vault without a firewall would, which would be told as an open vault."""
    with pytest.raises(InvalidMessage, match="vault"):
        decode(look_at(resource))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        look_at(vault_id().text, first="0001-01-01T00:00:00+23:59"),
        look_at(vault_id().text, event="9999-12-31T23:59:59-23:59"),
        look_at(vault_id().text + "\ud800"),
        look_at(vault_id().text, attempt=10**30 * -1),
    ],
    ids=["deep", "before time", "after time", "half a character", "less than none"],
)
def test_a_message_that_is_none_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidMessage):
        decode(text)


def test_a_message_does_not_grow_beyond_its_queue_when_it_comes_back() -> None:
    """48 KiB of two-byte characters become 144 KiB of JSON escapes."""
    text = json.dumps({"version": 1, "kind": "look", "vault": vault_id().text, "why": "é" * 24_000}, ensure_ascii=False)
    assert len(encode(decode(text)).encode()) < MESSAGE_BYTES / 2


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_an_event_at_the_edge_of_time_is_one_that_can_be_true(moment: str) -> None:
    data = {"resourceUri": vault_id().text, "operationName": "w\nrite", "tenantId": TENANT}
    found = to_hint(Envelope(WRITE, None, datetime.fromisoformat(moment), data), TENANT, NOW)
    assert isinstance(found, Hint)
    assert NOW - timedelta(days=2) <= found.time <= NOW + timedelta(minutes=15)
    assert "\n" not in found.operation


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("x\nFAKE \x1b[2J", {}),
        (WRITE, {"resourceUri": "/no\r\nFAKE id\u202e"}),
        (WRITE, {"resourceUri": vault_id().text, "tenantId": "t\nFAKE"}),
        (WRITE, {"resourceUri": vault_id().text, "status": "Fa\niled"}),
        ("a\x1bMicrosoft.Resources.ResourceWriteFailure", {}),
    ],
)
def test_what_is_logged_of_an_ignored_event_is_one_line(kind: str, data: dict[str, str]) -> None:
    found = to_hint(Envelope(kind, None, datetime(2026, 1, 1, tzinfo=UTC), data), TENANT, NOW)
    assert isinstance(found, Ignored)
    assert not set(found.detail) & set("\r\n\x1b\u202e")


@pytest.mark.parametrize("name", ["$(reboot)", "`id`", "a';reboot;'", "--yes", "a b\u202ec", "a$IFS|b"])
def test_the_prepared_command_takes_a_hostile_name_as_one_word(name: str) -> None:
    given = healthy().no_connections()
    vault: Vault = given.snapshot.vault
    given = given.vault(id=vault.id.parse(vault.id.text.rpartition("/")[0] + f"/{name}"))
    words = shlex.split(given.only(kvg204.RULE).advice)
    assert words[words.index("--private-connection-resource-id") + 1].endswith(f"/{name}")
    assert f"pe-{name}" in words
    assert len(words) == 18


@pytest.mark.parametrize("approved", [True, False])
def test_many_askers_at_a_vault_of_a_large_hub_cost_little(approved: bool) -> None:
    """Anybody in any tenant may ask for a connection, 64 times; a hub's zone may have 1000 links."""
    given = healthy() if approved else healthy().no_connections()
    for number in range(63):
        given = given.connection(
            f"p-{number}", ConnectionStatus.PENDING, "Succeeded", endpoint_id(f"stranger-{number}")
        )
    given = given.zone(links=tuple(link_to(network_id(f"vnet-{number}")) for number in range(1000)))
    began = time.process_time()
    assessment = given.assess()
    assert sum(finding.rule == "KVG201" for finding in assessment.findings) == 63
    assert time.process_time() - began < 2.0


def test_many_dead_connections_at_a_vault_of_a_large_hub_are_planned_in_time() -> None:
    """64 changes are simulated one after the other over 1000 links and 300 other vaults."""
    given = missing_record().no_links()
    for number in range(63):
        name = f"gone-{number}"
        given = given.connection(f"d-{number}", ConnectionStatus.REJECTED, "Succeeded", endpoint_id(name))
        given = given.endpoint_gone(name)
    dead = [connection.id for connection in given.snapshot.vault.connections if connection.status.dead]
    seen = {name: Sighting(ConnectionStatus.REJECTED, NOW - timedelta(days=3)) for name in dead}
    given = given.at(replace(given.snapshot, history=History(sightings=seen)))
    given = given.zone(links=tuple(link_to(network_id(f"vnet-{number}")) for number in range(2, 1002)))
    given = given.neighbours(*(neighbour(f"kv-{n}", address=f"10.1.{n // 200}.{n % 200 + 10}") for n in range(300)))
    began = time.process_time()
    plan = given.plan()
    assert [planned.change.verb for planned in plan.apply].count("delete-connection") == 63
    assert time.process_time() - began < 6.0
