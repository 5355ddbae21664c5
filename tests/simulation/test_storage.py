"""One contract for storage in memory and for Azurite, at both levels: what the SDK offers, and the product's ledger."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.storage.queue import QueueClient

from emulator.azurite import Azurite
from shared.adapters.blobs import EVIDENCE, STATE, BlobStore, BlobTooLarge
from shared.adapters.queues import FINDINGS, RECONCILE, RECONCILE_POISON, MessageTooLarge, QueueAccount, QueueInbox
from shared.adapters.storage_connection import StorageConnection
from shared.adapters.table_account import BUDGETS, INDEX, JOURNAL, VAULTS, TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import VAULT, ZONE, ArmId
from shared.domain.message import Hint, Look
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.policy import Policy
from shared.service.messages import decode
from shared.service.ports import Intent, Lease, LedgerConflict, LedgerUnavailable
from tests.simulation.storage import MemoryBlobs, MemoryQueue
from tests.simulation.world import MemoryQueueAccount, World

NOW = datetime(2026, 11, 21, 10, 30, 15, 123456, tzinfo=UTC)


class Popping(Protocol):
    """A queue as who works on it sees it."""

    def put(self, text: str, hidden: int = 0) -> None: ...
    def pop(self) -> tuple[str, int, Any] | None: ...
    def show(self, popped: Any) -> None: ...
    def delete(self, popped: Any) -> None: ...


class InMemory:
    """Over the queue of simulations; time stands still."""

    def __init__(self) -> None:
        self._queue = MemoryQueue()

    def put(self, text: str, hidden: int = 0) -> None:
        self._queue.put(text, float(hidden))

    def pop(self) -> tuple[str, int, Any] | None:
        ready = self._queue.visible(0.0)
        if not ready:
            return None
        receipt = self._queue.pop(ready[0], 0.0, 600.0)
        return ready[0].text, ready[0].dequeued, (ready[0], receipt)

    def show(self, popped: Any) -> None:
        popped[0].seen_at = 0.0

    def delete(self, popped: Any) -> None:
        self._queue.delete(*popped)


class InAzurite:
    """Over the SDK's client."""

    def __init__(self, connection: StorageConnection) -> None:
        self._queue = QueueClient.from_connection_string(connection.connection_string, f"contract-{uuid.uuid4().hex}")
        self._queue.create_queue()

    def put(self, text: str, hidden: int = 0) -> None:
        self._queue.send_message(text, visibility_timeout=hidden)

    def pop(self) -> tuple[str, int, Any] | None:
        message = self._queue.receive_message(visibility_timeout=600)
        return None if message is None else (message.content, message.dequeue_count or 0, message)

    def show(self, popped: Any) -> None:
        updated = self._queue.update_message(popped, visibility_timeout=0)
        popped.pop_receipt = updated.pop_receipt

    def delete(self, popped: Any) -> None:
        try:
            self._queue.delete_message(popped)
        except HttpResponseError as error:
            if error.status_code not in (400, 404):
                raise


@dataclass(frozen=True)
class Bench:
    """One of the two. ``stored`` is what a queue holds, hidden or not: each text with whether it can be taken now."""

    account: TableAccount
    ledger: TableLedger
    queue: Popping
    inbox: QueueInbox
    blobs: BlobStore
    stored: Callable[[str], list[tuple[str, bool]]]


@pytest.fixture(scope="module")
def azurite() -> Iterator[StorageConnection]:
    with Azurite() as running:
        yield StorageConnection("KvGuardStorage", connection_string=running.connection_string)


