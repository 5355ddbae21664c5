"""Azurite is started where a test wants it, and is gone afterwards."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from emulator.azurite import Azurite, AzuriteUnavailableError


def test_two_run_side_by_side_with_state_of_their_own_and_leave_no_port_open() -> None:
    with Azurite() as one, Azurite() as two:
        for running, name in ((one, "first"), (two, "second")):
            with QueueServiceClient.from_connection_string(running.connection_string) as queues:
                queues.create_queue(name)
                assert [queue.name for queue in queues.list_queues()] == [name]
        with BlobServiceClient.from_connection_string(one.connection_string) as blobs:
            assert list(blobs.list_containers()) == []
        with TableServiceClient.from_connection_string(one.connection_string) as tables:
            assert list(tables.list_tables()) == []
        ports = [one.ports.blob, one.ports.queue, one.ports.table, two.ports.blob]
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_missing_installation_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AzuriteUnavailableError, match="npm ci"):
        Azurite(project=tmp_path).start()


def test_an_azurite_that_ends_at_once_is_reported_with_its_output(tmp_path: Path) -> None:
    script = tmp_path / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    script.parent.mkdir(parents=True)
    script.write_text("console.log('cannot run today'); process.exit(3)")
    with pytest.raises(AzuriteUnavailableError, match="cannot run today"):
        Azurite(project=tmp_path).start()
