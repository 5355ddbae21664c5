"""KVG108: an empty list of rules is a lock that the next rule opens."""

from __future__ import annotations

import pytest

from shared.domain.change import SetPublicAccess
from shared.domain.grades import Applicability, Mode, Profile
from shared.domain.vault import PerimeterMode
from shared.rules.kvg108_closed_only_by_empty_rules import RULE
from tests.builders import FORBIDDEN, Given, vault_id
from tests.rules.given_exposure import (
    LATER,
    OFF,
    OFFICE,
    ON,
    SECURED,
    STRANGE,
    allow,
    alone,
    applied,
    deny,
    door,
    odd,
    subnet_id,
    taken_back,
)


@pytest.mark.parametrize(
    "given",
    [
        door(OFF, deny()),
        door(OFF),
        door(ON),
        door(ON, allow()),
        door(ON, odd()),
        door(ON, deny(OFFICE)),
        door(ON, deny(subnets=(subnet_id(),))),
        door(SECURED, deny()),
        door(STRANGE, deny()),
    ],
    ids=["off", "off-none", "open", "allow", "odd", "address", "subnet", "secured", "strange"],
)
def test_anything_else_is_another_rules_matter(given: Given) -> None:
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize("given", [door(ON, deny()), alone(ON, deny()), door(ON, deny(bypass="None"))])
def test_on_with_deny_and_no_rules_is_found(given: Given) -> None:
    violation = given.only(RULE)
    assert violation.subject == vault_id()
    assert "closed only because its firewall denies by default and has no rule" in violation.message


@pytest.mark.parametrize("profile", list(Profile))
def test_profiles_that_need_the_door_are_left_alone(profile: Profile) -> None:
    found = door(ON, deny()).profile(profile).violations(RULE) != []
    assert found is (profile not in (Profile.SAAS_PIPELINE, Profile.PUBLIC))


def test_an_enforced_perimeter_closes_it_otherwise() -> None:
    given = door(ON, deny())
    assert list(RULE.check(given.vault(perimeters=(PerimeterMode.ENFORCED,)).case())) == []
    assert given.vault(perimeters=(PerimeterMode.TRANSITION,)).violations(RULE) != []


@pytest.mark.parametrize("perimeters", [LATER, FORBIDDEN, (PerimeterMode.UNKNOWN,)])
def test_what_is_unread_or_unknown_is_not_judged(perimeters: object) -> None:
    given = door(ON, deny()).vault(perimeters=perimeters)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]


def test_the_perimeter_is_asked_for_only_where_it_decides() -> None:
    for given in (door(OFF, deny()), door(ON), door(ON, deny(OFFICE))):
        assert list(RULE.check(given.vault(perimeters=LATER).case())) == []


def test_the_option_disables_public_access_and_leaves_the_firewall() -> None:
    given = door(ON, deny()).mode("KVG108", Mode.FIX)
    option = given.option(RULE)
    assert option.change == SetPublicAccess(vault_id(), ON, OFF)
    assert option.applicability is Applicability.APPROVAL
    assert "Nobody comes in over the public endpoint today" in option.warning
    assert given.plan((RULE,)).apply == ()
    assert applied(given, RULE).violations(RULE) == []
    assert applied(given, RULE).snapshot.vault.acl == deny()
    assert taken_back(given, RULE).snapshot == given.snapshot


def test_the_approval_is_bound_to_bypass_and_profile() -> None:
    given = door(ON, deny())
    digest = given.option(RULE).digest
    assert door(ON, deny(bypass="None")).option(RULE).digest != digest
    assert given.profile(Profile.HYBRID).option(RULE).digest != digest
    assert door(ON, deny(bypass="AZURESERVICES")).option(RULE).digest == digest
