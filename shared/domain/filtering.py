"""Whether network security groups and route tables let TCP through, as far as configuration can say.

Three answers: allowed, blocked, unknown. Blocked is said only when nothing that was not read could make it otherwise:
a service tag that may or may not hold the destination, an application security group, a next hop that is an appliance
or a gateway give unknown. Groups of network interfaces and security admin rules of Azure Virtual Network Manager are
not read, so allowed means that nothing which was read stands in the way.
Sources: https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works
https://learn.microsoft.com/azure/virtual-network/service-tags-overview
https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from shared.domain.network import (
    Flow,
    Network,
    NextHop,
    PeeringState,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.service_tags import SERVICE_TAGS
from shared.domain.snapshot import VaultSnapshot

_Ranges = tuple[ipaddress.IPv4Network, ...]

_EVERYWHERE: Final = ipaddress.IPv4Network("0.0.0.0/0")
# No public service of Azure has an address in these.
_PRIVATE: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
_MOST_CUTS: Final = 64
_TCP: Final = {"tcp": True, "*": True, "udp": False, "icmp": False, "esp": False, "ah": False}


class Passage(Enum):
    """Whether traffic gets through."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether traffic gets through and why: what blocks it, or what is not known."""

    passage: Passage
    why: str

    @property
    def blocked(self) -> bool:
        """Whether traffic certainly does not get through."""
        return self.passage is Passage.BLOCKED


@dataclass(frozen=True, slots=True)
class Inside:
    """An IPv4 address in a virtual network.

    ``endpoint`` says that the source sees the /32 route which Azure makes for a private endpoint, in its own network
    and in peers. A user-defined route replaces that one only as a /32, or where ``routes_apply`` within ``space``, the
    address space of the endpoint's network; a wider one such as 0.0.0.0/0 never does. None says that it is not known.
    Source: https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy
    """

    address: str
    endpoint: bool = False
    routes_apply: bool | None = False
    space: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Public:
    """A public service of Azure, whose addresses nobody can list.

    ``tags`` are the service tags that certainly hold all of it, ``service_endpoint`` the service endpoint with which a
    subnet gets routes of its own to it, both in lower case.
    """

    tags: frozenset[str] = frozenset()
    service_endpoint: str = ""


Destination = Inside | Public


@dataclass(frozen=True, slots=True)
class Around:
    """What the tag VirtualNetwork holds: certainly ``ranges``, and public addresses too where a default route is."""

    ranges: tuple[str, ...]
    default_route: bool = False


def through_group(
    group: SecurityGroup, flow: Flow, source: str, destination: Destination, around: Around, port: int = 443
) -> Verdict:
    """Whether a security group lets TCP from a range to a destination through.

    ``source`` is an IPv4 CIDR range. The rules count by priority; one that may or may not match leaves open what it
    says.
    """
    rules = sorted(
        (rule for rule in group.rules if rule.flow in (flow, Flow.UNKNOWN)), key=lambda r: (r.priority, r.name)
    )
    doubtful: list[SecurityRule] = []
    for rule in rules:
        match = _rule_matches(rule, source, destination, around, port)
        if match is None:
            doubtful.append(rule)
        elif match:
            return _decided(group, rule, doubtful)
    return Verdict(Passage.UNKNOWN, f"no rule of network security group {group.id.name} is known to match")


def through_routes(
    table: RouteTable | None,
    destination: Destination,
    *,
    service_endpoints: frozenset[str] = frozenset(),
    gateway: bool = False,
) -> Verdict:
    """Whether the routes of a subnet lead to a destination; ``table`` None is a subnet without a route table.

    ``gateway`` says that the network has a gateway of its own. What it learns is not read, and a longer learned route
    would win, unless the table keeps such routes out.
    """
    learned = gateway and (table is None or table.gateway_routes)
    routes = () if table is None else table.routes
    if isinstance(destination, Inside):
        return _to_address(table, routes, destination)
    if destination.service_endpoint and destination.service_endpoint in service_endpoints:
        return Verdict(Passage.ALLOWED, f"the subnet has a service endpoint for {destination.service_endpoint}")
    return _to_public(table, routes, destination, learned)


def may_redirect(table: RouteTable | None, *, gateway: bool) -> bool:
    """Whether public addresses may be routed into virtual networks, which puts them into the tag VirtualNetwork."""
    if table is None:
        return gateway
    wide = any((known := _range(route.prefix)) is None or not _is_private(known) for route in table.routes)
    return wide or (gateway and table.gateway_routes)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a path that has to pass all of these: blocked wins, then unknown."""
    found = list(verdicts)
    for passage in (Passage.BLOCKED, Passage.UNKNOWN):
        first = next((verdict for verdict in found if verdict.passage is passage), None)
        if first is not None:
            return first
    return found[0] if found else Verdict(Passage.ALLOWED, "nothing filters it")


def everyone(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict for several sources: blocked or allowed when that holds for all of them, else unknown."""
    found = list(verdicts)
    if not found:
        return Verdict(Passage.UNKNOWN, "no address range is known")
    if len({verdict.passage for verdict in found}) == 1:
        return found[0]
    unknown = next((verdict for verdict in found if verdict.passage is Passage.UNKNOWN), None)
    return unknown or Verdict(Passage.UNKNOWN, "some addresses are let through and others are not")


