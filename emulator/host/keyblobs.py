"""Keys that all instances of an app share: blobs `azure-webjobs-secrets/<host id>/...` in the host's own storage.

Azure keeps them there as well, one blob for the host and one per function
(https://learn.microsoft.com/azure/azure-functions/function-keys-how-to); whichever instance is first writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from emulator.host.keys import HostKeys

_CONTAINER = "azure-webjobs-secrets"
_EVENT_GRID = "eventgrid_extension"


def shared_keys(service: BlobServiceClient, host_id: str, names: Iterable[str], given: str | None) -> HostKeys:
    """The keys of the app `host_id`, made by the first instance that asks. `given` stands in for the function keys
    and the host key, and is not stored. Raises `AzureError`."""
    fresh = HostKeys.create(names, None)
    wanted: dict[str, dict[str, Any]] = {f"{name.lower()}.json": _keys(fresh.functions[name]) for name in names}
    wanted["host.json"] = {
        "masterKey": _key("master", fresh.master),
        "functionKeys": [_key("default", fresh.default)],
        "systemKeys": [_key(_EVENT_GRID, fresh.eventgrid)],
    }
    with ThreadPoolExecutor(8, "keys") as pool:
        blobs = pool.map(lambda item: _read_or_write(service, f"{host_id}/{item[0]}", item[1]), wanted.items())
        stored = dict(zip(wanted, blobs, strict=True))
    host = stored["host.json"]
    return HostKeys(
        {name: given or str(stored[f"{name.lower()}.json"]["keys"][0]["value"]) for name in names},
        default=given or str(host["functionKeys"][0]["value"]),
        master=str(host["masterKey"]["value"]),
        eventgrid=str(host["systemKeys"][0]["value"]),
    )


def _key(name: str, value: str) -> dict[str, object]:
    return {"name": name, "value": value, "encrypted": False}


def _keys(value: str) -> dict[str, object]:
    return {"keys": [_key("default", value)]}


def _read_or_write(service: BlobServiceClient, path: str, document: dict[str, Any]) -> dict[str, Any]:
    blob = service.get_blob_client(_CONTAINER, path)
    with suppress(ResourceNotFoundError):
        return _document(blob.download_blob().readall())
    content = json.dumps(document).encode()
    try:
        try:
            blob.upload_blob(content, overwrite=False)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                service.create_container(_CONTAINER)
            blob.upload_blob(content, overwrite=False)
    except ResourceExistsError:
        return _document(blob.download_blob().readall())
    return document


def _document(raw: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(raw)
    return document
