"""One instance of several runs a timer: the lock behind it, a blob lease in the host's own storage.

Follows azure-webjobs-sdk, Singleton/SingletonManager.cs: the lock of a listener lasts a minute and is renewed at half
of it; an instance without the lock asks again once a minute.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#timer-trigger-and-scale-out
"""

from __future__ import annotations

import logging
from contextlib import suppress

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

_log = logging.getLogger("emulator.host")
HOST_CONTAINER = "azure-webjobs-hosts"
_PERIOD_SECONDS = 60.0
# https://learn.microsoft.com/rest/api/storageservices/lease-blob: a lease that ends lasts 15 to 60 seconds.
_LEAST_SECONDS = 15.0


def _is_taken(error: HttpResponseError) -> bool:
    return error.status_code in (404, 409, 412)


class ListenerLock:
    """The lock of one function's listener: blob `locks/<host id>/Host.Functions.<name>.Listener`. Blocking.

    `scale` shortens how long a lease lasts, down to the 15 seconds below which storage grants none, and how often
    it is asked for.
    """

    def __init__(self, service: BlobServiceClient, host_id: str, name: str, *, scale: float = 1.0) -> None:
        self._service = service
        self._blob = service.get_blob_client(HOST_CONTAINER, f"locks/{host_id}/Host.Functions.{name}.Listener")
        self._lease: BlobLeaseClient | None = None
        self.name = name
        self.period = max(_PERIOD_SECONDS * scale, _LEAST_SECONDS)
        self.renewal_interval = self.period / 2
        self.asking_interval = max(_PERIOD_SECONDS * scale, 0.1)

    def acquire(self) -> bool:
        """Take the lock if nobody has it. Raises `AzureError` when storage cannot say."""
        lease = BlobLeaseClient(self._blob)
        try:
            self._acquire_creating(lease)
        except HttpResponseError as error:
            if not _is_taken(error):
                raise
            return False
        self._lease = lease
        return True

    def renew(self) -> bool:
        """Keep the lock; false when somebody else may have it by now. Raises `AzureError` when storage cannot say."""
        if self._lease is None:
            return False
        try:
            self._lease.renew()
        except HttpResponseError as error:
            if not _is_taken(error):
                raise
            self._lease = None
            return False
        return True

    def release(self) -> None:
        """Give the lock to whoever asks next. Does nothing without it."""
        lease, self._lease = self._lease, None
        if lease is not None:
            try:
                lease.release()
            except AzureError as error:
                _log.warning("The lock of timer '%s' ends by itself, it cannot be released: %s", self.name, error)

    def _acquire_creating(self, lease: BlobLeaseClient) -> None:
        try:
            lease.acquire(lease_duration=int(self.period))
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                self._service.create_container(HOST_CONTAINER)
            with suppress(ResourceExistsError):
                self._blob.upload_blob(b"", overwrite=False)
            lease.acquire(lease_duration=int(self.period))
