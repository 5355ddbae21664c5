"""The tables of one storage account: clients with short time-outs, and errors as the ports name them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient

from shared.adapters.storage_connection import StorageConnection, StorageService
from shared.adapters.storage_options import identity_of, table_options, unreadable
from shared.service.ports import LedgerUnavailable

VAULTS: Final = "vaults"
INDEX: Final = "index"
JOURNAL: Final = "journal"
BUDGETS: Final = "budgets"
SWITCH: Final = "switch"
TABLES: Final = (VAULTS, INDEX, JOURNAL, BUDGETS, SWITCH)

Columns = dict[str, Any]


class TableAccount:
    """Clients of the tables, built at the first use. Thread-safe."""

    def __init__(self, connection: StorageConnection, credential: TokenCredential | None = None) -> None:
        self._connection = connection
        self._credential = credential
        self._lock = threading.Lock()
        self._tables: dict[str, TableClient] = {}

    def table(self, name: str) -> TableClient:
        """The client of one table."""
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._open(name)
            return self._tables[name]

    def find(self, name: str, partition: str, row: str) -> tuple[Columns, str] | None:
        """A row with its etag, None when the table has none. A missing table is LedgerUnavailable, not "no row"."""
        with unavailable(name):
            try:
                entity = self.table(name).get_entity(partition, row)
            except ResourceNotFoundError as error:
                if "TableNotFound" in str(error):
                    raise
                return None
        return dict(entity), str(entity.metadata["etag"])

    def probe(self, name: str) -> None:
        """Ask a table for a row that it need not have. Raises LedgerUnavailable."""
        self.find(name, "health", "health")

    def ensure(self) -> None:
        """Create the tables that are missing: for deployment and local runs, never in the hot path."""
        for name in TABLES:
            with unavailable(name):
                try:
                    self.table(name).create_table()
                except ResourceExistsError:
                    continue

    def _open(self, name: str) -> TableClient:
        # A client that TableServiceClient makes would leave out the policy that bounds a call.
        options = table_options()
        if self._connection.uses_identity:
            uri = self._connection.uri(StorageService.TABLE)
            identity = identity_of(self._connection, self._credential)
            return TableClient(uri, table_name=name, credential=identity, **options)
        return TableClient.from_connection_string(self._connection.connection_string, name, **options)


@contextmanager
def unavailable(table: str) -> Iterator[None]:
    """Whatever the SDK raises inside the block becomes LedgerUnavailable, the original chained."""
    try:
        yield
    except AzureError as error:
        raise LedgerUnavailable(f"table {table}: {type(error).__name__}") from error
    except Exception as error:
        if not unreadable(error):
            raise
        raise LedgerUnavailable(f"table {table}: an answer that cannot be read") from error
