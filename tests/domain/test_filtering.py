"""Filters: blocked is said only when it is certain, and nothing that may be otherwise is called allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from shared.domain.arm_id import ArmId
from shared.domain.filtering import (
    Around,
    Destination,
    Inside,
    Passage,
    Public,
    Verdict,
    everyone,
    filters_of,
    has_gateway,
    may_redirect,
    pieces,
    ranges_around,
    through_group,
    through_routes,
    together,
)
from shared.domain.network import Flow, Network, NextHop, PeeringState, RouteTable, SecurityRule, Subnet
from shared.domain.reading import Gone, Part, Unread
from tests.builders import FORBIDDEN, SUBSCRIPTION, healthy, network_id, peering, subnet_id
from tests.rules.given_path import filtered, group_id, route_table, rule, security_group, table_id

ALLOWED, BLOCKED, UNKNOWN = Passage.ALLOWED, Passage.BLOCKED, Passage.UNKNOWN
AROUND = Around(("10.1.0.0/16", "10.2.0.0/16"))
SOURCE = "10.2.1.0/24"
ENDPOINT = Inside("10.1.0.4")
ENTRA = Public(frozenset({"azureactivedirectory"}))
ASG = ArmId.of(SUBSCRIPTION, "rg-net", "Microsoft.Network/applicationSecurityGroups", "apps")


def out(*rules: SecurityRule, to: Destination = ENTRA, port: int = 443, around: Around = AROUND) -> Passage:
    return through_group(security_group(*rules), Flow.OUTBOUND, SOURCE, to, around, port).passage


# -- security groups


@pytest.mark.parametrize("to", [ENDPOINT, ENTRA])
def test_the_rules_that_azure_adds_let_everything_out(to: Destination) -> None:
    assert out(to=to) is ALLOWED


def test_the_rules_that_azure_adds_let_only_the_network_in() -> None:
    group = security_group()
    assert through_group(group, Flow.INBOUND, SOURCE, ENDPOINT, AROUND).passage is ALLOWED
    assert through_group(group, Flow.INBOUND, "198.51.100.0/24", ENDPOINT, Around(AROUND.ranges)).passage is UNKNOWN


def test_without_them_nothing_is_known() -> None:
    assert through_group(security_group(defaults=False), Flow.OUTBOUND, SOURCE, ENTRA, AROUND).passage is UNKNOWN


def test_the_lowest_number_decides_whatever_the_order_of_the_list() -> None:
    first, second = rule("no", priority=100), rule("yes", allow=True, priority=200)
    assert out(first, second) is out(second, first) is BLOCKED
    assert out(replace(first, priority=300), second) is ALLOWED


def test_the_verdict_names_the_rule_and_the_group() -> None:
    verdict = through_group(security_group(rule("no-internet")), Flow.OUTBOUND, SOURCE, ENTRA, AROUND)
    assert verdict == Verdict(BLOCKED, "rule no-internet of network security group nsg-1")


def test_a_rule_of_the_other_direction_says_nothing() -> None:
    assert out(rule("in", flow=Flow.INBOUND)) is ALLOWED


def test_a_rule_of_unknown_direction_may_be_this_one() -> None:
    assert out(rule("odd", flow=Flow.UNKNOWN)) is UNKNOWN


@pytest.mark.parametrize(
    ("protocol", "passage"),
    [("tcp", BLOCKED), ("Tcp", BLOCKED), ("*", BLOCKED), ("udp", ALLOWED), ("icmp", ALLOWED), ("sctp", UNKNOWN)],
)
def test_only_tcp_counts(protocol: str, passage: Passage) -> None:
    assert out(rule("no", protocol=protocol)) is passage


@pytest.mark.parametrize(
    ("ports", "passage"),
    [
        (("443",), BLOCKED),
        (("0-65535",), BLOCKED),
        (("80", "400-500"), BLOCKED),
        (("443-443",), BLOCKED),
        (("444-500",), ALLOWED),
        (("80",), ALLOWED),
        ((), UNKNOWN),
        (("https",), UNKNOWN),
    ],
)
def test_ports_are_numbers_ranges_and_lists(ports: tuple[str, ...], passage: Passage) -> None:
    assert out(rule("no", ports=ports)) is passage


def test_another_port_is_another_question() -> None:
    web = rule("no-web", ports=("80",))
    assert (out(web, port=80), out(web, port=443)) == (BLOCKED, ALLOWED)


@pytest.mark.parametrize(
    ("destinations", "passage"),
    [
        (("*",), BLOCKED),
        (("Internet",), BLOCKED),
        (("INTERNET",), BLOCKED),
        (("0.0.0.0/0",), BLOCKED),
        (("0.0.0.0/1", "128.0.0.0/1"), BLOCKED),
        (("AzureActiveDirectory",), BLOCKED),
        (("azureactivedirectory",), BLOCKED),
        (("10.0.0.0/8", "Internet"), BLOCKED),
        (("AzureActiveDirectory.WestEurope",), UNKNOWN),
        (("AzureCloud",), UNKNOWN),
        (("Storage",), UNKNOWN),
        (("20.0.0.0/8",), UNKNOWN),
        ((), UNKNOWN),
        (("10.0.0.0/8", "192.168.0.0/16"), ALLOWED),
        (("172.16.0.0/12",), ALLOWED),
        (("VirtualNetwork",), ALLOWED),
        (("AzureLoadBalancer",), ALLOWED),
        (("::/0",), ALLOWED),
    ],
)
def test_a_public_service_is_blocked_only_by_what_certainly_holds_it(
    destinations: tuple[str, ...], passage: Passage
) -> None:
    assert out(rule("no", destinations=destinations)) is passage


def test_172_32_is_public_although_the_guide_calls_it_private() -> None:
    """RFC 1918 ends at 172.31.255.255; the guide's 172.16-172.32 is wrong."""
    assert out(rule("no", destinations=("172.32.0.0/16",))) is UNKNOWN
    assert out(rule("no", destinations=("172.31.0.0/16",))) is ALLOWED


