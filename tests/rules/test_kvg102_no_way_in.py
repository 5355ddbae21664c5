"""KVG102: a vault that nobody reaches is an outage, not a hardening."""

from __future__ import annotations

import pytest

from shared.domain.grades import Applicability, Mode, Profile
from shared.domain.vault import ConnectionStatus, PerimeterMode
from shared.rules.kvg102_no_way_in import RULE
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
    deny,
    door,
    odd,
    subnet_id,
)


@pytest.mark.parametrize(
    "given",
    [
        door(OFF),
        door(OFF, deny()),
        door(ON, deny()),
        alone(ON),
        alone(ON, allow()),
        alone(ON, deny(OFFICE)),
        alone(ON, deny(subnets=(subnet_id(),))),
    ],
    ids=["private", "private-deny", "private-empty", "open", "allow", "address", "subnet"],
)
def test_a_vault_with_a_way_in_is_allowed(given: Given) -> None:
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize("given", [alone(OFF), alone(OFF, allow()), alone(OFF, deny(OFFICE)), alone(ON, deny())])
def test_a_vault_that_nobody_reaches_is_found(given: Given) -> None:
    violation = given.only(RULE)
    assert violation.subject == vault_id()
    assert "Nobody can reach vault contoso" in violation.message
    assert violation.facts["public_access"] == given.snapshot.vault.public_access.value


@pytest.mark.parametrize(
    ("status", "state"),
    [(status, "Succeeded") for status in ConnectionStatus if status is not ConnectionStatus.APPROVED]
    + [(ConnectionStatus.APPROVED, "Failed"), (ConnectionStatus.APPROVED, "Updating")],
)
def test_only_an_effective_connection_is_a_way_in(status: ConnectionStatus, state: str) -> None:
    assert door(OFF).connection(status=status, state=state).violations(RULE) != []
    assert door(OFF).connection("c-2", status, state).violations(RULE) == []


@pytest.mark.parametrize("profile", list(Profile))
def test_trusted_services_need_no_other_way(profile: Profile) -> None:
    assert (alone(OFF).profile(profile).violations(RULE) == []) is (profile is Profile.TRUSTED_SERVICES)


def test_an_enforced_perimeter_may_let_somebody_in() -> None:
    for given in (alone(OFF), alone(ON, deny()), alone(SECURED)):
        assert list(RULE.check(given.vault(perimeters=(PerimeterMode.ENFORCED,)).case())) == []


@pytest.mark.parametrize("mode", [PerimeterMode.TRANSITION, PerimeterMode.AUDIT])
def test_a_perimeter_that_only_watches_lets_nobody_in(mode: PerimeterMode) -> None:
    assert alone(OFF).vault(perimeters=(mode,)).violations(RULE) != []


@pytest.mark.parametrize(
    "given",
    [
        alone(OFF).vault(perimeters=FORBIDDEN),
        alone(OFF).vault(perimeters=LATER),
        alone(ON, deny()).vault(perimeters=LATER),
        alone(OFF).vault(perimeters=(PerimeterMode.UNKNOWN,)),
        alone(SECURED),
        alone(STRANGE, deny()),
        alone(ON, odd()),
    ],
    ids=["forbidden", "deferred", "empty-rules", "mode", "secured", "access", "action"],
)
def test_what_is_unread_or_unknown_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]


def test_the_perimeter_is_asked_for_only_where_it_decides() -> None:
    for given in (door(OFF), door(ON, deny()), alone(ON), alone(ON, deny(OFFICE))):
        assert list(RULE.check(given.vault(perimeters=LATER).case())) == []


def test_behind_disabled_an_unknown_default_action_changes_nothing() -> None:
    assert alone(OFF, odd()).violations(RULE) != []


def test_who_still_passes_and_what_waits_is_said() -> None:
    assert any("trusted services still pass" in line for line in alone(OFF).only(RULE).evidence)
    assert alone(OFF, deny(bypass="None")).only(RULE).evidence == ()
    waiting = door(OFF).connection(status=ConnectionStatus.PENDING).only(RULE)
    assert any("waits for approval" in line for line in waiting.evidence)
    failed = door(OFF).connection(state="Failed").only(RULE)
    assert any("may still work" in line for line in failed.evidence)


def test_the_consumer_makes_the_private_endpoint() -> None:
    """A document lets a partner create a Private Link Service to come in; that is the wrong direction."""
    advice = alone(OFF).profile(Profile.PARTNER).only(RULE).advice
    assert "the consumer makes the private endpoint" in advice
    assert "no Private Link Service is involved" in advice
    assert vault_id().text in advice


def test_a_pipeline_is_told_that_federation_does_not_bypass_the_firewall() -> None:
    advice = alone(ON, deny()).profile(Profile.SAAS_PIPELINE).only(RULE).advice
    assert "federation does not bypass the firewall" in advice


def test_it_is_explained_and_never_changed() -> None:
    given = alone(OFF).mode("KVG102", Mode.FIX)
    assert RULE.ceiling is Applicability.MANUAL
    assert given.finding(RULE).options == ()
    assert given.finding(RULE).advice != ""
    assert given.plan((RULE,)).apply == ()
