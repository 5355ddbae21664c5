"""The index in its table: which vaults a resource concerns, which hints came lately, who requests the next sweep.

The partition of a resource holds one row per vault, ordered by the vault's key, so that a page goes on where another
ended whatever rows come and go. Notes of hints share 1,024 rows, claims have one each: neither grows with the estate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import UpdateMode

from shared.adapters.table_account import INDEX, Columns, TableAccount, unavailable
from shared.adapters.vault_rows import resource_key
from shared.domain.arm_id import ArmId
from shared.service.ports import LedgerConflict, LedgerUnavailable, SweepClaim

_HINTS: Final = "hints"
_SWEEPS: Final = "sweeps"
_THREADS: Final = 8
# A query takes at most 15 comparisons and answers at most 1,000 rows.
# https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities
_MOST_COMPARED: Final = 12
_MOST_ROWS: Final = 1000


class TableIndex:
    """The part of ``shared.service.ports.Ledger`` that routing needs. Thread-safe."""

    def __init__(self, account: TableAccount) -> None:
        self._account = account

    def vaults_near(self, resource: ArmId, cursor: str, limit: int) -> tuple[tuple[ArmId, ...], str]:
        """A page of the vaults of a resource, and the key of its last row when there are more."""
        with unavailable(INDEX):
            found = self._account.table(INDEX).query_entities(
                "PartitionKey eq @key and RowKey gt @cursor",
                parameters={"key": resource_key(resource), "cursor": cursor},
                select=["RowKey", "vault"],
                results_per_page=min(limit + 1, _MOST_ROWS),
            )
            rows = list(islice(found, limit + 1))
        try:
            vaults = tuple(ArmId.parse(str(row["vault"])) for row in rows[:limit])
            return vaults, str(rows[limit - 1]["RowKey"]) if len(rows) > limit else ""
        except (KeyError, ValueError) as error:
            raise LedgerUnavailable(f"the index of {resource.name} cannot be read") from error

    def index(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        """Write one row per resource."""
        table = self._account.table(INDEX)

        def remember(resource: ArmId) -> None:
            keys = {"PartitionKey": resource_key(resource), "RowKey": resource_key(vault)}
            row = {**keys, "vault": vault.text, "resource": resource.text}
            table.upsert_entity(row, mode=UpdateMode.REPLACE)

        _each(remember, resources)

    def unindex(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        """Delete the rows of these resources."""
        table = self._account.table(INDEX)

        def forget(resource: ArmId) -> None:
            with suppress(ResourceNotFoundError):
                table.delete_entity(resource_key(resource), resource_key(vault))

        _each(forget, resources)

    def note_hint(self, resource: ArmId, at: datetime) -> None:
        """Note a hint in the row that the resource shares with others."""
        row = {"PartitionKey": _HINTS, "RowKey": _note(resource), "at": _text(at)}
        with unavailable(INDEX):
            self._account.table(INDEX).upsert_entity(row, mode=UpdateMode.REPLACE)

    def last_hint(self, resources: Iterable[ArmId]) -> datetime | None:
        """The newest of the notes that these resources share."""
        notes, times = sorted({_note(resource) for resource in resources}), []
        for start in range(0, len(notes), _MOST_COMPARED):
            some = notes[start : start + _MOST_COMPARED]
            condition = " or ".join(f"RowKey eq '{note}'" for note in some)
            with unavailable(INDEX):
                found = self._account.table(INDEX).query_entities(f"PartitionKey eq '{_HINTS}' and ({condition})")
                times += [str(row["at"]) for row in found]
        return max((datetime.fromisoformat(time) for time in times), default=None)

    def claim_sweep(self, scope: str) -> SweepClaim:
        """The claim of a scope; a fresh one when there is none."""
        found = self._account.find(INDEX, _SWEEPS, scope)
        if found is None:
            return SweepClaim(scope)
        columns, etag = found
        sent = columns.get("sent") is True
        return SweepClaim(scope, etag, _time(columns, "start"), sent, _time(columns, "until"))

    def save_claim(self, claim: SweepClaim) -> SweepClaim:
        """Insert or replace a claim by etag. Raises LedgerConflict.

        A request that the SDK repeated because its answer was lost may find its own write: then the claim counts as
        another's, is never confirmed, and the sweep is requested again once it has run out.
        """
        row: Columns = {"PartitionKey": _SWEEPS, "RowKey": claim.scope, "sent": claim.sent}
        row |= {"start": _text(claim.start), "until": _text(claim.until)}
        table = self._account.table(INDEX)
        with unavailable(INDEX):
            try:
                if claim.etag:
                    same = MatchConditions.IfNotModified
                    made = table.update_entity(row, mode=UpdateMode.REPLACE, etag=claim.etag, match_condition=same)
                else:
                    made = table.create_entity(row)
            except HttpResponseError as error:
                if error.status_code not in (404, 409, 412) or "TableNotFound" in str(error):
                    raise
                raise LedgerConflict(f"the sweep of {claim.scope} is requested by somebody else") from error
        return replace(claim, etag=str(made["etag"]))


def _each(work: Callable[[ArmId], None], resources: Iterable[ArmId]) -> None:
    """Do the same for every resource, many in parallel."""
    wanted = sorted(set(resources))
    with unavailable(INDEX):
        if len(wanted) < 2:
            for resource in wanted:
                work(resource)
            return
        with ThreadPoolExecutor(min(_THREADS, len(wanted))) as pool:
            list(pool.map(work, wanted))


def _note(resource: ArmId) -> str:
    return resource_key(resource)[:2]


def _text(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(columns: Columns, name: str) -> datetime | None:
    value = columns.get(name)
    return datetime.fromisoformat(str(value)) if value else None
