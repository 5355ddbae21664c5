"""Builders for the rules about the way to a vault: subnets with filters, and policies that name client networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from shared.domain.arm_id import ROUTE_TABLE, SECURITY_GROUP, ArmId
from shared.domain.grades import ClientRole
from shared.domain.network import (
    EndpointPolicies,
    Flow,
    Network,
    NextHop,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from shared.domain.policy import ClientNetwork
from shared.domain.reading import Gone, Unread
from tests.builders import SUBSCRIPTION, Given, healthy, network_id, peering, subnet_id

ANY = ("*",)
INBOUND_DEFAULTS = (
    ("AllowVnetInBound", 65000, True, ("VirtualNetwork",), ("VirtualNetwork",)),
    ("AllowAzureLoadBalancerInBound", 65001, True, ("AzureLoadBalancer",), ANY),
    ("DenyAllInBound", 65500, False, ANY, ANY),
)
OUTBOUND_DEFAULTS = (
    ("AllowVnetOutBound", 65000, True, ("VirtualNetwork",), ("VirtualNetwork",)),
    ("AllowInternetOutBound", 65001, True, ANY, ("Internet",)),
    ("DenyAllOutBound", 65500, False, ANY, ANY),
)


def group_id(name: str = "nsg-1") -> ArmId:
    """The id of a network security group."""
    return ArmId.of(SUBSCRIPTION, "rg-net", SECURITY_GROUP, name)


def table_id(name: str = "rt-1") -> ArmId:
    """The id of a route table."""
    return ArmId.of(SUBSCRIPTION, "rg-net", ROUTE_TABLE, name)


def rule(
    name: str,
    *,
    allow: bool = False,
    priority: int = 100,
    flow: Flow = Flow.OUTBOUND,
    sources: tuple[str, ...] = ANY,
    destinations: tuple[str, ...] = ANY,
    ports: tuple[str, ...] = ANY,
    protocol: str = "*",
    groups: tuple[ArmId, ...] = (),
) -> SecurityRule:
    """A rule of a security group, outbound and denying unless said otherwise."""
    return SecurityRule(name, priority, flow, allow, protocol, sources, destinations, ports, groups)


def security_group(*rules: SecurityRule, name: str = "nsg-1", defaults: bool = True) -> SecurityGroup:
    """A security group with these rules and those that Azure adds to each."""
    added = [
        SecurityRule(title, priority, flow, allow, "*", sources, destinations, ANY)
        for flow, entries in ((Flow.INBOUND, INBOUND_DEFAULTS), (Flow.OUTBOUND, OUTBOUND_DEFAULTS))
        for title, priority, allow, sources, destinations in entries
    ]
    return SecurityGroup(group_id(name), (*rules, *(added if defaults else ())))


def route_table(*routes: tuple[str, NextHop], name: str = "rt-1", gateway_routes: bool = True) -> RouteTable:
    """A route table with one route for each prefix and next hop, named ``to-<number>``."""
    made = tuple(Route(f"to-{number}", prefix, hop) for number, (prefix, hop) in enumerate(routes))
    return RouteTable(table_id(name), made, gateway_routes)


def clients(given: Given, *networks: str, role: ClientRole = ClientRole.DATA) -> Given:
    """The policy names client networks."""
    return given.policy_with(client_networks=tuple(ClientNetwork(network_id(name), role) for name in networks))


def spoke(role: ClientRole = ClientRole.DATA, **network: Any) -> Given:
    """``vnet-2``, a client network peered with the endpoint's ``vnet-1`` and linked, with the subnet ``apps``."""
    given = healthy().network(peerings=(peering("vnet-2"),)).link("vnet-2")
    apps = Subnet(subnet_id("vnet-2", "apps"), ("10.2.1.0/24",))
    given = given.network("vnet-2", **{"peerings": (peering("vnet-1"),), "subnets": (apps,), **network})
    return clients(given, "vnet-2", role=role)


def filtered(
    given: Given,
    network: str = "vnet-2",
    subnet: str = "apps",
    *,
    group: SecurityGroup | Gone | Unread | None = None,
    table: RouteTable | Gone | Unread | None = None,
    **changes: Any,
) -> Given:
    """The subnet has this security group and this route table; other members of it may be changed as well."""
    known = given.snapshot.networks[network_id(network)]
    assert isinstance(known, Network)
    if group is not None:
        changes["security_group"] = group_id()
    if table is not None:
        changes["route_table"] = table_id()
    subnets = tuple(
        replace(entry, **changes) if entry.id == subnet_id(network, subnet) else entry for entry in known.subnets
    )
    given = given.network(network, subnets=subnets)
    groups: Mapping[ArmId, Any] = given.snapshot.security_groups if group is None else {group_id(): group}
    tables: Mapping[ArmId, Any] = given.snapshot.route_tables if table is None else {table_id(): table}
    snapshot = replace(
        given.snapshot, security_groups=MappingProxyType(dict(groups)), route_tables=MappingProxyType(dict(tables))
    )
    return given.at(snapshot)


def guarded(given: Given, policies: EndpointPolicies = EndpointPolicies.ENABLED, **filters: Any) -> Given:
    """Network policies apply in the endpoint's subnet, with these filters."""
    return filtered(given, "vnet-1", "endpoints", endpoint_policies=policies, **filters)
