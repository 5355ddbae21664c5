"""What a run of real processes shows to the checker: the local Azure's log and grid, the stored rows, the host's lines.

The same invariants as for a simulated world, see ``checker.py``. Only witnesses are asked: the local Azure in this
process, the tables and queues as they are stored, and the file in which hosts note what they ran.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.arm.resources import Vault
from emulator.azure import LocalAzure
from emulator.host.records import read_invocations
from shared.adapters.blobs import BlobStore
from shared.adapters.queues import FINDINGS
from shared.adapters.storage_connection import StorageConnection
from shared.adapters.table_account import VAULTS, TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.arm_id import ArmId
from tests.simulation.checker import Course, Event, Request, Run, VaultState
from tests.simulation.collect import requests, state, told
from tests.simulation.concerns import Concerns

# While messages are read nobody else is to see them; then they are put back.
_HIDDEN_SECONDS: Final = 60


class Bystander:
    """Sees each event of a local Azure when it is raised, and says which vaults it concerned then.

    It has to stand there before the first event, because afterwards nobody can tell what was linked to what.
    """

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._concerns = Concerns(azure.store)
        self._seen: dict[tuple[str, str], tuple[datetime, tuple[str, ...]]] = {}
        azure.service.world.events.subscribe(self._see)

    def _see(self, event: ArmEvent) -> None:
        """Called while the request that raised the event is served, so nothing moves."""
        vaults: tuple[str, ...] = ()
        if event.status is EventStatus.SUCCESS:
            vaults = self._concerns.of(event.resource_id, deleted=event.kind is EventKind.DELETE)
        self._seen[event.correlation_id, event.resource_id.casefold()] = (event.time, vaults)
        for key in self._azure.store.all_keys():
            self._concerns.note(key)

    def events(self) -> Iterator[Event]:
        """All events that a subscription asked for, with when each was delivered first."""
        published = {event["id"]: event["data"] for event in self._azure.grid.published}
        for row in self._azure.grid.ledger():
            data = published[row.event_id]
            resource = str(data["resourceUri"])
            at, vaults = self._seen[str(data["correlationId"]), resource.casefold()]
            delivered = () if row.first_delivered is None else (row.first_delivered,)
            yield Event(resource, at, vaults, delivered)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the witnesses of a real run are. ``app`` is the name of the app's principal in the local Azure,
    ``connection`` the connection string of its storage, ``invocations`` the file of the hosts' ``--log-json``."""

    azure: LocalAzure
    bystander: Bystander
    app: str
    connection: str
    invocations: Path
    consistency: timedelta
    enforce: bool = True

    def course(self, *, stopped_at: datetime | None = None) -> Course:
        """Everything so far. It is whole when no event is on its way and no message waits."""
        events = list(self.bystander.events())
        return Course(
            app=self.app,
            requests=list(self._requests()),
            events=events,
            vaults=list(self._states()),
            told=list(told(self._findings())),
            runs=list(self._runs()),
            consistency=self.consistency,
            enforce=self.enforce,
            stopped_at=stopped_at,
            gone=frozenset(vault for event in events for vault in event.vaults if self._is_gone(vault)),
        )

    def _requests(self) -> Iterator[Request]:
        """Each request at the time when it came; the log says when it was answered."""
        log = self.azure.log.since()
        for entry, request in zip(log, requests(log), strict=True):
            yield replace(request, at=entry.time - timedelta(seconds=entry.duration))

    def _states(self) -> Iterator[VaultState]:
        storage = StorageConnection("evidence", connection_string=self.connection)
        ledger = TableLedger(TableAccount(storage), BlobStore(storage))
        with TableServiceClient.from_connection_string(self.connection) as tables:
            rows = [dict(row) for row in tables.get_table_client(VAULTS).list_entities()]
        for vault in sorted({str(row["vault"]) for row in rows if "vault" in row}):
            yield state(ledger, ArmId.parse(vault), datetime.now(UTC))

    def _findings(self) -> list[str]:
        with QueueServiceClient.from_connection_string(self.connection) as queues:
            queue = queues.get_queue_client(FINDINGS)
            messages = list(queue.receive_messages(messages_per_page=32, visibility_timeout=_HIDDEN_SECONDS))
            for message in messages:
                queue.update_message(message, visibility_timeout=0)
        return [base64.b64decode(message.content).decode() for message in messages]

    def _runs(self) -> Iterator[Run]:
        for record in read_invocations(self.invocations):
            if record.message_id is not None:
                ended = None if record.ended is None else datetime.fromtimestamp(record.ended, UTC)
                began = datetime.fromtimestamp(record.started, UTC)
                yield Run(record.message_id, began, ended, bool(record.succeeded))

    def _is_gone(self, vault: str) -> bool:
        return self.azure.store.find(vault, Vault) is None