def test_with_a_default_route_the_tag_virtual_network_may_hold_everything() -> None:
    rules = rule("no", destinations=("VirtualNetwork",))
    assert out(rules, around=replace(AROUND, default_route=True)) is UNKNOWN


def test_a_doubtful_allow_before_a_certain_deny_is_not_blocked() -> None:
    doubt = rule("maybe", allow=True, destinations=("AzureCloud",), priority=100)
    assert out(doubt, rule("no", priority=200)) is UNKNOWN
    assert out(replace(doubt, allow=False), rule("no", priority=200)) is BLOCKED
    assert out(replace(doubt, allow=False), rule("yes", allow=True, priority=200)) is UNKNOWN


def test_what_is_allowed_by_its_tag_before_the_deny_gets_out() -> None:
    entra = rule("entra", allow=True, destinations=("AzureActiveDirectory",), ports=("443",), priority=100)
    no = rule("no", destinations=("Internet",), priority=200)
    assert out(entra, no) is ALLOWED
    assert out(entra, no, port=80) is BLOCKED
    assert out(entra, no, to=Public()) is UNKNOWN


@pytest.mark.parametrize(
    ("destinations", "passage"),
    [
        (("10.1.0.4",), BLOCKED),
        (("10.1.0.4/32",), BLOCKED),
        (("10.1.0.0/24",), BLOCKED),
        (("VirtualNetwork",), BLOCKED),
        (("0.0.0.0/0",), BLOCKED),
        (("10.1.0.5",), ALLOWED),
        (("Internet",), ALLOWED),
        (("AzureKeyVault",), ALLOWED),
        (("AzureCloud",), ALLOWED),
    ],
)
def test_a_private_address_is_in_ranges_and_in_the_network(destinations: tuple[str, ...], passage: Passage) -> None:
    assert out(rule("no", destinations=destinations), to=ENDPOINT) is passage


def test_an_address_of_no_known_network_may_be_in_the_virtual_network() -> None:
    far = Inside("10.9.0.4")
    assert out(rule("no", destinations=("VirtualNetwork",)), to=far) is UNKNOWN
    assert out(rule("no", destinations=("Internet",)), to=far) is UNKNOWN


def test_a_network_may_use_public_ranges() -> None:
    inside = Around(("10.2.0.0/16", "20.1.0.0/16"))
    assert out(rule("no", destinations=("Internet",)), to=Inside("20.1.0.4"), around=inside) is ALLOWED
    assert out(rule("no", destinations=("AzureCloud",)), to=Inside("20.1.0.4"), around=inside) is UNKNOWN


