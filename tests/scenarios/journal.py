"""The product's own journal over tables in memory, and what it holds of a change once it is made."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, Final

from shared.adapters.storage_connection import StorageConnection
from shared.adapters.table_account import TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import ArmId
from shared.domain.finding import Finding, Option
from shared.domain.plan import Outcome
from shared.service.ports import Intent
from tests.simulation.storage import MemoryBlobs, MemoryTable

_CONNECTION: Final = StorageConnection("memory", connection_string="UseDevelopmentStorage=true")


def _at_once(kind: str, about: str) -> AbstractContextManager[None]:
    return nullcontext()


class _Tables(TableAccount):
    def __init__(self) -> None:
        super().__init__(_CONNECTION)
        self._memory: dict[str, MemoryTable] = {}

    def table(self, name: str) -> Any:
        """The client of one table."""
        return self._memory.setdefault(name, MemoryTable(name, _at_once))


class Journal:
    """One vault's journal."""

    def __init__(self, vault: str) -> None:
        self._vault = ArmId.parse(vault)
        blobs: Any = MemoryBlobs(_at_once, {})
        self._ledger = TableLedger(_Tables(), blobs)

    def intend(self, finding: Finding, option: Option, change_id: str, at: datetime) -> None:
        """The row before the write, as the executor makes it."""
        change = option.change
        self._ledger.intend(
            self._vault,
            Intent(
                change_id=change_id,
                at=at,
                rule=finding.rule,
                digest=option.digest,
                key=change.key,
                verb=change.verb,
                target=change.target,
                description=change.description,
                arguments=json.dumps(dict(change.arguments), sort_keys=True),
                why=finding.message,
            ),
        )

    def conclude(self, change_id: str, outcome: Outcome) -> None:
        """The row after the write."""
        self._ledger.conclude(self._vault, change_id, outcome)

    def kept(self, change_id: str) -> str:
        """The JSON text of what a change has deleted, as the journal gives it back; empty for none."""
        [result] = [
            row for row in self._ledger.journal(self._vault) if row.change_id == change_id and row.kind == "result"
        ]
        return result.kept
