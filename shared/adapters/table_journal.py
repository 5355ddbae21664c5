"""The journal: one hash chain of rows per vault, so that altered, inserted and removed rows are noticed.

Row ``000000000001`` and following carry the hash of the row before in their own; row ``head`` says where the chain
ends. An append is one transaction that inserts the next row and moves the head by its etag: of two writers one loses.
Source for transactions: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

from __future__ import annotations

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError
from azure.data.tables import TransactionOperation, UpdateMode

from shared.adapters.large_values import LargeValues
from shared.adapters.table_account import JOURNAL, Columns, TableAccount, unavailable
from shared.adapters.vault_rows import resource_key
from shared.domain.arm_id import ArmId
from shared.domain.plan import Outcome
from shared.service.ports import Intent, JournalEntry, LedgerConflict, LedgerUnavailable

INTENT: Final = "intent"
RESULT: Final = "result"
_HEAD: Final = "head"
_START: Final = "0" * 64
_TRIES: Final = 12


class _IntentBody(msgspec.Struct):
    """What an intent row carries beyond the columns of every row."""

    rule: str
    digest: str
    key: str
    arguments: str
    why: str


class _ResultBody(msgspec.Struct):
    """What is read back of a result row beyond the columns of every row."""

    kept: str = ""


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the chain ends; ``etag`` is empty for a journal without rows."""

    sequence: int
    hash: str
    etag: str


