"""The local Azure in this process for scenarios: SDK clients and the product's own adapters, in virtual time.

Nothing here opens a socket or waits: requests end at the service, and whoever sleeps moves the time. SDK clients are
costly to make, so those of a process are shared, and their requests go to the Azure of the scenario under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Final, Self
from unittest.mock import patch

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.privatedns import PrivateDnsManagementClient

import shared.adapters.arm_attempt
import shared.adapters.arm_client
import shared.adapters.arm_reader
from emulator.arm.clock import Clock, ManualTime
from emulator.arm.errors import ArmError
from emulator.arm.log import LogEntry
from emulator.arm.messages import ArmResponse
from emulator.arm.service import ArmService
from tests.emulator.arm.client import Sdk
from tests.simulation.machine import InlinePool
from tests.simulation.wire import CachedIdentities, FixedCredential, answer_of, raw_request

ORIGIN: Final = "https://management.azure.com"
TENANT: Final = "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10"
SUBSCRIPTION: Final = "11111111-2222-4333-8444-555555555555"
HUB: Final = "22222222-3333-4444-8555-666666666666"
STRANGER: Final = "99999999-8888-4777-8666-555555555555"
OPERATOR: Final = "operator"
GUARD: Final = "guard"
START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MOST_STEPS: Final = 1000


class _NoLimit:
    """The product's TimeLimit without its thread: requests that end in this process need none."""

    expired = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _Wire:
    """Where requests of this process go: to the Azure of the scenario under way."""

    def __init__(self) -> None:
        self.azure: Azure | None = None

    @property
    def current(self) -> Azure:
        assert self.azure is not None, "requests are made inside `with azure.connected()`"
        return self.azure

    def transport(self) -> RequestsTransport:
        """A transport for azure-core that ends here; whoever waits for a long operation waits in virtual time."""
        made = RequestsTransport(session=_Session(self), session_owner=False, connection_data_block_size=65536)
        made.sleep = lambda seconds: self.current.later(seconds)
        return made


class _Session(requests.Session):
    def __init__(self, wire: _Wire) -> None:
        super().__init__()
        self.trust_env = False
        self._wire = wire

    def request(self, method: Any, url: Any, **options: Any) -> Any:  # type: ignore[override]  # of 16 parameters 3 count
        data = options.get("data") or b""
        body = data.encode() if isinstance(data, str) else bytes(data)
        raw = raw_request(str(method), str(url), options.get("headers") or {}, body)
        return answer_of(self._wire.current.service.handle(raw), str(url))


_WIRE: Final = _Wire()


@cache
def _identities() -> CachedIdentities:
    return CachedIdentities(TENANT)


@cache
def credential(name: str) -> FixedCredential:
    """The credential of a principal, the same for all scenarios of this process."""
    return FixedCredential(_identities(), name)


@cache
def _sdk(subscription: str, name: str) -> Sdk:
    options: dict[str, Any] = {
        "base_url": ORIGIN,
        "credential_scopes": [f"{ORIGIN}/.default"],
        "retry_total": 0,
        "transport": _WIRE.transport(),
    }
    who: Any = credential(name)
    return Sdk(
        KeyVaultManagementClient(who, subscription, **options),
        NetworkManagementClient(who, subscription, **options),
        PrivateDnsManagementClient(who, subscription, **options),
    )


class Azure:
    """One local Azure with three subscriptions: the watched one, the hub's, and a stranger's."""

    def __init__(self) -> None:
        self._time = ManualTime()
        self.clock = Clock(1.0, self._time, virtual=START)
        self.service = ArmService(self.clock, _identities(), TENANT)
        self.service.world.switches.throttling = False
        for subscription, name in ((SUBSCRIPTION, "Apps"), (HUB, "Hub"), (STRANGER, "Stranger")):
            self.service.world.store.add_subscription(subscription, name)
        self._operator = _identities().named(OPERATOR).principal

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Inside, the SDK clients and the product's adapters of this process talk to this Azure."""
        before, _WIRE.azure = _WIRE.azure, self
        adapters = (shared.adapters.arm_client, shared.adapters.arm_attempt)
        patches: list[Any] = [patch.object(module, "guarded_transport", _WIRE.transport) for module in adapters]
        patches += [patch.object(module, "TimeLimit", _NoLimit) for module in adapters]
        patches.append(patch.object(shared.adapters.arm_reader, "ThreadPoolExecutor", InlinePool))
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in reversed(patches):
                each.stop()
            _WIRE.azure = before

    def sdk(self, subscription: str = SUBSCRIPTION, name: str = OPERATOR) -> Sdk:
        """The SDK's clients of a principal for a subscription."""
        return _sdk(subscription, name)

    def seed(self, method: str, path: str, body: Any = None) -> ArmResponse:
        """One request of the operator, done at once and without a trace in the log. Raises ArmError."""
        return self.service.seed(self._operator, method, path, body)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self._time.advance(seconds)
        self.service.settle()

    def settle(self) -> None:
        """Let time pass until no operation is under way."""
        for _ in range(_MOST_STEPS):
            due = self.clock.next_due()
            if due is None:
                return
            self.later(max(due - self.clock.azure_seconds(), 0.0))
        raise AssertionError("operations follow each other without end")

    def writes(self, since: int) -> list[LogEntry]:
        """What the product asked Azure to change after an entry of the log."""
        return self.service.log.writes(GUARD, since)

    def mark(self) -> int:
        """The latest entry of the log."""
        return self.service.log.mark()

    def bodies(self) -> Mapping[str, Any]:
        """All resources by id, as Azure shows them, without etags, times, and the marks of who wrote a record last."""
        self.settle()
        return {each.casefold(): lasting(body) for each, body in self._shown()}

    def _shown(self) -> Iterator[tuple[str, Any]]:
        for resource in self.service.world.store.all():
            try:
                yield resource.id.text, self.seed("GET", resource.id.text).body
            except ArmError as error:
                # A diagnostic setting outlives its vault, and is not shown until that is back.
                if error.status != 404:
                    raise


# Who wrote a record is not what it says: an undo is written by kvguard, too.
_MARKS: Final = ("managed-by", "kvguard-change")
_PASSING: Final = ("etag", "systemData")


def lasting(value: Any) -> Any:
    """A body without what every write changes."""
    if isinstance(value, dict):
        kept = {key: lasting(inner) for key, inner in value.items() if key not in (*_PASSING, *_MARKS)}
        if kept.get("metadata") == {}:
            del kept["metadata"]
        return kept
    return [lasting(inner) for inner in value] if isinstance(value, list) else value
