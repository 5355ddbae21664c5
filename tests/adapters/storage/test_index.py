"""The index, the notes of hints and the claims on sweeps in a real table."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.table_account import INDEX, VAULTS, TableAccount
from shared.adapters.tables import TableLedger
from shared.adapters.vault_rows import encode_row, resource_key
from shared.domain.arm_id import ENDPOINT, VAULT, ZONE, ArmId
from shared.service.nearby import keep_index
from shared.service.ports import LedgerConflict, SweepClaim, VaultRow
from tests.adapters.storage.conftest import NOW


@pytest.fixture
def zone(subscription: str) -> ArmId:
    return ArmId.of(subscription, "rg", ZONE, "privatelink.vaultcore.azure.net")


@pytest.fixture
def scope() -> str:
    return uuid.uuid4().hex


def test_the_index_leads_from_a_resource_to_its_vaults(
    ledger: TableLedger, vault: ArmId, zone: ArmId, subscription: str
) -> None:
    other = ArmId.parse(vault.text + "2")
    endpoint = ArmId.of(subscription, "rg", ENDPOINT, "pe-1")

    ledger.index(vault, [endpoint, zone, ArmId.parse(zone.text.replace("rg", "RG", 1))])
    ledger.index(other, [zone])
    ledger.index(other, [])

    assert ledger.vaults_near(endpoint) == ((vault,), "")
    shouted = ArmId.parse(zone.text.replace("privateDnsZones", "PRIVATEDNSZONES"))
    assert set(ledger.vaults_near(shouted)[0]) == {vault, other}
    assert ledger.vaults_near(vault) == ((), "")


def test_what_is_taken_out_of_the_index_is_gone_and_the_rest_stays(
    ledger: TableLedger, vault: ArmId, zone: ArmId, subscription: str
) -> None:
    other = ArmId.parse(vault.text + "2")
    endpoint = ArmId.of(subscription, "rg", ENDPOINT, "pe-1")
    ledger.index(vault, [endpoint, zone])
    ledger.index(other, [zone])

    ledger.unindex(vault, [zone, vault])
    ledger.unindex(vault, [zone])

    assert ledger.vaults_near(zone) == ((other,), "")
    assert ledger.vaults_near(endpoint) == ((vault,), "")


@pytest.mark.parametrize(("vaults", "limit", "pages"), [(23, 10, [10, 10, 3]), (20, 10, [10, 10]), (1, 1, [1])])
def test_many_vaults_come_in_pages_each_of_them_once(
    ledger: TableLedger, zone: ArmId, subscription: str, vaults: int, limit: int, pages: list[int]
) -> None:
    wanted = {ArmId.of(subscription, "rg", VAULT, f"kv-{number}") for number in range(vaults)}
    for vault in wanted:
        ledger.index(vault, [zone])

    seen: list[list[ArmId]] = []
    cursor = ""
    while True:
        page, cursor = ledger.vaults_near(zone, cursor, limit)
        seen.append(list(page))
        if not cursor:
            break

    assert [len(page) for page in seen] == pages
    assert sorted(vault for page in seen for vault in page) == sorted(wanted)


def test_rows_that_come_and_go_between_two_pages_hide_no_other(
    ledger: TableLedger, zone: ArmId, subscription: str
) -> None:
    vaults = sorted((ArmId.of(subscription, "rg", VAULT, f"kv-{n}") for n in range(8)), key=resource_key)
    for vault in vaults[:7]:
        ledger.index(vault, [zone])
    first, cursor = ledger.vaults_near(zone, "", 3)
    ledger.unindex(first[0], [zone])
    ledger.unindex(first[2], [zone])
    ledger.index(vaults[7], [zone])
    rest, end = ledger.vaults_near(zone, cursor, 30)
    assert (first, rest, end) == (tuple(vaults[:3]), tuple(vaults[3:]), "")


def test_a_hint_is_noted_for_whoever_asks_about_its_resource(ledger: TableLedger, zone: ArmId, vault: ArmId) -> None:
    before = ledger.last_hint([zone])
    assert before is None or before <= NOW

    ledger.note_hint(zone, NOW + timedelta(hours=1))

    assert ledger.last_hint([zone]) == NOW + timedelta(hours=1)
    many = [ArmId.of(zone.subscription, "rg", ENDPOINT, f"pe-{number}") for number in range(40)]
    assert ledger.last_hint([*many, zone]) == NOW + timedelta(hours=1)
    assert ledger.last_hint([]) is None


def test_notes_do_not_grow_with_the_estate(ledger: TableLedger, account: TableAccount, subscription: str) -> None:
    keys = set()
    for number in range(60):
        endpoint = ArmId.of(subscription, "rg", ENDPOINT, f"pe-{number}")
        ledger.note_hint(endpoint, NOW)
        keys.add(resource_key(endpoint)[:2])
    rows = [str(row["RowKey"]) for row in account.table(INDEX).query_entities("PartitionKey eq 'hints'")]
    assert keys <= set(rows)
    assert {len(row) for row in rows} == {2}


def test_a_claim_comes_back_whole_and_belongs_to_one(ledger: TableLedger, scope: str) -> None:
    assert ledger.claim_sweep(scope) == SweepClaim(scope)
    claim = SweepClaim(scope, "", NOW, sent=False, until=NOW + timedelta(seconds=15))
    mine = ledger.save_claim(claim)
    assert ledger.claim_sweep(scope) == mine == replace(claim, etag=mine.etag)
    with pytest.raises(LedgerConflict):
        ledger.save_claim(claim)
    confirmed = ledger.save_claim(replace(mine, sent=True))
    with pytest.raises(LedgerConflict):
        ledger.save_claim(replace(mine, sent=False))
    assert ledger.claim_sweep(scope) == confirmed


def test_of_many_who_claim_at_once_one_gets_it(ledger: TableLedger, scope: str) -> None:
    won: list[SweepClaim] = []
    start = threading.Barrier(8)

    def claim() -> None:
        start.wait(30)
        try:
            won.append(ledger.save_claim(SweepClaim(scope, "", NOW)))
        except LedgerConflict:
            return

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_row_of_the_previous_release_counts_as_seen_just_now(
    ledger: TableLedger, account: TableAccount, vault: ArmId, zone: ArmId
) -> None:
    """That release kept what it had indexed as a list of ids; the next look gives each its two days."""
    columns = {name: value for name, value in encode_row(VaultRow(vault)).items() if name != "near"}
    keys = {"PartitionKey": resource_key(vault), "RowKey": "row"}
    account.table(VAULTS).create_entity({**keys, **columns, "indexed": json.dumps([zone.key])})
    ledger.index(vault, [zone])

    row = keep_index(ledger.load(vault), frozenset(), NOW, ledger)
    assert dict(row.indexed) == {zone: NOW}
    saved = ledger.save(row)
    assert ledger.load(vault) == saved
    assert ledger.vaults_near(zone) == ((vault,), "")

    row = keep_index(saved, frozenset(), NOW + timedelta(days=2), ledger)
    assert dict(row.indexed) == {}
    assert ledger.vaults_near(zone) == ((), "")