@pytest.mark.parametrize(
    ("sources", "passage"),
    [
        (("10.2.0.0/16",), BLOCKED),
        (("10.2.1.0/24",), BLOCKED),
        (("10.2.1.0/25", "10.2.1.128/25"), BLOCKED),
        (("VirtualNetwork",), BLOCKED),
        (("10.2.1.7",), UNKNOWN),
        (("10.3.0.0/16",), ALLOWED),
        (("Internet",), ALLOWED),
        (("GatewayManager",), ALLOWED),
        (("10.2.1.0-10.2.1.9",), UNKNOWN),
        (("",), UNKNOWN),
        (("AzureLoadBalancer",), ALLOWED),
        ((), UNKNOWN),
    ],
)
def test_the_source_has_to_be_covered_whole(sources: tuple[str, ...], passage: Passage) -> None:
    assert out(rule("no", sources=sources)) is passage


def test_whom_an_application_security_group_holds_is_not_known() -> None:
    assert out(rule("no", sources=(), groups=(ASG,))) is UNKNOWN
    assert out(rule("no", groups=(ASG,))) is UNKNOWN
    assert out(rule("no", groups=(ASG,), ports=("80",))) is ALLOWED


# -- pieces of a range


def test_a_range_is_cut_where_rules_speak_of_a_part() -> None:
    group = security_group(rule("one", sources=("10.2.1.128/25",)), rule("all", sources=("10.0.0.0/8",)))
    assert pieces(group, SOURCE) == ("10.2.1.0/25", "10.2.1.128/25")
    assert pieces(group, "10.3.0.0/16") == ("10.3.0.0/16",)
    assert pieces(group, "text") == ("text",)
    assert pieces(group, "fd00::/64") == ()


networks = st.builds(
    lambda address, length: str(ipaddress.IPv4Network((address, length), strict=False)),
    st.integers(min_value=0x0A020000, max_value=0x0A02FFFF),
    st.integers(min_value=16, max_value=32),
)


@any_of(st.lists(networks, max_size=6), networks)
def test_pieces_are_the_range_and_each_has_one_verdict(sources: list[str], whole: str) -> None:
    rules = [rule(f"r{n}", allow=n % 2 == 0, priority=n + 100, sources=(text,)) for n, text in enumerate(sources)]
    group = security_group(*rules)
    found = [ipaddress.IPv4Network(piece) for piece in pieces(group, whole)]
    assert sum(piece.num_addresses for piece in found) == ipaddress.IPv4Network(whole).num_addresses
    assert list(ipaddress.collapse_addresses(found)) == [ipaddress.IPv4Network(whole)]
    for piece in found:
        verdict = through_group(group, Flow.OUTBOUND, str(piece), ENTRA, AROUND)
        first = str(piece.network_address)
        decides = next(
            (n for n, text in enumerate(sources) if ipaddress.IPv4Address(first) in ipaddress.IPv4Network(text)), None
        )
        assert verdict.passage is (ALLOWED if decides is None or decides % 2 == 0 else BLOCKED)


def test_too_many_cuts_are_not_made() -> None:
    group = security_group(*(rule(f"r{n}", sources=(f"10.2.1.{n}",)) for n in range(65)))
    assert pieces(group, SOURCE) == (SOURCE,)


# -- routes


def to(destination: Destination, *routes: tuple[str, NextHop], **options: bool) -> Passage:
    return through_routes(route_table(*routes), destination, gateway=options.get("gateway", False)).passage


@pytest.mark.parametrize(
    ("routes", "passage"),
    [
        ((), ALLOWED),
        ((("0.0.0.0/0", NextHop.NONE),), BLOCKED),
        ((("0.0.0.0/0", NextHop.INTERNET),), ALLOWED),
        ((("0.0.0.0/0", NextHop.APPLIANCE),), UNKNOWN),
        ((("0.0.0.0/0", NextHop.GATEWAY),), UNKNOWN),
        ((("0.0.0.0/0", NextHop.UNKNOWN),), UNKNOWN),
        ((("0.0.0.0/0", NextHop.NETWORK),), UNKNOWN),
        ((("0.0.0.0/1", NextHop.NONE), ("128.0.0.0/1", NextHop.NONE)), BLOCKED),
        ((("0.0.0.0/1", NextHop.NONE),), UNKNOWN),
        ((("10.0.0.0/8", NextHop.NONE),), ALLOWED),
        ((("::/0", NextHop.NONE),), ALLOWED),
        ((("AzureActiveDirectory", NextHop.NONE),), BLOCKED),
        ((("azureactivedirectory", NextHop.INTERNET), ("0.0.0.0/0", NextHop.NONE)), ALLOWED),
        ((("AzureCloud", NextHop.NONE),), UNKNOWN),
        ((("AzureCloud", NextHop.NONE), ("0.0.0.0/0", NextHop.NONE)), BLOCKED),
        ((("20.0.0.0/8", NextHop.INTERNET), ("0.0.0.0/0", NextHop.NONE)), UNKNOWN),
        ((("20.0.0.0/8", NextHop.NONE), ("0.0.0.0/0", NextHop.APPLIANCE)), UNKNOWN),
    ],
)
def test_routes_to_a_public_service(routes: tuple[tuple[str, NextHop], ...], passage: Passage) -> None:
    assert to(ENTRA, *routes) is passage


