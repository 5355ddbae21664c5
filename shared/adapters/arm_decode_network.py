"""From the bodies of networks, their filters and forwarding rules to the domain's values; see ``arm_decode``."""

from __future__ import annotations

from collections.abc import Iterable

from shared.adapters import arm_bodies_network as bodies
from shared.adapters.arm_bodies import Reference
from shared.adapters.arm_decode import arm_id, id_of, known, own_servers
from shared.adapters.arm_errors import ArmUndecodable
from shared.domain.arm_id import ROUTE_TABLE, SECURITY_GROUP, SUBNET, ArmId
from shared.domain.network import (
    EndpointPolicies,
    Flow,
    ForwardingRule,
    Network,
    NextHop,
    Peering,
    PeeringState,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from shared.domain.reading import Unread, UnreadReason


def network(body: bodies.NetworkBody) -> Network:
    """A virtual network with its subnets and peerings; which rulesets are linked to it is another call."""
    properties = body.properties
    own = arm_id(body.id)
    dhcp = properties.dhcp_options or bodies.DhcpOptions()
    return Network(
        id=own,
        prefixes=tuple(properties.address_space.address_prefixes),
        dns_servers=own_servers(dhcp.dns_servers or ()),
        peerings=tuple(_peering(entry) for entry in properties.virtual_network_peerings),
        forwarding=Unread(UnreadReason.DEFERRED, f"DNS forwarding rulesets of {own.name}"),
        subnets=tuple(_subnet(entry, own) for entry in properties.subnets),
    )


def _peering(body: bodies.PeeringBody) -> Peering:
    properties = body.properties or bodies.PeeringProperties()
    remote = properties.remote_virtual_network or Reference()
    space = properties.remote_virtual_network_address_space or properties.remote_address_space
    prefixes = () if space is None else tuple(space.address_prefixes)
    # Absent means allowed, as the portal and the CLI create peerings without it.
    access = properties.allow_virtual_network_access is not False
    return Peering(arm_id(remote.id), known(PeeringState, properties.peering_state), prefixes, access)


def _subnet(body: bodies.SubnetBody, home: ArmId) -> Subnet:
    properties = body.properties
    prefixes = tuple(properties.address_prefixes or ()) or _one(properties.address_prefix)
    if not prefixes:
        raise ArmUndecodable(f"subnet {body.id[:200]!r} without a range")
    return Subnet(
        id=id_of(body.id, SUBNET, home),
        prefixes=prefixes,
        service_endpoints=frozenset(entry.service.lower() for entry in properties.service_endpoints or ()),
        security_group=_reference(properties.network_security_group),
        route_table=_reference(properties.route_table),
        endpoint_policies=known(EndpointPolicies, properties.private_endpoint_network_policies),
    )


def _reference(reference: Reference | None) -> ArmId | None:
    return None if reference is None else arm_id(reference.id)


def _one(text: str | None) -> tuple[str, ...]:
    return (text,) if text else ()


def security_group(body: bodies.SecurityGroupBody, wanted: ArmId) -> SecurityGroup:
    """The network security group ``wanted`` with its own and the default rules."""
    if id_of(body.id, SECURITY_GROUP) != wanted:
        raise ArmUndecodable(f"asked for {wanted.name}, the answer is about {body.id[:200]!r}")
    rules = (*body.properties.security_rules, *body.properties.default_security_rules)
    return SecurityGroup(wanted, tuple(map(_rule, rules)))


def _rule(body: bodies.SecurityRuleBody) -> SecurityRule:
    """A rule; whom it is for comes as a text, as a list or as application security groups."""
    rule = body.properties
    groups = tuple(
        arm_id(entry.id)
        for entry in (
            *(rule.source_application_security_groups or ()),
            *(rule.destination_application_security_groups or ()),
        )
    )
    sources = _several(rule.source_address_prefix, rule.source_address_prefixes)
    destinations = _several(rule.destination_address_prefix, rule.destination_address_prefixes)
    ports = _several(rule.destination_port_range, rule.destination_port_ranges)
    access = rule.access.casefold()
    nameless = not sources and not rule.source_application_security_groups
    aimless = not destinations and not rule.destination_application_security_groups
    if nameless or aimless or not ports or access not in ("allow", "deny"):
        raise ArmUndecodable(f"a security rule that does not say what it is for: {(body.name or '')[:100]!r}")
    return SecurityRule(
        name=body.name or "",
        priority=rule.priority,
        flow=known(Flow, rule.direction),
        allow=access == "allow",
        protocol=rule.protocol.lower(),
        sources=sources,
        destinations=destinations,
        ports=ports,
        groups=groups,
    )


def _several(one: str | None, many: Iterable[str] | None) -> tuple[str, ...]:
    """Azure sends one text, a list, or an empty text beside a list."""
    return tuple(dict.fromkeys(text for text in (*_one(one), *(many or ())) if text))


def route_table(body: bodies.RouteTableBody, wanted: ArmId) -> RouteTable:
    """The route table ``wanted`` with its own routes."""
    if id_of(body.id, ROUTE_TABLE) != wanted:
        raise ArmUndecodable(f"asked for {wanted.name}, the answer is about {body.id[:200]!r}")
    routes = tuple(
        Route(
            entry.name or "",
            entry.properties.address_prefix,
            known(NextHop, entry.properties.next_hop_type),
            entry.properties.next_hop_ip_address or "",
        )
        for entry in body.properties.routes
    )
    return RouteTable(wanted, routes, gateway_routes=not body.properties.disable_bgp_route_propagation)


def forwarding_rule(body: bodies.ForwardingRuleBody) -> ForwardingRule | None:
    """A rule of a ruleset, None for a disabled one. Raises ArmUndecodable without a domain or without a server.

    Azure keeps domains with a dot at the end. https://learn.microsoft.com/azure/dns/private-resolver-endpoints-rulesets
    """
    properties = body.properties or bodies.ForwardingRuleProperties()
    if (properties.forwarding_rule_state or "Enabled").casefold() == "disabled":
        return None
    domain = properties.domain_name or ""
    if not domain.endswith("."):
        raise ArmUndecodable(f"a forwarding rule for {domain[:200]!r}, which is no domain")
    servers = [server.ip_address or "" for server in properties.target_dns_servers or ()]
    if not all(servers) or not servers:
        raise ArmUndecodable(f"the forwarding rule for {domain[:200]!r} names no server")
    return ForwardingRule(domain, tuple(servers))


def ruleset_network(body: bodies.RulesetLinkBody) -> ArmId:
    """The network that a ruleset's link names."""
    properties = body.properties or bodies.RulesetLinkProperties()
    return arm_id((properties.virtual_network or Reference()).id)
