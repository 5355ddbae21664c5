"""KVG905: an exemption that has to do with the vault is told before it ends, and not after."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.policy import Exemption
from shared.rules.kvg905_exemption_expiring import RULE, SOON
from tests.builders import (
    FORBIDDEN,
    NOW,
    SUBSCRIPTION,
    Given,
    connection_id,
    endpoint_id,
    healthy,
    link_to,
    network_id,
    record_id,
    vault_id,
    zone_id,
)

DAY = timedelta(days=1)
APP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app"


def exempt(given: Given, scope: ArmId | str, ends: timedelta = 3 * DAY, rule: str = "KVG101") -> Given:
    entry = Exemption(rule, str(scope), "until the move", "team-a", NOW + ends)
    return given.policy_with(exemptions=(*given.policy.exemptions, entry))


@pytest.mark.parametrize("ends", [SOON + timedelta(microseconds=1), timedelta(days=100), timedelta(0), -DAY])
def test_one_that_ends_later_or_has_ended_is_allowed(ends: timedelta) -> None:
    assert list(RULE.check(exempt(healthy(), vault_id(), ends).case())) == []


def test_without_exemptions_nothing_is_found_whatever_is_unread() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(healthy().zones_unread().endpoint_unread().case())) == []


@pytest.mark.parametrize("ends", [timedelta(microseconds=1), DAY, SOON])
def test_one_that_ends_within_14_days_is_found(ends: timedelta) -> None:
    violation = exempt(healthy(), vault_id(), ends).only(RULE)
    assert violation.subject == vault_id()
    lines = violation.facts["exemptions"]
    assert isinstance(lines, list)
    for said in ("KVG101", vault_id().text, "team-a", f"{NOW + ends:%Y-%m-%d}"):
        assert [said in line for line in lines] == [True]
        assert said in violation.message
    assert violation.proposals == ()


COVERING: dict[str, ArmId | str] = {
    "subscription": f"/subscriptions/{SUBSCRIPTION}",
    "shouted subscription": f"/SUBSCRIPTIONS/{SUBSCRIPTION.upper()}/",
    "group": APP,
    "shouted group": APP.upper(),
    "vault": vault_id(),
    "connection": connection_id(),
    "a connection that is gone": connection_id("c-9"),
    "endpoint": endpoint_id(),
    "zone group of the endpoint": endpoint_id().child("privateDnsZoneGroups", "default"),
    "network": network_id(),
    "zone": zone_id(),
    "record": record_id(),
    "link": link_to(network_id()).id,
}


@pytest.mark.parametrize("scope", COVERING)
def test_the_scope_may_be_any_part_of_the_private_path(scope: str) -> None:
    assert exempt(healthy(), COVERING[scope]).only(RULE).subject == vault_id()


FOREIGN: dict[str, ArmId | str] = {
    "another subscription": "/subscriptions/00000000-0000-0000-0000-00000000000f",
    "a group whose name begins alike": f"{APP}-2",
    "another vault": vault_id("contoso2"),
    "another vault's record": record_id("another"),
    "another vault's connection": connection_id("c-1", "contoso2"),
    "another endpoint": endpoint_id("pe-12"),
    "another network": network_id("vnet-12"),
}


@pytest.mark.parametrize("scope", FOREIGN)
def test_the_scope_of_something_else_is_allowed(scope: str) -> None:
    assert list(RULE.check(exempt(healthy(), FOREIGN[scope]).case())) == []


def test_a_zone_that_only_policy_names_counts() -> None:
    given = exempt(healthy().no_zone(), record_id())
    assert given.policy.zones
    assert given.only(RULE).subject == vault_id()


def test_several_are_one_finding_whatever_their_order() -> None:
    given = exempt(exempt(healthy(), vault_id()), APP, 5 * DAY, "KVG202")
    violation = given.only(RULE)
    assert "KVG101" in violation.message
    assert "KVG202" in violation.message
    backwards = given.policy_with(exemptions=given.policy.exemptions[::-1])
    assert backwards.only(RULE) == violation


def test_the_finding_says_the_same_every_day() -> None:
    given = exempt(healthy(), vault_id())
    tomorrow = given.at(replace(given.snapshot, read_at=NOW + DAY))
    assert tomorrow.only(RULE) == given.only(RULE)


UNREAD = {
    "endpoint": healthy().endpoint_unread(),
    "places with zones": healthy().zones_unread(),
    "links": healthy().links_unread(),
}


@pytest.mark.parametrize("part", UNREAD)
def test_an_unread_part_that_the_scope_may_hold_makes_it_unknown(part: str) -> None:
    given = exempt(UNREAD[part], f"{APP}-hub")
    (unknown,) = given.unknowns(RULE)
    assert (unknown.subject, unknown.unread) == (vault_id(), FORBIDDEN)
    assert given.violations(RULE) == []


@pytest.mark.parametrize("part", UNREAD)
def test_an_unread_part_does_not_matter_where_the_scope_is_known_or_a_vault(part: str) -> None:
    assert exempt(UNREAD[part], vault_id()).unknowns(RULE) == []
    assert exempt(UNREAD[part], vault_id("another")).unknowns(RULE) == []
    assert exempt(UNREAD[part], f"{APP}-hub", SOON + DAY).unknowns(RULE) == []


def test_it_only_explains() -> None:
    assert (RULE.severity, RULE.ceiling, RULE.default) == (Severity.LOW, Applicability.MANUAL, Mode.AUDIT)
    finding = exempt(healthy(), vault_id()).mode("KVG905", Mode.FIX).finding(RULE)
    assert finding.options == ()
