"""Virtual networks as far as name resolution, reachability and filtering need them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.reading import Unread


class PeeringState(Enum):
    """``peeringState`` of one side of a virtual network peering; traffic flows only when Connected."""

    CONNECTED = "Connected"
    INITIATED = "Initiated"
    DISCONNECTED = "Disconnected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Peering:
    """One side of a peering. ``remote_prefixes`` are the CIDR ranges of the remote network.

    ``access`` is ``allowVirtualNetworkAccess``: without it the remote ranges are not in the tag VirtualNetwork, and
    traffic flows only where a security rule lets it.
    Source: https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
    """

    remote: ArmId
    state: PeeringState
    remote_prefixes: tuple[str, ...] = ()
    access: bool = True


@dataclass(frozen=True, slots=True)
class ForwardingRule:
    """A rule of a DNS forwarding ruleset linked to a network. ``domain`` ends with a dot, targets are IPv4."""

    domain: str
    targets: tuple[str, ...]


class EndpointPolicies(Enum):
    """``privateEndpointNetworkPolicies`` of a subnet: whether groups and routes apply to private endpoints in it.

    Source: https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy
    """

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    GROUP_ENABLED = "NetworkSecurityGroupEnabled"
    ROUTES_ENABLED = "RouteTableEnabled"
    UNKNOWN = "unknown"

    @property
    def group_applies(self) -> bool | None:
        """Whether the subnet's network security group filters traffic to private endpoints, None if unknown."""
        return None if self is EndpointPolicies.UNKNOWN else self in _WITH_GROUP

    @property
    def routes_apply(self) -> bool | None:
        """Whether routes of wider prefixes win over the endpoint's own /32, None if unknown."""
        return None if self is EndpointPolicies.UNKNOWN else self in _WITH_ROUTES


_WITH_GROUP: Final = (EndpointPolicies.ENABLED, EndpointPolicies.GROUP_ENABLED)
_WITH_ROUTES: Final = (EndpointPolicies.ENABLED, EndpointPolicies.ROUTES_ENABLED)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet. ``prefixes`` are CIDR ranges, ``service_endpoints`` service names in lower case."""

    id: ArmId
    prefixes: tuple[str, ...]
    service_endpoints: frozenset[str] = frozenset()
    security_group: ArmId | None = None
    route_table: ArmId | None = None
    endpoint_policies: EndpointPolicies = EndpointPolicies.DISABLED

    def contains(self, address: str) -> bool:
        """Whether an IPv4 address lies in this subnet."""
        return any(_contains(prefix, address) for prefix in self.prefixes)


class Flow(Enum):
    """``direction`` of a security rule."""

    INBOUND = "Inbound"
    OUTBOUND = "Outbound"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """A rule of a network security group, default rules included.

    ``sources`` and ``destinations`` are CIDR ranges, addresses, service tags or ``*``; ``ports`` are destination ports
    as text: a number, a range ``a-b`` or ``*``. ``protocol`` is in lower case. A rule that names application security
    groups has them in ``groups``: whom those hold is not read. The lowest ``priority`` that matches decides.
    Source: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
    """

    name: str
    priority: int
    flow: Flow
    allow: bool
    protocol: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: tuple[str, ...]
    groups: tuple[ArmId, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group. ``rules`` hold its own and the default rules."""

    id: ArmId
    rules: tuple[SecurityRule, ...]


class NextHop(Enum):
    """``nextHopType`` of a route; NONE drops what it matches.

    Source: https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
    """

    NETWORK = "VnetLocal"
    GATEWAY = "VirtualNetworkGateway"
    INTERNET = "Internet"
    APPLIANCE = "VirtualAppliance"
    NONE = "None"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Route:
    """A route. ``prefix`` is a CIDR range or a service tag; ``address`` the appliance's, if it names one."""

    name: str
    prefix: str
    next_hop: NextHop
    address: str = ""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table with its own routes. Without ``gateway_routes`` nothing that a gateway learns is added."""

    id: ArmId
    routes: tuple[Route, ...]
    gateway_routes: bool = True


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network as far as name resolution, reachability and filtering need it."""

    id: ArmId
    prefixes: tuple[str, ...]
    dns_servers: tuple[str, ...] = ()
    peerings: tuple[Peering, ...] = ()
    forwarding: tuple[ForwardingRule, ...] | Unread = ()
    subnets: tuple[Subnet, ...] = ()

    def subnet(self, subnet: ArmId) -> Subnet | None:
        """A subnet of this network by id, None when there is none."""
        return next((known for known in self.subnets if known.id == subnet), None)

    def contains(self, address: str) -> bool:
        """Whether an IPv4 address lies in this network's address space."""
        return any(_contains(prefix, address) for prefix in self.prefixes)


# RFC 1918, whose second block ends at 172.31.255.255, and the shared space of RFC 6598, which Azure treats as private.
# https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")


def is_private(address: str) -> bool:
    """Whether an IPv4 address lies in a private range. A virtual network may use other ranges, too."""
    return any(_contains(prefix, address) for prefix in _PRIVATE)


@lru_cache(maxsize=4096)
def _parse_network(prefix: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(prefix, strict=False)
    except ValueError:
        return None


def _contains(prefix: str, address: str) -> bool:
    network = _parse_network(prefix)
    try:
        return network is not None and ipaddress.IPv4Address(address) in network
    except ValueError:
        return False
