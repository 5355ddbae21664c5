"""Long-running operations in Resource Manager's several protocols.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from emulator.arm.clock import Clock
from emulator.arm.errors import ArmError
from emulator.arm.messages import ArmRequest, ArmResponse
from emulator.arm.switches import Switches


class Protocol(Enum):
    """Where the state of an operation is asked for, and how a running one is told."""

    NETWORK = "network"
    PRIVATE_DNS = "private-dns"
    KEY_VAULT = "key-vault"
    GROUP = "group"


@dataclass
class Operation:
    """One running or finished operation."""

    id: str
    protocol: Protocol
    subscription: str
    location: str
    group: str | None
    retry_after: float
    result: Callable[[], ArmResponse]
    done: bool = False
    polls: int = 0
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def status_path(self) -> str:
        """Path of the status resource (Azure-AsyncOperation)."""
        base = f"/subscriptions/{self.subscription}"
        if self.protocol is Protocol.PRIVATE_DNS:
            dns = f"{base}/resourceGroups/{self.group}/providers/Microsoft.Network"
            return f"{dns}/privateDnsOperationStatuses/{self.id}"
        return f"{base}/providers/Microsoft.Network/locations/{self.location}/operations/{self.id}"

    def result_path(self) -> str:
        """Path of the result (Location)."""
        base = f"/subscriptions/{self.subscription}"
        if self.protocol is Protocol.PRIVATE_DNS:
            dns = f"{base}/resourceGroups/{self.group}/providers/Microsoft.Network"
            return f"{dns}/privateDnsOperationResults/{self.id}"
        if self.protocol is Protocol.GROUP:
            return f"{base}/operationresults/{self.id}"
        provider = "Microsoft.KeyVault" if self.protocol is Protocol.KEY_VAULT else "Microsoft.Network"
        return f"{base}/providers/{provider}/locations/{self.location}/operationResults/{self.id}"


class Operations:
    """Starts operations, finishes them when due and answers questions about them."""

    def __init__(self, clock: Clock, switches: Switches) -> None:
        self._clock = clock
        self._switches = switches
        self._operations: dict[str, Operation] = {}

    def start(
        self,
        protocol: Protocol,
        *,
        seconds: float,
        retry_after: float,
        finish: Callable[[], None],
        subscription: str,
        location: str = "global",
        group: str | None = None,
        result: Callable[[], ArmResponse] | None = None,
    ) -> Operation:
        """Begin an operation whose effect, `finish`, happens after so many seconds of Azure."""
        operation = Operation(
            id=str(uuid.uuid4()),
            protocol=protocol,
            subscription=subscription,
            location=location.replace(" ", "").casefold(),
            group=group,
            retry_after=retry_after,
            result=result or (lambda: ArmResponse(204)),
        )
        self._operations[operation.id] = operation

        def end() -> None:
            finish()
            operation.done = True
            for watcher in operation.watchers:
                watcher()

        self._clock.after(seconds * self._switches.operation_seconds_factor, end)
        return operation

    def network_headers(self, operation: Operation, request: ArmRequest, *, delete: bool) -> dict[str, str]:
        """Headers of the first answer of the network provider; only a DELETE has a Location."""
        headers = {
            "Azure-AsyncOperation": self.url(operation.status_path(), request),
            "Azure-AsyncNotification": "Enabled",
            "Retry-After": self._clock.retry_after(operation.retry_after),
        }
        if delete:
            headers["Location"] = self.url(operation.result_path(), request)
        return headers

    def dns_headers(self, operation: Operation, request: ArmRequest) -> dict[str, str]:
        """Headers of the first answer of private DNS."""
        return {
            "Azure-AsyncOperation": self.url(operation.status_path(), request),
            "Location": self.url(operation.result_path(), request),
            "Retry-After": self._clock.retry_after(operation.retry_after),
        }

    def url(self, path: str, request: ArmRequest) -> str:
        """An absolute URL of this server with the caller's api-version."""
        return f"{request.origin}{path}?api-version={request.api_version}"

    def _find(self, operation_id: str) -> Operation:
        operation = self._operations.get(operation_id.casefold())
        if operation is None:
            raise ArmError(404, "OperationNotFound", f"The operation '{operation_id}' was not found.")
        return operation

    def status(self, operation_id: str) -> ArmResponse:
        """Answer a status GET.

        The network provider says 200 with a growing Retry-After while the operation runs, private DNS says 202.
        """
        operation = self._find(operation_id)
        if operation.done:
            return ArmResponse(200, {"status": "Succeeded"})
        operation.polls += 1
        if operation.protocol is Protocol.PRIVATE_DNS:
            wait = self._clock.retry_after(operation.retry_after)
            return ArmResponse(202, {"status": "InProgress"}, {"Retry-After": wait})
        grown = operation.retry_after * 2 ** (operation.polls - 1)
        return ArmResponse(200, {"status": "InProgress"}, {"Retry-After": self._clock.retry_after(grown)})

    def outcome(self, operation_id: str, request: ArmRequest) -> ArmResponse:
        """Answer a GET of the result: 202 while the operation runs, then the resource or an empty 204."""
        operation = self._find(operation_id)
        if operation.done:
            return operation.result()
        operation.polls += 1
        return ArmResponse(
            202,
            None,
            {
                "Location": self.url(operation.result_path(), request),
                "Retry-After": self._clock.retry_after(operation.retry_after),
            },
        )
