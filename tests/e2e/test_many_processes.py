"""Several processes of the app against one storage account: the same result as one process, also when one is killed.

The local Azure's request log and the stored rows are the witnesses; the app is not asked.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy

from emulator.azure import SUBSCRIPTION, LocalAzure
from emulator.azurite import Azurite
from emulator.host.process import HostProcess
from shared.service.lease import LASTS
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    GROUP,
    LOCATION,
    NETWORK,
    NETWORK_PROVIDER,
    ZONE,
    endpoint_body,
    network_body,
    vault_body,
)
from tests.functions.installation import APP, QUEUES, TABLES

pytestmark = pytest.mark.xdist_group("processes")

_PROJECT = Path(__file__).resolve().parents[2]
_VAULTS = [f"kv-many-{number}" for number in range(12)]
_PATIENCE = 150.0
# How long the message of a killed process stays hidden here; in Azure it is ten minutes. Longer than a lease lasts, as
# there: the work comes back when the lease that its worker died with is over.
_HIDDEN_SECONDS = LASTS.total_seconds() + 6


class Fleet:
    """One estate with a broken private path per vault, and the processes that mend it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.azure = stack.enter_context(LocalAzure(folder / "azure", scale=0.01))
        self._connection = stack.enter_context(Azurite()).connection_string
        self._tables = stack.enter_context(TableServiceClient.from_connection_string(self._connection))
        self._queues = stack.enter_context(QueueServiceClient.from_connection_string(self._connection))
        for table in TABLES:
            self._tables.create_table(table)
        for queue in (*QUEUES, "kvguard-reconcile-poison"):
            self._queues.create_queue(queue)
        timing = {"settle_seconds": 2, "max_settle_seconds": 20, "consistency_seconds": 1}
        zones = [{"id": ZONE, "writer": "kvguard"}]
        self._policy = folder / "policy.yaml"
        self._policy.write_text(
            json.dumps({"version": 1, "zones": zones, "timing": timing, "budgets": {"writes_per_hour": 500}})
        )
        self._stack = stack

    def host(self) -> HostProcess:
        """Another process of the app."""
        settings = {
            **self.azure.env_for(APP),
            "KVGUARD_ROLE": "guard",
            "KVGUARD_MODE": "enforce",
            "KVGUARD_SUBSCRIPTIONS": SUBSCRIPTION,
            "KVGUARD_TENANT": self.azure.tenant,
            "KVGUARD_CLOUD": "custom",
            "KVGUARD_ARM_ENDPOINT": self.azure.url,
            "KVGUARD_POLICY": str(self._policy),
            "AzureWebJobsStorage": self._connection,
            "KvGuardStorage": self._connection,
            "KvGuardFindings": self._connection,
            "NO_PROXY": "127.0.0.1",
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2500000",
        }
        return self._stack.enter_context(HostProcess(_PROJECT, settings, invisibility=_HIDDEN_SECONDS))

    def deploy(self, listener: HostProcess) -> None:
        """A network and a zone, then vaults with endpoints but without records and link; events go to one process."""
        for path, body in (
            (GROUP, {"location": LOCATION}),
            (NETWORK, network_body()),
            (ZONE, {"location": "global"}),
        ):
            self.azure.seed("PUT", path, body)
        self.azure.grid.subscribe("many", listener.eventgrid_url("on_resource_change"))
        arm = ArmClient(self.azure)
        for name in _VAULTS:
            vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}"
            assert arm.put(vault, vault_body(publicNetworkAccess="Disabled")).ok
            self.azure.seed("PUT", vault, vault_body(publicNetworkAccess="Disabled"))
            assert arm.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-{name}", endpoint_body(vault=vault)).ok

    def waiting(self) -> int:
        """Messages on the work queue, hidden ones included."""
        properties = self._queues.get_queue_client(QUEUES[0]).get_queue_properties()
        return int(properties.approximate_message_count or 0)

    def poisoned(self) -> list[str]:
        """What was given up."""
        client = self._queues.get_queue_client("kvguard-reconcile-poison")
        return [str(message.content) for message in client.peek_messages(32)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table."""
        return [dict(row) for row in self._tables.get_table_client(table).list_entities()]

    def open_findings(self) -> set[tuple[str, str]]:
        """Rule and subject of what people were told and not told to be mended since."""
        client = self._queues.get_queue_client(QUEUES[1], message_decode_policy=TextBase64DecodePolicy())
        bodies = [json.loads(message.content) for message in client.receive_messages(messages_per_page=32)]
        last = {(body["rule"], body["subject"].casefold()): body["state"] for body in bodies}
        return {about for about, state in last.items() if state == "open"}

    def made(self) -> Counter[tuple[str, str]]:
        """The app's successful writes by method and resource."""
        return Counter(
            (entry.method, entry.resource_id.casefold())
            for entry in self.azure.log.since(0)
            if entry.caller is not None and entry.caller.name == APP and entry.method != "GET" and entry.status < 300
        )

    def records(self) -> dict[str, list[str]]:
        """Names and addresses of the zone's A records."""
        answer = ArmClient(self.azure).get(f"{ZONE}/A").json()
        return {
            row["name"]: sorted(entry["ipv4Address"] for entry in row["properties"]["aRecords"])
            for row in answer["value"]
        }

    def links(self) -> list[str]:
        """The networks that the zone is linked to."""
        answer = ArmClient(self.azure).get(f"{ZONE}/virtualNetworkLinks").json()
        return [row["properties"]["virtualNetwork"]["id"].casefold() for row in answer["value"]]

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something, at most ``_PATIENCE`` seconds."""
        deadline = time.monotonic() + _PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"{what}: waited in vain; {self.waiting()} messages wait"
            time.sleep(0.1)

    def mended(self) -> bool:
        """Whether every vault has its record, and nothing is under way any more."""
        return len(self.records()) == len(_VAULTS) and self.waiting() == 0


@contextmanager
def _fleet(folder: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(folder, stack)


def _check(fleet: Fleet) -> dict[str, list[str]]:
    """What has to hold however many processes there were: all mended, once each, journalled, nothing left over."""
    records = fleet.records()
    assert set(records) == set(_VAULTS)
    assert all(len(addresses) == 1 for addresses in records.values())
    assert len({addresses[0] for addresses in records.values()}) == len(_VAULTS)
    assert fleet.links() == [NETWORK.casefold()]
    made = fleet.made()
    assert set(made.values()) == {1}
    assert len(made) == len(_VAULTS) + 1
    assert fleet.poisoned() == []
    journal = fleet.rows("journal")
    intents = Counter(str(row["changeId"]) for row in journal if row.get("kind") == "intent")
    results = Counter(str(row["changeId"]) for row in journal if row.get("kind") == "result")
    assert intents == results
    assert set(intents.values()) == {1}
    assert all(row["leaseOwner"] == "" for row in fleet.rows("vaults"))
    return records


def test_three_processes_and_one_that_is_killed_do_what_one_does(tmp_path: Path) -> None:
    with _fleet(tmp_path / "one") as fleet:
        fleet.deploy(fleet.host())
        fleet.until(fleet.mended, "one process mends everything")
        alone, told_alone = _check(fleet), fleet.open_findings()
    with _fleet(tmp_path / "three") as fleet:
        listener, second, third = fleet.host(), fleet.host(), fleet.host()
        fleet.deploy(listener)
        fleet.until(lambda: len(fleet.made()) >= 1, "the first change is made")
        second.kill()
        fleet.host()
        fleet.until(fleet.mended, "three processes mend everything")
        together, told_together = _check(fleet), fleet.open_findings()
        worked = {
            line.split(":")[0] for host in (listener, third) for line in host.output.splitlines() if "changed:" in line
        }
        assert worked, "no process has changed anything"
    assert set(together) == set(alone)
    assert told_together == told_alone
