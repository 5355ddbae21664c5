"""KVG903: what Azure refuses to let kvguard repair is a finding as long as kvguard leaves it alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Mode
from shared.domain.history import AZURE
from shared.rules.kvg903_fix_refused import RULE
from tests.builders import FORBIDDEN, Given, connection_id, healthy, missing_record, record_id, vault_id

REFUSALS = {
    "lock": "ScopeLocked: the lock do-not-touch",
    "policy": "RequestDisallowedByPolicy: the policy no-records",
    "deny assignment": "DenyAssignmentAuthorizationFailed: the deny assignment system-managed",
    "missing right": "AuthorizationFailed: the action Microsoft.Network/privateDnsZones/A/write",
}


def refused(given: Given, why: str = REFUSALS["lock"], rule: str = "KVG411", subject: ArmId | None = None) -> Given:
    """Azure refused a repair today."""
    return given.hold(rule, subject or record_id(), who=AZURE, why=why)


def test_a_vault_without_refusals_is_silent() -> None:
    assert healthy().violations(RULE) == []
    assert missing_record().violations(RULE) == []


@pytest.mark.parametrize("kind", REFUSALS)
def test_each_refusal_is_found_with_what_refused_it(kind: str) -> None:
    violation = refused(missing_record(), REFUSALS[kind]).only(RULE)
    assert violation.subject == record_id()
    assert violation.facts == {"refusals": [f"KVG411: {REFUSALS[kind]}"]}
    assert REFUSALS[kind] in violation.message
    assert "2026-11-22 12:00 UTC" in violation.message


def test_a_hold_of_a_person_is_no_refusal() -> None:
    assert missing_record().hold("KVG411", record_id()).violations(RULE) == []


@pytest.mark.parametrize(("left", "found"), [(timedelta(seconds=1), 1), (timedelta(0), 0), (-timedelta(days=1), 0)])
def test_it_lasts_as_long_as_the_hold(left: timedelta, found: int) -> None:
    given = missing_record().hold("KVG411", record_id(), left, who=AZURE, why="locked")
    assert len(given.violations(RULE)) == found


def test_refusals_of_one_subject_in_any_casing_are_one_finding() -> None:
    shouted = ArmId.parse(record_id().text.upper())
    given = refused(refused(missing_record(), "b", "KVG413"), "a", "KVG411", shouted)
    assert given.only(RULE).facts == {"refusals": ["KVG411: a", "KVG413: b"]}


def test_the_order_of_the_holds_does_not_matter() -> None:
    one = refused(refused(healthy(), "a", "KVG413"), "b", "KVG202", connection_id())
    other = refused(refused(healthy(), "b", "KVG202", connection_id()), "a", "KVG413")
    assert [v.message for v in one.violations(RULE)] == [v.message for v in other.violations(RULE)]
    assert len(one.violations(RULE)) == 2


def test_a_history_that_was_not_read_is_unknown_and_not_empty() -> None:
    given = refused(missing_record()).history_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(vault_id(), FORBIDDEN)]


def test_it_only_explains_and_the_held_repair_is_not_tried() -> None:
    given = refused(missing_record())
    assert given.finding(RULE).options == ()
    assert RULE.ceiling is Applicability.MANUAL
    assert RULE.default is Mode.AUDIT
    plan = given.plan()
    assert [step for step in plan.apply if step.finding.subject == record_id()] == []
    assert {"KVG411", "KVG903"} <= {finding.rule for finding in plan.explain}
