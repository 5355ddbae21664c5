"""Creating a private DNS zone, and deleting one that is still empty.

Source: https://learn.microsoft.com/rest/api/dns/privatedns/private-zones
"""

from __future__ import annotations

from typing import Final

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from shared.adapters.arm_answers import status_of
from shared.adapters.arm_attempt import Attempt
from shared.domain.arm_id import ArmId
from shared.domain.change import CHANGE_ID, MANAGED_BY, OWNER, CreateZone, DeleteZone
from shared.domain.plan import Outcome, OutcomeKind

# A zone takes Azure half a minute or more, both ways.
ZONE_SECONDS: Final = 30


class _Properties(msgspec.Struct, rename="camel"):
    number_of_record_sets: int | None = None
    number_of_virtual_network_links: int | None = None


class _Zone(msgspec.Struct):
    etag: str | None = None
    properties: _Properties = msgspec.field(default_factory=_Properties)


def create_zone(attempt: Attempt, change: CreateZone) -> Outcome:
    """PUT with ``If-None-Match: *``. A zone of this name that is there already counts as true."""
    zones = attempt.clients.private_dns(change.zone.subscription).private_zones
    body = {"location": "global", "tags": {MANAGED_BY: OWNER, CHANGE_ID: attempt.change_id}}
    try:
        status = attempt.write(
            zones.begin_create_or_update,
            **_path(change.zone),
            parameters=body,
            match_condition=MatchConditions.IfMissing,
            polling=False,
        )
    except HttpResponseError as error:
        if status_of(error) != 412:
            raise
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "a zone of this name is already there")
    return attempt.done(status, effective_after=ZONE_SECONDS)


def delete_zone(attempt: Attempt, change: DeleteZone) -> Outcome:
    """Re-read, make sure that nothing but the SOA record is in it, DELETE with the etag just read."""
    zones = attempt.clients.private_dns(change.zone.subscription).private_zones
    try:
        found = attempt.read(zones.get, _Zone, **_path(change.zone))
    except HttpResponseError as error:
        if status_of(error) != 404:
            raise
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the zone is gone")
    records, links = found.properties.number_of_record_sets, found.properties.number_of_virtual_network_links
    if records is None or links is None or not found.etag:
        return attempt.outcome(OutcomeKind.CONFLICT, "what is in the zone is not known")
    if records > 1 or links > 0:
        return attempt.outcome(OutcomeKind.CONFLICT, f"the zone has {records - 1} records and {links} links")
    status = attempt.write(zones.begin_delete, **_path(change.zone), headers={"If-Match": found.etag}, polling=False)
    return attempt.done(status, effective_after=ZONE_SECONDS)


def _path(zone: ArmId) -> dict[str, str]:
    return {"resource_group_name": zone.resource_group, "private_zone_name": zone.name}
