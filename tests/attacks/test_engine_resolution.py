"""Attacks on the resolver simulation and on what is done by itself because of it: answers that are too sure."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.answer import AnswerKind
from shared.domain.grades import Writer
from shared.domain.network import ForwardingRule, Network, PeeringState
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import ResolutionPolicy
from shared.engine.resolver import ResolverSimulation
from shared.rules import kvg403_network_not_linked, kvg411_missing_a_record
from tests.builders import (
    FORBIDDEN,
    Given,
    healthy,
    link_to,
    missing_record,
    network_id,
    peering,
    record_set,
    unlinked,
    zone_id,
)

REDIRECT = ResolutionPolicy.NXDOMAIN_REDIRECT
HOST_RULE = ForwardingRule("vault.azure.net.", ("10.8.0.4",))


def _with_network(given: Given, network: Network) -> Given:
    networks = MappingProxyType({**given.snapshot.networks, network.id: network})
    return given.at(replace(given.snapshot, networks=networks))


def _spoke_and_hub(*rules: ForwardingRule, unread: bool = False) -> Given:
    """The endpoint's network asks a DNS server in a peered hub, which has rulesets of its own."""
    given = healthy().network("vnet-1", dns_servers=("10.9.0.4",), peerings=(peering("hub"),)).link("hub")
    hub = Network(network_id("hub"), ("10.9.0.0/16",), peerings=(peering("vnet-1"),), forwarding=rules)
    return _with_network(given, replace(hub, forwarding=FORBIDDEN) if unread else hub)


def _planned(given: Given) -> list[str]:
    return [step.finding.rule for step in given.plan().apply]


# -- a DNS server asks Azure in the name of its own network, and that network's rulesets send the question on


def test_a_hub_without_rulesets_answers_for_its_spokes() -> None:
    assert _spoke_and_hub().answer().addresses == ("10.1.0.4",)


def test_a_ruleset_of_the_hub_diverts_what_its_dns_server_asks() -> None:
    assert _spoke_and_hub(HOST_RULE).answer().kind is AnswerKind.UNKNOWN


def test_a_linked_zone_goes_before_the_ruleset_of_the_hub() -> None:
    after_the_zone = ForwardingRule("privatelink.vaultcore.azure.net.", ("10.8.0.4",))
    assert _spoke_and_hub(after_the_zone).answer().addresses == ("10.1.0.4",)


def test_unread_rulesets_of_the_hub_leave_the_answer_open() -> None:
    answer = _spoke_and_hub(unread=True).answer()
    assert answer.kind is AnswerKind.UNKNOWN
    assert answer.missing == FORBIDDEN


@pytest.mark.parametrize("given", [_spoke_and_hub(HOST_RULE), _spoke_and_hub(unread=True)], ids=["rules", "unread"])
def test_no_record_is_written_for_a_hub_that_sends_the_name_on(given: Given) -> None:
    assert _planned(_spoke_and_hub().no_record()) == ["KVG411"]
    assert _planned(given.no_record()) == []


def test_a_ruleset_that_leads_back_to_its_own_network_is_no_answer() -> None:
    loop = ForwardingRule(".", ("10.1.0.9",))
    assert healthy().network(forwarding=(loop,)).answer().kind is AnswerKind.UNKNOWN


# -- a ruleset needs no peering: the resolver that forwards stands elsewhere


def _forwards_without_peering(target: str) -> Given:
    """Clients of vnet-1 get the view of the unpeered vnet-2 through a ruleset, which is public before the link."""
    given = healthy().no_links().second_endpoint().network("vnet-2").record("10.2.0.4")
    return given.network("vnet-1", forwarding=(ForwardingRule("vaultcore.azure.net.", (target,)),))


def test_a_network_that_only_a_ruleset_joins_is_counted_before_a_link() -> None:
    assert _planned(_forwards_without_peering("10.8.0.9")) == ["KVG403"]
    assert _planned(_forwards_without_peering("10.2.0.9")) == []


def test_the_harm_in_a_network_that_only_a_ruleset_joins_is_named() -> None:
    finding = _forwards_without_peering("10.2.0.9").finding(kvg403_network_not_linked.RULE)
    [option] = finding.options
    assert any("contoso in vnet-1: public -> 10.2.0.4" in blocker.why for blocker in option.blockers)


