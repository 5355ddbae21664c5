"""Evaluation: modes and ceilings, holds, the unread history, precedence between rules, order of the result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import PublicAccess
from shared.engine.digest import fingerprint
from shared.engine.evaluate import effective_mode, evaluate
from shared.rules import kvg202_dead_connection, kvg411_missing_a_record, kvg413_ttl_out_of_range
from shared.rules.registry import RULES
from tests.builders import (
    FORBIDDEN,
    Given,
    connection_id,
    dead,
    healthy,
    long_ttl,
    missing_record,
    record_id,
    unlinked,
    vault_id,
    wrong_record,
)

DEAD = kvg202_dead_connection.RULE
MISSING = kvg411_missing_a_record.RULE
TTL = kvg413_ttl_out_of_range.RULE
EVERY = frozenset(rule.id for rule in RULES)


def _applicability(given: Given, rule: Rule) -> Applicability | None:
    options = given.finding(rule).options
    return options[0].applicability if options else None


@pytest.mark.parametrize(
    ("ceiling", "mode", "expected"),
    [
        (Applicability.SAFE, Mode.FIX, Applicability.SAFE),
        (Applicability.SAFE, Mode.APPROVE, Applicability.APPROVAL),
        (Applicability.SAFE, Mode.AUDIT, None),
        (Applicability.APPROVAL, Mode.FIX, Applicability.APPROVAL),
        (Applicability.APPROVAL, Mode.APPROVE, Applicability.APPROVAL),
        (Applicability.APPROVAL, Mode.AUDIT, None),
        (Applicability.MANUAL, Mode.FIX, None),
        (Applicability.MANUAL, Mode.APPROVE, None),
        (Applicability.MANUAL, Mode.AUDIT, None),
    ],
)
def test_an_option_stays_below_ceiling_and_mode(
    ceiling: Applicability, mode: Mode, expected: Applicability | None
) -> None:
    rule = replace(DEAD, ceiling=ceiling)
    assert _applicability(dead().mode(rule.id, mode), rule) is expected
    assert effective_mode(rule, dead().mode(rule.id, mode).policy, vault_id()).cap <= ceiling


def test_a_rule_that_is_off_is_not_evaluated_at_all() -> None:
    assessment = dead().mode("KVG202", Mode.OFF).assess()
    assert assessment.findings == ()
    assert set(assessment.evaluated) == {rule.id for rule in RULES} - {"KVG202"}


def test_without_a_policy_entry_the_rules_default_holds() -> None:
    assert effective_mode(DEAD, healthy().policy, vault_id()) is DEAD.default is Mode.FIX
    assert effective_mode(replace(DEAD, default=Mode.AUDIT), healthy().policy, vault_id()) is Mode.AUDIT


def test_an_unusable_policy_looks_even_where_a_mode_says_off() -> None:
    policy = dead().mode("KVG202", Mode.OFF).policy_with(unusable="broken").policy
    assert effective_mode(DEAD, policy, vault_id()) is Mode.AUDIT


def test_a_hold_leaves_the_finding_and_takes_every_option() -> None:
    given = dead().hold("KVG202", connection_id("c-dead"))
    finding = given.finding(DEAD)
    assert finding.options == ()
    assert any("dana@contoso.com" in line and "said no" in line for line in finding.evidence)
    assert given.plan().apply == ()


@pytest.mark.parametrize(
    "given",
    [
        dead().hold("KVG413", connection_id("c-dead")),
        dead().hold("KVG202", connection_id("c-1")),
        dead().hold("KVG202", connection_id("c-dead"), timedelta(0)),
    ],
    ids=["other-rule", "other-subject", "over"],
)
def test_another_or_an_expired_hold_holds_nothing(given: Given) -> None:
    assert _applicability(given, DEAD) is Applicability.SAFE


def test_a_hold_names_its_subject_in_any_casing() -> None:
    shouted = type(vault_id()).parse(connection_id("c-dead").text.upper())
    assert dead().hold("KVG202", shouted).finding(DEAD).options == ()


@pytest.mark.parametrize(("given", "rule"), [(missing_record(), MISSING), (long_ttl(), TTL)], ids=["missing", "ttl"])
def test_while_the_history_is_unread_a_safe_change_is_a_question(given: Given, rule: Rule) -> None:
    assert _applicability(given, rule) is Applicability.SAFE
    forgotten = given.history_unread()
    assert _applicability(forgotten, rule) is Applicability.APPROVAL
    assert forgotten.option(rule).blockers[-1].unread is FORBIDDEN
    assert forgotten.plan().apply == ()


def test_of_a_group_only_the_first_rule_reports_a_subject() -> None:
    given = wrong_record().record("10.1.0.99", ttl=3600)
    assert [finding.rule for finding in given.assess().findings] == ["KVG412"]
    backwards = evaluate(given.snapshot, given.policy, RULES[::-1])
    assert [finding.rule for finding in backwards.findings] == ["KVG412"]


def test_a_rule_that_is_off_hides_nothing_of_its_group() -> None:
    given = wrong_record().record("10.1.0.99", ttl=3600).mode("KVG412", Mode.OFF).mode("KVG414", Mode.OFF)
    assert [finding.rule for finding in given.assess().findings] == ["KVG413"]


def test_a_finding_carries_the_identity_of_its_rule() -> None:
    finding = missing_record().finding(MISSING)
    assert (finding.rule, finding.name, finding.severity) == ("KVG411", "missing-a-record", Severity.HIGH)
    assert finding.vault == vault_id()
    assert finding.subject == record_id()
    assert finding.fingerprint == fingerprint("KVG411", record_id())
    assert finding.doc_url.endswith("/kvg411.md")


def test_the_fingerprint_does_not_depend_on_the_casing_of_the_subject() -> None:
    shouted = type(vault_id()).parse(record_id().text.upper())
    assert fingerprint("KVG411", shouted) == fingerprint("KVG411", record_id())
    assert fingerprint("KVG412", record_id()) != fingerprint("KVG411", record_id())


def test_repeated_results_about_one_subject_are_one() -> None:
    def check(case: Case) -> list[Violation | Unknown]:
        same: list[Violation | Unknown] = [
            Violation(vault_id(), "first", {}),
            Violation(vault_id("CONTOSO"), "second", {}),
            Unknown(vault_id(), FORBIDDEN),
            Unknown(vault_id(), FORBIDDEN),
        ]
        return same

    assessment = evaluate(healthy().snapshot, healthy().policy, (replace(DEAD, check=check),))
    assert [finding.message for finding in assessment.findings] == ["first"]
    assert len(assessment.not_evaluated) == 1


def test_what_a_deeper_reading_would_bring_is_wanted_once() -> None:
    deferred = Unread(UnreadReason.DEFERRED, "zone groups", Part.ZONE_GROUPS)
    assert missing_record().endpoint(zone_groups=deferred).assess().wanted(EVERY) == (deferred,)
    assert missing_record().endpoint(zone_groups=FORBIDDEN).assess().wanted(EVERY) == ()
    neighbours = Unread(UnreadReason.DEFERRED, "other vaults", Part.NEIGHBOURS)
    given = unlinked().at(replace(unlinked().snapshot, neighbours=neighbours))
    assert given.assess().wanted(EVERY) == (neighbours,)
    perimeter = Unread(UnreadReason.DEFERRED, "perimeters", Part.PERIMETER)
    open_vault = healthy().vault(perimeters=perimeter, public_access=PublicAccess.ENABLED)
    assert open_vault.assess().wanted(EVERY) == (perimeter,)


def test_a_healthy_vault_wants_nothing() -> None:
    assert healthy().assess().wanted(EVERY) == ()
    assert healthy().assess().not_evaluated == ()
