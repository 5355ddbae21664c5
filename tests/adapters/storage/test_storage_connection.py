"""Storage connections follow the rules of Functions, and what is missing is said at once."""

from __future__ import annotations

import pytest
from azure.core.credentials import AccessToken

from shared.adapters.blobs import BlobStore
from shared.adapters.storage_connection import (
    StorageConnection,
    StorageConnectionMissing,
    StorageService,
    resolve,
)

ALL = frozenset(StorageService)
QUEUE = frozenset({StorageService.QUEUE})
TEXT = "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"


def test_a_connection_string_wins_over_the_identity_form() -> None:
    settings = {"KvGuardStorage": TEXT, "KvGuardStorage__queueServiceUri": "https://other.queue.core.windows.net"}

    found = resolve("KvGuardStorage", settings, ALL)

    assert (found.connection_string, found.uses_identity) == (TEXT, False)


def test_functions_own_prefix_is_tried_first_in_either_form() -> None:
    settings = {"AzureWebJobsKvGuardStorage__accountName": "contoso", "KvGuardStorage": TEXT}

    assert resolve("KvGuardStorage", settings, QUEUE).uri(StorageService.QUEUE) == (
        "https://contoso.queue.core.windows.net"
    )


def test_development_storage_means_the_emulators_account_on_loopback() -> None:
    found = resolve("KvGuardStorage", {"KvGuardStorage": "UseDevelopmentStorage=true"}, ALL)

    assert BlobStore(found).endpoint == "http://127.0.0.1:10000/devstoreaccount1"


def test_service_uris_with_a_user_assigned_identity() -> None:
    settings = {
        "KvGuardStorage__blobServiceUri": "https://contoso.blob.core.windows.net/",
        "KvGuardStorage__queueServiceUri": "https://contoso.queue.core.windows.net",
        "KvGuardStorage__tableServiceUri": "https://contoso.table.core.windows.net",
        "KvGuardStorage__credential": "managedidentity",
        "KvGuardStorage__clientId": "6f9c5a3e-3f0f-4c2b-9a44-1f2d3c4b5a69",
    }

    found = resolve("KvGuardStorage", settings, ALL)

    assert (found.uses_identity, found.client_id) == (True, "6f9c5a3e-3f0f-4c2b-9a44-1f2d3c4b5a69")
    assert found.uri(StorageService.BLOB) == "https://contoso.blob.core.windows.net"

    class Credential:
        def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
            raise AssertionError("no call is made here")

    assert BlobStore(found, Credential()).endpoint == "https://contoso.blob.core.windows.net"


def test_the_alias_of_a_single_service() -> None:
    settings = {"KvGuardFindings__serviceUri": "https://review.queue.core.windows.net"}

    found = resolve("KvGuardFindings", settings, QUEUE)

    assert found.uri(StorageService.QUEUE) == "https://review.queue.core.windows.net"
    with pytest.raises(StorageConnectionMissing, match="KvGuardFindings__tableServiceUri"):
        found.uri(StorageService.TABLE)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {},
            [
                "KvGuardStorage (a connection string)",
                "blobServiceUri",
                "queueServiceUri",
                "KvGuardStorage__tableServiceUri",
            ],
        ),
        ({"KvGuardStorage": "  "}, ["is not set"]),
        ({"KvGuardStorage": "contoso"}, ["KvGuardStorage is no connection string"]),
        ({"KvGuardStorage": "AccountName=contoso;EndpointSuffix=core.windows.net"}, ["needs AccountName with"]),
        ({"KvGuardStorage": "BlobEndpoint=https://b;SharedAccessSignature=sv"}, ["SharedAccessSignature"]),
        ({"AzureWebJobsKvGuardStorage": "AccountKey=c2VjcmV0"}, ["AzureWebJobsKvGuardStorage is no"]),
        (
            {"KvGuardStorage__queueServiceUri": "https://contoso.queue.core.windows.net"},
            ["KvGuardStorage__blobServiceUri", "KvGuardStorage__tableServiceUri"],
        ),
        ({"KvGuardStorage__serviceUri": "http://contoso.queue.core.windows.net"}, ["must be https"]),
        (
            {"KvGuardStorage__accountName": "contoso", "KvGuardStorage__credential": "password"},
            ["can only be 'managedidentity'"],
        ),
        (
            {"KvGuardStorage__accountName": "contoso", "KvGuardStorage__clientId": "x"},
            ["needs KvGuardStorage__credential"],
        ),
    ],
)
def test_what_is_missing_or_wrong_is_listed(settings: dict[str, str], said: list[str]) -> None:
    with pytest.raises(StorageConnectionMissing) as caught:
        resolve("KvGuardStorage", settings, ALL)

    assert [text for text in said if text not in str(caught.value)] == []


def test_keys_stay_out_of_what_is_printed() -> None:
    assert "c2VjcmV0" not in repr(StorageConnection("KvGuardStorage", connection_string=TEXT))
