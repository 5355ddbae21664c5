"""Rows of vaults come back from the table as they went in, and of two writers one loses."""

from __future__ import annotations

import json
import threading
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from shared.adapters.blobs import STATE, BlobStore
from shared.adapters.table_account import VAULTS, TableAccount
from shared.adapters.tables import TableLedger
from shared.adapters.vault_rows import resource_key
from shared.domain.arm_id import ArmId
from shared.domain.history import Hold, Sighting, WrittenRecord
from shared.domain.vault import ConnectionStatus
from shared.service.ports import Lease, LedgerConflict, LedgerUnavailable, VaultRow
from tests.adapters.storage.conftest import NOW

RECORD = ArmId.parse(
    "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg-dns/providers/Microsoft.Network"
    "/privateDnsZones/privatelink.vaultcore.azure.net/A/kv-orders"
)


def full_row(vault: ArmId) -> VaultRow:
    """A row in which every member differs from its default."""
    connection = vault.child("privateEndpointConnections", "Pe-1")
    return VaultRow(
        vault=vault,
        lease=Lease("worker-1", NOW, 7, NOW + timedelta(seconds=2)),
        newest_event=NOW,
        last_quiet_read=NOW + timedelta(seconds=1),
        last_fresh_read=NOW - timedelta(minutes=1),
        restless_since=NOW - timedelta(minutes=2),
        look_at=NOW + timedelta(microseconds=1),
        unfinished="change-1",
        first_seen=MappingProxyType({"digest": NOW}),
        told=MappingProxyType({"fingerprint": "hash"}),
        sightings=MappingProxyType(
            {
                connection: Sighting(
                    ConnectionStatus.REJECTED,
                    NOW,
                    NOW - timedelta(days=1),
                    NOW - timedelta(hours=1),
                    NOW - timedelta(minutes=20),
                )
            }
        ),
        holds=(Hold("KVG411", RECORD, "Zoë", "wird gerade geprüft", NOW + timedelta(days=30)),),
        written=MappingProxyType({RECORD: WrittenRecord("change-0", ("10.1.0.4", "10.1.0.5"), 60, NOW)}),
        ttl_mended=MappingProxyType({RECORD: NOW}),
        links_moving_since=MappingProxyType({RECORD.parent.child("virtualNetworkLinks", "To-Spoke"): NOW}),
        made=MappingProxyType({"key": NOW}),
        repaired=MappingProxyType({"fingerprint": (NOW - timedelta(hours=2), NOW)}),
        touched=MappingProxyType({RECORD: NOW - timedelta(seconds=3)}),
        initiators=MappingProxyType({"": NOW, "00000000-0000-0000-0000-0000000000e1": NOW - timedelta(seconds=4)}),
        indexed=MappingProxyType({RECORD: NOW - timedelta(days=1)}),
    )


def test_the_sample_row_leaves_no_member_at_its_default(vault: ArmId) -> None:
    row = full_row(vault)
    plain = [
        item.name
        for item in fields(VaultRow)
        if item.name != "etag"
        and getattr(row, item.name) == (item.default_factory() if item.default_factory is not MISSING else item.default)
    ]

    assert plain == [], "a member without a value here is one that nobody noticed is not stored"


def test_a_row_comes_back_whole(ledger: TableLedger, vault: ArmId) -> None:
    saved = ledger.save(full_row(vault))

    loaded = ledger.load(ArmId.parse(vault.text.upper().replace("/SUBSCRIPTIONS", "/subscriptions")))

    assert saved.etag
    assert loaded == saved
    assert loaded.etag == saved.etag


def test_an_unknown_vault_has_a_fresh_row_without_etag(ledger: TableLedger, vault: ArmId) -> None:
    assert ledger.load(vault) == VaultRow(vault)


def test_saving_replaces_what_was_there(ledger: TableLedger, vault: ArmId) -> None:
    first = ledger.save(full_row(vault))

    second = ledger.save(VaultRow(vault, etag=first.etag, unfinished="change-2"))

    assert ledger.load(vault) == VaultRow(vault, etag=second.etag, unfinished="change-2")


def test_the_loser_of_two_writers_is_told(ledger: TableLedger, vault: ArmId) -> None:
    first = ledger.save(VaultRow(vault))
    ledger.save(replace(first, unfinished="mine"))

    with pytest.raises(LedgerConflict):
        ledger.save(replace(first, unfinished="yours"))
    with pytest.raises(LedgerConflict):
        ledger.save(VaultRow(vault, unfinished="yours"))
    assert ledger.load(vault).unfinished == "mine"


def test_a_row_that_was_deleted_is_a_conflict(ledger: TableLedger, account: TableAccount, vault: ArmId) -> None:
    row = ledger.save(VaultRow(vault))
    account.table(VAULTS).delete_entity(resource_key(vault), "row")

    with pytest.raises(LedgerConflict):
        ledger.save(row)


