"""KVG506: a peering with the endpoint's network that carries nothing is found on whichever side says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Severity
from shared.domain.network import PeeringState
from shared.domain.reading import Part
from shared.rules.kvg506_peering_not_connected import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, peering, vault_id
from tests.rules.given_path import clients, spoke

BROKEN = [PeeringState.INITIATED, PeeringState.DISCONNECTED]


def seen(state: PeeringState) -> Given:
    """The endpoint's network says that its peering with ``vnet-2`` is in this state."""
    return healthy().network(peerings=(peering("vnet-2", state),))


def seen_by_client(state: PeeringState) -> Given:
    """Only the client network ``vnet-2`` has a peering."""
    return clients(healthy().network("vnet-2", peerings=(peering("vnet-1", state),)), "vnet-2")


def test_connected_and_no_peering_at_all_are_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(spoke().case())) == []
    assert list(RULE.check(clients(healthy().network("vnet-2"), "vnet-2").case())) == []


@pytest.mark.parametrize("state", BROKEN)
def test_a_peering_of_the_endpoints_network_is_found(state: PeeringState) -> None:
    violation = seen(state).only(RULE)
    assert violation.subject == network_id("vnet-2")
    assert violation.facts == {
        "endpoint_network": network_id().key,
        "sides": [f"{network_id().key}: {state.value}"],
    }
    for said in ("vnet-1", "vnet-2", "contoso", state.value):
        assert said in violation.message
    assert (violation.proposals, RULE.severity, RULE.ceiling) == ((), Severity.MEDIUM, Applicability.MANUAL)


@pytest.mark.parametrize("state", BROKEN)
def test_what_only_the_client_network_says_is_found(state: PeeringState) -> None:
    assert seen_by_client(state).only(RULE).facts["sides"] == [f"{network_id('vnet-2').key}: {state.value}"]


def test_only_the_policy_makes_the_other_side_matter() -> None:
    given = seen_by_client(PeeringState.DISCONNECTED).policy_with(client_networks=())
    assert list(RULE.check(given.case())) == []


def test_both_sides_are_named() -> None:
    given = clients(seen(PeeringState.DISCONNECTED), "vnet-2")
    given = given.network("vnet-2", peerings=(peering("vnet-1", PeeringState.INITIATED),))
    assert given.only(RULE).facts["sides"] == [
        f"{network_id().key}: Disconnected",
        f"{network_id('vnet-2').key}: Initiated",
    ]


def test_the_advice_follows_the_state() -> None:
    assert "missing side" in seen(PeeringState.INITIATED).only(RULE).advice
    assert "create both again" in seen(PeeringState.DISCONNECTED).only(RULE).advice


def test_an_unknown_state_is_not_judged() -> None:
    given = seen(PeeringState.UNKNOWN)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id("vnet-2")]


def test_an_unknown_state_of_the_other_side_is_not_judged() -> None:
    given = seen(PeeringState.CONNECTED).network("vnet-2", peerings=(peering("vnet-1", PeeringState.UNKNOWN),))
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id("vnet-2")]


def test_the_other_side_counts_where_it_was_read() -> None:
    given = seen(PeeringState.CONNECTED)
    assert list(RULE.check(given.case())) == []
    broken = given.network("vnet-2", peerings=(peering("vnet-1", PeeringState.DISCONNECTED),))
    assert broken.only(RULE).subject == network_id("vnet-2")


def test_a_peering_of_another_network_is_not_judged() -> None:
    given = healthy().network("vnet-3", peerings=(peering("vnet-4", PeeringState.DISCONNECTED),))
    assert list(RULE.check(given.case())) == []


def test_without_an_effective_endpoint_no_peering_matters() -> None:
    assert list(RULE.check(seen(PeeringState.DISCONNECTED).no_connections().case())) == []


def test_each_peer_is_found_by_itself_in_one_order() -> None:
    broken = (peering("vnet-3", PeeringState.INITIATED), peering("vnet-2", PeeringState.DISCONNECTED))
    given = healthy().network(peerings=broken)
    assert [found.subject for found in given.violations(RULE)] == [network_id("vnet-2"), network_id("vnet-3")]
    assert given.network(peerings=broken[::-1]).violations(RULE) == given.violations(RULE)


def test_ids_in_another_casing_are_the_same() -> None:
    given = clients(seen(PeeringState.INITIATED), "vnet-2")
    given = given.network("vnet-2", peerings=(peering("vnet-1", PeeringState.INITIATED),))
    shouted = replace(peering("vnet-2", PeeringState.INITIATED), remote=ArmId.parse(network_id("vnet-2").text.upper()))
    assert given.network(peerings=(shouted,)).only(RULE).facts == given.only(RULE).facts


# -- unread


def test_a_client_network_is_asked_for_only_when_the_endpoints_network_does_not_say_it() -> None:
    [unknown] = clients(healthy(), "vnet-2").unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (network_id("vnet-2"), Part.NETWORKS)
    assert list(RULE.check(clients(seen(PeeringState.CONNECTED), "vnet-2").case())) == []
    assert RULE.at_events is False


def test_an_unread_side_does_not_hide_the_other() -> None:
    hidden = seen_by_client(PeeringState.DISCONNECTED).network_unread()
    assert [found.subject for found in hidden.violations(RULE)] == [network_id("vnet-2")]
    assert [unknown.subject for unknown in hidden.unknowns(RULE)] == [network_id()]
    fine = seen_by_client(PeeringState.CONNECTED).network_unread()
    assert fine.violations(RULE) == []
    other = clients(seen(PeeringState.DISCONNECTED), "vnet-2").network_unread("vnet-2")
    assert other.only(RULE).subject == network_id("vnet-2")


def test_without_either_side_nothing_is_judged() -> None:
    given = clients(healthy(), "vnet-2").network_unread().network_unread("vnet-2")
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id(), network_id("vnet-2")]
    assert {unknown.unread for unknown in given.unknowns(RULE)} == {FORBIDDEN}


def test_an_unread_endpoint_is_not_judged() -> None:
    given = seen(PeeringState.DISCONNECTED).endpoint_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(vault_id(), FORBIDDEN)]


def test_an_unread_network_without_client_networks_is_not_silent() -> None:
    given = seen(PeeringState.DISCONNECTED).network_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(network_id(), FORBIDDEN)]
