"""What a rule is and what it sees: a pure function from one case to violations.

Rules import nothing but the domain. The resolver simulation reaches them through ``Case``, as a value that keeps the
contract of ``Resolver``; so a rule can be read, tested and reviewed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from shared.domain.answer import Answer, Harm
from shared.domain.arm_id import ArmId
from shared.domain.change import Change, Facts
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.policy import Policy
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Existence, Vault


class Resolver(Protocol):
    """The resolver simulation as rules use it."""

    def resolving_networks(
        self, snapshot: VaultSnapshot, network: ArmId, vault: Vault | None = None
    ) -> tuple[ArmId, ...] | Unread:
        """The networks whose DNS view clients of ``network`` get, Unread when that cannot be known.

        ``vault`` is whose names are asked for, the snapshot's own without it.
        """

    def view(self, snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
        """What Azure-provided DNS answers in ``network`` itself for the vault's host name."""

    def answer(self, snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
        """What clients in ``network`` get, custom DNS servers and forwarding rulesets followed."""

    def askers(self, snapshot: VaultSnapshot, network: ArmId) -> tuple[ArmId, ...] | Unread:
        """The networks whose clients may get the view of ``network``, itself included; unread peers count."""

    def harms(self, before: VaultSnapshot, after: VaultSnapshot) -> tuple[Harm, ...] | Unread:
        """Every name of a known vault that works in some network before and would not after."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why a change is not SAFE. ``unread`` names the unknown part where that is the reason.

    ``until`` (UTC) is when the reason passes by itself, so that somebody looks again then.
    """

    why: str
    unread: Unread | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that would mend a violation: SAFE unless something blocks it, then a question.

    ``at_most`` caps what the rule itself lets it be.
    """

    change: Change
    blockers: tuple[Blocker, ...] = ()
    at_most: Applicability = Applicability.SAFE
    warning: str = ""

    @property
    def applicability(self) -> Applicability:
        """SAFE only without any blocker."""
        return self.at_most if not self.blockers else min(self.at_most, Applicability.APPROVAL)


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule found: ``facts`` are what it relied on and what an approval is bound to."""

    subject: ArmId
    message: str
    facts: Facts
    proposals: tuple[Proposal, ...] = ()
    evidence: tuple[str, ...] = ()
    advice: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A rule could not be judged for a subject because a part was not read."""

    subject: ArmId
    unread: Unread


@dataclass(frozen=True, slots=True)
class Case:
    """One vault under judgement: its snapshot, the policy and the resolver simulation."""

    snapshot: VaultSnapshot
    policy: Policy
    resolver: Resolver


Check = Callable[[Case], Iterable[Violation | Unknown]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Identity and behaviour of one rule.

    ``ceiling`` is absolute: no policy lifts it. ``default`` is the mode without a policy entry. ``revision`` grows
    when the meaning changes, so that older approvals become void. ``rank`` orders rules that judge the same subject
    within ``group``: only the first that fires is reported. ``controls`` maps peers and benchmarks to their ids.
    ``at_events`` says that parts which a first glance leaves out are worth reading for this rule whenever an event
    comes; otherwise only sweeps and audits read them, and looks while something that the rule found is open.
    ``judges`` are the states of a vault that the rule looks at. ``of_moving`` says that the rule is about what does
    not come to rest and knows by itself how long that has lasted: what it explains is told at once, and also from a
    reading that is not quiet.
    """

    id: str
    name: str
    title: str
    severity: Severity
    ceiling: Applicability
    default: Mode
    check: Check
    revision: int = 1
    group: str = ""
    rank: int = 0
    controls: MappingProxyType[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    at_events: bool = True
    judges: frozenset[Existence] = frozenset({Existence.EXISTS})
    of_moving: bool = False