class TableJournal:
    """Appends to and reads the journals of vaults. Every method may raise LedgerUnavailable."""

    def __init__(self, account: TableAccount, values: LargeValues) -> None:
        self._account = account
        self._values = values

    def intend(self, vault: ArmId, intent: Intent) -> None:
        """Append an intent. Raises LedgerConflict when another writer got in between."""
        body = _IntentBody(intent.rule, intent.digest, intent.key, intent.arguments, intent.why)
        row = {
            "changeId": intent.change_id,
            "kind": INTENT,
            "at": _time(intent.at),
            "verb": intent.verb,
            "target": intent.target.text,
            "outcome": "",
            "text": intent.description,
            "body": msgspec.json.encode(body).decode(),
        }
        if not self._append(vault, self._head(vault), row):
            raise LedgerConflict(f"another writer appended to the journal of {vault.name}")

    def conclude(self, vault: ArmId, change_id: str, outcome: Outcome) -> None:
        """Append a result; the loser of a race reads again and tries again."""
        intent = self._intent_row(vault, change_id)
        body: dict[str, object] = {
            "effective_after": outcome.effective_after,
            "retry": outcome.retry,
            "retry_after": outcome.retry_after,
            "kept": outcome.kept,
        }
        row = {
            "changeId": change_id,
            "kind": RESULT,
            "at": _time(outcome.at),
            "verb": "" if intent is None else str(intent["verb"]),
            "target": outcome.target.text,
            "outcome": outcome.kind.value,
            "text": outcome.detail,
            "body": json.dumps(body, separators=(",", ":"), sort_keys=True),
        }
        for attempt in range(_TRIES):
            if self._append(vault, self._head(vault), row):
                return
            time.sleep(random.uniform(0, 0.01 * (attempt + 1)))  # spreads writers, no secret depends on it
        raise LedgerUnavailable(f"the journal of {vault.name} is written by too many at once")

    def intent(self, vault: ArmId, change_id: str) -> Intent | None:
        """The intent of a change, None when the journal has none."""
        row = self._intent_row(vault, change_id)
        if row is None:
            return None
        try:
            body = msgspec.json.decode(self._values.restored(str(row["body"])), type=_IntentBody)
            return Intent(
                change_id=change_id,
                at=datetime.fromisoformat(str(row["at"])),
                rule=body.rule,
                digest=body.digest,
                key=body.key,
                verb=str(row["verb"]),
                target=ArmId.parse(str(row["target"])),
                description=self._values.restored(str(row["text"])),
                arguments=body.arguments,
                why=body.why,
            )
        except (KeyError, ValueError, msgspec.DecodeError) as error:
            raise LedgerUnavailable(f"the intent {change_id} of {vault.name} cannot be read") from error

    def entries(self, vault: ArmId) -> tuple[JournalEntry, ...]:
        """The journal, oldest first."""
        try:
            return tuple(self._entry(row) for row in self._rows(vault))
        except (KeyError, ValueError) as error:
            raise LedgerUnavailable(f"the journal of {vault.name} cannot be read") from error

    def verify(self, vault: ArmId) -> tuple[str, ...]:
        """What is wrong with the chain, as sentences: altered, inserted, removed or cut-off rows. Empty when sound."""
        problems: list[str] = []
        expected, previous = 1, _START
        for row in self._rows(vault):
            name = str(row["RowKey"])
            if name != _row_key(expected):
                problems.append(f"row {_row_key(expected)} is missing before {name}")
            if row.get("previous") != previous:
                problems.append(f"row {name} does not follow the row before it")
            if _chained(str(row.get("previous", "")), name, row, self._values.digest) != row.get("hash"):
                problems.append(f"row {name} was altered")
            previous = str(row.get("hash", ""))
            expected = (int(name) if name.isdigit() else expected) + 1
        head = self._head(vault)
        if (head.sequence, head.hash) != (expected - 1, previous):
            problems.append(f"the head names row {head.sequence}, the last row is {expected - 1}")
        return tuple(problems)

    def _append(self, vault: ArmId, head: _Head, row: Columns) -> bool:
        """Append after ``head``; False when somebody else did so first."""
        key, sequence = resource_key(vault), head.sequence + 1
        stored = {name: self._values.stored(str(value)) for name, value in row.items()}
        name = _row_key(sequence)
        link = _chained(head.hash, name, stored, self._values.digest)
        # Tells this append from another one of the same content when the SDK repeats a transaction that was made.
        nonce = uuid.uuid4().hex
        entry = {"PartitionKey": key, "RowKey": name, "previous": head.hash, "hash": link, "nonce": nonce, **stored}
        moved = {"PartitionKey": key, "RowKey": _HEAD, "sequence": sequence, "hash": link, "vault": vault.text}
        operations: list[tuple[object, ...]] = [(TransactionOperation.CREATE, entry)]
        if head.etag:
            condition = {
                "mode": UpdateMode.REPLACE,
                "etag": head.etag,
                "match_condition": MatchConditions.IfNotModified,
            }
            operations.append((TransactionOperation.UPDATE, moved, condition))
        else:
            operations.append((TransactionOperation.CREATE, moved))
        table = self._account.table(JOURNAL)
        try:
            table.submit_transaction(operations)  # type: ignore[arg-type]  # a union of tuples mypy cannot infer
        except HttpResponseError as error:
            if error.status_code not in (409, 412):
                raise LedgerUnavailable("table journal: the transaction failed") from error
        except AzureError as error:
            raise LedgerUnavailable("table journal: the transaction failed") from error
        else:
            return True
        return self._nonce(key, name) == nonce

    def _nonce(self, key: str, name: str) -> str:
        found = self._account.find(JOURNAL, key, name)
        return "" if found is None else str(found[0].get("nonce", ""))

    def _head(self, vault: ArmId) -> _Head:
        found = self._account.find(JOURNAL, resource_key(vault), _HEAD)
        if found is None:
            return _Head(0, _START, "")
        row, etag = found
        return _Head(int(row["sequence"]), str(row["hash"]), etag)

    def _rows(self, vault: ArmId) -> Iterator[Columns]:
        with unavailable(JOURNAL):
            yield from self._account.table(JOURNAL).query_entities(
                "PartitionKey eq @key and RowKey lt @head", parameters={"key": resource_key(vault), "head": _HEAD}
            )

    def _intent_row(self, vault: ArmId, change_id: str) -> Columns | None:
        wanted = "PartitionKey eq @key and RowKey lt @head and changeId eq @id and kind eq @kind"
        parameters = {"key": resource_key(vault), "head": _HEAD, "id": change_id, "kind": INTENT}
        with unavailable(JOURNAL):
            found = self._account.table(JOURNAL).query_entities(wanted, parameters=parameters)
            return next((dict(row) for row in found), None)

    def _entry(self, row: Columns) -> JournalEntry:
        return JournalEntry(
            sequence=int(row["RowKey"]),
            change_id=str(row["changeId"]),
            kind=str(row["kind"]),
            at=datetime.fromisoformat(str(row["at"])),
            verb=str(row["verb"]),
            target=str(row["target"]),
            outcome=str(row["outcome"]),
            text=self._values.restored(str(row["text"])),
            hash=str(row["hash"]),
            kept=self._kept(row),
        )

    def _kept(self, row: Columns) -> str:
        """What a result row says was deleted for good."""
        if row["kind"] != RESULT:
            return ""
        try:
            return msgspec.json.decode(self._values.restored(str(row["body"])), type=_ResultBody).kept
        except msgspec.DecodeError as error:
            raise ValueError(f"row {row['RowKey']} has a body that is none") from error


_CHAINED: Final = ("changeId", "kind", "at", "verb", "target", "outcome", "text", "body")


def _chained(previous: str, name: str, row: Columns, digest: Callable[[str], str]) -> str:
    """SHA-256 over the hash before and the row; a value that lies in a blob counts by its hash, like any other."""
    canonical = json.dumps([previous, name, *(digest(str(row.get(column, ""))) for column in _CHAINED)])
    return hashlib.sha256(canonical.encode()).hexdigest()


def _row_key(sequence: int) -> str:
    return f"{sequence:012d}"


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
