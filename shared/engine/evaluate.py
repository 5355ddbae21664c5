"""Evaluation: a snapshot, a policy and rules give an assessment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.arm_id import ArmId
from shared.domain.finding import Assessment, Exempted, Finding, NotEvaluated, Option
from shared.domain.grades import Applicability, Mode
from shared.domain.policy import Policy
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot
from shared.engine.canonical import canonical
from shared.engine.digest import digest, fingerprint
from shared.engine.resolver import ResolverSimulation

DOC_ROOT = "https://github.com/kvguard/kvguard/blob/main/docs/rules"
_RESOLVER = ResolverSimulation()


def evaluate(snapshot: VaultSnapshot, policy: Policy, rules: Sequence[Rule]) -> Assessment:
    """Judge one vault by every rule that policy does not switch off.

    An exempted finding keeps its place in its group: to silence one rule about a subject lets no other one act there.
    """
    snapshot = canonical(snapshot)
    case = Case(snapshot, policy, _RESOLVER)
    findings: list[Finding] = []
    exempted: list[Exempted] = []
    missing: list[NotEvaluated] = []
    evaluated: list[str] = []
    firsts: dict[tuple[str, str], int] = {}
    for rule in sorted(rules, key=lambda candidate: (candidate.group, candidate.rank, candidate.id)):
        mode = effective_mode(rule, policy, snapshot.vault.id)
        if mode is Mode.OFF or snapshot.vault.existence not in rule.judges:
            continue
        evaluated.append(rule.id)
        for result in _unique(rule.check(case)):
            if isinstance(result, Unknown):
                missing.append(NotEvaluated(rule.id, result.subject, result.unread))
                continue
            if rule.group and firsts.setdefault((rule.group, result.subject.key), rule.rank) != rule.rank:
                continue
            finding = _stamp(snapshot, rule, mode, result)
            exemption = policy.exemption(rule.id, finding.vault, finding.subject, snapshot.read_at)
            if exemption is None:
                findings.append(finding)
            else:
                exempted.append(Exempted(replace(finding, options=()), exemption))
    return Assessment(
        vault=snapshot.vault.id,
        read_at=snapshot.read_at,
        findings=tuple(sorted(findings, key=lambda finding: (finding.rule, finding.subject.key))),
        not_evaluated=tuple(sorted(missing, key=lambda entry: (entry.rule, entry.subject.key, entry.unread.detail))),
        evaluated=tuple(sorted(evaluated)),
        exempted=tuple(sorted(exempted, key=lambda entry: (entry.finding.rule, entry.finding.subject.key))),
    )


def effective_mode(rule: Rule, policy: Policy, vault: ArmId) -> Mode:
    """The mode policy gives a rule for a vault, never above the rule's ceiling.

    Without a usable policy nothing is changed.
    """
    if policy.unusable:
        return Mode.AUDIT
    mode = policy.mode_of(rule.id, vault) or rule.default
    if mode is Mode.FIX and rule.ceiling is not Applicability.SAFE:
        mode = Mode.APPROVE
    if mode is Mode.APPROVE and rule.ceiling is Applicability.MANUAL:
        mode = Mode.AUDIT
    return mode


def _stamp(snapshot: VaultSnapshot, rule: Rule, mode: Mode, violation: Violation) -> Finding:
    history = snapshot.history
    held = None if isinstance(history, Unread) else history.hold_on(rule.id, violation.subject, snapshot.read_at)
    forgotten = (Blocker("kvguard's own history could not be read", history),) if isinstance(history, Unread) else ()
    options = []
    for proposal in violation.proposals if held is None else ():
        blockers = (*proposal.blockers, *forgotten)
        most = min(proposal.at_most, rule.ceiling, mode.cap)
        applicability = min(most, Applicability.APPROVAL) if blockers else most
        if applicability is Applicability.MANUAL:
            continue
        stamp = digest(rule, mode, proposal.change, violation.facts, proposal.blockers, proposal.warning)
        free_at = _free_at(blockers) if most is Applicability.SAFE else None
        options.append(Option(proposal.change, stamp, applicability, blockers, proposal.warning, free_at))
    evidence = violation.evidence
    if held is not None:
        evidence = (*evidence, f"Held until {held.until:%Y-%m-%d %H:%M} UTC by {held.who}: {held.why}")
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=violation.severity or rule.severity,
        vault=snapshot.vault.id,
        subject=violation.subject,
        message=violation.message,
        facts=violation.facts,
        fingerprint=fingerprint(rule.id, violation.subject),
        doc_url=f"{DOC_ROOT}/{rule.id.lower()}.md",
        options=tuple(sorted(options, key=lambda option: -option.applicability)),
        evidence=evidence,
        advice=violation.advice,
    )


def _free_at(blockers: Sequence[Blocker]) -> datetime | None:
    """When the last of the blockers passes, None when one of them does not pass by itself."""
    ends = [blocker.until for blocker in blockers if blocker.until is not None]
    return max(ends) if ends and len(ends) == len(blockers) else None


def _unique(results: Iterable[Violation | Unknown]) -> list[Violation | Unknown]:
    """One result per subject: the first violation of a subject stands, repeated unknowns are one."""
    seen: set[tuple[ArmId, str]] = set()
    kept: list[Violation | Unknown] = []
    for result in results:
        key = (result.subject, "" if isinstance(result, Violation) else str(result.unread))
        if key not in seen:
            seen.add(key)
            kept.append(result)
    return kept
