"""KVG902: what somebody takes back again and again is a finding as long as kvguard leaves it alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Mode
from shared.domain.history import AZURE, KVGUARD
from shared.rules.kvg902_fix_fought import RULE
from shared.rules.kvg903_fix_refused import RULE as REFUSED
from tests.builders import FORBIDDEN, Given, connection_id, healthy, missing_record, record_id, vault_id

WHY = "repaired at 10:00 and 11:00 UTC and needed again: somebody takes it back; events named the principals pipeline"


def fought(given: Given, why: str = WHY, rule: str = "KVG411", subject: ArmId | None = None) -> Given:
    """kvguard gave up on a repair today."""
    return given.hold(rule, subject or record_id(), who=KVGUARD, why=why)


def test_a_vault_without_fights_is_silent() -> None:
    assert healthy().violations(RULE) == []
    assert missing_record().violations(RULE) == []


def test_a_fight_is_found_with_its_subject_the_other_side_and_its_end() -> None:
    violation = fought(missing_record()).only(RULE)
    assert violation.subject == record_id()
    assert violation.facts == {"fights": [f"KVG411: {WHY}"]}
    for said in ("contoso", "KVG411", "pipeline", "2026-11-22 12:00 UTC"):
        assert said in violation.message
    assert violation.advice


@pytest.mark.parametrize("who", [AZURE, "dana@contoso.com"])
def test_a_hold_of_somebody_else_is_no_fight(who: str) -> None:
    assert missing_record().hold("KVG411", record_id(), who=who).violations(RULE) == []


def test_a_fight_is_no_refusal() -> None:
    assert fought(missing_record()).violations(REFUSED) == []


@pytest.mark.parametrize(("left", "found"), [(timedelta(seconds=1), 1), (timedelta(0), 0), (-timedelta(days=1), 0)])
def test_it_lasts_as_long_as_the_hold(left: timedelta, found: int) -> None:
    given = missing_record().hold("KVG411", record_id(), left, who=KVGUARD, why=WHY)
    assert len(given.violations(RULE)) == found


def test_fights_over_one_subject_in_any_casing_are_one_finding() -> None:
    shouted = ArmId.parse(record_id().text.upper())
    given = fought(fought(missing_record(), "b", "KVG413"), "a", "KVG411", shouted)
    assert given.only(RULE).facts == {"fights": ["KVG411: a", "KVG413: b"]}


def test_the_order_of_the_holds_does_not_matter() -> None:
    one = fought(fought(healthy(), "a", "KVG413"), "b", "KVG202", connection_id())
    other = fought(fought(healthy(), "b", "KVG202", connection_id()), "a", "KVG413")
    assert [v.message for v in one.violations(RULE)] == [v.message for v in other.violations(RULE)]
    assert len(one.violations(RULE)) == 2


def test_a_history_that_was_not_read_is_unknown_and_not_empty() -> None:
    given = fought(missing_record()).history_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(vault_id(), FORBIDDEN)]


def test_it_only_explains_and_the_held_repair_is_not_tried() -> None:
    given = fought(missing_record())
    assert given.finding(RULE).options == ()
    assert RULE.ceiling is Applicability.MANUAL
    assert RULE.default is Mode.AUDIT
    plan = given.plan()
    assert [step for step in plan.apply if step.finding.subject == record_id()] == []
    assert {"KVG411", "KVG902"} <= {finding.rule for finding in plan.explain}
