"""Deployers as they behave in the field: they create, wait until it is done, and fail when it is there already."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from emulator.arm.messages import ArmResponse
from tests.simulation.estate import (
    Estate,
    endpoint,
    endpoint_body,
    link,
    link_body,
    record,
    record_body,
    zone_group_body,
)
from tests.simulation.timeline import Timeline
from tests.simulation.wire import Caller

_POLL: Final = 10.0
_FINAL: Final = ("Succeeded", "Failed", "Canceled")


@dataclass
class Failures:
    """What a deployer would show in red."""

    lines: list[str] = field(default_factory=list)


@dataclass
class Terraform:
    """``terraform apply``: before a resource is created it must not exist, as azurerm checks.

    https://github.com/hashicorp/terraform-provider-azurerm/blob/main/internal/tf/import.go
    """

    timeline: Timeline
    caller: Caller
    failures: Failures

    def create(self, path: str, body: Any) -> bool:
        """Create one resource and wait for its end. Whether it went well."""
        there = self.caller.send("GET", path)
        if there.status != 404:
            self.failures.lines.append(f"{path}: a resource with this id already exists ({there.status})")
            return False
        made = self.caller.send("PUT", path, body, if_none_match="*")
        if made.status >= 400:
            self.failures.lines.append(f"{path}: {made.status} {made.body}")
            return False
        while _state(answer := self.caller.send("GET", path)) not in _FINAL:
            if answer.status >= 400:
                self.failures.lines.append(f"{path}: {answer.status} {answer.body}")
                return False
            self.timeline.pause(_POLL)
        return True

    def deploy(self, estate: Estate, number: int, spoke: int, random: Random, jitter: float) -> None:
        """An endpoint, 40 s later the zone's link, 60 s later the record; each step so much earlier or later."""
        hub = next(hub for hub in estate.hubs if spoke in hub.spokes)
        if not self.create(endpoint(number), endpoint_body(number, spoke)):
            return
        self.timeline.pause(40.0 + random.uniform(-jitter, jitter))
        if self.create(link(hub, spoke), link_body(spoke)):
            self.timeline.pause(60.0 + random.uniform(-jitter, jitter))
            self.create(record(hub, number), record_body(estate.address(number)))


@dataclass
class LandingZonePolicy:
    """Azure Policy with DeployIfNotExists, as in Azure landing zones: ten minutes later it attaches a zone group."""

    timeline: Timeline
    caller: Caller
    failures: Failures

    def remediate(self, estate: Estate, number: int, spoke: int, random: Random, jitter: float) -> None:
        """Attach the zone group that the endpoint lacks."""
        hub = next(hub for hub in estate.hubs if spoke in hub.spokes)
        self.timeline.pause(600.0 + random.uniform(-jitter, jitter))
        path = f"{endpoint(number)}/privateDnsZoneGroups/deployedByPolicy"
        answer = self.caller.send("PUT", path, zone_group_body(hub))
        if answer.status >= 400:
            self.failures.lines.append(f"{path}: {answer.status} {answer.body}")


def _state(answer: ArmResponse) -> str:
    if answer.status >= 400:
        return ""
    return str((answer.body or {}).get("properties", {}).get("provisioningState", "Succeeded"))
