"""A real process, a local Azure and Azurite, judged by the invariants that the simulations are judged by."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from azure.data.tables import TableServiceClient, UpdateMode
from azure.storage.queue import QueueServiceClient

from emulator.arm.resources import Link, RecordSet
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
from tests.simulation.checker import Rule, check
from tests.simulation.collect_real import Bystander, Evidence

pytestmark = pytest.mark.xdist_group("processes")

_PROJECT: Final = Path(__file__).resolve().parents[2]
_VAULTS: Final = [f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-real-{number}" for number in range(4)]
_PATIENCE: Final = 150.0
_CONSISTENCY: Final = 1
# Longer than a lease lasts, as in Azure: the work of a killed process comes back when its lease is over.
_HIDDEN_SECONDS: Final = LASTS.total_seconds() + 6


@dataclass
class Installation:
    """The local Azure, storage, and processes of the app that note what they run in one file."""

    azure: LocalAzure
    connection: str
    folder: Path
    stack: ExitStack

    def __post_init__(self) -> None:
        self.bystander = Bystander(self.azure)
        with TableServiceClient.from_connection_string(self.connection) as tables:
            for table in TABLES:
                tables.create_table(table)
        with QueueServiceClient.from_connection_string(self.connection) as queues:
            for queue in (*QUEUES, "kvguard-reconcile-poison"):
                queues.create_queue(queue)
        timing = {"settle_seconds": 2, "max_settle_seconds": 20, "consistency_seconds": _CONSISTENCY}
        policy = {"version": 1, "zones": [{"id": ZONE, "writer": "kvguard"}], "timing": timing}
        (self.folder / "policy.yaml").write_text(json.dumps(policy))

    def host(self) -> HostProcess:
        """One more process of the app."""
        settings = {
            **self.azure.env_for(APP),
            "KVGUARD_ROLE": "guard",
            "KVGUARD_MODE": "enforce",
            "KVGUARD_SUBSCRIPTIONS": SUBSCRIPTION,
            "KVGUARD_TENANT": self.azure.tenant,
            "KVGUARD_CLOUD": "custom",
            "KVGUARD_ARM_ENDPOINT": self.azure.url,
            "KVGUARD_POLICY": str(self.folder / "policy.yaml"),
            "AzureWebJobsStorage": self.connection,
            "KvGuardStorage": self.connection,
            "KvGuardFindings": self.connection,
            "NO_PROXY": "127.0.0.1",
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2500000",
        }
        lines = self.folder / "invocations.jsonl"
        return self.stack.enter_context(HostProcess(_PROJECT, settings, invisibility=_HIDDEN_SECONDS, log_json=lines))

    def evidence(self) -> Evidence:
        """What the witnesses have seen."""
        return Evidence(
            self.azure,
            self.bystander,
            APP,
            self.connection,
            self.folder / "invocations.jsonl",
            timedelta(seconds=_CONSISTENCY),
        )

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something, at most ``_PATIENCE`` seconds."""
        deadline = time.monotonic() + _PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            time.sleep(0.1)

    @contextmanager
    def changed(self, table: str, chosen: Callable[[dict[str, Any]], bool], **columns: Any) -> Iterator[None]:
        """One stored row is another while the block runs; without columns it is not there."""
        with TableServiceClient.from_connection_string(self.connection) as tables:
            client = tables.get_table_client(table)
            row = next(row for row in map(dict, client.list_entities()) if chosen(row))
            if columns:
                client.upsert_entity({**row, **columns}, mode=UpdateMode.REPLACE)
            else:
                client.delete_entity(row)
            try:
                yield
            finally:
                client.upsert_entity(row, mode=UpdateMode.REPLACE)

    def quiet(self) -> bool:
        """Whether Azure has ended what it does, no event is on its way, and no message waits, hidden ones included.

        In this order, since each leads to the next.
        """
        with self.azure.store.lock:
            self.azure.clock.settle()
            if self.azure.clock.pending:
                return False
        settled = self.azure.grid.wait_settled(1.0)
        with QueueServiceClient.from_connection_string(self.connection) as queues:
            waiting = queues.get_queue_client(QUEUES[0]).get_queue_properties().approximate_message_count
        return settled and not waiting


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Vaults that are mended, touched in every way that concerns several of them, and a process that is killed."""
    folder = tmp_path_factory.mktemp("real")
    with ExitStack() as stack:
        azure = stack.enter_context(LocalAzure(folder / "azure", scale=0.01))
        made = Installation(azure, stack.enter_context(Azurite()).connection_string, folder, stack)
        listener, victim = made.host(), made.host()
        for path, body in ((GROUP, {"location": LOCATION}), (NETWORK, network_body()), (ZONE, {"location": "global"})):
            azure.seed("PUT", path, body)
        azure.grid.subscribe("real", listener.eventgrid_url("on_resource_change"))
        arm = ArmClient(azure)
        for vault in _VAULTS:
            assert arm.put(vault, vault_body(publicNetworkAccess="Disabled")).ok
            name = vault.rpartition("/")[2]
            assert arm.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-{name}", endpoint_body(vault=vault)).ok
        made.until(lambda: bool(azure.log.writes(APP)), "the first repair")
        victim.kill()
        made.until(lambda: len(_records(azure)) == len(_VAULTS) and made.quiet(), "everything is mended")
        [link] = [item.id.text for item in azure.store.all() if isinstance(item, Link)]
        assert arm.patch(link, {"tags": {"touched": "yes"}}).ok
        assert arm.patch(NETWORK, {"tags": {"touched": "yes"}}).ok
        assert arm.patch(ZONE, {"tags": {"touched": "yes"}}).ok
        assert arm.put(_VAULTS[0], vault_body(publicNetworkAccess="Enabled")).ok
        made.until(made.quiet, "everything is looked at")
        yield made


def _records(azure: LocalAzure) -> list[RecordSet]:
    return [item for item in azure.store.all() if isinstance(item, RecordSet) and item.record_type == "A"]


def found(installation: Installation) -> set[Rule]:
    broken = check(installation.evidence().course())
    print(*broken, sep="\n")
    return {each.rule for each in broken}


def test_a_real_run_breaks_no_invariant(installation: Installation) -> None:
    course = installation.evidence().course()

    assert check(course) == ()
    vaults = {vault.casefold() for vault in _VAULTS}
    for resource in (NETWORK, ZONE, _VAULTS[0]):
        touched = [event for event in course.events if event.resource.casefold() == resource.casefold()]
        assert touched, resource
        assert all(event.delivered for event in touched), resource
        assert set(touched[-1].vaults) == (vaults if resource != _VAULTS[0] else {_VAULTS[0].casefold()})
    assert {state.vault.casefold() for state in course.vaults} == vaults
    # Several vaults may try to make the one link; the app of this run makes it once.
    made = [request for request in course.requests if request.is_write and request.succeeded and request.caller == APP]
    assert len(made) == len(_VAULTS) + 1
    assert {message.vault.casefold() for message in course.told if message.open} >= {_VAULTS[0].casefold()}
    assert len(course.runs) >= len(_VAULTS)


@pytest.mark.parametrize("column", ["settledRead", "lastFreshRead"])
def test_a_row_that_has_seen_too_little_is_named(installation: Installation, column: str) -> None:
    with installation.changed(
        "vaults", lambda row: str(row.get("vault")) == _VAULTS[0], **{column: "2026-01-01T00:00:00Z"}
    ):
        assert found(installation) == {Rule.EVENT_LOST}
    assert found(installation) == set()


def test_a_result_that_is_missing_is_named(installation: Installation) -> None:
    with installation.changed("journal", lambda row: row.get("kind") == "result"):
        assert found(installation) - {Rule.TWO_WRITERS} == {Rule.NO_RESULT, Rule.JOURNAL_BROKEN}
    assert found(installation) == set()


def test_a_finding_that_was_told_and_forgotten_is_named(installation: Installation) -> None:
    with installation.changed("vaults", lambda row: str(row["vault"]) == _VAULTS[0], told="{}"):
        assert found(installation) == {Rule.UNTOLD}
    assert found(installation) == set()


def test_work_that_never_came_again_is_named(installation: Installation) -> None:
    lines = installation.folder / "invocations.jsonl"
    before = lines.read_text()
    began = {"event": "began", "invocationId": "x", "function": "reconcile_vault", "pid": 1, "started": time.time()}
    lines.write_text(before + json.dumps({**began, "messageId": "m", "dequeueCount": 1}) + "\n")
    try:
        assert found(installation) == {Rule.WORK_LOST}
    finally:
        lines.write_text(before)
    assert found(installation) == set()


def test_a_write_that_no_journal_knows_is_named_and_one_by_somebody_else_is_not(installation: Installation) -> None:
    """The last test of this run: what it writes stays."""
    for principal, named in (("somebody", set()), (APP, {Rule.NO_INTENT})):
        assert ArmClient(installation.azure, principal).patch(_VAULTS[1], {"tags": {"by": principal}}).ok
        installation.until(installation.quiet, "it is looked at")
        assert found(installation) == named
