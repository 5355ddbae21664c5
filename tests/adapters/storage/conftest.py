"""One Azurite for all tests here; each test has vaults and subscriptions of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from emulator.azurite import Azurite
from shared.adapters.blobs import BlobStore
from shared.adapters.queues import QueueAccount, QueueInbox
from shared.adapters.storage_connection import StorageConnection
from shared.adapters.table_account import TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import VAULT, ArmId

NOW = datetime(2026, 11, 21, 10, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


@pytest.fixture(scope="session")
def connection(azurite: Azurite) -> StorageConnection:
    return StorageConnection("KvGuardStorage", connection_string=azurite.connection_string)


@pytest.fixture(scope="session")
def blobs(connection: StorageConnection) -> BlobStore:
    return BlobStore(connection)


@pytest.fixture(scope="session")
def account(connection: StorageConnection) -> TableAccount:
    return TableAccount(connection)


@pytest.fixture(scope="session")
def ledger(account: TableAccount, blobs: BlobStore) -> TableLedger:
    """A ledger whose tables exist; made twice, which must not matter."""
    made = TableLedger(account, blobs)
    made.ensure()
    made.ensure()
    return made


@pytest.fixture
def inbox(connection: StorageConnection, blobs: BlobStore) -> QueueInbox:
    return QueueInbox(QueueAccount(connection), QueueAccount(connection), blobs)


@pytest.fixture
def subscription() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def vault(subscription: str) -> ArmId:
    return ArmId.of(subscription, "rg-secrets", VAULT, "kv-orders")