def pieces(group: SecurityGroup, source: str) -> tuple[str, ...]:
    """A CIDR range cut where rules of a group speak of a part of it, so that each piece has one verdict.

    No piece for an IPv6 range: only IPv4 is judged.
    """
    whole = _range(source)
    if whole is None:
        return () if ":" in source else (source,)
    named = {
        known for rule in group.rules for text in rule.sources if (known := _range(text)) and whole.supernet_of(known)
    }
    cuts = sorted(named - {whole})
    if len(cuts) > _MOST_CUTS:
        return (source,)
    found = [whole]
    for cut in sorted(cuts, key=lambda known: known.prefixlen):
        holder = next(piece for piece in found if cut.subnet_of(piece))
        found.remove(holder)
        found += [cut, *holder.address_exclude(cut)]
    return tuple(str(piece) for piece in sorted(found))


def ranges_around(snapshot: VaultSnapshot, network: Network) -> tuple[str, ...]:
    """What the tag VirtualNetwork certainly holds in a network: its own address space and that of Connected peers."""
    found = list(network.prefixes)
    for peering in network.peerings:
        if peering.state is PeeringState.CONNECTED:
            remote = snapshot.networks.get(peering.remote)
            found += remote.prefixes if isinstance(remote, Network) else peering.remote_prefixes
    return tuple(sorted(set(found)))


def filters_of(snapshot: VaultSnapshot, subnet: Subnet) -> tuple[SecurityGroup | None, RouteTable | None] | Unread:
    """The security group and the route table of a subnet, None where it has none; Unread as soon as one of them is."""
    group = None if subnet.security_group is None else snapshot.security_group(subnet.security_group)
    table = None if subnet.route_table is None else snapshot.route_table(subnet.route_table)
    if isinstance(group, Unread):
        return group
    if isinstance(table, Unread):
        return table
    if isinstance(group, Gone) or isinstance(table, Gone):
        return Unread(UnreadReason.UNSUPPORTED, f"a filter that subnet {subnet.id.name} names does not exist")
    return group, table


def has_gateway(network: Network) -> bool:
    """Whether a network has a gateway of its own, which may learn routes.

    Source: https://learn.microsoft.com/azure/vpn-gateway/vpn-gateway-about-vpn-gateway-settings#gwsub
    """
    return any(subnet.id.name.lower() == "gatewaysubnet" for subnet in network.subnets)


# -- security groups


def _decided(group: SecurityGroup, rule: SecurityRule, doubtful: list[SecurityRule]) -> Verdict:
    other = next((doubt for doubt in doubtful if doubt.allow is not rule.allow), None)
    if other is not None:
        return Verdict(
            Passage.UNKNOWN, f"whether rule {other.name} of network security group {group.id.name} matches is not known"
        )
    passage = Passage.ALLOWED if rule.allow else Passage.BLOCKED
    return Verdict(passage, f"rule {rule.name} of network security group {group.id.name}")


def _rule_matches(rule: SecurityRule, source: str, destination: Destination, around: Around, port: int) -> bool | None:
    """Whether a rule matches: None when it may."""
    sides = (
        None if rule.flow is Flow.UNKNOWN else True,
        _TCP.get(rule.protocol.lower()),
        _any(_port_matches(text, port) for text in rule.ports) if rule.ports else None,
        _range_matches(rule.sources, source, around),
        _destination_matches(rule.destinations, destination, around),
        None if rule.groups else True,
    )
    if False in sides:
        return False
    return None if None in sides else True


def _port_matches(text: str, port: int) -> bool | None:
    if text.strip() == "*":
        return True
    low, _, high = text.partition("-")
    try:
        return int(low) <= port <= int(high or low)
    except ValueError:
        return None


def _range_matches(names: tuple[str, ...], text: str, around: Around) -> bool | None:
    wanted = _range(text)
    if wanted is None or not names:
        return None
    in_tags = (_range_in_tag(tag, wanted, around) for tag in _tags(names))
    return _any((_holds(_ranges(names), wanted), *in_tags))


def _destination_matches(names: tuple[str, ...], destination: Destination, around: Around) -> bool | None:
    if isinstance(destination, Inside):
        return _range_matches(names, f"{destination.address}/32", around)
    if not names:
        return None
    ranges = _ranges(names)
    if _EVERYWHERE in ranges:
        return True
    in_ranges = None if any(not _is_private(known) for known in ranges) else False
    return _any((in_ranges, *(_public_in_tag(tag, destination, around) for tag in _tags(names))))


def _range_in_tag(tag: str, wanted: ipaddress.IPv4Network, around: Around) -> bool | None:
    """Whether a range is in a service tag. VirtualNetwork holds more than can be listed, such as what is learned."""
    if tag == "*":
        return True
    if tag.partition(".")[0] not in SERVICE_TAGS:
        return None
    within = _holds(_ranges(around.ranges), wanted)
    if tag == "virtualnetwork":
        return True if within else None
    if tag == "internet":
        return False if within else None
    return False if _is_private(wanted) or tag == "azureloadbalancer" else None


