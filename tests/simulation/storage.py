"""A storage account in memory: tables with etags, queues with invisible messages, blobs.

Only what the SDK's clients do for the product is here, with the semantics of Azure; ``test_storage.py`` holds the same
contract against this and against Azurite. The product's own ledger and inbox run on top of it.
"""

from __future__ import annotations

import hashlib
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TransactionOperation, UpdateMode

from shared.adapters.blobs import BlobContent, BlobTooLarge
from shared.service.ports import LedgerUnavailable

Entity = dict[str, Any]
# Called around each request: what kind it is, and what it is about.
Step = Callable[[str, str], AbstractContextManager[None]]


class Row(Entity):
    """An entity as the SDK returns it: with metadata."""

    metadata: dict[str, Any]


class Pages:
    """What a query returns: rows one by one, or page by page from a continuation token on."""

    def __init__(self, fetch: Callable[[], list[Row]], size: int) -> None:
        self._fetch = fetch
        self._size = size

    def __iter__(self) -> Iterator[Row]:
        return iter(self._fetch())

    def by_page(self, continuation_token: Any = None) -> PageIterator:
        """Pages from a token on."""
        return PageIterator(self._fetch, self._size, continuation_token)


class PageIterator:
    """One page after the other; ``continuation_token`` leads to the next, None at the end."""

    def __init__(self, fetch: Callable[[], list[Row]], size: int, token: Any) -> None:
        self._fetch = fetch
        self._size = size
        self._begun = False
        self.continuation_token: dict[str, str] | None = token

    def __iter__(self) -> PageIterator:
        return self

    def __next__(self) -> Iterator[Row]:
        if self._begun and self.continuation_token is None:
            raise StopIteration
        rows = self._fetch()
        if self.continuation_token is not None:
            start = (self.continuation_token["PartitionKey"], self.continuation_token["RowKey"])
            rows = [row for row in rows if (row["PartitionKey"], row["RowKey"]) >= start]
        self._begun = True
        page, rest = rows[: self._size], rows[self._size :]
        token = {name: str(rest[0][name]) for name in ("PartitionKey", "RowKey")} if rest else None
        self.continuation_token = token
        return iter(page)


_TOKEN: Final = re.compile(r"\s*(?:(\()|(\))|(and|or)\b|(\w+) (eq|ne|lt|le|gt|ge) (?:@(\w+)|'([^']*)'))")
_COMPARE: Final = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
Test = Callable[[Entity], bool]


class _Filter:
    """A filter of OData: comparisons of columns with texts or parameters, ``and``, ``or`` and parentheses."""

    def __init__(self, text: str, parameters: Mapping[str, Any]) -> None:
        self._tokens = list(_TOKEN.finditer(text))
        if "".join(token.group(0) for token in self._tokens).strip() != text.strip():
            raise NotImplementedError(f"the filter {text!r} is not known here")
        self._parameters = parameters
        self._at = 0
        self.partition: str | None = None
        self.holds: Test = self._either() if self._tokens else _everything

    def _either(self) -> Test:
        tests = [self._both()]
        while self._word() == "or":
            self._at += 1
            tests.append(self._both())
            self.partition = None
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._word() == "and":
            self._at += 1
            before = self.partition
            tests.append(self._one())
            self.partition = self.partition or before
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        token = self._tokens[self._at]
        self._at += 1
        if token.group(1):
            inner = self._either()
            self._at += 1
            return inner
        column, verb, name, literal = token.group(4, 5, 6, 7)
        value = self._parameters[name] if name else literal
        if column == "PartitionKey" and verb == "eq":
            self.partition = str(value)
        compare = _COMPARE[verb]
        return lambda row: column in row and bool(compare(row[column], value))

    def _word(self) -> str:
        return str(self._tokens[self._at].group(3) or "") if self._at < len(self._tokens) else ""


def _everything(row: Entity) -> bool:
    return True


