"""The properties of the design that hold for any estate, over generated and focused estates."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import Final, get_args

import pytest

from shared.domain.change import Change
from shared.domain.finding import Finding
from shared.domain.grades import Mode
from shared.domain.plan import ChangePlan
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.rules.registry import RULES
from tests.engine.corpus import focused, generated
from tests.engine.option_properties import (
    inverses_restore,
    offered,
    options_mend,
    options_touch_only_what_they_say,
)
from tests.engine.properties import (
    VaultCase,
    below_ceiling,
    fixed_point,
    no_loss,
    safe_conditions,
    unread_adds_nothing,
)
from tests.engine.reordering import reordered

pytestmark = pytest.mark.xdist_group("estates")


def _breaches(prop: object, cases: tuple[VaultCase, ...]) -> list[str]:
    assert callable(prop)
    return [breach for case in cases for breach in prop(case)]


# In how many of a hundred vaults each rule has to fire, at least and at most: often enough to be tested, rarely enough
# to be a rule. What needs a rare state has no more than its own test estates besides.
_COMMON: Final = (5.0, 60.0)
_SELDOM: Final = (1.0, 20.0)
SHARES: Final = {
    **dict.fromkeys(("KVG101", "KVG102", "KVG103", "KVG104", "KVG106", "KVG107", "KVG109"), _COMMON),
    **dict.fromkeys(("KVG201", "KVG202", "KVG203", "KVG204", "KVG207", "KVG301", "KVG303"), _COMMON),
    **dict.fromkeys(("KVG402", "KVG403", "KVG406", "KVG411", "KVG412", "KVG413", "KVG414"), _COMMON),
    **dict.fromkeys(("KVG501", "KVG505", "KVG506", "KVG601", "KVG604", "KVG605", "KVG901", "KVG903"), _COMMON),
    **dict.fromkeys(("KVG105", "KVG108", "KVG110", "KVG205", "KVG206", "KVG302", "KVG304", "KVG305"), _SELDOM),
    **dict.fromkeys(("KVG401", "KVG404", "KVG405", "KVG407", "KVG415", "KVG416", "KVG417", "KVG418"), _SELDOM),
    **dict.fromkeys(("KVG419", "KVG420", "KVG502", "KVG507", "KVG508", "KVG606"), _SELDOM),
    **dict.fromkeys(("KVG902", "KVG904", "KVG905"), _SELDOM),
}


def test_every_rule_fires_in_its_share_of_the_generated_vaults() -> None:
    cases = generated()
    assert len(cases) >= 1000
    assert SHARES.keys() == {rule.id for rule in RULES}
    fired = Counter(
        rule
        for case in cases
        for rule in {finding.rule for finding in evaluate(case.snapshot, case.estate.policy, RULES).findings}
    )
    shares = {rule: 100 * fired[rule] / len(cases) for rule in SHARES}
    assert {rule: shares[rule] for rule, (least, most) in SHARES.items() if not least <= shares[rule] <= most} == {}


def test_every_safe_verb_is_planned_in_the_generated_estates() -> None:
    planned = Counter((step.finding.rule, step.change.verb) for case in generated() for step in case.plan().apply)
    expected = {
        ("KVG202", "delete-connection"),
        ("KVG403", "create-link"),
        ("KVG411", "create-record"),
        ("KVG411", "update-record"),
        ("KVG412", "update-record"),
        ("KVG413", "update-record"),
    }
    assert set(planned) == expected
    assert min(planned.values()) >= 5


def test_every_change_made_without_asking_meets_its_rules_conditions() -> None:
    assert _breaches(safe_conditions, (*generated(), *focused())) == []


def test_1_once_the_plan_is_applied_the_next_plan_applies_nothing() -> None:
    assert _breaches(fixed_point, (*generated(), *focused())) == []


def test_2_no_option_exceeds_the_ceiling_of_its_rule_or_the_mode_of_the_policy() -> None:
    assert _breaches(below_ceiling, (*generated(), *focused())) == []


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.AUDIT, Mode.APPROVE])
def test_2_a_stricter_policy_makes_and_offers_no_more(mode: Mode) -> None:
    strict = MappingProxyType({rule.id: mode for rule in RULES})
    for case in generated()[::4]:
        policy = replace(case.estate.policy, modes=strict)
        narrow = plan(case.snapshot, policy, RULES)
        assert narrow.apply == ()
        if mode is Mode.OFF:
            # An unusable policy has no modes either: every rule looks and none acts.
            assert narrow == ChangePlan() or policy.unusable
        loose = replace(policy, modes=MappingProxyType({rule.id: Mode.FIX for rule in RULES}))
        # Precedence hides the findings of lower rules about a record, so each rule is compared alone.
        for rule in RULES:
            assert _offered(narrow, rule.id) <= {
                option.change.key
                for finding in evaluate(case.snapshot, loose, (rule,)).findings
                for option in finding.options
            }
        if mode is Mode.AUDIT:
            assert narrow.ask == ()


def _offered(found: ChangePlan, rule: str) -> set[str]:
    return {option.change.key for finding in found.ask if finding.rule == rule for option in finding.options}


def test_3_the_plan_has_no_way_to_know_the_mode_of_the_service() -> None:
    assert list(inspect.signature(plan).parameters) == ["snapshot", "policy", "rules"]
    assert list(inspect.signature(evaluate).parameters) == ["snapshot", "policy", "rules"]
    case = next(case for case in generated() if case.plan().apply)
    assert case.plan() == case.plan()


def test_4_hiding_a_part_of_a_focused_estate_adds_no_finding_and_no_change() -> None:
    assert _breaches(unread_adds_nothing, focused()) == []


def test_4_hiding_a_part_of_a_generated_estate_adds_no_finding_and_no_change() -> None:
    assert _breaches(unread_adds_nothing, generated()[::5]) == []


def test_5_order_repetition_and_casing_of_what_was_read_do_not_change_the_plan() -> None:
    for case in (*generated(), *focused()):
        again = plan(reordered(case.snapshot), case.estate.policy, RULES)
        assert _essence(again) == _essence(case.plan())


def _essence(found: ChangePlan) -> object:
    made = [(step.change.key, step.option.digest, step.after) for step in found.apply]
    return made, [_of(finding) for finding in (*found.ask, *found.explain)]


def _of(finding: Finding) -> object:
    options = [
        (option.digest, option.applicability, [blocker.why.casefold() for blocker in option.blockers])
        for option in finding.options
    ]
    return finding.rule, finding.fingerprint, finding.severity, finding.facts, finding.message.casefold(), options


def test_7_no_safe_change_takes_a_working_name_from_anybody() -> None:
    assert _breaches(no_loss, (*generated(), *focused())) == []


# Every verb but those that only take another change back: deleting a link, a zone, a zone group.
_ONLY_INVERSE: Final = frozenset({"delete-link", "delete-zone", "delete-zone-group"})


def test_every_verb_is_offered_in_the_generated_estates() -> None:
    seen = Counter(option.change.verb for case in generated() for _, _, option in offered(case))
    verbs = {member.__dataclass_fields__["verb"].default for member in get_args(Change)}
    assert set(seen) == verbs - _ONLY_INVERSE
    assert min(seen.values()) >= 3


def test_any_single_option_silences_its_rule_about_its_subject() -> None:
    assert _breaches(options_mend, (*generated()[::2], *focused()[::3])) == []


def test_any_single_option_changes_what_its_verb_says_and_nothing_else() -> None:
    assert _breaches(options_touch_only_what_they_say, generated()[::3]) == []


def test_the_inverse_of_any_option_gives_the_state_as_before_or_what_is_lost_is_said() -> None:
    assert _breaches(inverses_restore, (*generated()[::2], *focused()[::3])) == []
