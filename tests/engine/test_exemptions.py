"""Exemptions only silence: what is exempt is neither reported nor repaired, and nothing becomes possible by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from shared.domain.arm_id import ArmId
from shared.domain.grades import Mode
from shared.domain.policy import Exemption, exemptable
from shared.domain.rule import Rule, Violation
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.rules import (
    kvg202_dead_connection,
    kvg403_network_not_linked,
    kvg411_missing_a_record,
    kvg412_wrong_a_record,
    kvg413_ttl_out_of_range,
    kvg901_part_unread,
    kvg904_policy_or_exemption_unusable,
)
from shared.rules.registry import RULES
from tests.builders import (
    NOW,
    SUBSCRIPTION,
    Given,
    connection_id,
    dead,
    healthy,
    long_ttl,
    missing_record,
    network_id,
    record_id,
    unlinked,
    vault_id,
    wrong_record,
    zone_id,
)
from tests.estate_strategies import estates
from tests.estates import EstateCase, snapshot_of

WEEK = timedelta(days=7)
MISSING, WRONG = kvg411_missing_a_record.RULE, kvg412_wrong_a_record.RULE
# A few rules, so that what others say of the same estates does not matter here.
FEW = (
    kvg202_dead_connection.RULE,
    kvg403_network_not_linked.RULE,
    MISSING,
    WRONG,
    kvg413_ttl_out_of_range.RULE,
    kvg901_part_unread.RULE,
    kvg904_policy_or_exemption_unusable.RULE,
)


def exempt(given: Given, rule: str, scope: ArmId | str, ends: timedelta = WEEK) -> Given:
    entry = Exemption(rule, str(scope), "until the move", "team-a", NOW + ends)
    return given.policy_with(exemptions=(*given.policy.exemptions, entry))


def verbs(given: Given) -> list[str]:
    return [planned.change.verb for planned in given.plan(FEW).apply]


SCOPES: dict[str, ArmId | str] = {
    "subscription": f"/subscriptions/{SUBSCRIPTION}",
    "group": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app",
    "vault": vault_id(),
    "the zone the subject lies in": zone_id(),
    "the subject": record_id(),
    "shouted": record_id().text.upper(),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_exempt_is_neither_reported_nor_repaired_and_still_shown(scope: str) -> None:
    given = missing_record()
    assert verbs(given) == ["create-record"]
    silenced = exempt(given, "KVG411", SCOPES[scope])
    made = silenced.plan(FEW)
    assert (made.apply, made.ask, made.explain) == ((), (), ())
    assessment = silenced.assess(FEW)
    assert assessment.findings == ()
    (entry,) = assessment.exempted
    assert (entry.finding.rule, entry.finding.subject, entry.finding.options) == ("KVG411", record_id(), ())
    assert (entry.exemption.owner, entry.exemption.reason) == ("team-a", "until the move")
    assert entry.exemption.expires == NOW + WEEK


@pytest.mark.parametrize(
    ("rule", "scope"),
    [
        ("KVG412", vault_id()),
        ("KVG411", vault_id("another")),
        ("KVG411", network_id()),
        ("KVG411", record_id("another")),
        ("KVG411", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ap"),
        ("KVG411", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app-2"),
    ],
)
def test_another_rule_or_scope_silences_nothing(rule: str, scope: ArmId | str) -> None:
    given = exempt(missing_record(), rule, scope)
    assert verbs(given) == ["create-record"]
    assert given.assess(FEW).exempted == ()


@pytest.mark.parametrize("ends", [timedelta(0), -timedelta(microseconds=1), -timedelta(days=400)])
def test_an_expired_one_hides_nothing(ends: timedelta) -> None:
    given = exempt(missing_record(), "KVG411", vault_id(), ends)
    assert given.assess(FEW) == missing_record().assess(FEW)
    assert given.plan(FEW) == missing_record().plan(FEW)


def test_the_look_after_its_end_reports_the_finding_again() -> None:
    given = exempt(missing_record(), "KVG411", vault_id())
    for later, findings in ((WEEK - timedelta(seconds=1), 0), (WEEK, 1)):
        there = given.at(replace(given.snapshot, read_at=NOW + later))
        assert len([f for f in there.assess(FEW).findings if f.rule == "KVG411"]) == findings


def test_without_a_usable_policy_nothing_is_exempt() -> None:
    given = exempt(missing_record(), "KVG411", vault_id()).policy_with(unusable="exemptions[1].rule: no such rule")
    assert given.assess(FEW).exempted == ()
    assert {finding.rule for finding in given.assess(FEW).findings} == {"KVG411", "KVG904"}
    assert (given.plan(FEW).apply, given.plan(FEW).ask) == ((), ())


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if rule.id.startswith("KVG9")])
def test_what_kvguard_reports_about_itself_cannot_be_silenced(rule: str) -> None:
    always = tuple(
        replace(known, check=lambda case: (Violation(case.snapshot.vault.id, "said", {}),))
        for known in RULES
        if known.id == rule
    )
    given = exempt(healthy(), rule, f"/subscriptions/{SUBSCRIPTION}")
    assert [finding.message for finding in given.assess(always).findings] == ["said"]
    assert given.assess(always).exempted == ()


def test_silencing_the_first_of_a_group_unmasks_no_repair_of_the_next() -> None:
    given = wrong_record().record("10.1.0.99", ttl=3600)
    assert [finding.rule for finding in given.assess(FEW).findings] == ["KVG412"]
    silenced = exempt(given, "KVG412", vault_id())
    assert silenced.assess(FEW).findings == ()
    assert [entry.finding.rule for entry in silenced.assess(FEW).exempted] == ["KVG412"]
    assert silenced.plan(FEW).apply == ()


def test_silencing_the_next_of_a_group_does_not_silence_the_first() -> None:
    given = exempt(wrong_record().record("10.1.0.99", ttl=3600), "KVG413", vault_id())
    assert [finding.rule for finding in given.assess(FEW).findings] == ["KVG412"]


def test_a_change_that_waits_for_a_silenced_one_is_not_made() -> None:
    """The zone is linked only once the right record is in it; without the record the link would break the name."""
    given = unlinked().no_record()
    assert verbs(given) == ["create-record", "create-link"]
    assert verbs(exempt(given, "KVG411", vault_id())) == []


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (missing_record(), MISSING),
        (wrong_record(), WRONG),
    ],
    ids=["missing", "wrong"],
)
def test_exemptions_of_others_do_not_change_a_digest(given: Given, rule: Rule) -> None:
    other = exempt(exempt(given, "KVG101", vault_id()), "KVG202", f"/subscriptions/{SUBSCRIPTION}")
    assert given.option(rule).digest == other.option(rule).digest


def test_a_mode_that_is_off_is_not_judged_and_so_not_exempted() -> None:
    given = exempt(dead(), "KVG202", connection_id()).mode("KVG202", Mode.OFF)
    assert given.assess(FEW).exempted == ()


def test_exempted_findings_are_in_a_stable_order() -> None:
    given = exempt(exempt(long_ttl().no_links(), "KVG413", vault_id()), "KVG403", vault_id())
    backwards = evaluate(given.snapshot, given.policy, FEW[::-1])
    assert [entry.finding.rule for entry in given.assess(FEW).exempted] == ["KVG403", "KVG413"]
    assert backwards.exempted == given.assess(FEW).exempted


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(estates())
def test_as_for_changes_an_exemption_is_the_mode_audit_in_any_estate(case: EstateCase) -> None:
    """Whatever else is planned then, is planned as well where the rule may not act at all."""
    without = replace(case.policy, exemptions=())
    for vault in case.vaults:
        snapshot = snapshot_of(case, vault)
        before = evaluate(snapshot, without, RULES)
        known = {finding.fingerprint for finding in before.findings}
        for rule in sorted({finding.rule for finding in before.findings if exemptable(finding.rule)}):
            entry = Exemption(rule, vault.text, "r", "o", snapshot.read_at + timedelta(days=30))
            policy = replace(without, exemptions=(entry,))
            watching = replace(without, modes={**without.modes, rule: Mode.AUDIT})
            after, left = evaluate(snapshot, policy, RULES), plan(snapshot, policy, RULES)
            made = [planned.change.key for planned in left.apply]
            assert made == [planned.change.key for planned in plan(snapshot, watching, RULES).apply]
            silenced = {gone.finding.fingerprint for gone in after.exempted}
            assert {finding.fingerprint for finding in after.findings} | silenced == known
            if not without.unusable:
                left_over = (*after.findings, *left.ask, *left.explain)
                assert rule not in {finding.rule for finding in left_over}