class MemoryTable:
    """One table, with the methods of ``azure.data.tables.TableClient`` that are used."""

    def __init__(self, name: str, step: Step) -> None:
        self.name = name
        self._step = step
        self._partitions: dict[str, dict[str, tuple[Entity, str]]] = {}
        self._numbers = itertools.count(1)

    def create_table(self) -> None:
        """It exists already."""
        raise ResourceExistsError("The table specified already exists.")

    def get_entity(self, partition_key: str, row_key: str, **_: Any) -> Row:
        """A row. Raises ResourceNotFoundError."""
        with self._step("table-get", self.name):
            return self._found(partition_key, row_key)

    def create_entity(self, entity: Mapping[str, Any], **_: Any) -> Entity:
        """Insert. Raises ResourceExistsError."""
        with self._step("table-insert", self.name):
            return self._create(entity)

    def update_entity(
        self,
        entity: Mapping[str, Any],
        mode: UpdateMode = UpdateMode.MERGE,
        *,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
        **_: Any,
    ) -> Entity:
        """Replace or merge; with an etag only the row that has it."""
        with self._step("table-update", self.name):
            return self._update(entity, mode, etag, match_condition)

    def upsert_entity(self, entity: Mapping[str, Any], mode: UpdateMode = UpdateMode.MERGE, **_: Any) -> Entity:
        """Insert, replace or merge."""
        with self._step("table-upsert", self.name):
            return self._put(entity, mode)

    def delete_entity(self, *args: Any, **options: Any) -> None:
        """Delete; with an etag only the row that has it. A row that is not there is no error, as in the SDK."""
        entity = options.get("entity") or (args[0] if args and isinstance(args[0], Mapping) else None)
        keys = (entity["PartitionKey"], entity["RowKey"]) if entity else args
        if not keys:
            keys = (options["partition_key"], options["row_key"])
        with self._step("table-delete", self.name):
            rows = self._partitions.get(str(keys[0]), {})
            if str(keys[1]) not in rows:
                return
            if options.get("match_condition") is MatchConditions.IfNotModified:
                self._match(str(keys[0]), str(keys[1]), options.get("etag"))
            del rows[str(keys[1])]

    def query_entities(
        self,
        query_filter: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        select: Any = None,
        results_per_page: int | None = None,
        **_: Any,
    ) -> Pages:
        """The rows that a filter lets through, by partition and row key."""
        condition = _Filter(query_filter, parameters or {})
        partition, holds = condition.partition, condition.holds

        def fetch() -> list[Row]:
            with self._step("table-query", self.name):
                names = sorted(self._partitions) if partition is None else [partition]
                rows = (self._found(key, row) for key in names for row in sorted(self._partitions.get(key, ())))
                return [row for row in rows if holds(row)]

        return Pages(fetch, results_per_page or 1000)

    def list_entities(self, **_: Any) -> Pages:
        """All rows."""
        return self.query_entities("")

    def submit_transaction(self, operations: Any, **_: Any) -> list[Entity]:
        """All or nothing, within one partition."""
        with self._step("table-transaction", self.name):
            before = {key: dict(rows) for key, rows in self._partitions.items()}
            try:
                return [self._one(item) for item in operations]
            except HttpResponseError:
                self._partitions = before
                raise

    def _one(self, item: Any) -> Entity:
        verb, entity, *rest = item
        options = rest[0] if rest else {}
        match TransactionOperation(verb):
            case TransactionOperation.CREATE:
                return self._create(entity)
            case TransactionOperation.UPDATE:
                mode = options.get("mode", UpdateMode.MERGE)
                return self._update(entity, mode, options.get("etag"), options.get("match_condition"))
            case TransactionOperation.UPSERT:
                return self._put(entity, options.get("mode", UpdateMode.MERGE))
            case TransactionOperation.DELETE:
                self._found(entity["PartitionKey"], entity["RowKey"])
                del self._partitions[entity["PartitionKey"]][entity["RowKey"]]
                return {}

    def _found(self, partition: str, row: str) -> Row:
        found = self._partitions.get(partition, {}).get(row)
        if found is None:
            raise _error(ResourceNotFoundError, 404, "The specified resource does not exist.")
        entity = Row(found[0])
        entity.metadata = {"etag": found[1]}
        return entity

    def _create(self, entity: Mapping[str, Any]) -> Entity:
        if entity["RowKey"] in self._partitions.get(entity["PartitionKey"], {}):
            raise _error(ResourceExistsError, 409, "The specified entity already exists.")
        return self._put(entity, UpdateMode.REPLACE)

    def _update(
        self, entity: Mapping[str, Any], mode: UpdateMode, etag: str | None, condition: MatchConditions | None
    ) -> Entity:
        self._found(entity["PartitionKey"], entity["RowKey"])
        if condition is MatchConditions.IfNotModified:
            self._match(entity["PartitionKey"], entity["RowKey"], etag)
        return self._put(entity, mode)

    def _match(self, partition: str, row: str, etag: str | None) -> None:
        if self._partitions[partition][row][1] != etag:
            raise _error(HttpResponseError, 412, "The update condition specified in the request was not satisfied.")

    def _put(self, entity: Mapping[str, Any], mode: UpdateMode) -> Entity:
        rows = self._partitions.setdefault(str(entity["PartitionKey"]), {})
        known = rows.get(str(entity["RowKey"]))
        merged = {**known[0], **entity} if known is not None and mode is UpdateMode.MERGE else dict(entity)
        etag = f"W/\"datetime'{next(self._numbers):08d}'\""
        rows[str(entity["RowKey"])] = (merged, etag)
        return {"etag": etag}


