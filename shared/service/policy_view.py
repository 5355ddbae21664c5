"""What the policy says about one vault, with the origin of each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.arm_id import ArmId
from shared.domain.effective import EffectivePolicy
from shared.domain.reading import Unread
from shared.domain.rule import Rule
from shared.engine.effective import effective_policy, tag_matters
from shared.service.ports import Clock, PolicySource


class TagSource(Protocol):
    """Where the tag ``kvguard-profile`` of a vault is read."""

    def read(self, vault: ArmId) -> str | Unread | None:
        """Its value, None where the vault has none, Unread where that could not be read. Never raises."""


class PolicyView:
    """Shows the policy as it holds for single vaults; reads a tag only where it can decide something."""

    def __init__(self, policies: PolicySource, tags: TagSource, rules: Sequence[Rule], clock: Clock) -> None:
        self._policies = policies
        self._tags = tags
        self._rules = rules
        self._clock = clock

    def show(self, vault: ArmId) -> EffectivePolicy:
        """What holds for a vault now."""
        policy = self._policies.policy()
        tag = self._tags.read(vault) if tag_matters(policy, vault) else None
        return effective_policy(policy, vault, tag, self._rules, self._clock.now())