@pytest.fixture(params=["memory", "azurite"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        world = World(1, Policy())
        memory: Any = MemoryBlobs(world.step, world.blobs)
        inbox = QueueInbox(MemoryQueueAccount(world), MemoryQueueAccount(world), memory)
        return Bench(world.table_account(), world.ledger, InMemory(), inbox, memory, partial(_in_memory, world))
    connection: StorageConnection = request.getfixturevalue("azurite")
    account = TableAccount(connection)
    ledger = TableLedger(account, BlobStore(connection))
    ledger.ensure()
    queues, blobs = QueueAccount(connection), BlobStore(connection)
    for name in (RECONCILE, RECONCILE_POISON, FINDINGS):
        queue = QueueClient.from_connection_string(connection.connection_string, name)
        with queue, suppress(ResourceNotFoundError):
            queue.clear_messages()
    stored = partial(_in_azurite, connection.connection_string)
    return Bench(account, ledger, InAzurite(connection), QueueInbox(queues, queues, blobs), blobs, stored)


def _in_memory(world: World, name: str) -> list[tuple[str, bool]]:
    return [(message.text, message.seen_at <= 0.0) for message in world.queues[name].messages.values()]


def _in_azurite(connection: str, name: str) -> list[tuple[str, bool]]:
    """A queue shows only what is visible; what is hidden it counts."""
    with QueueClient.from_connection_string(connection, name) as queue:
        there = queue.get_queue_properties().approximate_message_count or 0
        texts = [base64.b64decode(message.content).decode() for message in queue.peek_messages(32)]
    return [(text, True) for text in texts] + [("", False)] * (there - len(texts))


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def vault() -> ArmId:
    return ArmId.of(str(uuid.uuid4()), "rg-secrets", VAULT, "kv-orders")


def entity(key: str, row: str = "row", **columns: Any) -> dict[str, Any]:
    return {"PartitionKey": key, "RowKey": row, **columns}


def test_a_row_is_inserted_once(bench: Bench, key: str) -> None:
    table = bench.account.table(VAULTS)
    made = table.create_entity(entity(key, a="1"))

    with pytest.raises(ResourceExistsError) as refused:
        table.create_entity(entity(key, a="2"))

    assert refused.value.status_code == 409
    found = bench.account.find(VAULTS, key, "row")
    assert found is not None
    assert (found[0]["a"], found[1]) == ("1", made["etag"])
    assert bench.account.find(VAULTS, key, "other") is None


def test_a_row_is_replaced_by_its_etag_only(bench: Bench, key: str) -> None:
    table = bench.account.table(VAULTS)
    first = table.create_entity(entity(key, a="1", b="1"))["etag"]
    same: dict[str, Any] = {"mode": UpdateMode.REPLACE, "match_condition": MatchConditions.IfNotModified}
    second = table.update_entity(entity(key, a="2"), etag=first, **same)["etag"]

    with pytest.raises(HttpResponseError) as refused:
        table.update_entity(entity(key, a="3"), etag=first, **same)
    with pytest.raises(ResourceNotFoundError):
        table.update_entity(entity(key + "0", a="3"), etag=first, **same)

    assert refused.value.status_code == 412
    found = bench.account.find(VAULTS, key, "row")
    assert found is not None
    assert (found[0].get("a"), found[0].get("b"), found[1] == second != first) == ("2", None, True)


def test_rows_are_merged_and_deleted(bench: Bench, key: str) -> None:
    table = bench.account.table(INDEX)
    table.upsert_entity(entity(key, a="1"), mode=UpdateMode.REPLACE)
    table.upsert_entity(entity(key, b="2"), mode=UpdateMode.MERGE)
    found = bench.account.find(INDEX, key, "row")
    table.delete_entity(key, "row")

    assert found is not None
    assert (found[0]["a"], found[0]["b"]) == ("1", "2")
    assert bench.account.find(INDEX, key, "row") is None
    table.delete_entity(key, "row")


def test_queries_filter_and_order(bench: Bench, key: str) -> None:
    table = bench.account.table(INDEX)
    for row in ("c", "a", "b", "d"):
        table.upsert_entity(entity(key, row, kind="x" if row < "c" else "y"), mode=UpdateMode.REPLACE)

    def rows(text: str, **parameters: str) -> list[str]:
        return [found["RowKey"] for found in table.query_entities(text, parameters={"key": key, **parameters})]

    assert rows("PartitionKey eq @key") == ["a", "b", "c", "d"]
    assert rows("PartitionKey eq @key and RowKey gt @from and RowKey lt @to", **{"from": "a", "to": "d"}) == ["b", "c"]
    assert rows("PartitionKey eq @key and kind eq @kind", kind="y") == ["c", "d"]
    assert rows("PartitionKey eq @key and (RowKey eq 'a' or RowKey eq 'd')") == ["a", "d"]
    assert rows("PartitionKey eq @key and absent eq 'x'") == []


def test_pages_go_on_where_they_ended(bench: Bench, key: str) -> None:
    table = bench.account.table(INDEX)
    for number in range(5):
        table.upsert_entity(entity(key, f"{number}"), mode=UpdateMode.REPLACE)

    def pages(token: Any) -> Any:
        found = table.query_entities("PartitionKey eq @key", parameters={"key": key}, results_per_page=2)
        return found.by_page(continuation_token=token)

    first = pages(None)
    seen = [[row["RowKey"] for row in next(first)]]
    second = pages(first.continuation_token)
    seen += [[row["RowKey"] for row in page] for page in second]

    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_a_transaction_is_all_or_nothing(bench: Bench, key: str) -> None:
    table = bench.account.table(JOURNAL)
    etag = table.create_entity(entity(key, "head", n=1))["etag"]
    condition = {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified}
    good: list[Any] = [("create", entity(key, "1")), ("update", entity(key, "head", n=2), condition)]
    table.submit_transaction(good)

    late: list[Any] = [("create", entity(key, "2")), ("update", entity(key, "head", n=3), condition)]
    with pytest.raises(HttpResponseError) as refused:
        table.submit_transaction(late)
    doubled: list[Any] = [("create", entity(key, "3")), ("create", entity(key, "1"))]
    with pytest.raises(HttpResponseError) as exists:
        table.submit_transaction(doubled)

    assert (refused.value.status_code, exists.value.status_code) == (412, 409)
    rows = [row["RowKey"] for row in table.query_entities("PartitionKey eq @key", parameters={"key": key})]
    assert rows == ["1", "head"]


def test_a_message_is_hidden_while_it_is_worked_on(bench: Bench) -> None:
    bench.queue.put("later", hidden=3600)
    bench.queue.put("now")
    popped = bench.queue.pop()

    assert popped is not None
    assert popped[:2] == ("now", 1)
    assert bench.queue.pop() is None


def test_a_message_that_comes_back_counts_and_old_receipts_delete_nothing(bench: Bench) -> None:
    bench.queue.put("work")
    first = bench.queue.pop()
    assert first is not None
    bench.queue.show(first[2])
    stale = first[2]
    second = bench.queue.pop()
    assert second is not None
    assert second[:2] == ("work", 2)

    bench.queue.delete(stale)
    bench.queue.show(second[2])
    third = bench.queue.pop()
    assert third is not None
    assert third[1] == 3
    bench.queue.delete(third[2])
    assert bench.queue.pop() is None


def test_the_ledger_keeps_rows_by_etag(bench: Bench, vault: ArmId) -> None:
    fresh = bench.ledger.load(vault)
    stored = bench.ledger.save(replace(fresh, lease=Lease("me", NOW, 3), newest_event=NOW))

    with pytest.raises(LedgerConflict):
        bench.ledger.save(fresh)
    again = bench.ledger.save(replace(stored, newest_event=None))
    with pytest.raises(LedgerConflict):
        bench.ledger.save(stored)

    assert bench.ledger.load(vault) == again
    assert (again.lease, again.newest_event) == (Lease("me", NOW, 3), None)


def test_the_ledger_journals_and_verifies(bench: Bench, vault: ArmId) -> None:
    zone = ArmId.of(vault.subscription, "hub", ZONE, "privatelink.vaultcore.azure.net")
    target = zone.child("A", "kv-orders")
    intent = Intent("c1", NOW, "KVG411", "d", "k", "create-record", target, "create it", "{}", "it is missing")
    bench.ledger.intend(vault, intent)
    bench.ledger.conclude(vault, "c1", Outcome(OutcomeKind.APPLIED, target, NOW))

    assert bench.ledger.intent(vault, "c1") == intent
    assert bench.ledger.intent(vault, "c2") is None
    assert [(entry.kind, entry.outcome) for entry in bench.ledger.journal(vault)] == [
        ("intent", ""),
        ("result", "applied"),
    ]
    assert bench.ledger.verify(vault) == ()


def test_the_ledger_counts_writes_and_stops_them(bench: Bench, vault: ArmId) -> None:
    taken = [bench.ledger.reserve_write(vault.subscription, NOW, 2) for _ in range(3)]
    bench.ledger.set_stopped("for a while")
    stopped = bench.ledger.stopped()
    bench.ledger.set_stopped("")

    assert taken == [True, True, False]
    assert bench.account.table(BUDGETS).get_entity(vault.subscription, "2026112110")["reserved"] == 2
    assert (stopped, bench.ledger.stopped()) == ("for a while", "")


def test_the_inbox_sends_work_now_and_later(bench: Bench, vault: ArmId) -> None:
    now, later = Look(vault, "ä look", event=NOW), Hint(vault, "x/write", NOW, first=NOW)
    bench.inbox.send([now, replace(now, why="another")])
    bench.inbox.send([later], timedelta(minutes=10))
    stored = bench.stored(RECONCILE)

    assert {decode(text) for text, visible in stored if visible} == {now, replace(now, why="another")}
    assert [visible for _, visible in stored].count(False) == 1


def test_the_inbox_tells_and_gives_up(bench: Bench, vault: ArmId) -> None:
    bench.inbox.tell(["one", "two"])
    bench.inbox.poison(Look(vault, "why"), "because")
    [(text, visible)] = bench.stored(RECONCILE_POISON)

    assert sorted(bench.stored(FINDINGS)) == [("one", True), ("two", True)]
    assert visible
    assert json.loads(text)["reason"] == "because"


def test_a_message_that_is_too_large_keeps_all_from_being_sent(bench: Bench) -> None:
    with pytest.raises(MessageTooLarge):
        bench.inbox.tell(["small", "x" * (48 * 1024 + 1)])

    bench.inbox.tell(["after"])
    assert bench.stored(FINDINGS) == [("after", True)]


def test_blobs_are_found_by_their_hash(bench: Bench) -> None:
    bench.blobs.ensure()
    name = bench.inbox.keep("evidence ä")

    assert name == hashlib.sha256("evidence ä".encode()).hexdigest()
    assert bench.inbox.keep("evidence ä") == name
    assert bench.blobs.get(EVIDENCE, name) == "evidence ä"
    with pytest.raises(LedgerUnavailable):
        bench.blobs.get(EVIDENCE, "0" * 64)


def test_blobs_are_read_up_to_a_limit(bench: Bench) -> None:
    bench.blobs.ensure()
    name = bench.blobs.put(STATE, "x" * 100)
    found = bench.blobs.read(STATE, name, limit=100)

    assert found is not None
    assert (found.data, bool(found.etag)) == (b"x" * 100, True)
    assert bench.blobs.read(STATE, "no-such-blob", limit=100) is None
    with pytest.raises(BlobTooLarge):
        bench.blobs.read(STATE, name, limit=99)
