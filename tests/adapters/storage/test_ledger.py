"""Budgets, the kill switch, the index, and what happens when storage does not answer."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.adapters.blobs import BlobStore
from shared.adapters.storage_connection import StorageConnection
from shared.adapters.table_account import BUDGETS, TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import ArmId
from shared.service.ports import LedgerUnavailable, SweepClaim, VaultRow
from tests.adapters.storage.conftest import NOW


def test_a_budget_has_so_many_writes_an_hour(ledger: TableLedger, subscription: str) -> None:
    taken = [ledger.reserve_write(subscription, NOW, 3) for _ in range(5)]

    assert taken == [True, True, True, False, False]
    assert ledger.reserve_write(subscription.upper(), NOW + timedelta(minutes=29), 3) is False
    assert ledger.reserve_write(subscription, NOW + timedelta(minutes=30), 3) is True
    assert ledger.reserve_write(str(uuid.uuid4()), NOW, 3) is True


def test_no_budget_allows_nothing(ledger: TableLedger, subscription: str) -> None:
    assert ledger.reserve_write(subscription, NOW, 0) is False


def test_writers_at_once_never_get_more_than_the_budget(
    ledger: TableLedger, account: TableAccount, subscription: str
) -> None:
    taken: list[bool] = []

    def reserve() -> None:
        taken.extend(ledger.reserve_write(subscription, NOW, 7) for _ in range(2))

    threads = [threading.Thread(target=reserve) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(taken), sum(taken)) == (12, 7)
    assert account.table(BUDGETS).get_entity(subscription, "2026112110")["reserved"] == 7


def test_the_kill_switch_has_a_reason_until_it_is_lifted(ledger: TableLedger) -> None:
    assert ledger.stopped() == ""
    ledger.set_stopped("maintenance of the hub")
    assert ledger.stopped() == "maintenance of the hub"
    ledger.set_stopped("")
    assert ledger.stopped() == ""


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def text_for(port: int) -> str:
    endpoints = "".join(f"{name}Endpoint=http://127.0.0.1:{port}/a;" for name in ("Blob", "Queue", "Table"))
    return f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;{endpoints}"


CALLS: dict[str, Callable[[TableLedger, ArmId], object]] = {
    "load": lambda ledger, vault: ledger.load(vault),
    "save": lambda ledger, vault: ledger.save(VaultRow(vault)),
    "journal": lambda ledger, vault: ledger.journal(vault),
    "intent": lambda ledger, vault: ledger.intent(vault, "x"),
    "reserve": lambda ledger, vault: ledger.reserve_write(vault.subscription, NOW, 1),
    "stopped": lambda ledger, vault: ledger.stopped(),
    "near": lambda ledger, vault: ledger.vaults_near(vault),
    "index": lambda ledger, vault: ledger.index(vault, [vault]),
    "unindex": lambda ledger, vault: ledger.unindex(vault, [vault]),
    "note": lambda ledger, vault: ledger.note_hint(vault, NOW),
    "last hint": lambda ledger, vault: ledger.last_hint([vault]),
    "claim": lambda ledger, vault: ledger.claim_sweep("x"),
    "save claim": lambda ledger, vault: ledger.save_claim(SweepClaim("x")),
    "ensure": lambda ledger, vault: ledger.ensure(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_storage_that_is_away_is_unavailable_with_its_cause(
    call: Callable[[TableLedger, ArmId], object], vault: ArmId
) -> None:
    connection = StorageConnection("KvGuardStorage", connection_string=text_for(closed_port()))
    ledger = TableLedger(TableAccount(connection), BlobStore(connection))

    with pytest.raises(LedgerUnavailable) as caught:
        call(ledger, vault)
    assert caught.value.__cause__ is not None


def test_missing_tables_are_unavailable_and_not_empty(
    connection: StorageConnection, blobs: BlobStore, vault: ArmId, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = TableAccount(connection)
    ledger = TableLedger(account, blobs)
    open_table = account.table
    monkeypatch.setattr(account, "table", lambda name: open_table(f"absent{name}"))

    asking = (lambda _: ledger.stopped(), lambda _: ledger.last_hint([vault]), lambda _: ledger.claim_sweep("x"))
    claiming = (lambda _: ledger.save_claim(SweepClaim("x")), lambda _: ledger.save_claim(SweepClaim("x", "e")))
    for call in (ledger.load, ledger.verify, ledger.vaults_near, *asking, *claiming):
        with pytest.raises(LedgerUnavailable):
            call(vault)
