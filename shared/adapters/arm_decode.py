"""From ARM bodies to the domain's values.

Azure's quirks end here: absent members, ids in other casings, enumerations in any casing, two connection arrays, IPv6
beside IPv4. A body whose shape does not fit raises ArmUndecodable, and callers make an Unread part of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from shared.adapters import arm_bodies as bodies
from shared.adapters.arm_errors import UNREADABLE, ArmUndecodable
from shared.domain.arm_id import A_RECORD, CNAME, ENDPOINT, LINK, SUBNET, VAULT, ZONE, ArmId, InvalidArmId
from shared.domain.endpoint import DnsConfig, EndpointLink, GroupRecord, PrivateEndpoint, ZoneGroup
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
# https://learn.microsoft.com/azure/private-link/private-link-service-overview#alias
_ALIAS: Final = ".azure.privatelinkservice"
AZURE_DNS: Final = "168.63.129.16"


def decoder(shape: type[T]) -> Callable[[bytes], T]:
    """A function that reads a body of this shape. It raises ArmUndecodable for every other one."""
    inner = msgspec.json.Decoder(shape)
    name = getattr(shape, "__name__", "body")

    def decode(body: bytes) -> T:
        try:
            return inner.decode(body)
        except UNREADABLE as error:
            raise ArmUndecodable(f"{name}: {str(error)[:200]}") from error

    return decode


def arm_id(text: str | None) -> ArmId:
    """An id of an answer. Raises ArmUndecodable when it is missing or malformed."""
    try:
        return ArmId.parse(text or "")
    except InvalidArmId as error:
        raise ArmUndecodable(str(error)) from error


def id_of(text: str | None, resource_type: str, parent: ArmId | None = None) -> ArmId:
    """The id of a resource of this type, inside ``parent`` if given. A change goes to the id that was read.

    Raises ArmUndecodable for any other.
    """
    found = arm_id(text)
    if not found.is_a(resource_type) or (parent is not None and found.parent != parent):
        where = "" if parent is None else f" of {parent.name}"
        raise ArmUndecodable(f"not the id of a {resource_type}{where}: {found.text[:200]!r}")
    return found


def endpoint(body: bodies.EndpointBody, addresses: tuple[str, ...] | Unread) -> PrivateEndpoint:
    """A private endpoint with the addresses that were read elsewhere; its zone groups are another call."""
    properties = body.properties or bodies.EndpointProperties()
    subnet = id_of(None if properties.subnet is None else properties.subnet.id, SUBNET)
    own = id_of(body.id, ENDPOINT)
    return PrivateEndpoint(
        id=own,
        network=parent_of(subnet),
        subnet=subnet,
        provisioning_state=properties.provisioning_state or "",
        links=endpoint_links(body),
        addresses=addresses,
        zone_groups=Unread(UnreadReason.DEFERRED, f"private DNS zone groups of {own.name}", Part.ZONE_GROUPS),
        dns_configs=tuple(
            DnsConfig((config.fqdn or "").rstrip(".").lower(), ipv4(config.ip_addresses or ()))
            for config in properties.custom_dns_configs or ()
        ),
        location=body.location or "",
    )


def endpoint_links(body: bodies.EndpointBody) -> tuple[EndpointLink, ...]:
    """The links of both arrays, without those by alias, which name no resource.

    An endpoint has a connection, always. Raises ArmUndecodable where none is sent or one names nothing: which vault
    the endpoint claims is not known then.
    """
    properties = body.properties or bodies.EndpointProperties()
    automatic = properties.private_link_service_connections or ()
    manual = properties.manual_private_link_service_connections or ()
    if not automatic and not manual:
        raise ArmUndecodable("a private endpoint without a connection")
    return (*_links(automatic, manual=False), *_links(manual, manual=True))


def _links(entries: Iterable[bodies.ServiceConnection], *, manual: bool) -> Iterator[EndpointLink]:
    for entry in entries:
        link = entry.properties or bodies.ServiceConnectionProperties()
        service = link.private_link_service_id or ""
        if not service.lower().endswith(_ALIAS):
            state = link.private_link_service_connection_state or bodies.ConnectionState()
            yield EndpointLink(arm_id(service), known(ConnectionStatus, state.status), manual)


def vault_targets(body: bodies.EndpointBody) -> tuple[ArmId, ...]:
    """The vaults that an endpoint connects to, each once."""
    return tuple(dict.fromkeys(link.target for link in endpoint_links(body) if link.target.is_a(VAULT)))


def interface_id(body: bodies.EndpointBody) -> ArmId | None:
    """The endpoint's network interface, None while Azure has made none."""
    properties = body.properties or bodies.EndpointProperties()
    first = next(iter(properties.network_interfaces or ()), None)
    return None if first is None else arm_id(first.id)


def custom_addresses(body: bodies.EndpointBody) -> tuple[str, ...]:
    """The IPv4 addresses of ``customDnsConfigs``; empty as a rule once a zone group is attached."""
    properties = body.properties or bodies.EndpointProperties()
    return ipv4(address for config in properties.custom_dns_configs or () for address in config.ip_addresses or ())


def interface_addresses(body: bodies.InterfaceBody) -> tuple[str, ...]:
    """The IPv4 addresses of a network interface."""
    return ipv4(
        entry.properties.private_ip_address
        for entry in (body.properties or bodies.InterfaceProperties()).ip_configurations or ()
        if entry.properties is not None and entry.properties.private_ip_address
    )


def interface_servers(body: bodies.InterfaceBody) -> tuple[str, ...]:
    """The custom DNS servers of a network interface."""
    dns = (body.properties or bodies.InterfaceProperties()).dns_settings or bodies.InterfaceDns()
    return own_servers(dns.dns_servers or ())


