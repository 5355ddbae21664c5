"""The journal is one chain per vault: what is altered, inserted, removed or cut off is noticed, races lose nothing."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.table_account import JOURNAL, TableAccount
from shared.adapters.table_journal import _chained
from shared.adapters.tables import TableLedger
from shared.adapters.vault_rows import resource_key
from shared.domain.arm_id import ArmId
from shared.domain.plan import Outcome, OutcomeKind
from shared.service.ports import Intent, LedgerConflict
from tests.adapters.storage.conftest import NOW


def intent(vault: ArmId, change_id: str = "change-1", arguments: str = '{"ttl":60}') -> Intent:
    return Intent(
        change_id=change_id,
        at=NOW,
        rule="KVG411",
        digest="d" * 64,
        key="k" * 32,
        verb="create-record",
        target=vault,
        description="create A record ä",
        arguments=arguments,
        why="no record",
    )


def outcome(vault: ArmId, detail: str = "done") -> Outcome:
    return Outcome(OutcomeKind.ACCEPTED, vault, NOW + timedelta(seconds=2), detail, 60, retry=False)


def test_an_intent_and_its_result_are_read_back(ledger: TableLedger, vault: ArmId) -> None:
    ledger.intend(vault, intent(vault))
    ledger.conclude(vault, "change-1", outcome(vault))

    first, second = ledger.journal(vault)
    assert (first.sequence, first.kind, first.outcome, first.text) == (1, "intent", "", "create A record ä")
    assert (second.sequence, second.kind, second.outcome, second.text) == (2, "result", "accepted", "done")
    assert (second.change_id, second.verb, second.at) == ("change-1", "create-record", NOW + timedelta(seconds=2))
    assert ledger.intent(vault, "change-1") == intent(vault)
    assert ledger.intent(vault, "change-2") is None
    assert ledger.verify(vault) == ()


def test_a_vault_without_journal_is_sound(ledger: TableLedger, vault: ArmId) -> None:
    assert (ledger.journal(vault), ledger.verify(vault)) == ((), ())


def test_large_arguments_lie_in_a_blob_and_are_part_of_the_chain(ledger: TableLedger, vault: ArmId) -> None:
    large = intent(vault, arguments='"' + "x" * 40_000 + '"')

    ledger.intend(vault, large)

    assert ledger.intent(vault, "change-1") == large
    assert ledger.verify(vault) == ()


def test_of_two_intents_on_one_head_the_second_is_a_conflict(
    ledger: TableLedger, vault: ArmId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other writer gets in after the head was read: the moment that matters."""
    ledger.intend(vault, intent(vault, "change-1"))
    journal = ledger._journal
    read_head = journal._head

    def read_and_lose(of: ArmId) -> object:
        head = read_head(of)
        monkeypatch.setattr(journal, "_head", read_head)
        ledger.intend(vault, intent(vault, "change-2"))
        return head

    monkeypatch.setattr(journal, "_head", read_and_lose)

    with pytest.raises(LedgerConflict):
        ledger.intend(vault, intent(vault, "change-3"))
    assert [entry.change_id for entry in ledger.journal(vault)] == ["change-1", "change-2"]
    assert ledger.verify(vault) == ()


def test_results_written_at_once_all_get_in(ledger: TableLedger, vault: ArmId) -> None:
    ledger.intend(vault, intent(vault))
    errors: list[Exception] = []

    def conclude(number: int) -> None:
        try:
            ledger.conclude(vault, f"change-{number}", outcome(vault, f"result {number}"))
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=conclude, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    entries = ledger.journal(vault)
    assert [entry.sequence for entry in entries] == list(range(1, 8))
    assert {entry.text for entry in entries[1:]} == {f"result {number}" for number in range(6)}
    assert ledger.verify(vault) == ()


