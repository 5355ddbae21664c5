"""Why a name resolves as it does, and whether a caller gets in: one reading as deep as the question needs.

Nothing is written. The networks of a question are read only where kvguard may look anyway, because it reads them with
its own rights for somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from shared.domain.access import AccessExplanation, Caller, Explained, Resolved, Verdict
from shared.domain.arm_id import ArmId
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part, Unread
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.engine.access import explain
from shared.engine.evaluate import evaluate
from shared.engine.resolution import networks_of, resolution
from shared.service.ports import Deadline, PolicySource
from shared.service.question import MOST_NETWORKS

_DEEPEST: Final = 4


class Surroundings(Protocol):
    """What a question needs of Azure: a vault, deeper parts of it, and networks. Every method may raise EstateError."""

    def spare(self, vault: ArmId) -> None:
        """Ask for room for one look that nobody depends on. Makes no call.

        Raises EstateThrottled when what is left is for the work of the guard.
        """

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        """Read one vault; see ``Estate.read``."""

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        """Read more parts of it; see ``Estate.deepen``."""

    def with_networks(self, snapshot: VaultSnapshot, networks: Iterable[ArmId], *, deadline: Deadline) -> VaultSnapshot:
        """The same snapshot with these networks, their rulesets and the holders of their DNS servers read as well."""


class NoSuchNetwork(Exception):
    """A network of the question does not exist where kvguard may look; which of the two is not said."""


class Explainer:
    """Answers questions about single vaults.

    ``watched`` are the subscriptions of the app: networks are read there, and where policy has zones and client
    networks. None is for a person who asks with rights of his own, everywhere.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        policies: PolicySource,
        rules: Sequence[Rule],
        watched: frozenset[str] | None,
    ) -> None:
        self._surroundings = surroundings
        self._policies = policies
        self._rules = rules
        self._watched = watched

    def explain(self, vault: ArmId, caller: Caller, deadline: Deadline) -> Explained | Gone:
        """Whether a caller gets in. Raises NoSuchNetwork, and EstateError when the vault itself cannot be read."""
        policy = self._policies.policy()
        wanted = () if caller.network is None else (caller.network,)
        self._check(wanted, policy)
        self._surroundings.spare(vault)
        snapshot = self._surroundings.read(vault, deadline=deadline, fresh=True)
        if isinstance(snapshot, Gone):
            return snapshot
        snapshot = self._with(snapshot, wanted, deadline)
        snapshot = self._deepened(snapshot, deadline, lambda seen: _missing(explain(seen, caller)))
        not_known = evaluate(snapshot, policy, self._rules).not_evaluated
        return Explained(snapshot.vault.id, snapshot.read_at, explain(snapshot, caller), not_known)

    def resolve(self, vault: ArmId, networks: tuple[ArmId, ...], deadline: Deadline) -> Resolved | Gone:
        """What the vault's name resolves to in these networks, without any in all that matter.

        Raises NoSuchNetwork, and EstateError when the vault itself cannot be read.
        """
        policy = self._policies.policy()
        self._check(networks, policy)
        self._surroundings.spare(vault)
        snapshot = self._surroundings.read(vault, deadline=deadline, fresh=True)
        if isinstance(snapshot, Gone):
            return snapshot
        every = networks or networks_of(snapshot)
        chosen, left_out = every[:MOST_NETWORKS], every[MOST_NETWORKS:]
        allowed = tuple(network for network in chosen if self._may_read(network, policy))
        snapshot = self._with(snapshot, networks or allowed, deadline, named=bool(networks))
        snapshot = self._deepened(
            snapshot, deadline, lambda seen: (resolution(seen, network).answer.unread for network in chosen)
        )
        resolutions = tuple(resolution(snapshot, network) for network in chosen)
        not_known = evaluate(snapshot, policy, self._rules).not_evaluated
        return Resolved(snapshot.vault.id, snapshot.read_at, resolutions, left_out, not_known)

    def _check(self, networks: tuple[ArmId, ...], policy: Policy) -> None:
        if not all(self._may_read(network, policy) for network in networks):
            raise NoSuchNetwork

    def _may_read(self, network: ArmId, policy: Policy) -> bool:
        if self._watched is None:
            return True
        clients = (entry.network.subscription for entry in policy.client_networks)
        zones = (entry.id.subscription for entry in policy.zones)
        places = (*self._watched, *policy.zone_subscriptions, *zones, *clients)
        return network.subscription.lower() in {place.lower() for place in places}

    def _with(
        self, snapshot: VaultSnapshot, networks: tuple[ArmId, ...], deadline: Deadline, *, named: bool = True
    ) -> VaultSnapshot:
        """The snapshot with the networks; one that was named and does not exist is no such network."""
        if networks:
            snapshot = self._surroundings.with_networks(snapshot, networks, deadline=deadline)
        if named and any(isinstance(snapshot.network(network), Gone) for network in networks):
            raise NoSuchNetwork
        return snapshot

    def _deepened(
        self, snapshot: VaultSnapshot, deadline: Deadline, ask: Callable[[VaultSnapshot], Iterable[Unread | None]]
    ) -> VaultSnapshot:
        """The snapshot with the parts read for want of which an answer is not known."""
        done: frozenset[Part] = frozenset()
        for _ in range(_DEEPEST):
            wanted = frozenset(unread.part for unread in ask(snapshot) if unread and unread.part is not None) - done
            if not wanted:
                break
            done |= wanted
            snapshot = self._surroundings.deepen(snapshot, deadline=deadline, parts=wanted)
        return snapshot


def _missing(found: AccessExplanation) -> Iterable[Unread | None]:
    return (gate.unread for gate in found.gates if gate.verdict is Verdict.UNKNOWN)