def _public_in_tag(tag: str, destination: Public, around: Around) -> bool | None:
    """Whether a public service is in a service tag; the tag of a region or of another service may hold it."""
    if tag in ("*", "internet") or tag in destination.tags:
        return True
    if tag == "virtualnetwork":
        return None if around.default_route else False
    return False if tag == "azureloadbalancer" else None


# -- routes


def _to_address(table: RouteTable | None, routes: tuple[Route, ...], destination: Inside) -> Verdict:
    wanted = _range(f"{destination.address}/32")
    if wanted is None:
        return Verdict(Passage.UNKNOWN, f"{destination.address} is no IPv4 address")
    matching = [(known, route) for route in routes if (known := _range(route.prefix)) and wanted.subnet_of(known)]
    doubtful = False
    if destination.endpoint:
        certain = [(known, route) for known, route in matching if known.prefixlen == 32]
        wider = [
            (known, route)
            for known, route in matching
            if known.prefixlen < 32 and any(known.subnet_of(space) for space in _ranges(destination.space))
        ]
        matching = certain + (wider if destination.routes_apply else [])
        doubtful = destination.routes_apply is None and bool(wider) and not certain
    if doubtful:
        return Verdict(Passage.UNKNOWN, "whether user-defined routes apply to the private endpoint is not known")
    if not matching and not destination.endpoint:
        return Verdict(Passage.UNKNOWN, f"which route leads to {destination.address} is not seen")
    if not matching:
        return Verdict(Passage.ALLOWED, "no user-defined route replaces the endpoint's own")
    return _by_next_hop(table, max(matching, key=lambda found: found[0].prefixlen)[1], to_public=False)


def _to_public(table: RouteTable | None, routes: tuple[Route, ...], destination: Public, learned: bool) -> Verdict:
    """The verdicts of all routes that may be the longest one of some address of the service, if they agree."""
    default = next((route for route in routes if _range(route.prefix) == _EVERYWHERE), None)
    tagged = next((route for route in routes if route.prefix.strip().lower() in destination.tags), None)
    partial = [route for route in routes if route is not tagged and _may_hold_public(route)]
    verdicts = [_by_next_hop(table, route, to_public=True) for route in partial]
    if tagged is not None:
        verdicts.append(_by_next_hop(table, tagged, to_public=True))
    elif _EVERYWHERE not in _ranges(tuple(route.prefix for route in partial)):
        system = Verdict(Passage.ALLOWED, "no user-defined route replaces Azure's own")
        verdicts.append(system if default is None else _by_next_hop(table, default, to_public=True))
    if learned:
        verdicts.append(Verdict(Passage.UNKNOWN, "routes that the network's gateway learns are not read"))
    if len({verdict.passage for verdict in verdicts}) == 1:
        return verdicts[0]
    unknown = next((verdict for verdict in verdicts if verdict.passage is Passage.UNKNOWN), None)
    return unknown or Verdict(Passage.UNKNOWN, "routes for parts of public address space differ")


def _may_hold_public(route: Route) -> bool:
    """Whether a route is for a part of public address space or for a service tag."""
    known = _range(route.prefix)
    if known is None:
        return ":" not in route.prefix
    return known != _EVERYWHERE and not _is_private(known)


def _by_next_hop(table: RouteTable | None, route: Route, *, to_public: bool) -> Verdict:
    name = f"route {route.name} of route table {'' if table is None else table.id.name}"
    if route.next_hop is NextHop.NONE:
        return Verdict(Passage.BLOCKED, name)
    if route.next_hop is (NextHop.INTERNET if to_public else NextHop.NETWORK):
        return Verdict(Passage.ALLOWED, name)
    where = f" {route.address}" if route.address else ""
    return Verdict(Passage.UNKNOWN, f"{name} leads to {route.next_hop.value}{where}, behind which nothing is seen")


# -- ranges


@lru_cache(maxsize=4096)
def _range(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text.strip(), strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _ranges(texts: tuple[str, ...]) -> _Ranges:
    """The IPv4 ranges among these, neighbours joined: two halves of everything are everything."""
    return tuple(ipaddress.collapse_addresses(known for text in texts if (known := _range(text)) is not None))


def _tags(texts: tuple[str, ...]) -> list[str]:
    """What is no address range: service tags and ``*``, in lower case. IPv6 ranges concern no IPv4 traffic."""
    return [text.strip().lower() for text in texts if _range(text) is None and ":" not in text]


def _holds(ranges: _Ranges, wanted: ipaddress.IPv4Network) -> bool | None:
    """Whether ranges hold all of a range; None for a part of it."""
    if any(wanted.subnet_of(known) for known in ranges):
        return True
    return None if any(wanted.overlaps(known) for known in ranges) else False


def _is_private(wanted: ipaddress.IPv4Network) -> bool:
    return any(wanted.subnet_of(known) for known in _PRIVATE)


def _any(matches: Iterable[bool | None]) -> bool | None:
    """True if one is, None if one may be, False if all are not."""
    found = list(matches)
    if True in found:
        return True
    return None if None in found else False
