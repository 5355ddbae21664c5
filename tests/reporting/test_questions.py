"""Answers to questions, as JSON that keeps its schema and as text that does nothing to a terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.access import Caller, CallerKind, Explained, Resolved
from shared.domain.arm_id import ArmId
from shared.domain.finding import NotEvaluated
from shared.domain.vault import DefaultAction, NetworkAcl
from shared.engine.access import explain
from shared.engine.peers import peer_verdicts
from shared.engine.resolution import networks_of, resolution
from shared.reporting.access import explanation_json, explanation_text
from shared.reporting.lines import nslookup_lines
from shared.reporting.peers import peers_json, peers_text
from shared.reporting.resolution import resolution_json, resolution_text
from tests.builders import FORBIDDEN, NOW, Given, healthy, network_id, vault_id
from tests.reporting.samples import validator

INSIDE = Caller(CallerKind.NETWORK, network=network_id())
OUTSIDE = Caller(CallerKind.INTERNET, "203.0.113.7")
BACKUP = Caller(CallerKind.SERVICE, service="Azure Backup")
MISSING = NotEvaluated("KVG604", vault_id(), FORBIDDEN)
HOSTILE = "a\x1b[2J\u202e\u2028<b>"
GIVEN = {
    "healthy": healthy(),
    "no record": healthy().no_record(),
    "public": healthy().no_links(),
    "unknown": healthy().zones_unread(),
}


def explained(given: Given, caller: Caller) -> Explained:
    return Explained(given.snapshot.vault.id, NOW, explain(given.snapshot, caller), (MISSING,))


def resolved(given: Given) -> Resolved:
    found = tuple(resolution(given.snapshot, network) for network in networks_of(given.snapshot))
    return Resolved(given.snapshot.vault.id, NOW, found, (network_id("vnet-7"),), (MISSING,))


def problems(schema: str, text: str) -> list[str]:
    return [error.message for error in validator(schema).iter_errors(json.loads(text))]


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("caller", [INSIDE, OUTSIDE, BACKUP], ids=lambda caller: caller.kind.value)
def test_an_explanation_keeps_its_schema(name: str, caller: Caller) -> None:
    text = explanation_json(explained(GIVEN[name], caller))
    assert problems("explanation.v1.json", text) == []
    body: dict[str, Any] = json.loads(text)
    for member in body:
        without = json.dumps({key: value for key, value in body.items() if key != member})
        assert problems("explanation.v1.json", without) != []


@pytest.mark.parametrize("name", GIVEN)
def test_a_resolution_keeps_its_schema(name: str) -> None:
    text = resolution_json(resolved(GIVEN[name]))
    assert problems("resolution.v1.json", text) == []
    assert json.loads(text)["left_out"] == [network_id("vnet-7").text]


def test_the_text_names_gate_error_change_and_missing_right() -> None:
    text = explanation_text(explained(healthy().no_record(), INSIDE))
    for part in ("name resolution", "NXDOMAIN", "create-record", '"10.1.0.4"', FORBIDDEN.detail, "KVG604"):
        assert part in text


def test_nslookup_prints_name_address_and_aliases() -> None:
    (entry,) = resolved(healthy()).resolutions
    assert nslookup_lines(entry.host, entry.answer)[3:] == [
        "Non-authoritative answer:",
        "Name:      contoso.privatelink.vaultcore.azure.net",
        "Address:   10.1.0.4",
        "Aliases:   contoso.vault.azure.net",
    ]
    (lost,) = resolved(healthy().no_record()).resolutions
    assert nslookup_lines(lost.host, lost.answer)[-1].endswith(
        "can't find contoso.vault.azure.net: Non-existent domain"
    )


def test_hostile_text_is_made_visible_everywhere() -> None:
    unread = replace(FORBIDDEN, detail=HOSTILE)
    given = healthy().vault(acl=NetworkAcl(DefaultAction.DENY, HOSTILE), perimeters=unread)
    found = replace(explained(given, BACKUP), not_known=(replace(MISSING, unread=unread),))
    answers = replace(resolved(healthy()), not_known=(replace(MISSING, unread=unread),))
    rows = tuple(replace(row, why=HOSTILE) for row in peer_verdicts(given.snapshot.vault, given.assess()))
    vault = given.snapshot.vault.id
    for text in (
        explanation_text(found),
        resolution_text(answers),
        peers_text(vault, rows),
        explanation_json(found),
        resolution_json(answers),
        peers_json(vault, rows),
    ):
        assert not set(text) & set("\x1b\u202e\u2028")
        assert "{1b}" in text


def test_only_what_has_no_space_is_wider_than_the_page() -> None:
    rows = peer_verdicts(healthy().snapshot.vault, healthy().assess())
    texts = [explanation_text(explained(given, caller)) for given in GIVEN.values() for caller in (INSIDE, OUTSIDE)]
    for line in "\n".join(texts).splitlines():
        assert len(line) <= 80 or " is an alias for " in line or any(is_id(word) for word in line.split())
    why = peers_text(healthy().snapshot.vault.id, rows).split("Why they differ:")[1]
    assert max(map(len, why.splitlines())) <= 80


def is_id(word: str) -> bool:
    return ArmId.parse(word.strip('",')) is not None if "/subscriptions/" in word else False
