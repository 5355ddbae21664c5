"""Findings and assessments: what evaluation says about one vault."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, Facts
from shared.domain.grades import Applicability, Severity
from shared.domain.policy import Exemption
from shared.domain.reading import Unread
from shared.domain.rule import Blocker


@dataclass(frozen=True, slots=True)
class Option:
    """One exact, prepared change. ``digest`` (64 hex digits) binds it to the facts it was prepared on.

    ``free_at`` (UTC) is when time alone will have made it SAFE, None when something else stands in its way as well.
    """

    change: Change
    digest: str
    applicability: Applicability
    blockers: tuple[Blocker, ...] = ()
    warning: str = ""
    free_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation with the identity of its rule. ``fingerprint`` is the same for the same rule and subject."""

    rule: str
    name: str
    severity: Severity
    vault: ArmId
    subject: ArmId
    message: str
    facts: Facts
    fingerprint: str
    doc_url: str
    options: tuple[Option, ...] = ()
    evidence: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """A rule that could not be judged, and what stood in the way."""

    rule: str
    subject: ArmId
    unread: Unread


@dataclass(frozen=True, slots=True)
class Exempted:
    """A finding that an exemption of the policy silences. It has no options: nothing is done about it."""

    finding: Finding
    exemption: Exemption


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict on one vault at one time (UTC). Sorted, so that equal input gives equal output.

    What is ``exempted`` is among no findings, and so in no plan.
    """

    vault: ArmId
    read_at: datetime
    findings: tuple[Finding, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    evaluated: tuple[str, ...] = field(default=())
    exempted: tuple[Exempted, ...] = ()

    def wanted(self, rules: frozenset[str]) -> tuple[Unread, ...]:
        """The deferred parts that a deeper reading would have to bring for the full verdict of these rules."""
        unread = [missing.unread for missing in self.not_evaluated if missing.rule in rules]
        unread += [
            blocker.unread
            for finding in self.findings
            if finding.rule in rules
            for option in finding.options
            for blocker in option.blockers
            if blocker.unread is not None
        ]
        return tuple(dict.fromkeys(part for part in unread if part.part is not None))
