"""Durable state in Azure Tables, behind the port ``Ledger``. Concurrency is by etag, never by locks.

Keys of resources are hashes (``vault_rows.resource_key``): ids hold characters that keys must not, and so
partitions spread.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import UpdateMode

from shared.adapters.blobs import BlobStore
from shared.adapters.large_values import LargeValues
from shared.adapters.table_account import BUDGETS, SWITCH, VAULTS, TableAccount, unavailable
from shared.adapters.table_index import TableIndex
from shared.adapters.table_journal import TableJournal
from shared.adapters.vault_rows import JSON_COLUMNS, decode_row, encode_row, resource_key
from shared.domain.arm_id import ArmId
from shared.domain.plan import Outcome
from shared.service.ports import Intent, JournalEntry, LedgerConflict, LedgerUnavailable, SweepClaim, VaultRow

_ROW: Final = "row"
_SWITCH_KEY: Final = ("switch", "writes")
_TRIES: Final = 25


class TableLedger:
    """See ``shared.service.ports.Ledger`` for the contract. Thread-safe."""

    def __init__(self, account: TableAccount, blobs: BlobStore) -> None:
        self._account = account
        self._blobs = blobs
        self._values = LargeValues(blobs)
        self._journal = TableJournal(account, self._values)
        self._index = TableIndex(account)

    def ensure(self) -> None:
        """Create the tables and containers that are missing: for deployment and local runs, never in the hot path."""
        self._account.ensure()
        self._blobs.ensure()

    def load(self, vault: ArmId) -> VaultRow:
        """The vault's row; a fresh one without etag when there is none."""
        found = self._account.find(VAULTS, resource_key(vault), _ROW)
        if found is None:
            return VaultRow(vault)
        columns, etag = found
        try:
            restored = {name: self._restored(name, value) for name, value in columns.items()}
            return decode_row(vault, restored, etag)
        except (ValueError, msgspec.DecodeError) as error:
            raise LedgerUnavailable(f"the row of vault {vault.name} cannot be read") from error

    def save(self, row: VaultRow) -> VaultRow:
        """Insert or replace by etag and return the row with its new etag. Raises LedgerConflict."""
        columns = encode_row(row)
        stored = {
            name: self._values.stored(value) if name in JSON_COLUMNS else value for name, value in columns.items()
        }
        # Tells this write from another one of the same content when the SDK repeats a request that was served.
        nonce = uuid.uuid4().hex
        entity = {"PartitionKey": resource_key(row.vault), "RowKey": _ROW, "nonce": nonce, **stored}
        table = self._account.table(VAULTS)
        with unavailable(VAULTS):
            try:
                if row.etag:
                    made = table.update_entity(
                        entity,
                        mode=UpdateMode.REPLACE,
                        etag=row.etag,
                        match_condition=MatchConditions.IfNotModified,
                    )
                else:
                    made = table.create_entity(entity)
            except HttpResponseError as error:
                gone = isinstance(error, ResourceNotFoundError) and bool(row.etag)
                if error.status_code not in (409, 412) and not gone:
                    raise
                found = self._account.find(VAULTS, resource_key(row.vault), _ROW)
                if found is None or found[0].get("nonce") != nonce:
                    raise LedgerConflict(f"the row of vault {row.vault.name} was written by somebody else") from error
                return replace(row, etag=found[1])
        return replace(row, etag=str(made["etag"]))

    def intend(self, vault: ArmId, intent: Intent) -> None:
        """Append an intent to the vault's journal. Raises LedgerConflict."""
        self._journal.intend(vault, intent)

    def conclude(self, vault: ArmId, change_id: str, outcome: Outcome) -> None:
        """Append the result of an intent to the vault's journal."""
        self._journal.conclude(vault, change_id, outcome)

    def intent(self, vault: ArmId, change_id: str) -> Intent | None:
        """The intent of a change, None when the journal has none."""
        return self._journal.intent(vault, change_id)

    def journal(self, vault: ArmId) -> Sequence[JournalEntry]:
        """The vault's journal, oldest first."""
        return self._journal.entries(vault)

    def verify(self, vault: ArmId) -> tuple[str, ...]:
        """What is wrong with the vault's journal, empty when it is sound."""
        return self._journal.verify(vault)

    def reserve_write(self, subscription: str, at: datetime, limit: int) -> bool:
        """Reserve one of ``limit`` writes of this subscription in this hour (UTC). False when all are used."""
        key, hour = subscription.casefold(), at.astimezone(UTC).strftime("%Y%m%d%H")
        if limit <= 0:
            return False
        table = self._account.table(BUDGETS)
        for attempt in range(_TRIES):
            found = self._account.find(BUDGETS, key, hour)
            used = 0 if found is None else int(found[0]["reserved"])
            if used >= limit:
                return False
            entity = {"PartitionKey": key, "RowKey": hour, "reserved": used + 1}
            with unavailable(BUDGETS):
                try:
                    if found is None:
                        table.create_entity(entity)
                    else:
                        table.update_entity(
                            entity,
                            mode=UpdateMode.REPLACE,
                            etag=found[1],
                            match_condition=MatchConditions.IfNotModified,
                        )
                except HttpResponseError as error:
                    if error.status_code not in (409, 412):
                        raise
                else:
                    return True
            time.sleep(random.uniform(0, 0.005 * (attempt + 1)))  # spreads writers, no secret depends on it
        raise LedgerUnavailable("the budget of this hour is written by too many at once")

    def stopped(self) -> str:
        """The reason of the kill switch, empty while writes are allowed."""
        found = self._account.find(SWITCH, *_SWITCH_KEY)
        return "" if found is None else str(found[0].get("stopped") or "")

    def set_stopped(self, reason: str) -> None:
        """Stop all writes for a reason; an empty one allows them again."""
        partition, row = _SWITCH_KEY
        with unavailable(SWITCH):
            entity = {"PartitionKey": partition, "RowKey": row, "stopped": reason}
            self._account.table(SWITCH).upsert_entity(entity, mode=UpdateMode.REPLACE)

    def vaults_near(self, resource: ArmId, cursor: str = "", limit: int = 500) -> tuple[tuple[ArmId, ...], str]:
        """A page of the vaults that the index remembers for a resource, and the cursor of the next."""
        return self._index.vaults_near(resource, cursor, limit)

    def index(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        """Remember that these resources concern this vault."""
        self._index.index(vault, resources)

    def unindex(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        """Forget that these resources concern this vault."""
        self._index.unindex(vault, resources)

    def note_hint(self, resource: ArmId, at: datetime) -> None:
        """Note that a hint about a resource is about to be routed."""
        self._index.note_hint(resource, at)

    def last_hint(self, resources: Iterable[ArmId]) -> datetime | None:
        """When a hint about one of these resources was last noted."""
        return self._index.last_hint(resources)

    def claim_sweep(self, scope: str) -> SweepClaim:
        """The claim on the next sweep of a scope."""
        return self._index.claim_sweep(scope)

    def save_claim(self, claim: SweepClaim) -> SweepClaim:
        """Insert or replace a claim by etag. Raises LedgerConflict."""
        return self._index.save_claim(claim)

    def _restored(self, name: str, value: object) -> object:
        return self._values.restored(str(value)) if name in JSON_COLUMNS else value
