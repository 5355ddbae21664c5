"""One installation to drive the app in: a local Azure, Azurite with tables and queues, and settings for both."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from azure.data.tables import TableServiceClient, UpdateMode
from azure.storage.queue import QueueClient, QueueServiceClient

from emulator.azure import SUBSCRIPTION, LocalAzure
from emulator.azurite import Azurite
from tests.emulator.arm.estate import ZONE

APP = "kvguard"
QUEUES = ("kvguard-reconcile", "kvguard-findings")
TABLES = ("vaults", "index", "journal", "budgets", "switch")
POLICY = {
    "version": 1,
    "zones": [{"id": ZONE, "writer": "kvguard"}],
    "timing": {"settle_seconds": 1, "max_settle_seconds": 60, "consistency_seconds": 1},
}


@dataclass(frozen=True)
class Installation:
    """Where the app runs: its surroundings and its settings."""

    azure: LocalAzure
    connection: str
    policy: Path

    def settings(self, **changes: str) -> dict[str, str]:
        """The app's environment."""
        return {
            **self.azure.env_for(APP),
            "KVGUARD_ROLE": "guard",
            "KVGUARD_MODE": "enforce",
            "KVGUARD_SUBSCRIPTIONS": SUBSCRIPTION,
            "KVGUARD_TENANT": self.azure.tenant,
            "KVGUARD_CLOUD": "custom",
            "KVGUARD_ARM_ENDPOINT": self.azure.url,
            "KVGUARD_POLICY": str(self.policy),
            "KvGuardStorage": self.connection,
            "KvGuardFindings": self.connection,
            **changes,
        }

    def queue(self, name: str) -> QueueClient:
        """A queue as it is stored."""
        return QueueClient.from_connection_string(self.connection, name)

    def take(self, name: str) -> list[dict[str, Any]]:
        """Take every visible message off a queue."""
        queue, found = self.queue(name), []
        for message in queue.receive_messages(messages_per_page=32):
            found.append(json.loads(base64.b64decode(message.content)))
            queue.delete_message(message)
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table."""
        with TableServiceClient.from_connection_string(self.connection) as service:
            return [dict(row) for row in service.get_table_client(table).list_entities()]

    def age(self, minutes: int) -> None:
        """Let everything that the app has seen have been seen so much earlier."""
        with TableServiceClient.from_connection_string(self.connection) as service:
            table = service.get_table_client("vaults")
            for row in list(table.list_entities()):
                seen = json.loads(row["firstSeen"])
                for key, text in seen.items():
                    earlier = datetime.fromisoformat(text) - timedelta(minutes=minutes)
                    seen[key] = earlier.isoformat().replace("+00:00", "Z")
                table.update_entity({**row, "firstSeen": json.dumps(seen)}, mode=UpdateMode.REPLACE)

    @contextmanager
    def switched(self, reason: str) -> Iterator[None]:
        """The kill switch is on while the block runs."""
        with TableServiceClient.from_connection_string(self.connection) as service:
            table = service.get_table_client("switch")
            row = {"PartitionKey": "switch", "RowKey": "writes"}
            table.upsert_entity({**row, "stopped": reason})
            yield
            table.delete_entity(row)

    def forget(self) -> None:
        """Empty the vaults' rows: what the app remembers of them."""
        with TableServiceClient.from_connection_string(self.connection) as service:
            table = service.get_table_client("vaults")
            for row in list(table.list_entities()):
                table.delete_entity(row)

    def calls(self, since: int = 0) -> list[tuple[str, str]]:
        """Verb and path of what the app asked of Resource Manager."""
        return [
            (e.method, e.path) for e in self.azure.log.since(since) if e.caller is not None and e.caller.name == APP
        ]


@contextmanager
def install(directory: Path) -> Iterator[Installation]:
    """Start everything and create tables and queues, as a deployment does."""
    with ExitStack() as stack:
        azure = stack.enter_context(LocalAzure(directory / "azure", scale=0))
        azurite = stack.enter_context(Azurite())
        policy = directory / "policy.yaml"
        policy.write_text(json.dumps(POLICY), encoding="utf-8")
        with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
            for table in TABLES:
                tables.create_table(table)
        with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
            for queue in QUEUES:
                queues.create_queue(queue)
        yield Installation(azure, azurite.connection_string, policy)
