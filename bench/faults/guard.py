"""kvguard's side: the real app in the development host, with Azurite, fed by the local Event Grid."""

from __future__ import annotations

import json
import re
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from bench.faults.cases import Case
from bench.faults.result import Result
from bench.faults.stage import GUARD, ZONE, Stage, stage
from emulator.azure import SUBSCRIPTION, TENANT
from emulator.azurite import Azurite
from emulator.host.process import HostProcess

SETTLE_SECONDS: Final = 5
_ROOT: Final = Path(__file__).resolve().parents[2]
_QUEUES: Final = ("kvguard-reconcile", "kvguard-reconcile-poison", "kvguard-findings")
_TABLES: Final = ("vaults", "index", "journal", "holds", "budgets", "switch")
_OPERATIONS: Final = (
    "Microsoft.KeyVault/vaults/",
    "Microsoft.Network/privateEndpoints/",
    "Microsoft.Network/privateDnsZones/",
    "Microsoft.Network/virtualNetworks/",
)
_QUIET_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 420.0
_ENDED: Final = re.compile(r"kvguard\.reconcile: ([a-z-]+):")


def run_case(case: Case) -> Result:
    """Deliver the event to kvguard and wait until its queue is empty."""
    with (
        tempfile.TemporaryDirectory(prefix="guard-") as name,
        stage(case) as ready,
        Azurite() as azurite,
    ):
        connection = azurite.connection_string
        _create(connection)
        policy = Path(name) / "policy.yaml"
        timing = {"settle_seconds": SETTLE_SECONDS}
        document = {"version": 1, "zones": [{"id": ZONE, "writer": "kvguard"}], "timing": timing}
        policy.write_text(json.dumps(document), encoding="utf-8")
        settings = {
            **ready.azure.env_for(GUARD),
            "KVGUARD_ROLE": "guard",
            "KVGUARD_MODE": "enforce" if case.writes else "observe",
            "KVGUARD_SUBSCRIPTIONS": SUBSCRIPTION,
            "KVGUARD_TENANT": TENANT,
            "KVGUARD_CLOUD": "custom",
            "KVGUARD_ARM_ENDPOINT": ready.azure.url,
            "KVGUARD_POLICY": str(policy),
            "KvGuardStorage": connection,
            "KvGuardFindings": connection,
        }
        with HostProcess(_ROOT, settings) as host:
            ready.azure.grid.subscribe("kvguard", host.eventgrid_url("on_resource_change"), operations=_OPERATIONS)
            event = ready.envelope()
            ready.begin()
            for _ in range(case.copies):
                ready.azure.grid.publish(event)
            _until_quiet(ready, host, connection)
            witness = ready.end()
            invocations = _invocations(host)
            said = Counter(_ENDED.findall(host.output))
            poison = _count(connection, "kvguard-reconcile-poison")
    failed = sum(ran["status"] != "Succeeded" for ran in invocations)
    blocked = max((ran["duration_ms"] for ran in invocations), default=0.0) / 1000
    words = [word if times == 1 else f"{word} x{times}" for word, times in said.items()] or ["ignored"]
    words += [f"{failed} failed"] if failed else []
    words += [f"{poison} poison"] if poison else []
    return Result(", ".join(words), witness, blocked)


def _create(connection: str) -> None:
    """Tables and queues, as a deployment does."""
    with TableServiceClient.from_connection_string(connection) as tables:
        for table in _TABLES:
            tables.create_table(table)
    for queue in _QUEUES:
        with QueueClient.from_connection_string(connection, queue) as client:
            client.create_queue()


def _count(connection: str, queue: str) -> int:
    """Messages on a queue, those not yet visible included."""
    with QueueClient.from_connection_string(connection, queue) as client:
        return client.get_queue_properties().approximate_message_count or 0


def _until_quiet(ready: Stage, host: HostProcess, connection: str) -> None:
    """Until every event is delivered and nothing has waited on the queue for a while."""
    deadline, since = time.monotonic() + _LONGEST_SECONDS, time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        if time.monotonic() > deadline:
            raise TimeoutError(f"kvguard was not done after {_LONGEST_SECONDS:g} s:\n{host.output[-3000:]}")
        delivered = ready.azure.grid.wait_settled(1.0)
        if not delivered or _count(connection, "kvguard-reconcile"):
            since = time.monotonic()
        time.sleep(0.2)


def _invocations(host: HostProcess) -> list[Mapping[str, Any]]:
    """What the host ran. A plain loopback address, past any proxy of the machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{host.url}/_emulator/invocations", timeout=10) as answer:
        found: list[Mapping[str, Any]] = json.load(answer)
        return found