def test_what_a_gateway_learns_is_not_known_unless_the_table_keeps_it_out() -> None:
    drop = (("0.0.0.0/0", NextHop.NONE),)
    assert to(ENTRA, *drop, gateway=True) is UNKNOWN
    assert through_routes(None, ENTRA, gateway=True).passage is UNKNOWN
    assert through_routes(None, ENTRA).passage is ALLOWED
    assert through_routes(route_table(*drop, gateway_routes=False), ENTRA, gateway=True).passage is BLOCKED


def test_a_service_endpoint_has_routes_of_its_own() -> None:
    vault = Public(frozenset({"azurekeyvault"}), "microsoft.keyvault")
    table = route_table(("0.0.0.0/0", NextHop.NONE))
    assert through_routes(table, vault).passage is BLOCKED
    services = frozenset({"microsoft.keyvault"})
    assert through_routes(table, vault, service_endpoints=services).passage is ALLOWED
    assert through_routes(table, ENTRA, service_endpoints=services).passage is BLOCKED


HOME = Inside("10.1.0.4", endpoint=True, routes_apply=True, space=("10.1.0.0/16",))


@pytest.mark.parametrize(
    ("routes", "applies", "passage"),
    [
        ((), True, ALLOWED),
        ((("10.1.0.0/16", NextHop.NONE),), True, BLOCKED),
        ((("10.1.0.0/24", NextHop.NONE),), True, BLOCKED),
        ((("10.1.0.0/16", NextHop.APPLIANCE),), True, UNKNOWN),
        ((("10.1.0.0/16", NextHop.NONE), ("10.1.0.0/24", NextHop.NETWORK)), True, ALLOWED),
        ((("10.1.0.0/24", NextHop.NETWORK), ("10.1.0.0/28", NextHop.NONE)), True, BLOCKED),
        ((("10.2.0.0/16", NextHop.NONE),), True, ALLOWED),
        ((("0.0.0.0/0", NextHop.NONE),), True, ALLOWED),
        ((("10.0.0.0/8", NextHop.NONE),), True, ALLOWED),
        ((("AzureCloud", NextHop.NONE),), True, ALLOWED),
        ((("10.1.0.0/16", NextHop.NONE),), False, ALLOWED),
        ((("10.1.0.4/32", NextHop.NONE),), False, BLOCKED),
        ((("10.1.0.0/16", NextHop.NONE),), None, UNKNOWN),
        ((("10.1.0.4/32", NextHop.NONE),), None, BLOCKED),
        ((("10.2.0.0/16", NextHop.NONE),), None, ALLOWED),
    ],
)
def test_the_endpoints_own_route_wins_unless_network_policies_let_others_in(
    routes: tuple[tuple[str, NextHop], ...], applies: bool | None, passage: Passage
) -> None:
    assert to(replace(HOME, routes_apply=applies), *routes) is passage


def test_without_the_endpoints_own_route_only_user_defined_ones_are_seen() -> None:
    far = Inside("10.9.0.4")
    assert to(far) is UNKNOWN
    assert to(far, ("0.0.0.0/0", NextHop.NONE)) is BLOCKED
    assert to(far, ("0.0.0.0/0", NextHop.NONE), ("10.9.0.0/16", NextHop.APPLIANCE)) is UNKNOWN
    assert to(Inside("text")) is UNKNOWN


