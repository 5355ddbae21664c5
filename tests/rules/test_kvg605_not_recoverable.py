"""KVG605: a vault without soft delete or without purge protection is found."""

from __future__ import annotations

import shlex

import pytest

from shared.domain.grades import Applicability, Severity
from shared.domain.reading import UnreadReason
from shared.domain.vault import VaultSettings
from shared.rules.kvg605_not_recoverable import RULE
from tests.builders import Given, healthy, vault_id


def kept(*, soft_delete: bool | None = True, purge_protection: bool = True, days: int | None = 90) -> Given:
    """A vault with these settings."""
    return healthy().vault(
        settings=VaultSettings(soft_delete=soft_delete, purge_protection=purge_protection, retention_days=days)
    )


def test_both_on_is_allowed() -> None:
    assert list(RULE.check(kept().case())) == []


def test_soft_delete_that_is_not_said_is_not_taken_for_granted() -> None:
    """Purge protection takes effect only with soft delete, which is what is not known."""
    [unknown] = kept(soft_delete=None, days=None).unknowns(RULE)
    assert (unknown.subject, unknown.unread.reason) == (vault_id(), UnreadReason.UNSUPPORTED)
    assert "enableSoftDelete" in unknown.unread.detail
    assert kept(soft_delete=None, days=None).violations(RULE) == []


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (kept(purge_protection=False), ["purge protection"]),
        (kept(soft_delete=False), ["soft delete"]),
        (kept(soft_delete=False, purge_protection=False), ["soft delete", "purge protection"]),
        (kept(soft_delete=None, purge_protection=False), ["purge protection"]),
    ],
)
def test_what_is_missing_is_named(given: Given, missing: list[str]) -> None:
    violation = given.only(RULE)
    assert violation.subject == vault_id()
    assert violation.facts == {"missing": missing}
    assert "contoso" in violation.message
    assert all(name in violation.message for name in missing)


def test_the_evidence_says_what_is_known_of_recovery() -> None:
    assert "for 7 days" in kept(purge_protection=False, days=7).only(RULE).evidence[0]
    assert "days" not in kept(purge_protection=False, days=None).only(RULE).evidence[0]
    assert "cannot be recovered" in kept(soft_delete=False).only(RULE).evidence[0]
    assert "not said" in kept(soft_delete=None, purge_protection=False).only(RULE).evidence[0]


def test_the_command_turns_on_what_is_off() -> None:
    one = shlex.split(kept(purge_protection=False).only(RULE).advice.partition(" (")[0])
    assert one[:3] == ["az", "keyvault", "update"]
    assert one[-2:] == ["--enable-purge-protection", "true"]
    both = shlex.split(kept(soft_delete=False).only(RULE).advice.partition(" (")[0])
    assert both[-1] == "properties.enableSoftDelete=true"


def test_it_only_explains() -> None:
    given = kept(purge_protection=False)
    assert (RULE.severity, RULE.ceiling) == (Severity.MEDIUM, Applicability.MANUAL)
    assert given.finding(RULE).options == ()
