"""What shall happen: changes to apply, questions for people, explanations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.finding import Finding, Option


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change that will be made without asking. ``after`` are the keys of changes that must be there first."""

    finding: Finding
    option: Option
    after: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """The change itself."""
        return self.option.change


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The plan for one vault.

    ``apply`` in order; ``ask`` and ``explain`` are the findings that remain once it is applied: with options for a
    person, or without any.
    """

    apply: tuple[PlannedChange, ...] = ()
    ask: tuple[Finding, ...] = ()
    explain: tuple[Finding, ...] = ()


class OutcomeKind(Enum):
    """How an attempt to make a change ended."""

    APPLIED = "applied"
    ACCEPTED = "accepted"
    ALREADY_TRUE = "already-true"
    CONFLICT = "conflict"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one change. ``effective_after`` in seconds: the old TTL, or the time a link takes.

    ``retry`` says whether coming back later can help; ``retry_after`` in seconds where Azure named one. ``kept`` is
    the JSON text of an object as it was read right before it was deleted, for what nobody could bring back otherwise.
    """

    kind: OutcomeKind
    target: ArmId
    at: datetime
    detail: str = ""
    effective_after: int = 0
    retry: bool = False
    retry_after: float = 0.0
    kept: str = ""

    @property
    def changed(self) -> bool:
        """Whether Azure has taken the change (Accepted operations may still be running)."""
        return self.kind in (OutcomeKind.APPLIED, OutcomeKind.ACCEPTED)
