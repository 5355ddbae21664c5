"""KVG106: what the vault is for and what its network lets through do not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.grades import Applicability, Mode, Profile
from shared.domain.policy import PROFILE_TAG
from shared.domain.vault import PerimeterMode
from shared.rules.kvg101_public_access_open import RULE as OPEN
from shared.rules.kvg106_profile_contradiction import RULE
from tests.builders import FORBIDDEN, SUBSCRIPTION, Given, vault_id
from tests.rules.given_exposure import (
    LATER,
    OFF,
    OFFICE,
    ON,
    SECURED,
    STRANGE,
    allow,
    alone,
    deny,
    door,
    odd,
    subnet_id,
)

SAAS, PRIVATE = Profile.SAAS_PIPELINE, Profile.PRIVATE
SCOPE = f"/subscriptions/{SUBSCRIPTION}"


def _tagged(value: str, given: Given | None = None, name: str = PROFILE_TAG) -> Given:
    given = given or door(OFF)
    return given.vault(settings=replace(given.snapshot.vault.settings, tags={name: value}))


@pytest.mark.parametrize(
    "given",
    [
        door(OFF),
        door(OFF, deny(OFFICE)),
        door(ON, deny()),
        door(ON, deny(OFFICE)).profile(SAAS),
        door(ON, deny(OFFICE)).profile(Profile.PUBLIC),
        door(ON, deny(OFFICE)).profile(Profile.HYBRID),
    ],
    ids=["closed", "idle-rules", "no-rules", "pipeline", "public", "hybrid"],
)
def test_what_fits_is_allowed(given: Given) -> None:
    assert list(RULE.check(given.case())) == []


def test_a_pipeline_whose_door_is_shut_is_found() -> None:
    for given in (door(OFF).profile(SAAS), alone(OFF, deny(OFFICE)).profile(SAAS), door(OFF, odd()).profile(SAAS)):
        violation = given.only(RULE)
        assert violation.subject == vault_id()
        assert "public access is off, so hosted runners cannot reach it" in violation.message


@pytest.mark.parametrize("acl", [deny(), deny(subnets=(subnet_id(),))])
def test_federation_does_not_bypass_the_firewall(acl: object) -> None:
    """A document says that federated identities need no IP restrictions; without an IP rule they get 403."""
    violation = door(ON).vault(acl=acl).profile(SAAS).only(RULE)
    assert "federated identity does not bypass the firewall" in violation.message
    assert "Add the pipeline's IPv4 ranges" in violation.advice


@pytest.mark.parametrize("acl", [None, allow()])
def test_nor_does_federation_make_an_open_door_right(acl: object) -> None:
    given = door(ON).vault(acl=acl).profile(SAAS)
    assert list(RULE.check(given.case())) == []
    assert "does not bypass the firewall" in given.only(OPEN).advice


@pytest.mark.parametrize("acl", [deny(OFFICE), deny(subnets=(subnet_id(),))])
def test_a_private_vault_reached_by_allow_list_is_found(acl: object) -> None:
    for given in (door(ON), alone(ON)):
        assert "its profile is private and its firewall has 1 rule" in given.vault(acl=acl).only(RULE).message


def test_rules_of_an_open_firewall_are_no_allow_list() -> None:
    assert list(RULE.check(door(ON, allow(OFFICE)).case())) == []


def test_an_enforced_perimeter_decides_instead() -> None:
    for given in (door(OFF).profile(SAAS), door(ON, deny()).profile(SAAS), door(ON, deny(OFFICE))):
        assert list(RULE.check(given.vault(perimeters=(PerimeterMode.ENFORCED,)).case())) == []
        assert len(given.vault(perimeters=(PerimeterMode.TRANSITION,)).violations(RULE)) == 1


@pytest.mark.parametrize(
    "given",
    [
        door(OFF).profile(SAAS).vault(perimeters=LATER),
        door(ON, deny(OFFICE)).vault(perimeters=FORBIDDEN),
        door(ON, deny(OFFICE)).vault(perimeters=(PerimeterMode.UNKNOWN,)),
        door(STRANGE, deny(OFFICE)),
        door(STRANGE, deny()).profile(SAAS),
        door(ON, odd(OFFICE)),
        door(ON, odd()).profile(SAAS),
        door(SECURED, deny()).profile(SAAS),
    ],
    ids=["deferred", "forbidden", "mode", "access", "access-saas", "action", "action-saas", "secured"],
)
def test_what_is_unread_or_unknown_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]


def test_the_perimeter_is_asked_for_only_where_it_decides() -> None:
    for given in (door(OFF), door(ON), door(ON, deny()), door(ON, deny(OFFICE)).profile(SAAS)):
        assert list(RULE.check(given.vault(perimeters=LATER).case())) == []


@pytest.mark.parametrize("value", ["nonsense", "", " private"])
def test_a_tag_that_names_no_profile_is_found(value: str) -> None:
    assert "there is no such profile, so private holds" in _tagged(value).only(RULE).message


@pytest.mark.parametrize("value", ["public", "PUBLIC", "saas-pipeline"])
@pytest.mark.parametrize("name", [PROFILE_TAG, PROFILE_TAG.upper()])
def test_a_tag_that_policy_does_not_allow_is_found_and_changes_nothing(value: str, name: str) -> None:
    given = _tagged(value, name=name)
    violation = given.only(RULE)
    assert f"asks for profile {value}, policy does not let it choose that, so private holds" in violation.message
    assert violation.facts["tag"] == value
    assert "(none)" in violation.advice


def test_a_tag_that_policy_allows_is_no_contradiction() -> None:
    given = _tagged("Trusted-Services").policy_with(tag_profiles=((SCOPE, frozenset({Profile.TRUSTED_SERVICES})),))
    assert list(RULE.check(given.case())) == []
    assert "(trusted-services)" in _tagged("public", given).only(RULE).advice


def test_a_tag_that_asks_for_what_holds_anyway_is_no_contradiction() -> None:
    assert list(RULE.check(_tagged("Private").case())) == []


def test_several_contradictions_are_one_finding() -> None:
    violation = _tagged("public", door(ON, deny(OFFICE))).only(RULE)
    assert violation.facts["contradictions"] == sorted(
        violation.message.removeprefix("Vault contoso: ")[:-1].split("; ")
    )
    assert "asks for profile public" in violation.message
    assert "its profile is private" in violation.message


def test_a_tag_is_found_even_while_the_network_is_not_known() -> None:
    given = _tagged("public", door(ON, deny(OFFICE))).vault(perimeters=FORBIDDEN)
    assert len(given.violations(RULE)) == 1
    assert "its profile is private" not in given.violations(RULE)[0].message
    assert len(given.unknowns(RULE)) == 1


def test_it_is_explained_and_never_changed() -> None:
    given = door(OFF).profile(SAAS).mode("KVG106", Mode.FIX)
    assert RULE.ceiling is Applicability.MANUAL
    assert given.finding(RULE).options == ()
    assert "self-hosted-pipeline" in given.finding(RULE).advice
    assert given.plan((RULE,)).apply == ()
