"""KVG904: without a usable policy kvguard looks and changes nothing."""

from __future__ import annotations

import pytest

from shared.domain.grades import Applicability, Mode
from shared.rules.kvg904_policy_or_exemption_unusable import RULE
from shared.rules.registry import RULES
from tests.builders import Given, dead, healthy, long_ttl, missing_record, unlinked, vault_id, wrong_record


def test_a_usable_policy_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_an_unusable_policy_is_found_with_its_reason() -> None:
    finding = healthy().policy_with(unusable="line 3: no such writer").finding(RULE)
    assert finding.subject == vault_id()
    assert "line 3: no such writer" in finding.message
    assert RULE.ceiling is Applicability.MANUAL
    assert finding.options == ()


@pytest.mark.parametrize(
    "given",
    [dead(), unlinked(), missing_record(), wrong_record(), long_ttl()],
    ids=["dead", "unlinked", "missing", "wrong", "ttl"],
)
def test_nothing_is_changed_or_offered_meanwhile_in_any_mode(given: Given) -> None:
    assert given.plan().apply != ()
    unusable = given.policy_with(unusable="broken", modes={rule.id: Mode.FIX for rule in RULES})
    found = unusable.plan()
    assert (found.apply, found.ask) == ((), ())
    assert {"KVG904"} < {finding.rule for finding in found.explain}
