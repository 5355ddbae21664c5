"""Texts in blobs, named by their hash: evidence too large for a message, values too large for a table.

A name says what the content must be, so storing twice is harmless and an altered blob is noticed. azure-storage-blob is
imported with the first blob.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

from shared.adapters.storage_connection import StorageConnection, StorageService
from shared.adapters.storage_options import identity_of, queue_and_blob_options, storage_call
from shared.service.ports import LedgerUnavailable

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

EVIDENCE: Final = "kvguard-evidence"
STATE: Final = "kvguard-state"
CONTAINERS: Final = (EVIDENCE, STATE)


@dataclass(frozen=True, slots=True)
class BlobContent:
    """What a blob holds, with the etag of this content."""

    data: bytes
    etag: str


class BlobTooLarge(ValueError):
    """The blob is larger than the reader accepts."""


class BlobStore:
    """The blobs of one account. Thread-safe. Every method may raise LedgerUnavailable."""

    def __init__(self, connection: StorageConnection, credential: TokenCredential | None = None) -> None:
        self._connection = connection
        self._credential = credential
        self._lock = threading.Lock()
        self._service: BlobServiceClient | None = None

    @property
    def endpoint(self) -> str:
        """The URI of the blob service, without a slash at its end."""
        return self._client().url.rstrip("/")

    def put(self, container: str, text: str) -> str:
        """Store a text and return its name, the SHA-256 of its UTF-8 bytes in hex."""
        data = text.encode()
        name = hashlib.sha256(data).hexdigest()
        blob = self._client().get_blob_client(container, name)
        with storage_call(f"blob container {container} could not be written"):
            try:
                # The SDK sends If-None-Match: * unless it may overwrite.
                blob.upload_blob(data, overwrite=False)
            except (ResourceExistsError, ResourceModifiedError):
                self.get(container, name)
        return name

    def get(self, container: str, name: str) -> str:
        """The text of that name. Raises LedgerUnavailable when it is gone or no longer what its name says."""
        blob = self._client().get_blob_client(container, name)
        with storage_call(f"blob {container}/{name} could not be read"):
            data: bytes = blob.download_blob().readall()
        if hashlib.sha256(data).hexdigest() != name:
            raise LedgerUnavailable(f"blob {container}/{name} was altered")
        return data.decode()

    def read(self, container: str, name: str, *, limit: int) -> BlobContent | None:
        """A blob of any name, None when there is none. Raises BlobTooLarge above ``limit`` bytes."""
        blob = self._client().get_blob_client(container, name)
        with storage_call(f"blob {container}/{name} could not be read"):
            try:
                download = blob.download_blob()
            except ResourceNotFoundError:
                return None
            if download.size > limit:
                raise BlobTooLarge(f"{download.size} bytes, at most {limit} are read")
            return BlobContent(download.readall(), str(download.properties.etag))

    def probe(self, container: str) -> None:
        """Ask for a blob that there need not be, in a container that need not be either. Raises LedgerUnavailable."""
        blob = self._client().get_blob_client(container, "health")
        with storage_call(f"blob container {container}"):
            blob.exists()

    def ensure(self) -> None:
        """Create the containers that are missing: for deployment and local runs, never in the hot path."""
        service = self._client()
        for container in CONTAINERS:
            with storage_call(f"blob container {container} could not be created"), suppress(ResourceExistsError):
                service.create_container(container)

    def _client(self) -> BlobServiceClient:
        with self._lock:
            if self._service is None:
                from azure.storage.blob import BlobServiceClient

                options = queue_and_blob_options()
                if self._connection.uses_identity:
                    uri = self._connection.uri(StorageService.BLOB)
                    identity = identity_of(self._connection, self._credential)
                    self._service = BlobServiceClient(uri, credential=identity, **options)
                else:
                    self._service = BlobServiceClient.from_connection_string(
                        self._connection.connection_string, **options
                    )
            return self._service
