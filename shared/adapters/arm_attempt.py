"""One attempt to make a change: the SDK's clients, and calls that end in time and say how far they came.

The management SDKs are used for the typed requests only. Their pipeline is our own: no retries (the work comes back by
the queue), no redirects (a token must not follow one), no automatic registration of resource providers (which would be
a write nobody planned) and no request logging. Nothing follows ``Location`` or ``Azure-AsyncOperation``: long
operations are started with ``polling=False`` and looked at by the next run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import CustomHookPolicy, RequestIdPolicy, UserAgentPolicy
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from shared.adapters.arm_answers import clip, verdict
from shared.adapters.arm_transport import TimeLimit, guarded_transport
from shared.domain.arm_id import ArmId
from shared.domain.clouds import Cloud
from shared.domain.plan import Outcome, OutcomeKind
from shared.service.ports import Clock, Deadline

if TYPE_CHECKING:
    from azure.mgmt.keyvault import KeyVaultManagementClient
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.privatedns import PrivateDnsManagementClient

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
# The longest that one call may take in all, from connecting to the last byte of the body.
CALL_SECONDS: Final = 8.0
# A state that was compared may be this old when the write leaves.
FRESH_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 0.05

Shape = TypeVar("Shape")
Client = TypeVar("Client")


class OutOfTime(Exception):
    """The deadline has passed, or what was read is too old to be written on. Nothing was sent for it."""


class NoAnswer(Exception):
    """A call was not answered in full before its limit; whether a change was made by it is open."""


class WriteClients:
    """The SDK clients, one per kind and subscription, built and imported when first needed. Thread-safe."""

    def __init__(self, credential: TokenCredential, cloud: Cloud) -> None:
        self._credential = credential
        self._cloud = cloud
        self._lock = threading.Lock()
        self._transport = guarded_transport()
        self._clients: dict[tuple[str, str], Any] = {}
        self._policies = [
            RequestIdPolicy(),
            UserAgentPolicy("kvguard"),
            ARMChallengeAuthenticationPolicy(credential, cloud.arm_scope),
            CustomHookPolicy(),
        ]

    def key_vault(self, subscription: str) -> KeyVaultManagementClient:
        """Client for vaults and their connections, with the API version that its release defaults to."""

        def build(options: dict[str, Any]) -> KeyVaultManagementClient:
            from azure.mgmt.keyvault import KeyVaultManagementClient

            return KeyVaultManagementClient(subscription_id=subscription, **options)

        return self._client("key-vault", subscription, build)

    def private_dns(self, subscription: str) -> PrivateDnsManagementClient:
        """Client for record sets and links."""

        def build(options: dict[str, Any]) -> PrivateDnsManagementClient:
            from azure.mgmt.privatedns import PrivateDnsManagementClient

            return PrivateDnsManagementClient(subscription_id=subscription, **options)

        return self._client("private-dns", subscription, build)

    def network(self, subscription: str) -> NetworkManagementClient:
        """Client for zone groups."""

        def build(options: dict[str, Any]) -> NetworkManagementClient:
            from azure.mgmt.network import NetworkManagementClient

            return NetworkManagementClient(subscription_id=subscription, **options)

        return self._client("network", subscription, build)

    def _client(self, kind: str, subscription: str, build: Callable[[dict[str, Any]], Client]) -> Client:
        key = (kind, subscription.casefold())
        with self._lock:
            if key not in self._clients:
                self._clients[key] = build(self._options())
            found: Client = self._clients[key]
            return found

    def _options(self) -> dict[str, Any]:
        return {
            "credential": self._credential,
            "base_url": self._cloud.arm_endpoint,
            "credential_scopes": [self._cloud.arm_scope],
            "policies": self._policies,
            "transport": self._transport,
        }


class Attempt:
    """The calls of one change. ``writing`` is true from the moment the change itself may have left."""

    def __init__(self, clients: WriteClients, clock: Clock, deadline: Deadline, target: ArmId, change_id: str) -> None:
        self.clients = clients
        self.change_id = change_id
        self.writing = False
        self._clock = clock
        self._deadline = deadline
        self._target = target
        self._status = 0
        self._left_at_read: float | None = None

    def read(self, call: Callable[..., object], shape: type[Shape], **arguments: object) -> Shape:
        """Make a GET and decode its body. Raises AzureError, msgspec.DecodeError, OutOfTime or NoAnswer."""
        return self.read_with_body(call, shape, **arguments)[0]

    def read_with_body(
        self, call: Callable[..., object], shape: type[Shape], **arguments: object
    ) -> tuple[Shape, bytes]:
        """As ``read``, with the body as it came."""
        bodies: list[bytes] = []

        def keep(response: PipelineResponse[Any, Any], _stream: object, _headers: object) -> None:
            bodies.append(response.http_response.read())

        self._left_at_read = self._deadline.remaining()
        timeouts = self._timeouts()
        with self._limit() as limit:
            # As a stream, so that the SDK builds no model of what may be no JSON at all.
            call(**arguments, cls=keep, stream=True, **timeouts)
        if limit.expired:
            # A body without a length would look complete when its connection is shut.
            raise NoAnswer("Azure did not answer in time")
        return msgspec.json.decode(bodies[0], type=shape), bodies[0]

    def write(self, call: Callable[..., object], **arguments: object) -> int:
        """Send the change and return its status, 2xx. Raises AzureError, OutOfTime or NoAnswer.

        A state that was read for comparison must not be older than two seconds when the change leaves.
        """
        timeouts = self._timeouts()
        if self._left_at_read is not None and self._left_at_read - self._deadline.remaining() > FRESH_SECONDS:
            raise OutOfTime(f"the state that was compared is older than {FRESH_SECONDS:g} s")
        self.writing, self._status = True, 0
        limit = self._limit()
        try:
            with limit:
                call(**arguments, raw_response_hook=self._note_status, **timeouts)
        except (AzureError, ValueError):
            # A body that cannot be decoded does not undo a change that Azure confirmed by its status.
            if not 200 <= self._status < 300 and not limit.expired:
                raise
        if limit.expired:
            raise NoAnswer("Azure did not answer in time")
        self._left_at_read = None
        return self._status

    def outcome(self, kind: OutcomeKind, detail: str = "", *, effective_after: int = 0) -> Outcome:
        """The outcome of this attempt now; ``detail`` is clipped."""
        return Outcome(kind, self._target, self._clock.now(), clip(detail), effective_after)

    def done(self, status: int, detail: str = "", *, effective_after: int = 0) -> Outcome:
        """Applied, or Accepted where Azure answered 202 and goes on by itself."""
        kind = OutcomeKind.ACCEPTED if status == 202 else OutcomeKind.APPLIED
        return self.outcome(kind, detail, effective_after=effective_after)

    def failed(self, detail: str, *, retry: bool) -> Outcome:
        """The attempt failed without an answer that says more."""
        return Outcome(OutcomeKind.FAILED, self._target, self._clock.now(), clip(detail), retry=retry)

    def judged(self, error: AzureError) -> Outcome:
        """The outcome that an error means."""
        now = self._clock.now()
        found = verdict(error, writing=self.writing, now=now)
        return Outcome(found.kind, self._target, now, found.detail, 0, found.retry, found.retry_after)

    def _timeouts(self) -> dict[str, float]:
        left = self._deadline.remaining()
        if left < _LEAST_SECONDS:
            raise OutOfTime("no time is left in this run")
        return {"connection_timeout": min(CONNECT_SECONDS, left), "read_timeout": min(READ_SECONDS, left)}

    def _limit(self) -> TimeLimit:
        """Time-outs of sockets are per read and do not end an answer that drips in byte by byte."""
        return TimeLimit(min(CALL_SECONDS, self._deadline.remaining()))

    def _note_status(self, response: PipelineResponse[Any, Any]) -> None:
        self._status = response.http_response.status_code
