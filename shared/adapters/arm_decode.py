"""From ARM bodies to the domain's values.

Azure's quirks end here: absent members, ids in other casings, enumerations in any casing, two connection arrays, IPv6
beside IPv4. A body whose shape does not fit raises ArmUndecodable, and callers make an Unread part of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from shared.adapters import arm_bodies as bodies
from shared.adapters.arm_errors import UNREADABLE, ArmUndecodable
from shared.domain.arm_id import A_RECORD, CONNECTION, ENDPOINT, LINK, SUBNET, VAULT, ZONE, ArmId, InvalidArmId
from shared.domain.endpoint import EndpointLink, PrivateEndpoint, ZoneGroup
from shared.domain.network import ForwardingRule, Network, Peering, PeeringState
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.vault import (
    Connection,
    ConnectionStatus,
    DefaultAction,
    NetworkAcl,
    PerimeterMode,
    PublicAccess,
    Vault,
)
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
AZURE_DNS: Final = "168.63.129.16"
_BYPASS_DEFAULT: Final = "AzureServices"


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


def vault(body: bodies.VaultBody) -> Vault:
    """A vault with its connections; its perimeters are another call."""
    properties = body.properties or bodies.VaultProperties()
    own = id_of(body.id, VAULT)
    return Vault(
        id=own,
        location=body.location or "",
        public_access=_known(PublicAccess, properties.public_network_access, PublicAccess.ENABLED),
        acl=None if properties.network_acls is None else _acl(properties.network_acls),
        provisioning_state=properties.provisioning_state or "",
        connections=tuple(_connection(entry, own) for entry in properties.private_endpoint_connections or ()),
    )


def _acl(body: bodies.AclBody) -> NetworkAcl:
    return NetworkAcl(
        default_action=_known(DefaultAction, body.default_action, DefaultAction.ALLOW),
        bypass=body.bypass or _BYPASS_DEFAULT,
        ip_rules=tuple(rule.value for rule in body.ip_rules or ()),
        network_rules=tuple(arm_id(rule.id) for rule in body.virtual_network_rules or ()),
    )


def _connection(body: bodies.ConnectionBody, vault: ArmId) -> Connection:
    properties = body.properties or bodies.ConnectionProperties()
    state = properties.private_link_service_connection_state or bodies.ConnectionState()
    return Connection(
        id=id_of(body.id, CONNECTION, vault),
        status=_known(ConnectionStatus, state.status),
        provisioning_state=properties.provisioning_state or "",
        endpoint=_endpoint_id(properties.private_endpoint),
        description=state.description or "",
    )


def _endpoint_id(reference: bodies.Reference | None) -> ArmId | None:
    """None for a connection that names no endpoint or a malformed one: the domain calls that an unsupported shape."""
    try:
        return None if reference is None or not reference.id else ArmId.parse(reference.id)
    except InvalidArmId:
        return None


def perimeter(body: bodies.PerimeterBody) -> PerimeterMode:
    """The mode of an association. One that is not in force yet, or failed, is UNKNOWN: unknown is never compliant."""
    properties = body.properties or bodies.PerimeterProperties()
    association = properties.resource_association or bodies.ResourceAssociation()
    if (properties.provisioning_state or "").casefold() != "succeeded":
        return PerimeterMode.UNKNOWN
    return _known(PerimeterMode, association.access_mode)


def endpoint(body: bodies.EndpointBody, addresses: tuple[str, ...] | Unread) -> PrivateEndpoint:
    """A private endpoint with the addresses that were read elsewhere; its zone groups are another call."""
    properties = body.properties or bodies.EndpointProperties()
    subnet = id_of(None if properties.subnet is None else properties.subnet.id, SUBNET)
    own = id_of(body.id, ENDPOINT)
    return PrivateEndpoint(
        id=own,
        network=_parent(subnet),
        subnet=subnet,
        provisioning_state=properties.provisioning_state or "",
        links=endpoint_links(body),
        addresses=addresses,
        zone_groups=Unread(UnreadReason.DEFERRED, f"private DNS zone groups of {own.name}", Part.ZONE_GROUPS),
    )


def endpoint_links(body: bodies.EndpointBody) -> tuple[EndpointLink, ...]:
    """The links of both arrays, without those by alias, which name no resource."""
    properties = body.properties or bodies.EndpointProperties()
    both = (
        (properties.private_link_service_connections, False),
        (properties.manual_private_link_service_connections, True),
    )
    found: list[EndpointLink] = []
    for entries, manual in both:
        for entry in entries or ():
            link = entry.properties or bodies.ServiceConnectionProperties()
            if link.private_link_service_id and "/" in link.private_link_service_id:
                state = link.private_link_service_connection_state or bodies.ConnectionState()
                target = arm_id(link.private_link_service_id)
                found.append(EndpointLink(target, _known(ConnectionStatus, state.status), manual))
    return tuple(found)


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
    return _ipv4(address for config in properties.custom_dns_configs or () for address in config.ip_addresses or ())


def interface_addresses(body: bodies.InterfaceBody) -> tuple[str, ...]:
    """The IPv4 addresses of a network interface."""
    return _ipv4(
        entry.properties.private_ip_address
        for entry in (body.properties or bodies.InterfaceProperties()).ip_configurations or ()
        if entry.properties is not None and entry.properties.private_ip_address
    )


def interface_home(body: bodies.InterfaceBody) -> tuple[ArmId, ArmId] | None:
    """Endpoint and network of an interface, None for one that belongs to no private endpoint."""
    properties = body.properties or bodies.InterfaceProperties()
    if properties.private_endpoint is None or not properties.private_endpoint.id:
        return None
    for entry in properties.ip_configurations or ():
        if entry.properties is not None and entry.properties.subnet is not None:
            return arm_id(properties.private_endpoint.id), _parent(arm_id(entry.properties.subnet.id))
    return None


def zone_group(body: bodies.ZoneGroupBody) -> ZoneGroup:
    """A zone group and the zones it writes to."""
    properties = body.properties or bodies.ZoneGroupProperties()
    return ZoneGroup(
        id=arm_id(body.id),
        zones=tuple(
            arm_id(config.properties.private_dns_zone_id)
            for config in properties.private_dns_zone_configs or ()
            if config.properties is not None and config.properties.private_dns_zone_id
        ),
        provisioning_state=properties.provisioning_state or "",
    )


def zone_group_addresses(groups: Iterable[bodies.ZoneGroupBody]) -> tuple[str, ...]:
    """The IPv4 addresses that zone groups say they wrote."""
    return _ipv4(
        address
        for group in groups
        for config in (group.properties or bodies.ZoneGroupProperties()).private_dns_zone_configs or ()
        for written in (config.properties or bodies.ZoneConfigProperties()).record_sets or ()
        if (written.record_type or "A").upper() == "A"
        for address in written.ip_addresses or ()
    )


def _own_servers(servers: Sequence[str]) -> tuple[str, ...]:
    """The custom DNS servers of a network; listing Azure's own address alone is the same as listing none.

    Source: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
    """
    return () if set(servers) <= {AZURE_DNS} else tuple(servers)


def network(body: bodies.NetworkBody) -> Network:
    """A virtual network with its peerings; which rulesets are linked to it is another call."""
    properties = body.properties or bodies.NetworkProperties()
    own = arm_id(body.id)
    dhcp = properties.dhcp_options or bodies.DhcpOptions()
    return Network(
        id=own,
        prefixes=_prefixes(properties.address_space),
        dns_servers=_own_servers(dhcp.dns_servers or ()),
        peerings=tuple(_peering(entry) for entry in properties.virtual_network_peerings or ()),
        forwarding=Unread(UnreadReason.DEFERRED, f"DNS forwarding rulesets of {own.name}"),
    )


def _peering(body: bodies.PeeringBody) -> Peering:
    properties = body.properties or bodies.PeeringProperties()
    remote = properties.remote_virtual_network or bodies.Reference()
    space = properties.remote_virtual_network_address_space or properties.remote_address_space
    return Peering(arm_id(remote.id), _known(PeeringState, properties.peering_state), _prefixes(space))


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
    """A virtual network link, of the zone ``home`` if given."""
    properties = body.properties or bodies.LinkProperties()
    target = properties.virtual_network or bodies.Reference()
    return ZoneLink(
        id=id_of(body.id, LINK, home),
        network=arm_id(target.id),
        completed=(properties.virtual_network_link_state or "").casefold() == "completed",
        provisioning_state=properties.provisioning_state or "",
        registration_enabled=bool(properties.registration_enabled),
        resolution_policy=_known(ResolutionPolicy, properties.resolution_policy, ResolutionPolicy.DEFAULT),
    )


def record(body: bodies.RecordBody, home: ArmId | None = None) -> RecordSet:
    """An A record set, of the zone ``home`` if given; it may exist without an address."""
    return RecordSet(
        id=id_of(body.id, A_RECORD, home),
        ttl=body.properties.ttl,
        addresses=tuple(entry.ipv4_address for entry in body.properties.a_records or ()),
        metadata=MappingProxyType(dict(body.properties.metadata or {})),
        etag=body.etag or "",
        auto_registered=bool(body.properties.is_auto_registered),
    )


def forwarding_rule(body: bodies.ForwardingRuleBody) -> ForwardingRule | None:
    """A rule of a ruleset, None for a disabled one. Raises ArmUndecodable without a domain."""
    properties = body.properties or bodies.ForwardingRuleProperties()
    if (properties.forwarding_rule_state or "Enabled").casefold() == "disabled":
        return None
    if not properties.domain_name:
        raise ArmUndecodable("a forwarding rule without a domain")
    servers = (server.ip_address for server in properties.target_dns_servers or () if server.ip_address)
    return ForwardingRule(properties.domain_name, tuple(servers))


def ruleset_network(body: bodies.RulesetLinkBody) -> ArmId:
    """The network that a ruleset's link names."""
    properties = body.properties or bodies.RulesetLinkProperties()
    return arm_id((properties.virtual_network or bodies.Reference()).id)


def _known(closed: type[E], text: str | None, absent: E | None = None) -> E:
    """The member of that value in any casing; ``absent`` for none; the member UNKNOWN for any other value."""
    if text is None and absent is not None:
        return absent
    wanted = (text or "").casefold()
    return next((member for member in closed if str(member.value).casefold() == wanted), closed["UNKNOWN"])


def _parent(subnet: ArmId) -> ArmId:
    try:
        return subnet.parent
    except InvalidArmId as error:
        raise ArmUndecodable(str(error)) from error


def _ipv4(addresses: Iterable[str | None]) -> tuple[str, ...]:
    """Those of the addresses that are IPv4, each once, in order."""
    found: dict[str, None] = {}
    for address in addresses:
        try:
            found[str(ipaddress.IPv4Address(address or ""))] = None
        except ValueError:
            continue
    return tuple(found)


def _prefixes(space: bodies.AddressSpace | None) -> tuple[str, ...]:
    return () if space is None else tuple(space.address_prefixes or ())


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
