"""Record sets: each write under the service's own precondition, everything that stays sent again."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateRecord, DeleteRecord, Irreversible, UpdateRecord
from shared.domain.plan import OutcomeKind
from shared.domain.zone import RecordSet
from tests.adapters.writer.conftest import CHANGE_ID, Bench
from tests.emulator.arm.estate import RECORD, ZONE, record_body

ZONE_ID = ArmId.parse(ZONE)
CREATE = CreateRecord(ZONE_ID, "kv-orders", ("10.1.0.4",), 60)


@pytest.fixture(autouse=True)
def zone(bench: Bench) -> None:
    bench.estate.zone()
    bench.azure.switches.strict_etag = True


def seeded(bench: Bench, *addresses: str, ttl: int = 3600, **properties: Any) -> RecordSet:
    """A record set in Azure, as the reader would have read it."""
    bench.estate.put(RECORD, record_body(*addresses, ttl=ttl, **properties))
    metadata = MappingProxyType(dict(properties.get("metadata") or {}))
    return RecordSet(ArmId.parse(RECORD), ttl, addresses, metadata, bench.get(RECORD)["etag"])


def test_a_missing_record_is_created_under_if_none_match_with_our_metadata(bench: Bench) -> None:
    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.target) == (OutcomeKind.APPLIED, CREATE.target)
    (write,) = bench.writes
    assert (write.method, write.request_headers.get("if-none-match")) == ("PUT", "*")
    assert "if-match" not in write.request_headers
    assert bench.get(RECORD)["properties"] == {
        "metadata": {"managed-by": "kvguard", "kvguard-change": CHANGE_ID},
        "fqdn": "kv-orders.privatelink.vaultcore.azure.net.",
        "ttl": 60,
        "aRecords": [{"ipv4Address": "10.1.0.4"}],
        "isAutoRegistered": False,
    }


def test_the_same_change_a_second_time_finds_its_own_record(bench: Bench) -> None:
    bench.apply(CREATE)

    outcome = bench.apply(CREATE)

    assert outcome.kind is OutcomeKind.ALREADY_TRUE
    assert [entry.status for entry in bench.writes] == [201, 412]


@pytest.mark.parametrize(
    ("addresses", "ttl", "metadata"),
    [
        pytest.param(("10.1.0.4",), 60, {}, id="same content without our mark"),
        pytest.param(
            ("10.1.0.4",), 60, {"managed-by": "kvguard", "kvguard-change": "another"}, id="another change of ours"
        ),
        pytest.param(("10.9.9.9",), 60, {"kvguard-change": CHANGE_ID}, id="another address"),
        pytest.param(("10.1.0.4",), 300, {"kvguard-change": CHANGE_ID}, id="another TTL"),
        pytest.param((), 60, {}, id="empty set"),
    ],
)
def test_a_foreign_record_of_the_name_is_left_alone(
    bench: Bench, addresses: tuple[str, ...], ttl: int, metadata: dict[str, str]
) -> None:
    seeded(bench, *addresses, ttl=ttl, metadata=metadata)
    before = bench.get(RECORD)

    outcome = bench.apply(CREATE)

    assert outcome.kind is OutcomeKind.CONFLICT
    assert bench.get(RECORD) == before


def test_a_record_in_a_zone_that_is_gone_is_a_conflict(bench: Bench) -> None:
    bench.estate.delete(ZONE)

    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.retry) == (OutcomeKind.CONFLICT, False)
    assert "ParentResourceNotFound" in outcome.detail


def test_an_update_sends_the_bare_etag_and_carries_over_what_it_does_not_change(bench: Bench) -> None:
    before = seeded(bench, "10.1.0.4", "10.1.0.5", metadata={"team": "payments"})

    outcome = bench.apply(UpdateRecord(before, before.addresses, 60, adopt=False))

    assert (outcome.kind, outcome.effective_after) == (OutcomeKind.APPLIED, 3600)
    (write,) = bench.writes
    assert write.request_headers["if-match"] == before.etag
    properties = bench.get(RECORD)["properties"]
    assert (properties["ttl"], properties["metadata"]) == (60, {"team": "payments"})
    assert properties["aRecords"] == [{"ipv4Address": "10.1.0.4"}, {"ipv4Address": "10.1.0.5"}]


@pytest.mark.parametrize(
    ("metadata", "adopt", "expected"),
    [
        ({"team": "payments"}, True, {"team": "payments", "managed-by": "kvguard", "kvguard-change": CHANGE_ID}),
        (
            {"managed-by": "kvguard", "kvguard-change": "older"},
            False,
            {"managed-by": "kvguard", "kvguard-change": CHANGE_ID},
        ),
        ({"managed-by": "terraform"}, False, {"managed-by": "terraform"}),
    ],
)
def test_ownership_is_written_only_where_it_is_or_becomes_ours(
    bench: Bench, metadata: dict[str, str], adopt: bool, expected: dict[str, str]
) -> None:
    before = seeded(bench, "10.1.0.9", metadata=metadata)

    bench.apply(UpdateRecord(before, ("10.1.0.4",), 60, adopt=adopt))

    assert bench.get(RECORD)["properties"]["metadata"] == expected


def test_an_update_of_a_record_that_moved_on_is_a_conflict(bench: Bench) -> None:
    before = seeded(bench, "10.1.0.9")
    seeded(bench, "10.1.0.77")

    outcome = bench.apply(UpdateRecord(before, ("10.1.0.4",), 60, adopt=True))

    assert (outcome.kind, outcome.retry) == (OutcomeKind.CONFLICT, False)
    assert "etag mismatch" in outcome.detail
    assert bench.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.77"}]


def test_without_an_etag_only_the_very_record_is_written(bench: Bench) -> None:
    there = replace(seeded(bench, "10.1.0.9"), etag="")
    etag = bench.get(RECORD)["etag"]
    another = [replace(there, addresses=("10.1.0.8",)), replace(there, ttl=there.ttl + 1)]

    for before in another:
        assert bench.apply(UpdateRecord(before, ("10.1.0.4",), 60, adopt=True)).kind is OutcomeKind.CONFLICT
        assert bench.apply(DeleteRecord(before)).kind is OutcomeKind.CONFLICT
    assert bench.writes == []

    assert bench.apply(DeleteRecord(there)).kind is OutcomeKind.APPLIED
    assert [write.request_headers["if-match"] for write in bench.writes] == [etag]


def test_the_inverse_of_a_delete_puts_the_record_back_as_it_was(bench: Bench) -> None:
    before = seeded(bench, "10.1.0.9")
    there = bench.get(RECORD)["properties"]
    change = DeleteRecord(before)
    bench.apply(change)
    inverse = change.inverse
    assert not isinstance(inverse, Irreversible)

    assert bench.apply(inverse).kind is OutcomeKind.APPLIED
    assert bench.get(RECORD)["properties"] == there
    assert bench.apply(inverse).kind is OutcomeKind.ALREADY_TRUE


def test_an_auto_registered_record_is_refused_without_a_call(bench: Bench) -> None:
    bench.azure.seed_auto_registered(ZONE, "kv-orders", "10.1.0.9")
    etag = bench.get(RECORD)["etag"]
    before = RecordSet(ArmId.parse(RECORD), 10, ("10.1.0.9",), MappingProxyType({}), etag, auto_registered=True)

    outcomes = [bench.apply(UpdateRecord(before, ("10.1.0.4",), 60, adopt=True)), bench.apply(DeleteRecord(before))]

    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.REFUSED] * 2
    assert (bench.writes, bench.reads) == ([], [])


def test_a_delete_sends_the_bare_etag(bench: Bench) -> None:
    before = seeded(bench, "10.1.0.9")

    outcome = bench.apply(DeleteRecord(before))

    assert (outcome.kind, outcome.effective_after) == (OutcomeKind.APPLIED, 3600)
    (write,) = bench.writes
    assert (write.method, write.request_headers["if-match"]) == ("DELETE", before.etag)


def test_deleting_what_is_gone_is_already_true(bench: Bench) -> None:
    before = seeded(bench, "10.1.0.9")
    bench.estate.delete(RECORD)

    assert bench.apply(DeleteRecord(before)).kind is OutcomeKind.ALREADY_TRUE


def test_deleting_a_record_that_moved_on_is_a_conflict(bench: Bench) -> None:
    before = seeded(bench, "10.1.0.9")
    seeded(bench, "10.1.0.77")

    assert bench.apply(DeleteRecord(before)).kind is OutcomeKind.CONFLICT
    assert bench.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.77"}]