def test_a_transaction_that_was_served_and_repeated_by_the_sdk_is_no_conflict(
    ledger: TableLedger, account: TableAccount, vault: ArmId, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = account.table(JOURNAL)
    submit = table.submit_transaction

    def twice(operations: list[object]) -> object:
        submit(list(operations))  # type: ignore[arg-type]  # passed through as it came
        return submit(list(operations))  # type: ignore[arg-type]  # passed through as it came

    monkeypatch.setattr(table, "submit_transaction", twice)

    ledger.intend(vault, intent(vault))
    ledger.conclude(vault, "change-1", outcome(vault))

    assert [entry.kind for entry in ledger.journal(vault)] == ["intent", "result"]
    assert ledger.verify(vault) == ()


def alter(table: TableClient, key: str) -> None:
    row = table.get_entity(key, "000000000002")
    row["text"] = "something else"
    table.update_entity(row, mode=UpdateMode.REPLACE)


def alter_hidden_part(table: TableClient, key: str) -> None:
    row = table.get_entity(key, "000000000001")
    row["body"] = row["body"].replace("KVG411", "KVG101")
    table.update_entity(row, mode=UpdateMode.REPLACE)


def remove_inner(table: TableClient, key: str) -> None:
    table.delete_entity(key, "000000000002")


def remove_last(table: TableClient, key: str) -> None:
    table.delete_entity(key, "000000000003")


def insert(table: TableClient, key: str) -> None:
    row = dict(table.get_entity(key, "000000000003"))
    table.create_entity({**row, "RowKey": "000000000004"})


def exchange(table: TableClient, key: str) -> None:
    second, third = (dict(table.get_entity(key, f"{number:012d}")) for number in (2, 3))
    table.update_entity({**third, "RowKey": "000000000002"}, mode=UpdateMode.REPLACE)
    table.update_entity({**second, "RowKey": "000000000003"}, mode=UpdateMode.REPLACE)


def forge(table: TableClient, key: str) -> None:
    """Somebody who knows how the hash is made, and makes it anew for the row that was altered."""
    row = table.get_entity(key, "000000000002")
    row["text"] = "something else"
    row["hash"] = _chained(row["previous"], "000000000002", row, lambda text: hashlib.sha256(text.encode()).hexdigest())
    table.update_entity(row, mode=UpdateMode.REPLACE)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (alter, "row 000000000002 was altered"),
        (alter_hidden_part, "row 000000000001 was altered"),
        (remove_inner, "row 000000000002 is missing before 000000000003"),
        (remove_last, "the head names row 3, the last row is 2"),
        (insert, "row 000000000004 was altered"),
        (exchange, "row 000000000002 does not follow the row before it"),
        (forge, "row 000000000003 does not follow the row before it"),
    ],
)
def test_tampering_is_noticed(
    ledger: TableLedger, account: TableAccount, vault: ArmId, tamper: Callable[[TableClient, str], None], said: str
) -> None:
    ledger.intend(vault, intent(vault))
    ledger.conclude(vault, "change-1", outcome(vault))
    ledger.conclude(vault, "change-1", replace(outcome(vault), detail="again"))
    assert ledger.verify(vault) == ()

    tamper(account.table(JOURNAL), resource_key(vault))

    assert said in ledger.verify(vault)


@pytest.mark.parametrize(
    "body", ['{"id": "/x"}', json.dumps({"id": "/x", "note": "n" * 70_000})], ids=["small", "large"]
)
def test_what_a_change_has_deleted_for_good_is_read_back(ledger: TableLedger, vault: ArmId, body: str) -> None:
    ledger.intend(vault, intent(vault))
    ledger.conclude(vault, "change-1", replace(outcome(vault), kept=body))

    first, second = ledger.journal(vault)
    assert (first.kept, second.kept) == ("", body)
    assert ledger.verify(vault) == ()


def test_a_change_that_deleted_nothing_keeps_nothing(ledger: TableLedger, vault: ArmId) -> None:
    ledger.intend(vault, intent(vault))
    ledger.conclude(vault, "change-1", outcome(vault))
    assert [entry.kept for entry in ledger.journal(vault)] == ["", ""]
