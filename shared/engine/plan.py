"""Planning: the closure over simulated changes.

A SAFE change can make another one SAFE: the zone is linked only once the right record is in it. The plan therefore
applies what is SAFE to the snapshot, judges again, and goes on until nothing SAFE is left; what then remains is asked
or explained. The result is a fixed point: on the estate it describes, the next plan applies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.finding import Assessment, Finding, Option
from shared.domain.grades import Applicability
from shared.domain.plan import ChangePlan, PlannedChange
from shared.domain.policy import Policy
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.engine.evaluate import evaluate

_MOST_CHANGES = 64


def plan(snapshot: VaultSnapshot, policy: Policy, rules: Sequence[Rule]) -> ChangePlan:
    """The plan for one vault. ``observe`` and ``enforce`` compute the same one."""
    return plan_from(evaluate(snapshot, policy, rules), snapshot, policy, rules)


def plan_from(assessment: Assessment, snapshot: VaultSnapshot, policy: Policy, rules: Sequence[Rule]) -> ChangePlan:
    """The plan for one vault that was evaluated already, by the same policy and rules."""
    start = snapshot
    available = {option.change.key for _, option in _safe_options(assessment)}
    applied: list[PlannedChange] = []
    keys: set[str] = set()
    while len(applied) < _MOST_CHANGES:
        chosen = next(((f, o) for f, o in _safe_options(assessment) if o.change.key not in keys), None)
        if chosen is None:
            break
        finding, option = chosen
        after = () if option.change.key in available else _needed(start, policy, rules, applied, option.change.key)
        applied.append(PlannedChange(finding, option, after))
        keys.add(option.change.key)
        snapshot = option.change.simulate(snapshot)
        assessment = evaluate(snapshot, policy, rules)
    ask = tuple(finding for finding in assessment.findings if finding.options)
    explain = tuple(finding for finding in assessment.findings if not finding.options)
    return ChangePlan(tuple(applied), ask, explain)


def _needed(
    start: VaultSnapshot, policy: Policy, rules: Sequence[Rule], applied: Sequence[PlannedChange], key: str
) -> tuple[str, ...]:
    """The keys of the changes without which this one would not be SAFE: all of them when no single one decides."""
    needed: list[str] = []
    for planned in applied:
        snapshot = start
        for other in applied:
            if other is not planned:
                snapshot = other.change.simulate(snapshot)
        if key not in {option.change.key for _, option in _safe_options(evaluate(snapshot, policy, rules))}:
            needed.append(planned.change.key)
    return tuple(needed) or tuple(planned.change.key for planned in applied)


def _safe_options(assessment: Assessment) -> list[tuple[Finding, Option]]:
    """The first SAFE option of each finding, in the stable order of the assessment."""
    chosen = []
    for finding in assessment.findings:
        safe = next((option for option in finding.options if option.applicability is Applicability.SAFE), None)
        if safe is not None:
            chosen.append((finding, safe))
    return chosen
