"""Calls to storage that does not answer, or drips: each ends in time, far inside the thirty seconds of a lease."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared.adapters import storage_options
from shared.adapters.blobs import BlobStore
from shared.adapters.queues import QueueAccount
from shared.adapters.storage_connection import StorageConnection, StorageService
from shared.adapters.table_account import TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import VAULT, ArmId
from shared.service.lease import LASTS
from shared.service.ports import LedgerUnavailable
from tests.adapters.storage.slow_storage import BlackHole
from tests.adapters.storage.test_ledger import CALLS as LEDGER_CALLS
from tests.adapters.storage.test_ledger import text_for

ID = ArmId.of("00000000-0000-0000-0000-00000000000a", "rg", VAULT, "kv-orders")
LIMIT = 0.6
# Room for a loaded machine; a call that is not bounded goes on for minutes.
LATE = 6.0


def _of_ledger(call: Callable[[TableLedger, ArmId], object]) -> Callable[[StorageConnection], object]:
    return lambda connection: call(TableLedger(TableAccount(connection), BlobStore(connection)), ID)


CALLS: dict[str, Callable[[StorageConnection], object]] = {
    **{name: _of_ledger(call) for name, call in LEDGER_CALLS.items()},
    "send": lambda connection: QueueAccount(connection).send("kvguard-reconcile", "x"),
    "create queue": lambda connection: QueueAccount(connection).ensure(["kvguard-reconcile"]),
    "put blob": lambda connection: BlobStore(connection).put("kvguard-state", "x"),
    "get blob": lambda connection: BlobStore(connection).get("kvguard-state", "x"),
    "read blob": lambda connection: BlobStore(connection).read("kvguard-state", "x", limit=1_000_000),
}
HOLES: dict[str, Callable[[], BlackHole]] = {
    "silence": BlackHole,
    "drip": lambda: BlackHole(0.05),
    "drip of the body": lambda: BlackHole(0.05, after_head=True),
    "a cut in the head": lambda: BlackHole(cut=True),
}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, but of half a second."""
    for name in ("CALL_SECONDS", "TOKEN_SECONDS"):
        monkeypatch.setattr(storage_options, name, LIMIT)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("kind", HOLES)
def test_every_call_ends_in_time(kind: str) -> None:
    def took(call: Callable[[StorageConnection], object]) -> tuple[bool, float]:
        with HOLES[kind]() as hole:
            connection = StorageConnection("KvGuardStorage", connection_string=text_for(hole.port))
            began = time.monotonic()
            try:
                call(connection)
            except LedgerUnavailable:
                return hole.accepted > 0, time.monotonic() - began
        return False, 0.0

    with ThreadPoolExecutor(len(CALLS)) as pool:
        ended = dict(zip(CALLS, pool.map(took, CALLS.values()), strict=True))
    assert {name: seconds for name, (unavailable, seconds) in ended.items() if not unavailable or seconds > LATE} == {}


class _Silent:
    """A credential whose token never comes."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.over.wait(60)
        return AccessToken("late", 0)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ["load", "send", "get blob"])
def test_a_token_that_never_comes_is_waited_for_no_longer_either(name: str) -> None:
    uris = dict.fromkeys(StorageService, "https://127.0.0.1:9/account")
    connection, silent = StorageConnection("KvGuardStorage", uris=uris), _Silent()
    calls: dict[str, Callable[[], object]] = {
        "load": lambda: TableLedger(TableAccount(connection, silent), BlobStore(connection, silent)).load(ID),
        "send": lambda: QueueAccount(connection, silent).send("kvguard-reconcile", "x"),
        "get blob": lambda: BlobStore(connection, silent).get("kvguard-state", "x"),
    }
    began = time.monotonic()
    try:
        with pytest.raises(LedgerUnavailable):
            calls[name]()
        assert time.monotonic() - began < LATE
    finally:
        silent.over.set()


def test_the_limits_leave_a_lease_room_for_more_than_one_such_call() -> None:
    assert storage_options.CONNECT_SECONDS + storage_options.CALL_SECONDS < 10
    assert LASTS.total_seconds() > 3 * storage_options.CALL_SECONDS


def test_storage_that_answers_is_not_cut(connection: StorageConnection) -> None:
    store = BlobStore(connection)
    store.ensure()
    assert store.get("kvguard-state", store.put("kvguard-state", "x" * 3_000_000)) == "x" * 3_000_000
