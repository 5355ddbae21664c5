"""Changes to the private DNS zone group of an endpoint. Azure's own controller then writes and deletes the records.

The service has no precondition for these: the group is read again right before and compared, and what Azure computes is
left out of what is sent.
Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration#private-dns-zone-group
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
from azure.core.exceptions import HttpResponseError

from shared.adapters.arm_answers import status_of
from shared.adapters.arm_attempt import Attempt
from shared.adapters.arm_write_endpoint import find_endpoint
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateZoneGroup, DeleteZoneGroup, PointZoneGroup, RefreshZoneGroup
from shared.domain.endpoint import ZoneGroup
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.reading import is_transient


class _ConfigProperties(msgspec.Struct, rename="camel"):
    private_dns_zone_id: str | None = None


class _Config(msgspec.Struct):
    name: str = ""
    properties: _ConfigProperties = msgspec.field(default_factory=_ConfigProperties)

    @property
    def zone(self) -> str:
        return self.properties.private_dns_zone_id or ""

    @property
    def zone_key(self) -> str:
        return self.zone.rstrip("/").casefold()


class _GroupProperties(msgspec.Struct, rename="camel"):
    provisioning_state: str | None = None
    private_dns_zone_configs: list[_Config] | None = None


class _Group(msgspec.Struct):
    name: str = ""
    properties: _GroupProperties = msgspec.field(default_factory=_GroupProperties)

    @property
    def configs(self) -> list[_Config]:
        return self.properties.private_dns_zone_configs or []


def refresh_zone_group(attempt: Attempt, change: RefreshZoneGroup) -> Outcome:
    """PUT the same configs back: names and zone ids."""
    found = _unchanged(attempt, change.group)
    if isinstance(found, Outcome):
        return found
    return _put(attempt, change.group.id, {config.name: config.zone for config in found[0].configs})


def create_zone_group(attempt: Attempt, change: CreateZoneGroup) -> Outcome:
    """PUT a group of this name if there is none and the endpoint still connects to the same resources."""
    if _find(attempt, change.target) is not None:
        return attempt.outcome(OutcomeKind.CONFLICT, "the private endpoint has a zone group now")
    endpoint = find_endpoint(attempt, change.endpoint.id)
    if endpoint is None:
        return attempt.outcome(OutcomeKind.CONFLICT, "the private endpoint is gone")
    moved = endpoint.moved(change.endpoint)
    if moved:
        return attempt.outcome(OutcomeKind.CONFLICT, moved)
    return _put(attempt, change.target, {change.zone.name.replace(".", "-"): change.zone.text})


def point_zone_group(attempt: Attempt, change: PointZoneGroup) -> Outcome:
    """PUT the configs back with one zone id exchanged."""
    found = _unchanged(attempt, change.before)
    if isinstance(found, Outcome):
        return found
    configs = found[0].configs
    changed = {c.name: change.new.text if c.zone_key == change.old.key else c.zone for c in configs}
    if changed == {config.name: config.zone for config in configs}:
        return attempt.outcome(OutcomeKind.CONFLICT, f"the zone group does not point to zone {change.old.name}")
    return _put(attempt, change.target, changed)


def delete_zone_group(attempt: Attempt, change: DeleteZoneGroup) -> Outcome:
    """DELETE a group that still points to the same zones; the outcome keeps it whole."""
    found = _unchanged(attempt, change.before)
    if isinstance(found, Outcome):
        return found
    groups = attempt.clients.network(change.target.subscription).private_dns_zone_groups
    status = attempt.write(groups.begin_delete, **_path(change.target), polling=False)
    return replace(attempt.done(status), kept=found[1].decode("utf-8", "replace"))


def _unchanged(attempt: Attempt, group: ZoneGroup) -> tuple[_Group, bytes] | Outcome:
    """The group as it is now, or the conflict with what it was."""
    read = _find(attempt, group.id)
    if read is None:
        return attempt.outcome(OutcomeKind.CONFLICT, "the zone group is gone")
    found, _ = read
    if {config.zone_key for config in found.configs} != {zone.key for zone in group.zones}:
        return attempt.outcome(OutcomeKind.CONFLICT, "the zone group points to other zones now")
    state = found.properties.provisioning_state or ""
    if is_transient(state):
        return attempt.outcome(OutcomeKind.CONFLICT, f"the zone group is {state}")
    return read


def _put(attempt: Attempt, group: ArmId, zones: Mapping[str, str]) -> Outcome:
    configs = [{"name": name, "properties": {"privateDnsZoneId": zone}} for name, zone in zones.items()]
    body = {"name": group.name, "properties": {"privateDnsZoneConfigs": configs}}
    groups = attempt.clients.network(group.subscription).private_dns_zone_groups
    attempt.write(groups.begin_create_or_update, **_path(group), parameters=body, polling=False)
    return attempt.outcome(OutcomeKind.ACCEPTED)


def _find(attempt: Attempt, group: ArmId) -> tuple[_Group, bytes] | None:
    groups = attempt.clients.network(group.subscription).private_dns_zone_groups
    try:
        return attempt.read_with_body(groups.get, _Group, **_path(group))
    except HttpResponseError as error:
        if status_of(error) == 404:
            return None
        raise


def _path(group: ArmId) -> dict[str, str]:
    return {
        "resource_group_name": group.resource_group,
        "private_endpoint_name": group.names[0],
        "private_dns_zone_group_name": group.name,
    }
