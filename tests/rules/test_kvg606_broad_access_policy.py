"""KVG606: access policies that give everything, or something to a forbidden principal."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.grades import Applicability, Severity
from shared.domain.vault import AccessPolicy, VaultSettings
from shared.rules.kvg606_broad_access_policy import RULE
from tests.builders import Given, healthy, vault_id

APP, OTHER = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000b2"
KINDS = ["keys", "secrets", "certificates", "storage"]
SECRETS = ["get", "list", "set", "delete", "recover", "backup", "restore"]


def given_to(*entries: AccessPolicy, rbac: bool = False, forbidden: tuple[str, ...] = ()) -> Given:
    """A vault with these access policies, and a policy that forbids some principals."""
    given = healthy().vault(settings=VaultSettings(rbac=rbac, access_policies=entries))
    return given.policy_with(forbidden_principals=frozenset(forbidden))


def entry(principal: str = APP, **permissions: str) -> AccessPolicy:
    """An access policy; permissions are words."""
    given: dict[str, Any] = {kind: frozenset(words.split()) for kind, words in permissions.items()}
    return AccessPolicy(principal, "t", **given)


@pytest.mark.parametrize(
    "known",
    [
        entry(secrets="get list"),
        entry(keys="get unwrapkey wrapkey"),
        entry(certificates="get list update create import delete"),
        entry(secrets="purge"),
        entry(),
    ],
)
def test_a_part_of_the_permissions_is_allowed(known: AccessPolicy) -> None:
    assert list(RULE.check(given_to(known).case())) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["all", "All"])
def test_all_for_any_kind_is_found(kind: str, word: str) -> None:
    violation = given_to(entry(**{kind: word})).only(RULE)
    assert violation.subject == vault_id()
    assert violation.facts == {"broad": [f"{APP}: {kind}"], "forbidden": []}
    for said in ("contoso", APP, kind):
        assert said in violation.message
    assert APP in violation.advice


def test_everything_by_name_is_all_and_one_less_is_not() -> None:
    assert given_to(entry(secrets=" ".join(SECRETS))).only(RULE).facts["broad"] == [f"{APP}: secrets"]
    for missing in SECRETS:
        rest = " ".join(word for word in SECRETS if word != missing)
        assert list(RULE.check(given_to(entry(secrets=rest)).case())) == []


def test_a_forbidden_principal_is_found_whatever_it_may_do() -> None:
    violation = given_to(entry(APP.upper(), secrets="get"), forbidden=(APP,)).only(RULE)
    assert violation.facts == {"broad": [], "forbidden": [APP]}
    assert "forbidden by policy" in violation.message
    assert f"Remove the access policy of {APP}" in violation.advice
    assert given_to(entry(secrets="get"), forbidden=(APP.upper(),)).only(RULE).facts["forbidden"] == [APP]


def test_another_principal_is_not_forbidden() -> None:
    assert list(RULE.check(given_to(entry(secrets="get"), forbidden=(OTHER,)).case())) == []


def test_under_azure_roles_access_policies_have_no_effect() -> None:
    given = given_to(entry(secrets="all"), rbac=True, forbidden=(APP,))
    assert list(RULE.check(given.case())) == []


def test_several_are_one_finding_in_one_order() -> None:
    one, two = entry(OTHER, keys="all", secrets="all"), entry(APP, certificates="all")
    violation = given_to(one, two, forbidden=(OTHER,)).only(RULE)
    assert violation.facts == {"broad": [f"{APP}: certificates", f"{OTHER}: keys, secrets"], "forbidden": [OTHER]}
    assert given_to(two, one, forbidden=(OTHER,)).only(RULE) == violation


def test_it_only_explains() -> None:
    given = given_to(entry(secrets="all"))
    assert (RULE.severity, RULE.ceiling) == (Severity.MEDIUM, Applicability.MANUAL)
    assert given.finding(RULE).options == ()
