"""The bearer token of the ARM client: azure-core's own policy, made safe for threads and bounded in time."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from shared.adapters.arm_errors import ArmNoLogin, ArmUnavailable

_thread = threading.local()
_NO_TOKEN: Final = "no token could be had"


def allow_for_token(seconds: float) -> None:
    """How long this thread's next call may wait for a token."""
    _thread.seconds = seconds


def _allowed() -> float:
    seconds: float = getattr(_thread, "seconds", 5.0)
    return max(0.0, seconds)


class TimedCredential:
    """A credential whose answer is waited for no longer than the call allows; the request for it goes on meanwhile.

    Raises ArmUnavailable when there is no token, the credential's own error chained.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._flights: dict[tuple[object, ...], Future[AccessToken]] = {}

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the scopes. Callers that ask for the same at the same time share one request."""
        key = (scopes, *sorted((name, str(value)) for name, value in options.items()))
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = Future()
                threading.Thread(
                    target=self._fly, args=(key, flight, scopes, options), name="arm-token", daemon=True
                ).start()
        try:
            return flight.result(timeout=_allowed())
        except FutureTimeoutError as error:
            raise ArmUnavailable(f"{_NO_TOKEN} in time") from error
        except AzureError as error:
            raise ArmNoLogin(f"{_NO_TOKEN}: {type(error).__name__}") from error

    def _fly(
        self, key: tuple[object, ...], flight: Future[AccessToken], scopes: tuple[str, ...], options: dict[str, Any]
    ) -> None:
        try:
            token = self._credential.get_token(*scopes, **options)
        except BaseException as error:  # noqa: BLE001  (the future carries every error to those who wait)
            with self._lock:
                self._flights.pop(key, None)
            flight.set_exception(error)
        else:
            with self._lock:
                self._flights.pop(key, None)
            flight.set_result(token)


class Authentication(ARMChallengeAuthenticationPolicy):
    """azure-core's bearer policy, with one request for a token at a time."""

    def __init__(self, credential: TimedCredential, scope: str) -> None:
        super().__init__(credential, scope)
        self._asking = threading.Lock()

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Authorise the request. Raises ArmUnavailable when that takes too long."""
        if not self._asking.acquire(timeout=_allowed()):
            raise ArmUnavailable(f"{_NO_TOKEN} in time")
        try:
            super().on_request(request)
        except AttributeError:
            # azure-core checks its token and then uses it; a 401 of another thread may drop it in between.
            super().on_request(request)
        finally:
            self._asking.release()
