"""Changes to private DNS: record sets and virtual network links, each under the service's own precondition.

Etags of record sets and zones are bare; the SDK would put quotes round them, and whether the service takes that form is
not established, so the header is set by hand. Etags of links are quoted strings themselves and go out as they came.
Source: https://learn.microsoft.com/azure/dns/dns-zones-records#etags
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from shared.adapters.arm_answers import status_of
from shared.adapters.arm_attempt import Attempt
from shared.domain.arm_id import ArmId
from shared.domain.change import (
    CHANGE_ID,
    MANAGED_BY,
    OWNER,
    CreateLink,
    CreateRecord,
    DeleteLink,
    DeleteRecord,
    SetLinkRegistration,
    UpdateRecord,
)
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.zone import RecordSet, ResolutionPolicy

# A link takes Azure half a minute or more, both ways.
LINK_SECONDS: Final = 30


class _ARecord(msgspec.Struct, rename="camel"):
    ipv4_address: str = msgspec.field(name="ipv4Address", default="")


class _RecordProperties(msgspec.Struct, rename="camel"):
    ttl: int = 0
    metadata: dict[str, str] | None = None
    a_records: list[_ARecord] | None = None
    is_auto_registered: bool = False


class _Record(msgspec.Struct):
    etag: str | None = None
    properties: _RecordProperties = msgspec.field(default_factory=_RecordProperties)


class _Reference(msgspec.Struct):
    id: str = ""


class _LinkProperties(msgspec.Struct, rename="camel"):
    virtual_network: _Reference | None = None
    registration_enabled: bool = False
    resolution_policy: str | None = None


class _Link(msgspec.Struct):
    etag: str | None = None
    properties: _LinkProperties = msgspec.field(default_factory=_LinkProperties)


def create_record(attempt: Attempt, change: CreateRecord) -> Outcome:
    """PUT with ``If-None-Match: *``. A set that is already exactly ours counts as true."""
    records = attempt.clients.private_dns(change.zone.subscription).record_sets
    where = _record_path(change.target)
    ours = {MANAGED_BY: OWNER, CHANGE_ID: attempt.change_id}
    metadata = ours if change.metadata is None else dict(change.metadata)
    body = _record_body(change.addresses, change.ttl, metadata)
    try:
        attempt.write(records.create_or_update, **where, parameters=body, match_condition=MatchConditions.IfMissing)
    except HttpResponseError as error:
        if status_of(error) != 412:
            raise
    else:
        return attempt.outcome(OutcomeKind.APPLIED)
    attempt.writing = False
    found = _find_record(attempt, change.target)
    if found is None:
        return attempt.outcome(OutcomeKind.CONFLICT, "a record set of this name came and went meanwhile")
    same = sorted(_addresses(found)) == sorted(change.addresses) and found.properties.ttl == change.ttl
    there = found.properties.metadata or {}
    if same and (there == metadata if change.metadata is not None else there.get(CHANGE_ID) == attempt.change_id):
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the record set of this change is already there")
    now = ", ".join(_addresses(found)) or "no address"
    return attempt.outcome(OutcomeKind.CONFLICT, f"a record set of this name is there: {now}")


def update_record(attempt: Attempt, change: UpdateRecord) -> Outcome:
    """PUT with ``If-Match``: the whole set, so addresses, TTL and metadata that stay are sent again."""
    etag = _etag(attempt, change.before)
    if isinstance(etag, Outcome):
        return etag
    before = change.before
    metadata = dict(before.metadata)
    if change.adopt or before.metadata.get(MANAGED_BY) == OWNER:
        metadata |= {MANAGED_BY: OWNER, CHANGE_ID: attempt.change_id}
    records = attempt.clients.private_dns(before.id.subscription).record_sets
    attempt.write(
        records.create_or_update,
        **_record_path(before.id),
        parameters=_record_body(change.addresses, change.ttl, metadata),
        headers={"If-Match": etag},
    )
    return attempt.outcome(OutcomeKind.APPLIED, effective_after=before.ttl)


def delete_record(attempt: Attempt, change: DeleteRecord) -> Outcome:
    """DELETE with ``If-Match``. A set that is gone counts as true."""
    etag = _etag(attempt, change.before)
    if isinstance(etag, Outcome):
        return etag
    before = change.before
    records = attempt.clients.private_dns(before.id.subscription).record_sets
    try:
        attempt.write(records.delete, **_record_path(before.id), headers={"If-Match": etag})
    except HttpResponseError as error:
        if status_of(error) not in (404, 412):
            raise
        attempt.writing = False
        if _find_record(attempt, before.id) is not None:
            raise
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the record set is gone", effective_after=before.ttl)
    return attempt.outcome(OutcomeKind.APPLIED, effective_after=before.ttl)


def create_link(attempt: Attempt, change: CreateLink) -> Outcome:
    """PUT with ``If-None-Match: *``; Azure refuses a second zone of one name for a network with a 400."""
    if change.resolution_policy is ResolutionPolicy.UNKNOWN:
        return attempt.outcome(OutcomeKind.REFUSED, "the resolution policy of the link is not known")
    links = attempt.clients.private_dns(change.zone.subscription).virtual_network_links
    body = {
        "location": "global",
        "properties": {
            "virtualNetwork": {"id": change.network.text},
            "registrationEnabled": False,
            "resolutionPolicy": change.resolution_policy.value,
        },
    }
    try:
        status = attempt.write(
            links.begin_create_or_update,
            **_link_path(change.target),
            parameters=body,
            match_condition=MatchConditions.IfMissing,
            polling=False,
        )
    except HttpResponseError as error:
        if status_of(error) != 412:
            raise
    else:
        return attempt.done(status, effective_after=LINK_SECONDS)
    attempt.writing = False
    found = _find_link(attempt, change.target)
    wanted = (change.network.key, False, change.resolution_policy.value.casefold())
    if found is not None and _link_facts(found) == wanted:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "this link is already there")
    return attempt.outcome(OutcomeKind.CONFLICT, "another link of this name is there")


def delete_link(attempt: Attempt, change: DeleteLink) -> Outcome:
    """Re-read, compare the network, DELETE with the etag just read, as it was read."""
    found = _find_link(attempt, change.before.id)
    if found is None:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the link is gone")
    if _link_facts(found)[0] != change.before.network.key:
        return attempt.outcome(OutcomeKind.CONFLICT, "the link joins another virtual network now")
    if not found.etag:
        return attempt.outcome(OutcomeKind.CONFLICT, "the link has no etag to be sure of")
    links = attempt.clients.private_dns(change.before.id.subscription).virtual_network_links
    path = _link_path(change.before.id)
    status = attempt.write(links.begin_delete, **path, headers={"If-Match": found.etag}, polling=False)
    return attempt.done(status, effective_after=LINK_SECONDS)


def set_link_registration(attempt: Attempt, change: SetLinkRegistration) -> Outcome:
    """Re-read, compare, PATCH the one member with the etag just read, so that tags and all else stay."""
    before = change.before
    found = _find_link(attempt, before.id)
    if found is None:
        return attempt.outcome(OutcomeKind.CONFLICT, "the link is gone")
    network, registration, policy = _link_facts(found)
    if network != before.network.key:
        return attempt.outcome(OutcomeKind.CONFLICT, "the link joins another virtual network now")
    if registration is change.enabled:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "auto-registration is already so")
    if policy != before.resolution_policy.value.casefold():
        return attempt.outcome(OutcomeKind.CONFLICT, "the link has another resolution policy now")
    if not found.etag:
        return attempt.outcome(OutcomeKind.CONFLICT, "the link has no etag to be sure of")
    links = attempt.clients.private_dns(before.id.subscription).virtual_network_links
    status = attempt.write(
        links.begin_update,
        **_link_path(before.id),
        parameters={"properties": {"registrationEnabled": change.enabled}},
        headers={"If-Match": found.etag},
        polling=False,
    )
    return attempt.done(status, effective_after=LINK_SECONDS)


def _etag(attempt: Attempt, before: RecordSet) -> str | Outcome:
    """The etag to write under, or why nothing is written.

    A record without an etag comes from the inverse of a change: it is read, and only if it is that record written.
    """
    if before.auto_registered:
        return attempt.outcome(OutcomeKind.REFUSED, "the record set is auto-registered: Azure maintains it")
    if before.etag:
        return before.etag
    found = _find_record(attempt, before.id)
    if found is None:
        return attempt.outcome(OutcomeKind.CONFLICT, "the record set is gone")
    if found.properties.is_auto_registered:
        return attempt.outcome(OutcomeKind.REFUSED, "the record set is auto-registered: Azure maintains it")
    if sorted(_addresses(found)) != sorted(before.addresses) or found.properties.ttl != before.ttl or not found.etag:
        return attempt.outcome(OutcomeKind.CONFLICT, "the record set is another now")
    return found.etag


def _record_body(addresses: tuple[str, ...], ttl: int, metadata: dict[str, str]) -> dict[str, Any]:
    rows = [{"ipv4Address": address} for address in addresses]
    return {"properties": {"ttl": ttl, "metadata": metadata, "aRecords": rows}}


def _record_path(record: ArmId) -> dict[str, str]:
    return {
        "resource_group_name": record.resource_group,
        "private_zone_name": record.names[0],
        "record_type": "A",
        "relative_record_set_name": record.name,
    }


def _link_path(link: ArmId) -> dict[str, str]:
    return {
        "resource_group_name": link.resource_group,
        "private_zone_name": link.names[0],
        "virtual_network_link_name": link.name,
    }


def _find_record(attempt: Attempt, record: ArmId) -> _Record | None:
    records = attempt.clients.private_dns(record.subscription).record_sets
    try:
        return attempt.read(records.get, _Record, **_record_path(record))
    except HttpResponseError as error:
        if status_of(error) == 404:
            return None
        raise


def _find_link(attempt: Attempt, link: ArmId) -> _Link | None:
    links = attempt.clients.private_dns(link.subscription).virtual_network_links
    try:
        return attempt.read(links.get, _Link, **_link_path(link))
    except HttpResponseError as error:
        if status_of(error) == 404:
            return None
        raise


def _addresses(record: _Record) -> list[str]:
    return [row.ipv4_address for row in record.properties.a_records or []]


def _link_facts(link: _Link) -> tuple[str, bool, str]:
    found = link.properties
    network = "" if found.virtual_network is None else found.virtual_network.id.rstrip("/").casefold()
    return network, found.registration_enabled, (found.resolution_policy or "Default").casefold()
