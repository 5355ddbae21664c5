"""An Azure Policy assignment with effect DeployIfNotExists: it attaches a zone group to each new endpoint of a vault,
some ten minutes after the endpoint was written, as its own principal and through Resource Manager like anybody else.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/effect-deploy-if-not-exists and
https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/private-link-and-dns-integration-at-scale
"""

from __future__ import annotations

import json
from typing import Any

from emulator.arm.access import Principal
from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.arm.service import ArmService, RawRequest

PRINCIPAL = "policy-assignment"
GROUP_NAME = "deployedByPolicy"
DELAY_SECONDS = 600.0
# A deployment retries what the network provider asks to do later.
RETRY_SECONDS = 30.0
_API = "2024-05-01"
_WRITE = "microsoft.network/privateendpoints/write"
_MANAGEMENT = "https://management.azure.com"


class PolicyRemediation:
    """Watches the events of a service until it is stopped. `seen` has the endpoints it has looked at."""

    def __init__(self, service: ArmService, zone_id: str, delay_seconds: float = DELAY_SECONDS) -> None:
        self.zone_id = zone_id
        self.delay_seconds = delay_seconds
        self.principal = service.identities.add(Principal.named(PRINCIPAL)).principal
        self.seen: list[str] = []
        self._service = service
        self._active = True
        service.world.events.subscribe(self._on_event)

    def stop(self) -> None:
        """Do nothing any more, not even what has been planned."""
        self._active = False

    def _on_event(self, event: ArmEvent) -> None:
        wanted = event.operation_name.casefold() == _WRITE
        if wanted and event.kind is EventKind.WRITE and event.status is EventStatus.SUCCESS:
            endpoint = event.resource_id
            self._service.clock.after(self.delay_seconds, lambda: self._remediate(endpoint))

    def _remediate(self, endpoint: str) -> None:
        """Attach the group, unless the endpoint is gone, serves no vault or has a group with this zone."""
        if not self._active:
            return
        self.seen.append(endpoint)
        status, body = self._call("GET", endpoint)
        if status != 200 or not _of_vault(body):
            return
        status, groups = self._call("GET", f"{endpoint}/privateDnsZoneGroups")
        if status != 200 or any(self._has_zone(group) for group in groups.get("value", [])):
            return
        config = {"name": "vault", "properties": {"privateDnsZoneId": self.zone_id}}
        sent = {"properties": {"privateDnsZoneConfigs": [config]}}
        status, _ = self._call("PUT", f"{endpoint}/privateDnsZoneGroups/{GROUP_NAME}", sent)
        if status == 429:
            self._service.clock.after(RETRY_SECONDS, lambda: self._remediate(endpoint))

    def _has_zone(self, group: dict[str, Any]) -> bool:
        configs = (group.get("properties") or {}).get("privateDnsZoneConfigs") or []
        return any(item["properties"]["privateDnsZoneId"].casefold() == self.zone_id.casefold() for item in configs)

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        token = self._service.identities.token(self.principal, _MANAGEMENT)
        answer = self._service.handle(
            RawRequest(
                method=method,
                path=path,
                query={"api-version": _API},
                headers={"authorization": f"Bearer {token}", "user-agent": "azure-policy"},
                body=b"" if body is None else json.dumps(body).encode(),
                origin="https://localhost",
            )
        )
        return answer.status, answer.body or {}


def _of_vault(endpoint: dict[str, Any]) -> bool:
    properties = endpoint["properties"]
    services = [*properties["privateLinkServiceConnections"], *properties["manualPrivateLinkServiceConnections"]]
    groups = {group.casefold() for service in services for group in service["properties"]["groupIds"]}
    return "vault" in groups