# -- both sides of a peering must be Connected


def _peered(here: PeeringState, there: PeeringState) -> VaultSnapshot:
    given = healthy().network("vnet-1", peerings=(peering("vnet-2", here),))
    return given.network("vnet-2", peerings=(peering("vnet-1", there),)).snapshot


@pytest.mark.parametrize("other", [PeeringState.DISCONNECTED, PeeringState.INITIATED, PeeringState.UNKNOWN])
def test_a_peering_that_one_side_denies_carries_nothing(other: PeeringState) -> None:
    one, two = network_id("vnet-1"), network_id("vnet-2")
    for snapshot in (_peered(PeeringState.CONNECTED, other), _peered(other, PeeringState.CONNECTED)):
        assert snapshot.reaches(one, two) is False
        assert snapshot.reaches(two, one) is False
    whole = _peered(PeeringState.CONNECTED, PeeringState.CONNECTED)
    assert whole.reaches(one, two) is whole.reaches(two, one) is True


def test_one_readable_side_is_enough() -> None:
    given = healthy().network("vnet-1", peerings=(peering("vnet-2"),)).network_unread("vnet-2")
    assert given.snapshot.reaches(network_id("vnet-2"), network_id("vnet-1")) is True


def test_a_public_answer_is_not_taken_from_a_network_whose_peering_is_cut_on_its_side() -> None:
    given = missing_record().network("vnet-1", peerings=(peering("vnet-2"),)).link("vnet-2", resolution_policy=REDIRECT)
    assert _planned(given.network("vnet-2", peerings=(peering("vnet-1"),))) == ["KVG411"]
    assert _planned(given.network("vnet-2", peerings=(peering("vnet-1", PeeringState.DISCONNECTED),))) == []


# -- harm where nobody can say who asks


def test_a_record_in_a_zone_whose_links_are_unread_harms_nobody_knows_whom() -> None:
    before = healthy().links_unread()
    harms = ResolverSimulation().harms(before.snapshot, before.record("10.3.3.3").snapshot)
    assert isinstance(harms, Unread)


def test_nothing_changed_harms_nobody_even_where_links_are_unread() -> None:
    before = healthy().links_unread().snapshot
    assert ResolverSimulation().harms(before, before) == ()


# -- wildcards


def _wildcard(*addresses: str) -> Given:
    star = record_set(*addresses, name="*")
    return missing_record().zone(records=MappingProxyType({"contoso": None, "*": star}))


def test_what_a_wildcard_answers_today_is_not_replaced_without_asking() -> None:
    given = _wildcard("10.9.9.9")
    assert given.answer().addresses == ("10.9.9.9",)
    assert _planned(given) == []
    [option] = given.finding(kvg411_missing_a_record.RULE).options
    assert any("wildcard" in blocker.why for blocker in option.blockers)


def test_an_empty_wildcard_answers_nothing() -> None:
    assert _planned(_wildcard()) == ["KVG411"]


# -- a link that mends nothing


@pytest.mark.parametrize("name", ["azure.net", "vault.azure.net", "net"])
def test_a_zone_above_all_vaults_makes_a_link_a_question(name: str) -> None:
    parent = zone_id(name)
    given = unlinked().zone(parent, links=(link_to(network_id(), parent),))
    assert _planned(unlinked()) == ["KVG403"]
    assert _planned(given) == []


# -- resource groups may be named with any letter


def test_a_zone_is_not_taken_for_one_whose_group_only_casefolds_alike() -> None:
    """Policy lets kvguard write in the zone of group ``strasse``; the one that answers stands in ``straße``."""
    theirs, ours = zone_id(group="straße"), zone_id(group="strasse")
    given = missing_record().no_zone().zone(theirs, links=(link_to(network_id(), theirs),))
    given = given.zone(theirs, records=MappingProxyType({"contoso": None}))
    assert theirs != ours
    assert _planned(given.writer(None).writer(Writer.KVGUARD, ours)) == []
    assert _planned(given.writer(None).writer(Writer.KVGUARD, theirs)) == ["KVG411"]
    assert zone_id(group="Straße") == theirs
