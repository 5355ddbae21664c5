"""KVG406: a listed zone's links fall back to public DNS as policy wants, all of them or none."""

from __future__ import annotations

import pytest

from shared.domain.grades import Writer
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg406_nxdomain_redirect import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, zone_id
from tests.rules.given_zones import APEX, SECOND, link_of, relink, shouted, silent

DEFAULT, REDIRECT, UNKNOWN = ResolutionPolicy.DEFAULT, ResolutionPolicy.NXDOMAIN_REDIRECT, ResolutionPolicy.UNKNOWN


def _links(policy: ResolutionPolicy) -> Given:
    return relink(healthy(), resolution_policy=policy)


@pytest.mark.parametrize("policy", [DEFAULT, REDIRECT])
def test_what_policy_wants_is_allowed(policy: ResolutionPolicy) -> None:
    assert silent(_links(policy).writer(Writer.KVGUARD, link_resolution_policy=policy), RULE)


@pytest.mark.parametrize(
    ("is_now", "wanted", "effect"),
    [(REDIRECT, DEFAULT, "gets its public address there"), (DEFAULT, REDIRECT, "is NXDOMAIN there")],
)
def test_another_resolution_policy_is_found(is_now: ResolutionPolicy, wanted: ResolutionPolicy, effect: str) -> None:
    given = _links(is_now).writer(Writer.KVGUARD, link_resolution_policy=wanted)
    violation = given.only(RULE)
    assert violation.subject == link_of(given.snapshot).id
    assert effect in violation.message
    assert violation.facts == {
        "zone": zone_id().key,
        "network": network_id().key,
        "resolution_policy": is_now.value,
        "wanted": wanted.value,
    }
    assert f"to {wanted.value}" in violation.advice
    assert violation.proposals == ()


@pytest.mark.parametrize("writer", list(Writer))
def test_it_is_judged_whoever_writes_the_zone(writer: Writer) -> None:
    assert len(_links(REDIRECT).writer(writer).violations(RULE)) == 1


def test_a_zone_that_policy_does_not_list_is_not_judged() -> None:
    assert silent(_links(REDIRECT).writer(None), RULE)
    assert silent(healthy().link(zone=SECOND, resolution_policy=REDIRECT), RULE)


def test_a_listed_zone_of_a_vaults_own_name_is_judged() -> None:
    given = healthy().link(zone=APEX, resolution_policy=REDIRECT)
    assert silent(given, RULE)
    assert given.writer(Writer.KVGUARD, APEX).only(RULE).facts["zone"] == APEX.key


def test_every_link_of_the_zone_is_judged() -> None:
    given = healthy().link("vnet-9", resolution_policy=REDIRECT)
    assert given.only(RULE).facts["network"] == network_id("vnet-9").key


def test_an_unknown_value_is_neither_right_nor_wrong() -> None:
    given = _links(UNKNOWN)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [link_of(given.snapshot).id]


def test_unread_links_are_not_judged() -> None:
    given = _links(REDIRECT).links_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(zone_id(), FORBIDDEN)]


def test_ids_in_another_casing_are_the_same_zone() -> None:
    loud = shouted(_links(REDIRECT))
    assert loud.finding(RULE).fingerprint == _links(REDIRECT).finding(RULE).fingerprint
    assert loud.only(RULE).facts == _links(REDIRECT).only(RULE).facts