def interface_home(body: bodies.InterfaceBody) -> tuple[ArmId, ArmId] | None:
    """Endpoint and network of an interface, None for one that belongs to no private endpoint."""
    properties = body.properties or bodies.InterfaceProperties()
    if properties.private_endpoint is None or not properties.private_endpoint.id:
        return None
    for entry in properties.ip_configurations or ():
        if entry.properties is not None and entry.properties.subnet is not None:
            return arm_id(properties.private_endpoint.id), parent_of(arm_id(entry.properties.subnet.id))
    return None


def zone_group(body: bodies.ZoneGroupBody) -> ZoneGroup:
    """A zone group, the zones it writes to and what it wrote. Raises ArmUndecodable for one that names no zone."""
    properties = body.properties or bodies.ZoneGroupProperties()
    if properties.private_dns_zone_configs is None:
        raise ArmUndecodable("a zone group without its zones")
    configs = [entry.properties or bodies.ZoneConfigProperties() for entry in properties.private_dns_zone_configs]
    zones = [arm_id(config.private_dns_zone_id) for config in configs]
    return ZoneGroup(
        id=arm_id(body.id),
        zones=tuple(zones),
        provisioning_state=properties.provisioning_state or "",
        records=tuple(
            GroupRecord(home, (written.record_set_name or "").lower(), ipv4(written.ip_addresses or ()))
            for home, config in zip(zones, configs, strict=True)
            for written in config.record_sets or ()
            if _is_a(written)
        ),
    )


def zone_group_addresses(groups: Iterable[bodies.ZoneGroupBody]) -> tuple[str, ...]:
    """The IPv4 addresses that zone groups say they wrote."""
    return ipv4(
        address
        for group in groups
        for config in (group.properties or bodies.ZoneGroupProperties()).private_dns_zone_configs or ()
        for written in (config.properties or bodies.ZoneConfigProperties()).record_sets or ()
        if _is_a(written)
        for address in written.ip_addresses or ()
    )


def _is_a(written: bodies.GroupRecordSet) -> bool:
    return (written.record_type or "A").upper() == "A"


def own_servers(servers: Sequence[str]) -> tuple[str, ...]:
    """The custom DNS servers of a network or interface; Azure's own address alone is the same as none.

    Source: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    """
    return () if set(servers) <= {AZURE_DNS} else tuple(servers)


def zone(body: bodies.ZoneBody) -> Zone:
    """A zone with its counters; links and records are other calls."""
    properties = body.properties or bodies.ZoneProperties()
    own = id_of(body.id, ZONE)
    return Zone(
        id=own,
        links=Unread(UnreadReason.DEFERRED, f"links of zone {own.name}"),
        link_count=properties.number_of_virtual_network_links or 0,
        max_links=_or(properties.max_number_of_virtual_network_links, 1000),
        record_count=properties.number_of_record_sets or 0,
        max_records=_or(properties.max_number_of_record_sets, 25000),
    )


def zone_link(body: bodies.LinkBody, home: ArmId | None = None) -> ZoneLink:
    """A virtual network link, of the zone ``home`` if given.

    Raises ArmUndecodable where the state or the registration is left out: neither has a meaning then.
    """
    properties = body.properties or bodies.LinkProperties()
    target = properties.virtual_network or bodies.Reference()
    if properties.registration_enabled is None or properties.virtual_network_link_state is None:
        raise ArmUndecodable("a link without its state")
    return ZoneLink(
        id=id_of(body.id, LINK, home),
        network=arm_id(target.id),
        completed=properties.virtual_network_link_state.casefold() == "completed",
        provisioning_state=properties.provisioning_state or "",
        registration_enabled=properties.registration_enabled,
        resolution_policy=known(ResolutionPolicy, properties.resolution_policy, ResolutionPolicy.DEFAULT),
    )


def record(body: bodies.RecordBody, home: ArmId | None = None) -> RecordSet:
    """An A record set, of the zone ``home`` if given; it may exist without an address."""
    return RecordSet(
        id=id_of(body.id, A_RECORD, home),
        ttl=body.properties.ttl,
        addresses=tuple(entry.ipv4_address for entry in body.properties.a_records),
        metadata=MappingProxyType(dict(body.properties.metadata or {})),
        etag=body.etag or "",
        auto_registered=bool(body.properties.is_auto_registered),
    )


def cname(body: bodies.CnameBody, wanted: ArmId) -> str:
    """The target of the CNAME record set ``wanted``, in lower case without the final dot."""
    if id_of(body.id, CNAME) != wanted:
        raise ArmUndecodable(f"asked for {wanted.name}, the answer is about {body.id[:200]!r}")
    target = body.properties.cname_record.cname.rstrip(".").lower()
    if not target:
        raise ArmUndecodable("a CNAME record without a target")
    return target


def known(closed: type[E], text: str | None, absent: E | None = None) -> E:
    """The member of that value in any casing; ``absent`` for none; the member UNKNOWN for any other value."""
    if text is None and absent is not None:
        return absent
    wanted = (text or "").casefold()
    return next((member for member in closed if str(member.value).casefold() == wanted), closed["UNKNOWN"])


def parent_of(subnet: ArmId) -> ArmId:
    """The network of a subnet. Raises ArmUndecodable for an id without a parent."""
    try:
        return subnet.parent
    except InvalidArmId as error:
        raise ArmUndecodable(str(error)) from error


def ipv4(addresses: Iterable[str | None]) -> tuple[str, ...]:
    """Those of the addresses that are IPv4, each once, in order."""
    found: dict[str, None] = {}
    for address in addresses:
        try:
            found[str(ipaddress.IPv4Address(address or ""))] = None
        except ValueError:
            continue
    return tuple(found)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