@pytest.mark.parametrize(
    ("table", "gateway", "may"),
    [
        (None, False, False),
        (None, True, True),
        (route_table(), False, False),
        (route_table(), True, True),
        (route_table(gateway_routes=False), True, False),
        (route_table(("10.0.0.0/8", NextHop.APPLIANCE)), False, False),
        (route_table(("0.0.0.0/0", NextHop.APPLIANCE)), False, True),
        (route_table(("AzureCloud", NextHop.APPLIANCE)), False, True),
    ],
)
def test_a_default_route_puts_public_addresses_into_the_network(
    table: RouteTable | None, gateway: bool, may: bool
) -> None:
    assert may_redirect(table, gateway=gateway) is may


# -- together


def test_a_path_is_as_good_as_its_worst_part() -> None:
    yes, no, maybe = Verdict(ALLOWED, "a"), Verdict(BLOCKED, "b"), Verdict(UNKNOWN, "c")
    assert together([yes, maybe, no]) is no
    assert together([yes, maybe]) is maybe
    assert together([yes]) is yes
    assert together([]).passage is ALLOWED


def test_several_sources_are_blocked_only_when_all_are() -> None:
    yes, no, maybe = Verdict(ALLOWED, "a"), Verdict(BLOCKED, "b"), Verdict(UNKNOWN, "c")
    assert everyone([no, no]) is no
    assert everyone([yes, yes]) is yes
    assert everyone([no, maybe]) is maybe
    assert everyone([no, yes]).passage is UNKNOWN
    assert everyone([]).passage is UNKNOWN


# -- what a snapshot says


def test_the_tag_virtual_network_holds_connected_peers_only() -> None:
    given = healthy().network(peerings=(peering("vnet-2"), peering("vnet-3", PeeringState.INITIATED, "10.3.0.0/16")))
    home = given.snapshot.networks[network_id()]
    assert isinstance(home, Network)
    assert ranges_around(given.snapshot, home) == ("10.1.0.0/16",)
    named = replace(home, peerings=(peering("vnet-2", PeeringState.CONNECTED, "10.2.0.0/16"),))
    assert ranges_around(given.snapshot, named) == ("10.1.0.0/16", "10.2.0.0/16")
    read = given.network("vnet-2", prefixes=("10.22.0.0/16",))
    assert ranges_around(read.snapshot, named) == ("10.1.0.0/16", "10.22.0.0/16")


def test_filters_of_a_subnet_are_read_or_said_to_be_missing() -> None:
    subnet = Subnet(subnet_id(), ("10.1.0.0/24",), security_group=group_id(), route_table=table_id())
    later = filters_of(healthy().snapshot, subnet)
    assert isinstance(later, Unread)
    assert later.part is Part.FILTERS
    group, table = security_group(), route_table()
    both = filtered(healthy(), "vnet-1", "endpoints", group=group, table=table).snapshot
    assert filters_of(both, subnet) == (group, table)
    assert filters_of(both, Subnet(subnet_id(), ())) == (None, None)
    for one, other in ((FORBIDDEN, table), (group, FORBIDDEN)):
        snapshot = filtered(healthy(), "vnet-1", "endpoints", group=one, table=other).snapshot
        assert filters_of(snapshot, subnet) is FORBIDDEN
    for first, second in ((Gone(), table), (group, Gone())):
        found = filters_of(filtered(healthy(), "vnet-1", "endpoints", group=first, table=second).snapshot, subnet)
        assert isinstance(found, Unread)
        assert "does not exist" in found.detail


def test_a_gateway_has_a_subnet_of_its_own_name() -> None:
    home = Network(network_id(), ("10.1.0.0/16",), subnets=(Subnet(subnet_id(name="gatewaysubnet"), ()),))
    assert has_gateway(home)
    assert not has_gateway(replace(home, subnets=()))


@pytest.mark.parametrize(
    ("name", "passage"),
    [
        ("AzureCloud.WestEurope", ALLOWED),
        ("Storage", ALLOWED),
        ("SQL", ALLOWED),
        ("Zzz-unknown", UNKNOWN),
        ("Storag", UNKNOWN),
    ],
)
def test_a_name_that_is_no_service_tag_may_hold_anything(name: str, passage: Passage) -> None:
    """A private address is in no tag of a public service, whatever the region; of another name nobody knows."""
    deny = rule("no", flow=Flow.INBOUND, sources=(name,), destinations=("*",))
    group = security_group(deny, rule("yes", allow=True, flow=Flow.INBOUND, priority=200))
    assert through_group(group, Flow.INBOUND, SOURCE, Inside("10.1.0.4"), AROUND).passage is passage
