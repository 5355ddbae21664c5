"""KVG107: whether a perimeter guards the vault is known, or it is a finding; unknown is never compliant."""

from __future__ import annotations

import pytest

from shared.domain.grades import Applicability, Mode
from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import PerimeterMode, PublicAccess
from shared.rules.kvg107_perimeter_unclear import RULE
from tests.builders import FORBIDDEN, Given, vault_id
from tests.rules.given_exposure import LATER, OFF, ON, SECURED, STRANGE, allow, deny, door

ENFORCED = (PerimeterMode.ENFORCED,)
KNOWN = [ON, OFF, SECURED]


@pytest.mark.parametrize("given", [door(OFF), door(ON, deny()), door(ON, allow())])
def test_a_vault_without_a_perimeter_is_allowed(given: Given) -> None:
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize("access", KNOWN)
def test_an_enforced_perimeter_is_allowed(access: PublicAccess) -> None:
    assert list(RULE.check(door(access).vault(perimeters=ENFORCED).case())) == []


def test_secured_by_a_perimeter_that_is_not_there_is_found() -> None:
    violation = door(SECURED).only(RULE)
    assert violation.subject == vault_id()
    assert "SecuredByPerimeter and no perimeter is associated" in violation.message


@pytest.mark.parametrize("access", KNOWN)
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (PerimeterMode.TRANSITION, "transition mode (Learning)"),
        (PerimeterMode.AUDIT, "only audits"),
        (PerimeterMode.UNKNOWN, "not in force, or its access mode is unknown"),
    ],
)
def test_an_association_that_is_not_enforced_is_found(access: PublicAccess, mode: PerimeterMode, words: str) -> None:
    assert words in door(access).vault(perimeters=(mode,)).only(RULE).message
    assert words in door(access).vault(perimeters=(*ENFORCED, mode)).only(RULE).message


@pytest.mark.parametrize("access", KNOWN)
@pytest.mark.parametrize("reason", [reason for reason in UnreadReason if reason is not UnreadReason.DEFERRED])
def test_associations_that_could_not_be_read_are_found(access: PublicAccess, reason: UnreadReason) -> None:
    given = door(access).vault(perimeters=Unread(reason, "Microsoft.KeyVault/vaults/some/read"))
    assert f"could not be read ({reason.value}: Microsoft.KeyVault/vaults/some/read)" in given.only(RULE).message


@pytest.mark.parametrize("access", KNOWN)
def test_associations_that_were_not_asked_for_are_not_judged(access: PublicAccess) -> None:
    given = door(access).vault(perimeters=LATER)
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(vault_id(), LATER)]
    assert RULE.at_events is False


def test_an_unknown_value_of_public_access_is_never_compliant() -> None:
    for given in (door(STRANGE), door(STRANGE, deny()), door(STRANGE).vault(perimeters=ENFORCED)):
        assert "publicNetworkAccess has an unknown value" in given.only(RULE).message
    later = door(STRANGE).vault(perimeters=LATER)
    assert len(later.violations(RULE)) == len(later.unknowns(RULE)) == 1


def test_the_advice_fits() -> None:
    assert FORBIDDEN.detail in door(OFF).vault(perimeters=FORBIDDEN).only(RULE).advice
    assert "access mode to Enforced" in door(OFF).vault(perimeters=(PerimeterMode.TRANSITION,)).only(RULE).advice
    assert "to Disabled" in door(SECURED).only(RULE).advice


def test_it_is_explained_and_never_changed() -> None:
    given = door(SECURED).mode("KVG107", Mode.FIX)
    assert RULE.ceiling is Applicability.MANUAL
    assert given.finding(RULE).options == ()
    assert given.plan((RULE,)).apply == ()
