"""The questions of a person at a terminal, who asks with rights of his own: explain, resolve, peers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from shared.domain.access import Caller, Explained, Resolved
from shared.domain.arm_id import ArmId
from shared.domain.history import History
from shared.domain.peers import PeerRow
from shared.domain.reading import Gone
from shared.domain.rule import Rule
from shared.engine.peers import compared_rules, peer_verdicts
from shared.service.explain import Explainer, Surroundings
from shared.service.judge import Judge, Readings
from shared.service.ports import Clock, Deadline, PolicySource

_SECONDS: Final = 60.0


class Sight(Surroundings, Readings, Protocol):
    """What a person sees of Azure. Every method may raise EstateError."""

    def vaults(self, subscription: str, *, deadline: Deadline) -> Iterable[ArmId]:
        """The ids of all vaults of a subscription."""


class Inquiry:
    """Answers about single vaults; ``watched`` are the subscriptions in which a vault is looked up by its name."""

    def __init__(
        self, sight: Sight, policies: PolicySource, rules: Sequence[Rule], watched: frozenset[str], clock: Clock
    ) -> None:
        self._sight = sight
        self._policies = policies
        self._rules = rules
        self._watched = watched
        self._clock = clock
        self._explainer = Explainer(sight, policies, rules, None)

    @property
    def watches(self) -> bool:
        """Whether there is any subscription to look a vault up in."""
        return bool(self._watched)

    def named(self, name: str) -> tuple[ArmId, ...]:
        """The vaults of that name in the watched subscriptions. Raises EstateError."""
        deadline = self._clock.deadline(_SECONDS)
        found = {
            vault
            for subscription in sorted(self._watched)
            for vault in self._sight.vaults(subscription, deadline=deadline)
            if vault.name.casefold() == name.casefold()
        }
        return tuple(sorted(found))

    def explain(self, vault: ArmId, caller: Caller) -> Explained | Gone:
        """Whether a caller gets in; see ``Explainer.explain``."""
        return self._explainer.explain(vault, caller, self._clock.deadline(_SECONDS))

    def resolve(self, vault: ArmId, networks: tuple[ArmId, ...]) -> Resolved | Gone:
        """What the vault's name resolves to; see ``Explainer.resolve``."""
        return self._explainer.resolve(vault, networks, self._clock.deadline(_SECONDS))

    def peers(self, vault: ArmId) -> tuple[PeerRow, ...] | Gone:
        """What other tools say about a vault beside what kvguard says. Raises EstateError."""
        judge, deadline = Judge(self._sight, self._rules), self._clock.deadline(_SECONDS)
        policy = self._policies.policy()
        judgement = judge.judge(vault, policy, History(), deadline, fresh=True, also=compared_rules())
        if isinstance(judgement, Gone):
            return judgement
        return peer_verdicts(judgement.snapshot.vault, judgement.assessment)
