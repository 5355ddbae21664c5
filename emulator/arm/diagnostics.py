"""Diagnostic settings of vaults: where their logs go. Extension resources; they outlive the vault's deletion.

Source: azure-rest-api-specs, specification/monitor/resource-manager (diagnosticsSettings, 2021-05-01-preview), and
https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings
"""

from __future__ import annotations

from typing import Any, Final

from emulator.arm.errors import bad_request, resource_not_found
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.resources import Plain, Resource
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.world import World

SETTINGS = "Microsoft.Insights/diagnosticSettings"
MOST = 5
# https://learn.microsoft.com/azure/key-vault/general/monitor-key-vault-reference#resource-logs
CATEGORIES: Final = ("AuditEvent", "AzurePolicyEvaluationDetails")
_SINKS: Final = ("storageAccountId", "serviceBusRuleId", "workspaceId", "eventHubAuthorizationRuleId")
_NO_RETENTION: Final = {"enabled": False, "days": 0}


class Diagnostics:
    """Handlers of diagnostic settings."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, SETTINGS, self.get)
        router.add("PUT", Shape.ITEM, SETTINGS, self.put)
        router.add("DELETE", Shape.ITEM, SETTINGS, self.delete)
        router.add("GET", Shape.COLLECTION, SETTINGS, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """One setting."""
        self._extended(call.target.base, call)
        found = self._world.store.find(call.id, Plain)
        if found is None:
            raise resource_not_found(call.id)
        return ArmResponse(200, _render(found))

    def list_all(self, call: Call) -> ArmResponse:
        """All settings of the resource, on one page without a nextLink."""
        self._extended(call.target.base, call)
        return ArmResponse(200, {"value": [_render(row) for row in self._settings(call.target.base)]})

    def put(self, call: Call) -> ArmResponse:
        """Create or replace at once (200). A setting needs a destination; five are the most."""
        self._extended(call.target.base, call)
        properties: Json = call.request.body.get("properties") or {}
        if not any(properties.get(sink) for sink in _SINKS):
            raise bad_request("At least one data sink needs to be specified.")
        for log in properties.get("logs") or []:
            if log.get("category") not in (None, *CATEGORIES):
                raise bad_request(f"Category '{log['category']}' is not supported.")
        existing = self._world.store.find(call.id, Plain)
        if existing is None and len(self._settings(call.target.base)) >= MOST:
            raise bad_request(f"Resource '{call.target.base}' already has {MOST} diagnostic settings.")
        made = Plain(id=call.id if existing is None else existing.id, properties=dict(properties))
        self._world.store.put(made)
        self._world.store.refer(made, call.target.base)
        return ArmResponse(200, _render(made))

    def delete(self, call: Call) -> ArmResponse:
        """Delete at once: 200, or 204 when there is none."""
        self._extended(call.target.base, call)
        found = self._world.store.find(call.id, Plain)
        if found is None:
            return ArmResponse(204)
        self._world.store.remove(found.id)
        return ArmResponse(200)

    def _extended(self, base: str, call: Call) -> None:
        if not base:
            raise bad_request("Diagnostic settings of a subscription or a resource group are not served here.")
        target = ResourceId.parse(base)
        self._world.store.require(target, Resource)

    def _settings(self, base: str) -> list[Plain]:
        return [row for row in self._world.store.referrers(base, Plain) if row.id.type == SETTINGS]


def _render(setting: Plain) -> Json:
    """The body; the id of the extended resource comes lower-cased, and categories not asked for as switched off."""
    sent = setting.properties
    logs = [
        {"categoryGroup": None, "category": None, "retentionPolicy": _NO_RETENTION, **log} for log in _sent_logs(sent)
    ]
    named = {log["category"] for log in logs}
    if named - {None}:
        logs += [
            {"category": category, "categoryGroup": None, "enabled": False, "retentionPolicy": _NO_RETENTION}
            for category in CATEGORIES
            if category not in named
        ]
    properties: dict[str, Any] = {
        **{sink: sent.get(sink) for sink in _SINKS},
        "eventHubName": sent.get("eventHubName"),
        "metrics": sent.get("metrics") or [],
        "logs": logs,
        "logAnalyticsDestinationType": sent.get("logAnalyticsDestinationType"),
    }
    return {
        "id": f"{setting.id.base.lower()}/providers/microsoft.insights/diagnosticSettings/{setting.id.name}",
        "type": SETTINGS,
        "name": setting.id.name,
        "location": None,
        "kind": None,
        "tags": None,
        "properties": properties,
        "identity": None,
    }


def _sent_logs(sent: Json) -> list[Json]:
    logs: list[Json] = sent.get("logs") or []
    return logs
