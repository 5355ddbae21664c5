"""The digest binds an approval to what it was given for: each fact changes it, nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, CreateLink, CreateRecord, UpdateRecord
from shared.domain.grades import Mode
from shared.domain.rule import Rule
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.engine.digest import digest
from shared.rules import (
    kvg101_public_access_open,
    kvg201_pending_connection,
    kvg202_dead_connection,
    kvg403_network_not_linked,
    kvg411_missing_a_record,
    kvg412_wrong_a_record,
    kvg413_ttl_out_of_range,
)
from tests.builders import (
    NOW,
    OURS,
    Given,
    dead,
    endpoint_id,
    group_of,
    healthy,
    long_ttl,
    missing_record,
    network_id,
    record_set,
    unlinked,
    wrong_record,
    zone_id,
)

OPEN = healthy().vault(public_access=PublicAccess.ENABLED)
PENDING = healthy().connection(status=ConnectionStatus.PENDING)
CASES: dict[str, tuple[Rule, Given]] = {
    "KVG101": (kvg101_public_access_open.RULE, OPEN),
    "KVG201": (kvg201_pending_connection.RULE, PENDING),
    "KVG202": (kvg202_dead_connection.RULE, dead()),
    "KVG403": (kvg403_network_not_linked.RULE, unlinked()),
    "KVG411": (kvg411_missing_a_record.RULE, missing_record()),
    "KVG412": (kvg412_wrong_a_record.RULE, wrong_record()),
    "KVG413": (kvg413_ttl_out_of_range.RULE, long_ttl()),
}

Edit = Callable[[Given], Given]


def _digests(rule: Rule, given: Given) -> set[str]:
    return {option.digest for option in given.finding(rule).options}


def _later(given: Given) -> Given:
    """An hour later; what was seen, mended and held is as old as before."""
    return given.at(replace(given.snapshot, read_at=NOW + timedelta(hours=1)))


def _other_etag(given: Given) -> Given:
    [zone] = given.snapshot.zones
    record = zone.records["contoso"]
    assert record is not None
    return given.at(replace(given.snapshot, zones=(zone.with_record("contoso", replace(record, etag="etag-2")),)))


IRRELEVANT: dict[str, Edit] = {
    "time": _later,
    "location": lambda given: given.vault(location="northeurope"),
    "description": lambda given: given.vault(
        connections=tuple(replace(c, description="please") for c in given.snapshot.vault.connections)
    ),
    "another-vaults-record": lambda given: given.record("10.1.0.9", name="other"),
    "another-network": lambda given: given.network("vnet-7"),
    "order-of-connections": lambda given: given.vault(connections=given.snapshot.vault.connections[::-1]),
    "casing": lambda given: given.vault(id=ArmId.parse(given.snapshot.vault.id.text.upper())),
}


@pytest.mark.parametrize("edit", IRRELEVANT.values(), ids=IRRELEVANT)
@pytest.mark.parametrize("case", CASES)
def test_an_irrelevant_edit_keeps_every_digest(case: str, edit: Edit) -> None:
    rule, given = CASES[case]
    digests = _digests(rule, given)
    assert digests
    assert _digests(rule, edit(given)) == digests


RELEVANT: list[tuple[str, str, Edit]] = [
    ("KVG101", "firewall", lambda given: given.vault(acl=NetworkAcl(DefaultAction.ALLOW, "None"))),
    ("KVG101", "rule", lambda given: given.vault(acl=NetworkAcl(DefaultAction.ALLOW, "AzureServices", ("1.2.3.4",)))),
    ("KVG101", "connection", lambda given: given.second_endpoint().network("vnet-2")),
    (
        "KVG201",
        "endpoint",
        lambda given: given.connection(endpoint=endpoint_id("pe-2"), status=ConnectionStatus.PENDING),
    ),
    ("KVG201", "alias", lambda given: given.second_endpoint()),
    ("KVG202", "status", lambda given: given.connection("c-dead", ConnectionStatus.DISCONNECTED)),
    ("KVG202", "state", lambda given: given.connection("c-dead", ConnectionStatus.REJECTED, "Failed")),
    (
        "KVG202",
        "endpoint",
        lambda given: given.connection("c-dead", ConnectionStatus.REJECTED, endpoint=endpoint_id("x")),
    ),
    ("KVG403", "addresses", lambda given: given.endpoint(addresses=("10.1.0.5",))),
    ("KVG411", "addresses", lambda given: given.endpoint(addresses=("10.1.0.5",))),
    ("KVG411", "claimant", lambda given: given.connection("c-2", state="Failed", endpoint=endpoint_id("pe-2"))),
    ("KVG411", "empty-set", lambda given: given.record()),
    ("KVG411", "zone-group", lambda given: given.endpoint(zone_groups=(group_of(endpoint_id(), zone_id(group="o")),))),
    ("KVG412", "address", lambda given: given.record("10.1.0.98", metadata=OURS)),
    ("KVG412", "ttl", lambda given: given.record("10.1.0.99", metadata=OURS, ttl=61)),
    ("KVG412", "endpoint", lambda given: given.endpoint(addresses=("10.1.0.5",))),
    ("KVG412", "ownership", lambda given: given.written("10.1.0.97")),
    ("KVG413", "ttl", lambda given: given.record("10.1.0.4", ttl=3601)),
    ("KVG413", "address", lambda given: given.record("10.1.0.4", "10.1.0.5", ttl=3600)),
]


@pytest.mark.parametrize(
    ("case", "edit"), [(row[0], row[2]) for row in RELEVANT], ids=[f"{r[0]}-{r[1]}" for r in RELEVANT]
)
def test_each_fact_changes_every_digest(case: str, edit: Edit) -> None:
    rule, given = CASES[case]
    changed = _digests(rule, edit(given))
    assert changed
    assert changed.isdisjoint(_digests(rule, given))


@pytest.mark.parametrize("case", CASES)
def test_the_mode_of_the_policy_and_the_revision_of_the_rule_change_every_digest(case: str) -> None:
    rule, given = CASES[case]
    approve = _digests(rule, given.mode(rule.id, Mode.APPROVE))
    newer = replace(rule, revision=rule.revision + 1)
    assert approve
    assert approve.isdisjoint(_digests(newer, given.mode(rule.id, Mode.APPROVE)))
    if rule.ceiling.name == "SAFE":
        assert approve.isdisjoint(_digests(rule, given.mode(rule.id, Mode.FIX)))


def test_a_new_etag_keeps_the_digest() -> None:
    for case in ("KVG412", "KVG413"):
        rule, given = CASES[case]
        assert _digests(rule, _other_etag(given)) == _digests(rule, given)


def test_each_argument_of_a_change_changes_the_digest_and_the_key() -> None:
    rule = kvg411_missing_a_record.RULE
    changes: list[Change] = [
        CreateRecord(zone_id(), "contoso", ("10.1.0.4",), 60),
        CreateRecord(zone_id(), "contoso", ("10.1.0.5",), 60),
        CreateRecord(zone_id(), "contoso", ("10.1.0.4",), 61),
        CreateRecord(zone_id(), "other", ("10.1.0.4",), 60),
        CreateRecord(zone_id(group="rg-2"), "contoso", ("10.1.0.4",), 60),
        UpdateRecord(record_set(), ("10.1.0.4",), 60, adopt=True),
        UpdateRecord(record_set(), ("10.1.0.4",), 60, adopt=False),
        CreateLink(zone_id(), network_id()),
        CreateLink(zone_id(), network_id("vnet-2")),
    ]
    digests = [digest(rule, Mode.FIX, change, {}) for change in changes]
    assert len(set(digests)) == len(changes)
    assert len({change.key for change in changes}) == len(changes)
    assert all(re.fullmatch(r"[0-9a-f]{64}", text) for text in digests)
    assert all(re.fullmatch(r"[0-9a-f]{32}", change.key) for change in changes)


def test_the_order_of_lists_does_not_matter() -> None:
    rule = kvg411_missing_a_record.RULE
    one = CreateRecord(zone_id(), "contoso", ("10.1.0.4", "10.1.0.5"), 60)
    other = CreateRecord(zone_id(), "contoso", ("10.1.0.5", "10.1.0.4"), 60)
    assert digest(rule, Mode.FIX, one, {"a": ["x", "y"]}) == digest(rule, Mode.FIX, other, {"a": ["y", "x"]})
    assert one.key == other.key
