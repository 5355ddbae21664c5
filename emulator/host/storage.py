"""Storage clients of the host: connections by name, as bindings name them.

An app setting `NAME` holds a connection string; `AzureWebJobsNAME` is tried as well
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections).
Identity connections need Entra and are not served here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.blob import LinearRetry as BlobLinearRetry
from azure.storage.queue import LinearRetry, QueueClient, QueueServiceClient

HOST_STORAGE = "AzureWebJobsStorage"
_DEVELOPMENT = "UseDevelopmentStorage=true"
_DEVELOPMENT_EXPANDED = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)


class ConnectionMissingError(Exception):
    """No app setting holds the connection that a binding names."""


class Connections:
    """Clients by connection name; one service client per name, shared by all bindings. Safe to use from
    threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._queues: dict[str, QueueServiceClient] = {}

    def connection_string(self, name: str) -> str:
        """The connection string behind `name`; raises `ConnectionMissingError`."""
        for setting in (name, f"AzureWebJobs{name}"):
            value = self._environ.get(setting, "").strip()
            if value:
                return _DEVELOPMENT_EXPANDED if value.rstrip(";") == _DEVELOPMENT else value
        identity = [key for key in self._environ if key.startswith(f"{name}__")]
        hint = " (identity connections are not served by this host)" if identity else ""
        raise ConnectionMissingError(f"the app setting '{name}' does not hold a storage connection string{hint}")

    def queue(self, connection: str, name: str) -> QueueClient:
        """A client of one queue that sends and returns the message text as it is, without any encoding."""
        service = self._queues.get(connection)
        if service is None:
            service = QueueServiceClient.from_connection_string(
                self.connection_string(connection),
                retry_policy=LinearRetry(backoff=1, retry_total=2, random_jitter_range=0),
                connection_timeout=5,
                read_timeout=30,
            )
            self._queues[connection] = service
        return service.get_queue_client(name)

    def blobs(self, connection: str = HOST_STORAGE) -> BlobServiceClient:
        """A client of the blob service, for the host's own state."""
        return BlobServiceClient.from_connection_string(
            self.connection_string(connection),
            retry_policy=BlobLinearRetry(backoff=1, retry_total=2, random_jitter_range=0),
            connection_timeout=5,
            read_timeout=30,
        )

    def close(self) -> None:
        for service in self._queues.values():
            service.close()
        self._queues.clear()


def send_creating(queue: QueueClient, text: str) -> None:
    """Send `text`, creating the queue when there is none: outputs and poison queues are created, triggers'
    are not."""
    try:
        queue.send_message(text)
    except ResourceNotFoundError:
        with suppress(ResourceExistsError):  # Somebody else may have created it between the two calls.
            queue.create_queue()
        queue.send_message(text)
