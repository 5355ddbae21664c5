"""KVG407: a second zone of the name is fine where a network justifies it, and one too many where none does."""

from __future__ import annotations

import pytest

from shared.domain.grades import Writer
from shared.rules.kvg407_rogue_zone import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, zone_id
from tests.rules.given_zones import APEX, HOST, MISNAMED, SECOND, declared_complete, shouted, silent, with_strays


def _two_networks() -> Given:
    """Two networks with an endpoint and a zone each, as the guide wants it for one vault."""
    given = healthy().second_endpoint().network("vnet-2")
    return given.link("vnet-2", SECOND).record("10.2.0.4", zone=SECOND)


def test_one_zone_is_allowed() -> None:
    assert silent(healthy(), RULE)
    assert silent(declared_complete(healthy()), RULE)
    assert silent(declared_complete(healthy().no_links()), RULE)


def test_an_unlinked_zone_beside_the_designated_one_is_one_too_many() -> None:
    given = healthy().zone(SECOND)
    violation = given.only(RULE)
    assert violation.subject == SECOND
    assert "in resource group rg-dns-2, linked to no network, is one too many" in violation.message
    assert violation.facts == {"zone": SECOND.key, "networks": [], "instead": [zone_id().key]}
    assert "record of vault contoso in it: no" in violation.evidence
    assert violation.proposals == ()
    assert "in resource group rg-dns-2 over to privatelink.vaultcore.azure.net in resource group rg-dns" in (
        violation.advice
    )


def test_a_zone_linked_where_the_designated_one_should_be_is_one_too_many() -> None:
    given = healthy().no_links().link(zone=SECOND).record("10.1.0.4", zone=SECOND)
    violation = given.only(RULE)
    assert violation.facts["networks"] == [network_id().key]
    assert "record of vault contoso in it: yes" in violation.evidence


def test_a_zone_linked_to_a_network_for_which_nothing_is_designated_is_justified() -> None:
    given = _two_networks().writer(Writer.KVGUARD, networks=(network_id(),))
    assert silent(given, RULE)
    both = given.link("vnet-1", SECOND)
    assert both.only(RULE).facts["networks"] == [network_id().key]


def test_two_designated_zones_with_networks_of_their_own_are_allowed() -> None:
    given = _two_networks().writer(Writer.KVGUARD, networks=(network_id(),))
    given = given.writer(Writer.TERRAFORM, SECOND, networks=(network_id("vnet-2"),))
    assert silent(given, RULE)


def test_two_networks_with_a_zone_each_are_allowed_without_designation() -> None:
    assert silent(declared_complete(_two_networks()), RULE)


def test_without_designation_an_unlinked_zone_beside_another_is_one_too_many() -> None:
    given = declared_complete(healthy().zone(SECOND))
    assert given.only(RULE).subject == SECOND
    assert given.only(RULE).facts["instead"] == [zone_id().key]


def test_without_designation_and_completeness_nothing_is_known_to_be_too_many() -> None:
    assert silent(healthy().zone(SECOND).writer(None), RULE)


def test_with_a_place_unread_the_zone_may_be_the_one_that_counts() -> None:
    given = declared_complete(healthy().zone(SECOND)).zones_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(SECOND, FORBIDDEN)]


@pytest.mark.parametrize("complete", [True, False])
def test_unread_links_are_not_judged(complete: bool) -> None:
    given = healthy().zone(SECOND, links=FORBIDDEN)
    given = declared_complete(given) if complete else given
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(SECOND, FORBIDDEN)]


def test_several_designations_for_one_network_are_not_judged() -> None:
    third = zone_id(group="rg-dns-3")
    given = healthy().writer(Writer.KVGUARD, third).link(zone=SECOND)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [SECOND]


def test_an_unread_record_is_said_and_changes_nothing() -> None:
    given = healthy().zone(SECOND).record_unread(SECOND)
    assert "record of vault contoso in it: not known" in given.only(RULE).evidence


def test_zones_of_other_names_are_not_judged_here() -> None:
    assert silent(with_strays(healthy().link(zone=APEX).zone(HOST), MISNAMED), RULE)


def test_ids_in_another_casing_are_the_same_zone() -> None:
    given = healthy().zone(SECOND)
    assert shouted(given, SECOND).finding(RULE).fingerprint == given.finding(RULE).fingerprint
    assert shouted(given, SECOND).only(RULE).facts == given.only(RULE).facts
    assert silent(shouted(healthy()), RULE)
