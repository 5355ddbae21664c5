"""kvguard's storage account as a deployment makes it and as a reader of its queues and journal sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy

RECONCILE: Final = "kvguard-reconcile"
POISON: Final = "kvguard-reconcile-poison"
FINDINGS: Final = "kvguard-findings"
_QUEUES: Final = (RECONCILE, POISON, FINDINGS)
_TABLES: Final = ("vaults", "index", "journal", "budgets", "switch")
_CONTAINERS: Final = ("kvguard-evidence", "kvguard-state")
_HELD_SECONDS: Final = 3600
_PAGE: Final = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """One message of ``kvguard-findings``. ``came`` is when it was seen; Azure's own time of it has whole seconds."""

    came: datetime
    body: Mapping[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether it says that a finding is open; otherwise it is cleared."""
        return bool(self.body["state"] == "open")

    @property
    def fix_state(self) -> str:
        """Why a finding with a repair of its own is open; empty for questions."""
        fix = self.body.get("fix")
        return str(fix["state"]) if isinstance(fix, Mapping) else ""

    @property
    def options(self) -> tuple[Mapping[str, Any], ...]:
        """The prepared changes."""
        return tuple(self.body.get("options", ()))

    def __str__(self) -> str:
        prepared = ", ".join(option["verb"] for option in self.options) or "no prepared change"
        state = f"{self.body['state']}{f', {self.fix_state}' if self.fix_state else ''}"
        return f"{self.body['rule']} {state} on {str(self.body['subject']).rsplit('/', 1)[-1]}: {prepared}"


@dataclass
class Storage:
    """Reads one account. Findings are held while the story runs, not removed, and given back at its end."""

    connection: str
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._queues = QueueServiceClient.from_connection_string(self.connection)
        self._tables = TableServiceClient.from_connection_string(self.connection)
        self._held: list[Any] = []

    def create(self) -> None:
        """Make the queues, tables and containers that a deployment makes."""
        blobs = BlobServiceClient.from_connection_string(self.connection)
        for queue in _QUEUES:
            self._queues.create_queue(queue)
        for table in _TABLES:
            self._tables.create_table(table)
        for container in _CONTAINERS:
            blobs.create_container(container)

    def waiting(self) -> int:
        """How many messages are on ``kvguard-reconcile``: visible, delayed and being worked on."""
        properties = self._queues.get_queue_client(RECONCILE).get_queue_properties()
        return int(properties.approximate_message_count or 0)

    def poisoned(self) -> list[str]:
        """What was given up."""
        client = self._queues.get_queue_client(POISON, message_decode_policy=TextBase64DecodePolicy())
        return [str(message.content) for message in client.peek_messages(_PAGE)]

    def collect(self) -> list[Finding]:
        """The findings that came since the last call."""
        client = self._queues.get_queue_client(FINDINGS, message_decode_policy=TextBase64DecodePolicy())
        fresh = []
        for message in client.receive_messages(messages_per_page=_PAGE, visibility_timeout=_HELD_SECONDS):
            self._held.append(message)
            fresh.append(Finding(datetime.now(UTC), json.loads(message.content)))
        self.findings += fresh
        return fresh

    def give_back(self) -> None:
        """Make the findings visible again, for whoever looks into the queue after the story."""
        client = self._queues.get_queue_client(FINDINGS)
        for message in self._held:
            # By id alone: with the message itself the SDK would write its decoded text back.
            client.update_message(message.id, message.pop_receipt, visibility_timeout=0)
        self._held.clear()

    def reasons(self) -> dict[str, str]:
        """Target, in lower case, to the finding that kvguard's latest intent to change it names as its reason."""
        found: dict[str, tuple[str, str]] = {}
        for row in self._tables.get_table_client("journal").query_entities("kind eq 'intent'"):
            target, at = str(row["target"]).casefold(), str(row["at"])
            if target not in found or found[target][0] < at:
                found[target] = (at, str(json.loads(row["body"])["why"]))
        return {target: why for target, (_, why) in found.items()}