def _error(kind: type[HttpResponseError], status: int, message: str) -> HttpResponseError:
    error = kind(message)
    error.status_code = status
    return error


@dataclass
class Message:
    """A message on a queue. ``seen_at`` is when it becomes visible, in seconds; ``receipt`` changes with each pop."""

    text: str
    seen_at: float
    number: int
    dequeued: int = 0
    receipt: int = 0


class MemoryQueue:
    """A queue: visible messages are popped, become invisible for a while, and are deleted by their last receipt."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self._numbers = itertools.count(1)
        self._receipts = itertools.count(1)

    def put(self, text: str, seen_at: float) -> Message:
        """Add a message."""
        message = Message(text, seen_at, next(self._numbers))
        self.messages[message.number] = message
        return message

    def visible(self, now: float) -> list[Message]:
        """The messages that can be popped now."""
        return [message for message in self.messages.values() if message.seen_at <= now]

    def pop(self, message: Message, now: float, invisible: float) -> int:
        """Take a message; the receipt by which it can be deleted."""
        message.dequeued += 1
        message.seen_at = now + invisible
        message.receipt = next(self._receipts)
        return message.receipt

    def delete(self, message: Message, receipt: int) -> None:
        """Delete a message; one that was popped by somebody else since is left alone."""
        if message.receipt == receipt:
            self.messages.pop(message.number, None)


class MemoryBlobs:
    """Blobs by container and name, behind the interface of ``shared.adapters.blobs.BlobStore``."""

    endpoint = "https://memory.blob.core.windows.net"

    def __init__(self, step: Step, content: dict[tuple[str, str], bytes]) -> None:
        self._step = step
        self._content = content

    def put(self, container: str, text: str) -> str:
        """Store a text by its hash."""
        data = text.encode()
        name = hashlib.sha256(data).hexdigest()
        with self._step("blob-put", container):
            self._content[container, name] = data
        return name

    def get(self, container: str, name: str) -> str:
        """The text of that name. Raises LedgerUnavailable when there is none."""
        with self._step("blob-get", container):
            data = self._content.get((container, name))
        if data is None:
            raise LedgerUnavailable(f"blob {container}/{name} could not be read")
        return data.decode()

    def read(self, container: str, name: str, *, limit: int) -> BlobContent | None:
        """A blob of any name."""
        data = self._content.get((container, name))
        if data is not None and len(data) > limit:
            raise BlobTooLarge(f"{len(data)} bytes, at most {limit} are read")
        return None if data is None else BlobContent(data, hashlib.sha256(data).hexdigest())

    def ensure(self) -> None:
        """The containers exist."""
