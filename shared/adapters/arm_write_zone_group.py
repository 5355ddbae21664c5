"""Writing a private DNS zone group again as it is, so that Azure's own controller restores its records.

Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration#private-dns-zone-group
"""

from __future__ import annotations

import msgspec

from shared.adapters.arm_attempt import Attempt
from shared.domain.change import RefreshZoneGroup
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.snapshot import is_transient


class _ConfigProperties(msgspec.Struct, rename="camel"):
    private_dns_zone_id: str | None = None


class _Config(msgspec.Struct):
    name: str = ""
    properties: _ConfigProperties = msgspec.field(default_factory=_ConfigProperties)


class _GroupProperties(msgspec.Struct, rename="camel"):
    provisioning_state: str | None = None
    private_dns_zone_configs: list[_Config] | None = None


class _Group(msgspec.Struct):
    name: str = ""
    properties: _GroupProperties = msgspec.field(default_factory=_GroupProperties)


def refresh_zone_group(attempt: Attempt, change: RefreshZoneGroup) -> Outcome:
    """GET, compare the zones, PUT the same configs back: names and zone ids, what Azure computes left out."""
    groups = attempt.clients.network(change.group.id.subscription).private_dns_zone_groups
    path = {
        "resource_group_name": change.group.id.resource_group,
        "private_endpoint_name": change.group.id.names[0],
        "private_dns_zone_group_name": change.group.id.name,
    }
    found = attempt.read(groups.get, _Group, **path)
    configs = found.properties.private_dns_zone_configs or []
    zones = {(config.properties.private_dns_zone_id or "").rstrip("/").casefold() for config in configs}
    if zones != {zone.key for zone in change.group.zones}:
        return attempt.outcome(OutcomeKind.CONFLICT, "the zone group points to other zones now")
    state = found.properties.provisioning_state or ""
    if is_transient(state):
        return attempt.outcome(OutcomeKind.CONFLICT, f"the zone group is {state}")
    body = {
        "name": found.name or change.group.id.name,
        "properties": {
            "privateDnsZoneConfigs": [
                {"name": config.name, "properties": {"privateDnsZoneId": config.properties.private_dns_zone_id}}
                for config in configs
            ]
        },
    }
    attempt.write(groups.begin_create_or_update, **path, parameters=body, polling=False)
    return attempt.outcome(OutcomeKind.ACCEPTED)