def test_of_many_inserts_at_once_one_wins(ledger: TableLedger, vault: ArmId) -> None:
    won: list[str] = []
    lost: list[str] = []

    def insert(number: int) -> None:
        try:
            ledger.save(VaultRow(vault, unfinished=f"writer-{number}"))
            won.append(f"writer-{number}")
        except LedgerConflict:
            lost.append(f"writer-{number}")

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(won), len(lost)) == (1, 7)
    assert ledger.load(vault).unfinished == won[0]


def test_a_write_that_was_served_and_repeated_by_the_sdk_is_no_conflict(
    ledger: TableLedger, account: TableAccount, vault: ArmId, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = account.table(VAULTS)
    create, update = table.create_entity, table.update_entity

    def create_twice(entity: dict[str, object]) -> object:
        create(entity)
        return create(entity)

    def update_twice(entity: dict[str, object], **options: object) -> object:
        update(entity, **options)  # type: ignore[arg-type]  # options go through as they came
        return update(entity, **options)  # type: ignore[arg-type]  # options go through as they came

    monkeypatch.setattr(table, "create_entity", create_twice)
    monkeypatch.setattr(table, "update_entity", update_twice)

    row = ledger.save(VaultRow(vault, unfinished="a"))
    row = ledger.save(replace(row, unfinished="b"))

    assert ledger.load(vault) == row


def test_a_large_value_lies_in_a_blob_named_by_its_hash(
    ledger: TableLedger, account: TableAccount, blobs: BlobStore, vault: ArmId
) -> None:
    told = {f"{number:064x}": "ü" * 64 for number in range(400)}

    ledger.save(VaultRow(vault, told=MappingProxyType(told)))

    column = account.table(VAULTS).get_entity(resource_key(vault), "row")["told"]
    assert column.startswith("kvguard-blob:")
    assert "0" * 63 + "1" in blobs.get(STATE, column.removeprefix("kvguard-blob:"))
    assert dict(ledger.load(vault).told) == told


def test_an_altered_blob_is_noticed(ledger: TableLedger, account: TableAccount, blobs: BlobStore, vault: ArmId) -> None:
    ledger.save(VaultRow(vault, told=MappingProxyType({f"{number:064x}": vault.text for number in range(400)})))
    column = account.table(VAULTS).get_entity(resource_key(vault), "row")["told"]
    blob = blobs._client().get_blob_client(STATE, column.removeprefix("kvguard-blob:"))
    blob.upload_blob(b"{}", overwrite=True)

    with pytest.raises(LedgerUnavailable, match="altered"):
        ledger.load(vault)


@pytest.mark.parametrize(
    "columns", [{"told": "not json"}, {"newestEvent": "soon"}, {"holds": '[{"rule": 1}]'}, {"written": '{"x": {}}'}]
)
def test_a_row_that_cannot_be_read_is_no_empty_row(
    ledger: TableLedger, account: TableAccount, vault: ArmId, columns: dict[str, str]
) -> None:
    account.table(VAULTS).create_entity({"PartitionKey": resource_key(vault), "RowKey": "row", **columns})

    with pytest.raises(LedgerUnavailable) as caught:
        ledger.load(vault)
    assert caught.value.__cause__ is not None


def test_members_of_another_release_are_ignored_and_absent_ones_have_their_default(
    ledger: TableLedger, account: TableAccount, vault: ArmId
) -> None:
    row = {"PartitionKey": resource_key(vault), "RowKey": "row", "unfinished": "x", "invented": "later"}
    account.table(VAULTS).create_entity(row)

    loaded = ledger.load(vault)

    assert loaded == VaultRow(vault, etag=loaded.etag, unfinished="x")


def test_a_sighting_of_the_previous_release_has_no_movement_and_one_of_the_next_more_members(
    ledger: TableLedger, account: TableAccount, vault: ArmId
) -> None:
    connection = vault.child("privateEndpointConnections", "pe-1")
    seen = {"status": "Approved", "since": "2026-11-20T00:00:00Z", "invented": 7}
    row = {"PartitionKey": resource_key(vault), "RowKey": "row", "sightings": json.dumps({connection.text: seen})}
    account.table(VAULTS).create_entity(row)

    [sighting] = ledger.load(vault).sightings.values()

    assert sighting == Sighting(ConnectionStatus.APPROVED, datetime(2026, 11, 20, tzinfo=UTC))


def test_keys_are_26_characters_that_tables_allow_and_ignore_case(vault: ArmId) -> None:
    key = resource_key(vault)

    assert key == resource_key(ArmId.parse(vault.text.replace("kv-orders", "KV-Orders")))
    assert len(key) == 26
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz234567")
