"""Audit: the first three steps of the loop over one vault, now, without any write."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.history import History
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.engine.resolver import ResolverSimulation
from shared.reporting.assessment import NetworkAnswer, render
from shared.service.judge import Judge, Judgement
from shared.service.memory import history_of
from shared.service.ports import Deadline, Ledger, LedgerUnavailable, PolicySource


@dataclass(frozen=True, slots=True)
class Audit:
    """The judgement of one vault and its JSON text."""

    judgement: Judgement
    text: str


class Auditor:
    """Judges vaults on demand. A ledger that cannot be read makes the history Unread, not the audit fail."""

    def __init__(self, judge: Judge, ledger: Ledger, policies: PolicySource, mode: str) -> None:
        self._judge = judge
        self._ledger = ledger
        self._policies = policies
        self._mode = mode

    def audit(self, vault: ArmId, deadline: Deadline) -> Audit | Gone:
        """Judge one vault now. Raises EstateError when the vault itself cannot be read."""
        history: History | Unread
        try:
            history = history_of(self._ledger.load(vault))
        except LedgerUnavailable as error:
            history = Unread(UnreadReason.UNAVAILABLE, str(error)[:200])
        every = self._judge.every_rule
        judgement = self._judge.judge(vault, self._policies.policy(), history, deadline, fresh=True, also=every)
        if isinstance(judgement, Gone):
            return judgement
        return Audit(judgement, render(judgement.assessment, judgement.plan, _answers(judgement), self._mode))


def _answers(judgement: Judgement) -> tuple[NetworkAnswer, ...]:
    """What the vault's name resolves to in each network that holds one of its endpoints."""
    snapshot, resolver = judgement.snapshot, ResolverSimulation()
    networks = sorted({e.network for e in snapshot.endpoints.values() if isinstance(e, PrivateEndpoint)})
    return tuple(NetworkAnswer(n, resolver.answer(snapshot, n, snapshot.vault)) for n in networks)
