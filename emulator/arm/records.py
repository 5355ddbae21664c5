"""Record sets of private DNS zones.

Source: azure-rest-api-specs, specification/privatedns/resource-manager; behaviour from recorded traffic.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from emulator.arm import preconditions
from emulator.arm.errors import ArmError, bad_request, parent_not_found
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.paging import page
from emulator.arm.resources import RecordSet, Zone, new_guid
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import show
from emulator.arm.world import World

ZONES = "Microsoft.Network/privateDnsZones"
# Record type -> the property its rows lie in.
MEMBERS = {
    "A": "aRecords",
    "AAAA": "aaaaRecords",
    "CNAME": "cnameRecord",
    "MX": "mxRecords",
    "PTR": "ptrRecords",
    "SOA": "soaRecord",
    "SRV": "srvRecords",
    "TXT": "txtRecords",
}
_SINGLE = ("CNAME", "SOA")
MAX_ROWS = 20
MAX_TTL = 2147483647


class Records:
    """Handlers of record sets of all types, and of the list of all of them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        for record_type in MEMBERS:
            type_name = f"{ZONES}/{record_type}"
            router.add("GET", Shape.ITEM, type_name, self.get)
            router.add("PUT", Shape.ITEM, type_name, self.put)
            router.add("PATCH", Shape.ITEM, type_name, self.patch)
            router.add("DELETE", Shape.ITEM, type_name, self.delete)
            router.add("GET", Shape.COLLECTION, type_name, self.list_all)
        router.add("GET", Shape.COLLECTION, f"{ZONES}/ALL", self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The record set."""
        record = self._world.store.require(call.id, RecordSet)
        return ArmResponse(
            200, render(self._world, record), {"ETag": preconditions.shown_etag(self._world.switches, record)}
        )

    def list_all(self, call: Call) -> ArmResponse:
        """Record sets of a zone, of one type or of all; `$recordsetnamesuffix` narrows them by name."""
        parent = call.target.parent_id
        assert parent is not None
        zone = self._world.store.require(parent, Zone)
        wanted = call.target.types[-1]
        suffix = (call.request.parameter("$recordsetnamesuffix") or "").casefold()
        rows = [
            record
            for record in self._world.store.children(zone.id, RecordSet)
            if (wanted == "ALL" or record.record_type == wanted) and record.id.name.endswith(suffix)
        ]
        return page(
            self._world,
            call.request,
            rows,
            lambda record: render(self._world, record),
            action=call.action,
            size=self._world.switches.record_page_size,
        )

    def _zone(self, target: ResourceId) -> Zone:
        store = self._world.store
        store.require_group(target.subscription, target.group or "")
        parent = target.parent
        zone = None if parent is None else store.find(parent, Zone)
        if zone is None:
            raise parent_not_found(target)
        return zone

    def put(self, call: Call) -> ArmResponse:
        """Create (201) or replace (200) the whole set, at once."""
        zone = self._zone(call.id)
        existing = self._world.store.find(call.id, RecordSet)
        self._check(call, existing)
        properties = call.request.body.get("properties") or {}
        record_type = call.id.types[-1]
        if record_type == "SOA" and existing is None:
            raise bad_request("The SOA record set of a zone exists only at its apex.")
        record = RecordSet(
            id=_record_id(zone, record_type, call.id.name) if existing is None else existing.id,
            etag=new_guid(),
            record_type=record_type,
            ttl=_ttl(properties.get("ttl")),
            metadata=properties.get("metadata"),
            records=_rows(record_type, properties),
        )
        self._refuse_cname_conflict(zone, record)
        self._world.store.put(record)
        return ArmResponse(
            201 if existing is None else 200,
            render(self._world, record),
            {"ETag": preconditions.shown_etag(self._world.switches, record)},
        )

    def patch(self, call: Call) -> ArmResponse:
        """Change only the members that the body has."""
        record = self._world.store.require(call.id, RecordSet)
        self._check(call, record)
        properties = call.request.body.get("properties") or {}
        if "ttl" in properties:
            record.ttl = _ttl(properties["ttl"])
        if "metadata" in properties:
            record.metadata = properties["metadata"]
        if MEMBERS[record.record_type] in properties:
            record.records = _rows(record.record_type, properties)
        record.etag = new_guid()
        return ArmResponse(
            200, render(self._world, record), {"ETag": preconditions.shown_etag(self._world.switches, record)}
        )

    def delete(self, call: Call) -> ArmResponse:
        """Delete: 200, or 204 when there is none; 404 when the zone has gone."""
        self._zone(call.id)
        record = self._world.store.find(call.id, RecordSet)
        self._check(call, record)
        if record is None:
            return ArmResponse(204)
        if record.record_type == "SOA":
            raise bad_request("The SOA record set of a zone cannot be deleted.")
        self._world.store.remove(record.id)
        return ArmResponse(200)

    def _check(self, call: Call, record: RecordSet | None) -> None:
        preconditions.check(self._world, call.request, "Record set", call.id.name, record)

    def _refuse_cname_conflict(self, zone: Zone, record: RecordSet) -> None:
        for other in self._world.store.children(zone.id, RecordSet):
            same_name = other.id.name == record.id.name and other.record_type != record.record_type
            if same_name and "CNAME" in (other.record_type, record.record_type):
                # As users of Azure DNS report it, flat like all errors of that service.
                # https://github.com/rcl-letsencrypt-auto-ssl/Lets-Encrypt-Auto/issues/26
                raise ArmError(
                    409,
                    "Conflict",
                    f"The {record.record_type} record could not be created because another record with the same name "
                    "already exists in this zone.",
                    flat=True,
                )


def _record_id(zone: Zone, record_type: str, name: str) -> ResourceId:
    return zone.id.child(record_type, name.casefold())


def _ttl(value: Any) -> int:
    if not isinstance(value, int) or not 1 <= value <= MAX_TTL:
        raise bad_request(f"The TTL '{value}' is not between 1 and {MAX_TTL}.")
    return value


def _rows(record_type: str, properties: Json) -> Json:
    member = MEMBERS[record_type]
    rows = properties.get(member)
    if record_type in _SINGLE:
        if not isinstance(rows, dict):
            raise bad_request(f"A record set of type {record_type} needs '{member}'.")
        return {member: rows}
    rows = rows or []
    if len(rows) > MAX_ROWS:
        raise bad_request(f"The record set has {len(rows)} records; the limit is {MAX_ROWS}.")
    if record_type == "A":
        for row in rows:
            _check_address(row.get("ipv4Address"), IPv4Address)
    if record_type == "AAAA":
        for row in rows:
            _check_address(row.get("ipv6Address"), IPv6Address)
    return {member: rows}


def _check_address(text: Any, kind: type[IPv4Address] | type[IPv6Address]) -> None:
    try:
        kind(str(text))
    except AddressValueError as error:
        raise bad_request(f"The address '{text}' is not valid.") from error


def write_authority(world: World, zone: Zone) -> None:
    """The SOA record that every zone is born with."""
    world.store.put(
        RecordSet(
            id=_record_id(zone, "SOA", "@"),
            etag=new_guid(),
            record_type="SOA",
            records={
                "soaRecord": {
                    "email": "azureprivatedns-host.microsoft.com",
                    "expireTime": 2419200,
                    "host": "azureprivatedns.net",
                    "minimumTtl": 10,
                    "refreshTime": 3600,
                    "retryTime": 300,
                    "serialNumber": 1,
                }
            },
        )
    )


def write_internal(
    world: World,
    zone: Zone,
    name: str,
    addresses: tuple[str, ...],
    *,
    ttl: int,
    metadata: dict[str, str] | None = None,
    auto_registered: bool = False,
) -> None:
    """An A record set that Azure writes on its own: by a zone group, or by auto-registration of machines."""
    world.store.put(
        RecordSet(
            id=_record_id(zone, "A", name),
            etag=new_guid(),
            record_type="A",
            ttl=ttl,
            metadata=metadata,
            records={"aRecords": [{"ipv4Address": address} for address in addresses]},
            auto_registered=auto_registered,
        )
    )


def render(world: World, record: RecordSet) -> Json:
    """The body: no location, name in lower case, fqdn with a trailing dot, metadata only when there is some."""
    zone = record.id.names[0]
    fqdn = f"{zone}." if record.id.name == "@" else f"{record.id.name}.{zone}."
    properties: dict[str, Any] = {}
    show(properties, "metadata", record.metadata, world.switches.unset_metadata, empty={})
    properties.update({"fqdn": fqdn, "ttl": record.ttl, **record.records, "isAutoRegistered": record.auto_registered})
    return {
        "id": record.id.text,
        "name": record.id.name,
        "type": f"{ZONES}/{record.record_type}",
        "etag": preconditions.shown_etag(world.switches, record),
        "properties": properties,
    }
