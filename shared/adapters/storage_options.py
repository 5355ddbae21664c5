"""How long calls to storage may take, whatever the storage does.

Two seconds to connect, five to wait for a byte, and few quick retries by the SDK itself; and because a storage that
sends a byte now and then would keep a call for ever, seven and a half seconds for a call in all, its retries, its token
and its body included. That is well below the thirty seconds for which a vault is leased.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse

from shared.adapters.arm_errors import ArmUnavailable
from shared.adapters.arm_token import TimedCredential, allow_for_token
from shared.adapters.arm_transport import TimeLimit, guarded_transport
from shared.adapters.storage_connection import StorageConnection
from shared.service.ports import LedgerUnavailable

CALL_SECONDS: Final = 7.5
TOKEN_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
# Tables follow azure-core's retry policy; its ``timeout`` is the time in all after which no further try begins.
_TABLE_RETRIES: Final[Mapping[str, Any]] = MappingProxyType(
    {"retry_total": 2, "retry_backoff_factor": 0.2, "retry_backoff_max": 0.5, "timeout": 6}
)
# Queues and blobs have a retry policy of their own, which waits whole seconds: here it does not wait.
_OTHER_RETRIES: Final[Mapping[str, Any]] = MappingProxyType(
    {"retry_total": 1, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
)


def table_options() -> dict[str, Any]:
    """The options of a client for tables."""
    return {**_bounded(), **_TABLE_RETRIES, "per_call_policies": [CallLimit()]}


def queue_and_blob_options() -> dict[str, Any]:
    """The options of a client for queues or blobs."""
    return {**_bounded(), **_OTHER_RETRIES}


def identity_of(connection: StorageConnection, credential: TokenCredential | None) -> StorageCredential:
    """The credential of a connection that needs one. Raises LedgerUnavailable when there is none to use."""
    if credential is None:
        raise LedgerUnavailable(f"the storage connection {connection.name} needs an identity")
    return StorageCredential(credential)


# Whose code reads an answer.
_PARSERS: Final = frozenset({"azure", "xml", "json", "isodate"})


@contextmanager
def storage_call(what: str) -> Iterator[None]:
    """One call to queues or blobs: it ends in time, and whatever the SDK raises becomes LedgerUnavailable, chained."""
    try:
        with TimeLimit.at_most(CALL_SECONDS):
            yield
    except AzureError as error:
        raise LedgerUnavailable(f"{what}: {type(error).__name__}") from error
    except Exception as error:
        if not unreadable(error):
            raise
        raise LedgerUnavailable(f"{what}: an answer that cannot be read") from error


def unreadable(error: Exception) -> bool:
    """Whether the storage SDKs failed over an answer that broke off: they raise whatever their parsing then meets.

    Seen with azure-data-tables 12.7 (AttributeError) and azure-storage-blob 12.31 (ValueError). A TypeError is a wrong
    argument of ours.
    """
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    module = "" if frame is None else str(frame.tb_frame.f_globals.get("__name__", ""))
    return not isinstance(error, TypeError) and module.partition(".")[0] in _PARSERS


class StorageCredential:
    """A credential that a call to storage waits for no longer than five seconds.

    Raises ClientAuthenticationError, which the SDKs pass on without trying again.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._timed = TimedCredential(credential)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the scopes."""
        allow_for_token(TOKEN_SECONDS)
        try:
            return self._timed.get_token(*scopes, **options)
        except ArmUnavailable as error:
            raise ClientAuthenticationError(message=str(error)) from error


class CallLimit(HTTPPolicy[HttpRequest, HttpResponse]):
    """Bounds one request for tables in all, its retries included. The SDKs of queues and blobs take no such policy."""

    def send(self, request: PipelineRequest[HttpRequest]) -> PipelineResponse[HttpRequest, HttpResponse]:
        """Send the request on, for no longer than a call may take."""
        with TimeLimit.at_most(CALL_SECONDS):
            return self.next.send(request)


def _bounded() -> dict[str, Any]:
    return {"transport": _transport(), "logging_enable": False}


@lru_cache(maxsize=1)
def _transport() -> RequestsTransport:
    """One pool of connections for the storage accounts; Azurite speaks plain http."""
    return guarded_transport(plain=True, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
