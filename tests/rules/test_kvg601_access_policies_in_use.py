"""KVG601: a vault that is not set to Azure roles is found, with whom its access policies name."""

from __future__ import annotations

import shlex
from dataclasses import replace

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.vault import AccessPolicy, VaultSettings
from shared.rules.kvg601_access_policies_in_use import RULE
from tests.builders import Given, healthy, vault_id

FIRST, SECOND = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000b2"


def policies(*principals: str) -> Given:
    """A vault with access policies for these principals."""
    entries = tuple(AccessPolicy(principal, "t", secrets=frozenset({"get"})) for principal in principals)
    return healthy().vault(settings=VaultSettings(rbac=False, access_policies=entries))


def test_azure_roles_are_allowed_whatever_access_policies_are_left() -> None:
    assert list(RULE.check(healthy().case())) == []
    left = replace(policies(FIRST).snapshot.vault.settings, rbac=True)
    assert list(RULE.check(healthy().vault(settings=left).case())) == []


def test_access_policies_are_found_with_their_principals() -> None:
    violation = policies(SECOND, FIRST.upper(), FIRST).only(RULE)
    assert violation.subject == vault_id()
    assert violation.facts == {"rbac": False, "principals": [FIRST, SECOND]}
    assert "contoso" in violation.message
    assert "2 principals" in violation.message
    assert [FIRST in violation.evidence[0], SECOND in violation.evidence[1]] == [True, True]


def test_without_any_access_policy_it_is_found_as_well() -> None:
    assert policies().only(RULE).facts == {"rbac": False, "principals": []}


def test_the_order_of_access_policies_does_not_matter() -> None:
    assert policies(FIRST, SECOND).only(RULE) == policies(SECOND, FIRST).only(RULE)


def test_it_explains_how_and_changes_nothing() -> None:
    given = policies(FIRST)
    command = shlex.split(given.only(RULE).advice.partition(": ")[2])
    assert command[:3] == ["az", "keyvault", "update"]
    assert command[-2:] == ["--enable-rbac-authorization", "true"]
    assert (RULE.severity, RULE.ceiling, RULE.default) == (Severity.MEDIUM, Applicability.MANUAL, Mode.AUDIT)
    assert given.finding(RULE).options == ()
