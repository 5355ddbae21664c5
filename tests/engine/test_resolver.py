"""The resolver simulation: one table of what a client gets, and the cases that need more than a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.network import ForwardingRule, PeeringState
from shared.domain.reading import Unread
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import ResolutionPolicy
from shared.engine.resolver import ResolverSimulation
from tests.builders import (
    FORBIDDEN,
    PRIVATE_ZONE,
    Given,
    healthy,
    missing_record,
    neighbour,
    network_id,
    peering,
    unlinked,
    vault_id,
    zone_id,
)

PUBLIC, NXDOMAIN, UNKNOWN = AnswerKind.PUBLIC, AnswerKind.NXDOMAIN, AnswerKind.UNKNOWN
REDIRECT = ResolutionPolicy.NXDOMAIN_REDIRECT
APEX = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")
PARENT = zone_id("vaultcore.azure.net", "rg-parent")
HOST = zone_id("vault.azure.net", "rg-host")
OWN_HOST = zone_id("contoso.vault.azure.net", "rg-host")
SECOND = zone_id(group="rg-dns-2")
NO_ALIAS = ConnectionStatus.PENDING


def _redirected(given: Given) -> Given:
    return given.link(resolution_policy=REDIRECT)


TABLE: list[tuple[str, Given, AnswerKind | str]] = [
    ("alias, linked, record", healthy(), "10.1.0.4"),
    ("alias, linked, absent", missing_record(), NXDOMAIN),
    ("alias, linked, empty set", healthy().record(), NXDOMAIN),
    ("alias, not linked", unlinked(), PUBLIC),
    ("alias, no zone at all", healthy().no_zone(), PUBLIC),
    ("no alias, linked, record", healthy().connection(status=NO_ALIAS), PUBLIC),
    ("no connection, linked, record", healthy().no_connections(), PUBLIC),
    ("Approved but not Succeeded has the alias", healthy().connection(state="Failed"), "10.1.0.4"),
    ("redirect, record", _redirected(healthy()), "10.1.0.4"),
    ("redirect, absent", _redirected(missing_record()), PUBLIC),
    ("redirect, empty set", _redirected(healthy().record()), UNKNOWN),
    ("unknown resolution policy, record", healthy().link(resolution_policy=ResolutionPolicy.UNKNOWN), "10.1.0.4"),
    ("unknown resolution policy, absent", missing_record().link(resolution_policy=ResolutionPolicy.UNKNOWN), UNKNOWN),
    ("link in progress", healthy().link(completed=False), UNKNOWN),
    (
        "own zone wins over the shared one",
        healthy().link(zone=APEX).record("10.9.9.9", zone=APEX, name="@"),
        "10.9.9.9",
    ),
    ("own zone without record hides the shared one", healthy().link(zone=APEX), NXDOMAIN),
    ("own zone with redirect goes public", healthy().link(zone=APEX, resolution_policy=REDIRECT), PUBLIC),
    ("own zone linked elsewhere", healthy().link("vnet-2", APEX), "10.1.0.4"),
    ("shared zone wins over its parent", healthy().link(zone=PARENT), "10.1.0.4"),
    ("parent alone, absent", unlinked().link(zone=PARENT), NXDOMAIN),
    (
        "parent alone, record",
        unlinked().link(zone=PARENT).record("10.1.0.4", zone=PARENT, name="contoso.privatelink"),
        "10.1.0.4",
    ),
    ("a zone of the host's suffix answers first", healthy().link(zone=HOST), NXDOMAIN),
    ("a zone of the host's suffix, record", healthy().link(zone=HOST).record("10.9.9.9", zone=HOST), "10.9.9.9"),
    (
        "a zone of the host's suffix with redirect goes on",
        healthy().link(zone=HOST, resolution_policy=REDIRECT),
        "10.1.0.4",
    ),
    ("a zone of the host's suffix hides vaults without alias", healthy().no_connections().link(zone=HOST), NXDOMAIN),
    (
        "a zone of the host itself",
        healthy().link(zone=OWN_HOST).record("10.9.9.9", zone=OWN_HOST, name="@"),
        "10.9.9.9",
    ),
    ("a name that only ends alike is no subdomain", healthy().link(zone=zone_id("ult.azure.net", "rg-x")), "10.1.0.4"),
    ("record unread", healthy().record_unread(), UNKNOWN),
    ("links unread", healthy().links_unread(), UNKNOWN),
    ("links of a zone that would answer first unread", healthy().zone(APEX, links=FORBIDDEN), UNKNOWN),
    ("links of an unrelated zone unread", healthy().zone(zone_id("corp.local"), links=FORBIDDEN), "10.1.0.4"),
    ("not linked and some place unread", unlinked().zones_unread(), UNKNOWN),
    ("network unread", healthy().network_unread(), UNKNOWN),
    ("own DNS server", healthy().network(dns_servers=("10.1.0.10",)), "10.1.0.4"),
    ("own DNS server, no record", missing_record().network(dns_servers=("10.1.0.10",)), NXDOMAIN),
    ("DNS server nowhere known", healthy().network(dns_servers=("192.168.7.53",)), UNKNOWN),
    ("one of two DNS servers nowhere known", healthy().network(dns_servers=("10.1.0.10", "192.168.7.53")), UNKNOWN),
    ("ruleset unread", healthy().network(forwarding=FORBIDDEN), UNKNOWN),
    (
        "a DNS server of the network asks Azure under its ruleset",
        healthy().network(dns_servers=("10.1.0.10",), forwarding=FORBIDDEN),
        UNKNOWN,
    ),
    (
        "a DNS server of the network asks Azure, no ruleset for the name",
        healthy().network(dns_servers=("10.1.0.10",), forwarding=(ForwardingRule("corp.local.", ("10.1.0.9",)),)),
        "10.1.0.4",
    ),
    (
        "ruleset for another domain",
        healthy().network(forwarding=(ForwardingRule("corp.local.", ("192.168.7.53",)),)),
        "10.1.0.4",
    ),
    (
        "ruleset for everything, target unknown",
        healthy().network(forwarding=(ForwardingRule(".", ("192.168.7.53",)),)),
        UNKNOWN,
    ),
    ("ruleset without a target", healthy().network(forwarding=(ForwardingRule("vault.azure.net.", ()),)), UNKNOWN),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_a_client_gets(given: Given, expected: AnswerKind | str) -> None:
    answer = given.answer()
    if isinstance(expected, str):
        assert (answer.kind, answer.addresses) == (AnswerKind.PRIVATE_RECORD, (expected,))
    else:
        assert (answer.kind, answer.addresses) == (expected, ())
    assert answer.reason


def _peered(given: Given, state: PeeringState = PeeringState.CONNECTED) -> Given:
    """``vnet-1`` asks a DNS server in ``vnet-2``."""
    given = given.network(dns_servers=("10.2.0.10",), peerings=(peering("vnet-2", state),))
    return given.network("vnet-2", peerings=(peering("vnet-1", state),))


def test_a_dns_server_in_a_connected_peer_gives_that_networks_view() -> None:
    assert _peered(healthy()).answer().kind is PUBLIC
    assert _peered(healthy()).link("vnet-2").answer().addresses == ("10.1.0.4",)


@pytest.mark.parametrize("state", [PeeringState.INITIATED, PeeringState.DISCONNECTED, PeeringState.UNKNOWN])
def test_a_dns_server_behind_a_peering_that_is_not_connected_is_unknown(state: PeeringState) -> None:
    assert _peered(healthy().link("vnet-2"), state).answer().kind is UNKNOWN


def test_a_ruleset_target_in_a_connected_peer_gives_that_networks_view() -> None:
    rule = ForwardingRule("vault.azure.net.", ("10.2.0.10",))
    given = _peered(healthy()).network(dns_servers=(), forwarding=(rule,))
    assert given.answer().kind is PUBLIC
    assert given.link("vnet-2").answer().addresses == ("10.1.0.4",)


@pytest.mark.parametrize("domain", ["vaultcore.azure.net.", "privatelink.vaultcore.azure.net"])
def test_a_zone_that_is_linked_answers_before_a_rule_for_its_names(domain: str) -> None:
    given = _peered(healthy()).network(dns_servers=(), forwarding=(ForwardingRule(domain, ("10.2.0.10",)),))
    assert given.answer().addresses == ("10.1.0.4",)
    moved = given.no_links().link("vnet-2")
    assert moved.answer().addresses == ("10.1.0.4",)
    assert given.no_links().answer().kind is PUBLIC


def test_a_rule_may_be_asked_or_not_where_a_linked_zone_may_be_unread() -> None:
    rule = ForwardingRule("vault.azure.net.", ("10.2.0.10",))
    given = _peered(healthy().link("vnet-2")).network(dns_servers=(), forwarding=(rule,))
    assert given.answer().addresses == ("10.1.0.4",)
    assert given.zones_unread().answer().unread is FORBIDDEN
    assert given.zone(HOST, links=FORBIDDEN).answer().unread is FORBIDDEN
    for unread in (given.zones_unread(), given.zone(HOST, links=FORBIDDEN)):
        assert ResolverSimulation().resolving_networks(unread.snapshot, network_id()) is FORBIDDEN


def test_a_rule_for_the_alias_does_not_matter_to_a_vault_without_one() -> None:
    rule = ForwardingRule("privatelink.vaultcore.azure.net.", ("192.168.7.53",))
    given = unlinked().network(forwarding=(rule,))
    assert given.answer().kind is UNKNOWN
    assert given.connection(status=NO_ALIAS).answer().kind is PUBLIC


def test_several_rules_of_one_domain_all_count() -> None:
    given = _peered(healthy()).network("vnet-3", peerings=(peering("vnet-1"),))
    given = given.network(peerings=(peering("vnet-2"), peering("vnet-3")))
    one, other = (ForwardingRule("vault.azure.net.", (f"10.{number}.0.10",)) for number in (2, 3))
    given = given.network(dns_servers=(), forwarding=(one, other)).link("vnet-2")
    assert given.answer().kind is UNKNOWN
    assert given.link("vnet-3").answer().addresses == ("10.1.0.4",)


def test_the_vault_that_is_asked_for_decides_which_rule_matches() -> None:
    rules = (ForwardingRule("other.vault.azure.net.", ("10.2.0.10",)),)
    given = _peered(healthy()).network(dns_servers=(), forwarding=rules).neighbours(neighbour("other"))
    simulation, snapshot = ResolverSimulation(), given.snapshot
    assert isinstance(snapshot.neighbours, tuple)
    [other] = snapshot.neighbours
    assert simulation.resolving_networks(snapshot, network_id()) == (network_id(),)
    assert simulation.resolving_networks(snapshot, network_id(), other.vault) == (network_id("vnet-2"),)
    assert simulation.answer(snapshot, network_id(), snapshot.vault).addresses == ("10.1.0.4",)
    assert simulation.answer(snapshot, network_id(), other.vault).kind is PUBLIC


def test_azures_own_address_among_the_dns_servers_is_azure_provided_dns() -> None:
    given = healthy().network(dns_servers=("168.63.129.16",))
    assert given.answer().addresses == ("10.1.0.4",)
    diverted = given.network(forwarding=(ForwardingRule(".", ("192.168.7.53",)),))
    assert diverted.answer().kind is UNKNOWN
    both = _peered(healthy()).network(dns_servers=("168.63.129.16", "10.2.0.10"))
    assert both.answer().kind is UNKNOWN
    assert both.link("vnet-2").answer().addresses == ("10.1.0.4",)


def test_the_longest_matching_rule_of_a_ruleset_decides() -> None:
    rules = (ForwardingRule(".", ("192.168.7.53",)), ForwardingRule("vault.azure.net.", ("10.2.0.10",)))
    given = _peered(healthy()).network(dns_servers=()).link("vnet-2")
    for order in (rules, rules[::-1]):
        assert given.network(forwarding=order).answer().addresses == ("10.1.0.4",)


def test_dns_servers_that_do_not_agree_are_unknown() -> None:
    given = _peered(healthy()).network(dns_servers=("10.1.0.10", "10.2.0.10"))
    assert given.answer().kind is UNKNOWN
    assert given.link("vnet-2").answer().addresses == ("10.1.0.4",)


def test_one_unknown_answer_among_several_says_what_it_waits_for() -> None:
    given = _peered(healthy()).network(dns_servers=("10.1.0.10", "10.2.0.10")).zones_unread()
    assert given.answer().unread is FORBIDDEN


def test_the_chain_reads_as_host_prints_it() -> None:
    assert healthy().answer().chain == (
        "contoso.vault.azure.net is an alias for contoso.privatelink.vaultcore.azure.net.",
        "contoso.privatelink.vaultcore.azure.net has address 10.1.0.4",
    )
    assert missing_record().answer().chain[-1] == "Host contoso.privatelink.vaultcore.azure.net not found: 3(NXDOMAIN)"
    assert unlinked().answer().chain == (
        "contoso.vault.azure.net is an alias for contoso.privatelink.vaultcore.azure.net.",
        "contoso.privatelink.vaultcore.azure.net has a public address",
    )
    assert healthy().no_connections().answer().chain == ("contoso.vault.azure.net has a public address",)


def test_names_and_ids_in_another_casing_are_the_same() -> None:
    given = healthy().vault(id=vault_id("CONTOSO"))
    zone = given.snapshot.zones[0]
    assert isinstance(zone.links, tuple)
    links = tuple(replace(link, network=ArmId.parse(link.network.text.upper())) for link in zone.links)
    shouted = replace(zone, id=ArmId.parse(zone.id.text.upper()), links=links)
    assert given.at(replace(given.snapshot, zones=(shouted,))).answer().addresses == ("10.1.0.4",)


# -- who is hurt by a change


def _harms(before: Given, after: Given) -> list[str]:
    found = ResolverSimulation().harms(before.snapshot, after.snapshot)
    assert not isinstance(found, Unread)
    return [str(harm) for harm in found]


def test_nothing_is_harmed_where_nothing_changes() -> None:
    given = healthy().neighbours(neighbour("other"))
    assert _harms(given, given) == []


def test_losing_a_record_harms_the_vault() -> None:
    assert _harms(healthy(), missing_record()) == ["contoso in vnet-1: 10.1.0.4 -> nxdomain"]


def test_a_name_that_failed_before_cannot_be_harmed() -> None:
    assert _harms(missing_record(), healthy().record("10.9.9.9")) == []
    assert _harms(healthy().record("10.9.9.9"), missing_record()) == []


def test_an_address_of_another_vault_is_harm() -> None:
    given = healthy().neighbours(neighbour("other", address="10.1.0.9"))
    assert _harms(given, given.record("10.1.0.9")) == ["contoso in vnet-1: 10.1.0.4 -> 10.1.0.9"]


def test_approving_the_first_connection_harms_networks_whose_zone_lacks_the_record() -> None:
    before = missing_record().connection(status=NO_ALIAS)
    after = missing_record()
    assert _harms(before, after) == ["contoso in vnet-1: public -> nxdomain"]


def test_a_vault_with_one_address_in_two_networks_works_where_either_is_reached() -> None:
    """Address ranges repeat between networks that are not peered."""
    twice = healthy().second_endpoint(network="vnet-2", address="10.1.0.4").network("vnet-2", prefixes=("10.1.0.0/16",))
    assert _harms(twice, twice.no_record()) == ["contoso in vnet-1: 10.1.0.4 -> nxdomain"]


def test_an_answer_that_is_unknown_before_and_after_counts_as_harm_only_where_something_changed() -> None:
    other = zone_id(f"other.{PRIVATE_ZONE}", "rg-apex")
    before = unlinked().link("vnet-9").neighbours(neighbour("other")).zone(other, links=FORBIDDEN)
    assert _harms(before, before.link("vnet-1")) == ["other in vnet-1: unknown -> unknown"]


def test_a_change_of_one_vaults_record_does_not_touch_a_neighbour_whose_answer_is_unknown() -> None:
    given = missing_record().neighbours(neighbour("other")).zone(cnames_complete=False)
    assert _harms(given, given.record("10.1.0.4")) == []


def test_a_zone_that_a_change_creates_or_deletes_is_seen_by_its_id() -> None:
    given = healthy().link("vnet-1", SECOND, resolution_policy=REDIRECT)
    assert _harms(given, given.no_zone(SECOND)) == []
    assert _harms(given.no_zone(SECOND), given) == []
    assert _harms(healthy(), healthy().no_zone()) == []
    assert _harms(healthy().no_zone(), missing_record()) == ["contoso in vnet-1: public -> nxdomain"]


def test_losing_a_zone_of_the_vaults_own_name_may_uncover_a_wrong_record() -> None:
    before = healthy().record("10.9.9.9").link(zone=APEX).record("10.1.0.4", zone=APEX, name="@")
    assert _harms(before, before.no_zone(APEX)) == ["contoso in vnet-1: 10.1.0.4 -> 10.9.9.9"]


def test_unread_neighbours_make_the_harm_unknown() -> None:
    given = healthy().neighbours_unread()
    assert ResolverSimulation().harms(given.snapshot, given.no_record().snapshot) is FORBIDDEN


# -- who asks a network


def _askers(given: Given, network: str = "vnet-1") -> object:
    found = ResolverSimulation().askers(given.snapshot, network_id(network))
    return found if isinstance(found, Unread) else {asker.name for asker in found}


def test_a_network_asks_itself() -> None:
    assert _askers(healthy()) == {"vnet-1"}


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, False),
        ({"dns_servers": ("10.1.0.10",)}, True),
        ({"dns_servers": ("10.2.0.10",)}, False),
        ({"forwarding": (ForwardingRule("vault.azure.net.", ("10.1.0.10",)),)}, True),
        ({"forwarding": FORBIDDEN}, True),
    ],
    ids=["azure", "server-here", "server-there", "ruleset", "ruleset-unread"],
)
def test_a_connected_peer_asks_when_its_servers_stand_here(changes: dict[str, object], asks: bool) -> None:
    given = healthy().network(peerings=(peering("vnet-2"),)).network("vnet-2", **changes)
    assert _askers(given) == ({"vnet-1", "vnet-2"} if asks else {"vnet-1"})


def test_an_unread_peer_may_ask_and_a_disconnected_one_does_not() -> None:
    assert _askers(healthy().network(peerings=(peering("vnet-2"),))) == {"vnet-1", "vnet-2"}
    gone = healthy().network(peerings=(peering("vnet-2", PeeringState.DISCONNECTED),))
    assert _askers(gone) == {"vnet-1"}


def test_who_asks_an_unread_network_is_unknown() -> None:
    assert _askers(healthy().network_unread()) is FORBIDDEN
