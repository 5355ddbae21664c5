"""KVG103: rules that admit nobody, or nobody who needs them, and only while KVG101 does not say so itself."""

from __future__ import annotations

import pytest

from shared.domain.change import SetNetworkAcl
from shared.domain.grades import Applicability, Mode, Profile
from shared.domain.vault import ConnectionStatus, PerimeterMode
from shared.rules.kvg101_public_access_open import RULE as OPEN
from shared.rules.kvg103_leftover_network_rules import RULE
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

PRIVATELY = (Profile.PRIVATE, Profile.HYBRID, Profile.SELF_HOSTED_PIPELINE, Profile.PARTNER)
ENFORCED = (PerimeterMode.ENFORCED,)


@pytest.mark.parametrize("given", [door(OFF), door(OFF, deny()), door(ON, allow()), door(ON, deny())])
def test_a_firewall_without_rules_is_allowed(given: Given) -> None:
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize("acl", [deny(OFFICE), allow(OFFICE), deny(subnets=(subnet_id(),)), odd(OFFICE)])
def test_behind_disabled_every_rule_is_left_over(acl: object) -> None:
    violation = door(OFF).vault(acl=acl).only(RULE)
    assert violation.subject == vault_id()
    assert "has 1 rule left over: public access is off" in violation.message


@pytest.mark.parametrize("profile", list(Profile))
def test_an_allow_list_is_left_over_where_the_profile_is_served_privately(profile: Profile) -> None:
    given = door(ON, deny(OFFICE)).profile(profile)
    left_over = profile in PRIVATELY or profile is Profile.TRUSTED_SERVICES
    assert (given.violations(RULE) != []) is left_over
    assert given.unknowns(RULE) == []


@pytest.mark.parametrize("profile", PRIVATELY)
def test_an_allow_list_that_is_the_only_way_in_is_not_left_over(profile: Profile) -> None:
    assert list(RULE.check(alone(ON, deny(OFFICE)).profile(profile).case())) == []
    dead = door(ON, deny(OFFICE)).connection(status=ConnectionStatus.REJECTED)
    assert list(RULE.check(dead.profile(profile).case())) == []


def test_it_is_silent_while_the_vault_is_open_and_that_finding_says_it() -> None:
    given = door(ON, allow(OFFICE))
    assert list(RULE.check(given.case())) == []
    assert any("1 rule without effect" in line for line in given.finding(OPEN).evidence)


def test_on_a_vault_that_is_meant_to_be_open_idle_rules_are_found() -> None:
    given = door(ON, allow(OFFICE)).profile(Profile.PUBLIC)
    assert given.violations(OPEN) == []
    assert "everybody is allowed" in given.only(RULE).message


def test_an_enforced_perimeter_makes_every_rule_idle() -> None:
    for given in (alone(ON, deny(OFFICE)), alone(ON, allow(OFFICE)), alone(SECURED, deny(OFFICE))):
        assert "perimeter decides" in given.vault(perimeters=ENFORCED).only(RULE).message


@pytest.mark.parametrize(
    "given",
    [
        alone(ON, deny(OFFICE)).vault(perimeters=LATER),
        alone(ON, deny(OFFICE)).vault(perimeters=FORBIDDEN),
        door(ON, allow(OFFICE)).vault(perimeters=FORBIDDEN),
        alone(ON, deny(OFFICE)).vault(perimeters=(PerimeterMode.UNKNOWN,)),
        door(SECURED, deny(OFFICE)),
        door(STRANGE, deny(OFFICE)),
        door(ON, odd(OFFICE)),
    ],
    ids=["deferred", "forbidden", "open", "mode", "secured", "access", "action"],
)
def test_what_is_unread_or_unknown_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]
    assert RULE.at_events is False


def test_the_perimeter_is_not_asked_for_where_it_does_not_decide() -> None:
    for given in (door(OFF, deny(OFFICE)), door(ON, deny(OFFICE))):
        assert len(given.vault(perimeters=LATER).violations(RULE)) == 1
        assert given.vault(perimeters=LATER).unknowns(RULE) == []


def test_the_option_removes_the_rules_and_nothing_else() -> None:
    given = door(ON, deny(OFFICE, "198.51.100.0/24", subnets=(subnet_id(),), bypass="None")).mode("KVG103", Mode.FIX)
    option = given.option(RULE)
    assert option.change == SetNetworkAcl(
        vault_id(), deny(OFFICE, "198.51.100.0/24", subnets=(subnet_id(),), bypass="None"), deny(bypass="None")
    )
    assert option.applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    assert applied(given, RULE).violations(RULE) == []
    assert taken_back(given, RULE).snapshot == given.snapshot


def test_the_approval_is_bound_to_the_rules_and_the_profile() -> None:
    given = door(ON, deny(OFFICE))
    digest = given.option(RULE).digest
    assert door(ON, deny(OFFICE, "198.51.100.7")).option(RULE).digest != digest
    assert given.profile(Profile.HYBRID).option(RULE).digest != digest
    assert given.vault(location="northeurope").option(RULE).digest == digest


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (door(OFF, deny(OFFICE)), "Nobody notices today: public access is off"),
        (door(ON, deny(OFFICE)), "403 ForbiddenByFirewall. No rule is left"),
        (door(ON, allow(OFFICE)).profile(Profile.PUBLIC), "Nobody notices today: the firewall allows everybody"),
        (alone(ON, deny(OFFICE)).profile(Profile.TRUSTED_SERVICES), "and the vault has no effective connection"),
    ],
)
def test_the_warning_says_who_notices(given: Given, words: str) -> None:
    assert words in given.option(RULE).warning
    assert "No evidence" in given.finding(RULE).evidence[0]


def test_a_firewall_that_cannot_be_written_back_gets_no_option() -> None:
    assert door(OFF, odd(OFFICE)).finding(RULE).options == ()
