"""The local Azure in this process, without a server, in virtual time that moves only when a test says so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.arm.access import Principal
from emulator.arm.clock import Clock, ManualTime
from emulator.arm.events import ArmEvent
from emulator.arm.faulted import InProcessAzure
from emulator.arm.faults import Faults
from emulator.arm.identity import Identities
from emulator.arm.messages import ArmResponse
from emulator.arm.service import ArmService, RawRequest
from emulator.arm.switches import Switches
from emulator.azure import OPERATOR, SUBSCRIPTION, TENANT
from tests.emulator.arm.estate import Estate

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORIGIN = "https://management.example"


@dataclass(frozen=True)
class Reply:
    """An answer as it would be sent: status, the body read back from its JSON, headers."""

    status: int
    body: Any
    headers: dict[str, str]
    raw: bytes


class Local:
    """Resource Manager with faults; requests as the operator unless another principal is named."""

    def __init__(self) -> None:
        self.time = ManualTime()
        self.clock = Clock(1.0, self.time, virtual=START)
        self.identities = Identities(TENANT, ORIGIN, now=lambda: self.clock.now().timestamp())
        self.service = ArmService(self.clock, self.identities, TENANT)
        self.service.world.store.add_subscription(SUBSCRIPTION, "Subscription")
        self.faults = Faults(self.clock.azure_seconds)
        self.waited: list[float] = []
        self.azure = InProcessAzure(self.service, self.faults, self.waited.append)
        self.events: list[ArmEvent] = []
        self.service.world.events.subscribe(self.events.append)
        self.estate = Estate(self)
        self._operator = self.identities.add(Principal.named(OPERATOR, person=True)).principal

    @property
    def switches(self) -> Switches:
        return self.service.world.switches

    def seed(self, method: str, path: str, body: Any = None) -> ArmResponse:
        return self.service.seed(self._operator, method, path, body)

    def call(
        self, method: str, path: str, body: Any = None, *, who: str = OPERATOR, api: str = "2024-06-01", **headers: str
    ) -> Reply:
        """One request; `path` may be an absolute URL with a query. Header names have `_` for `-`."""
        bare, _, sent = path.removeprefix(ORIGIN).partition("?")
        query = dict(item.split("=", 1) for item in sent.split("&") if item)
        token = self.identities.token(self.identities.named(who).principal, "https://management.azure.com")
        response = self.azure.send(
            RawRequest(
                method=method,
                path=bare,
                query={"api-version": api, **query},
                headers={
                    "authorization": f"Bearer {token}",
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
                body=b"" if body is None else json.dumps(body).encode(),
                origin=ORIGIN,
            )
        )
        raw = response.encode()
        return Reply(response.status, json.loads(raw) if raw else None, response.headers, raw)

    def get(self, path: str, **options: Any) -> Any:
        """The body of a GET."""
        reply = self.call("GET", path, **options)
        assert reply.status == 200, reply
        return reply.body

    def put(self, path: str, body: Any, **options: Any) -> Reply:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        return self.call("DELETE", path, **options)

    def later(self, seconds: float) -> None:
        """Let so much time of Azure pass, and what is due happen."""
        self.time.advance(seconds)
        self.service.settle()
