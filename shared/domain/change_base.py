"""What every change is, whatever it changes: a verb on a target with arguments, and the key that follows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.arm_id import ArmId

Json = str | int | bool | None | list[str]
Facts = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Irreversible:
    """There is no inverse; ``lost`` says what nobody can bring back."""

    lost: str


class Keyed:
    """What every change is: a verb on a target with arguments, and the key that follows from these three.

    Each change of the union also has ``precondition`` and ``description``, sentences for people; ``simulate``, which
    gives the snapshot as it would be afterwards and touches nothing else; and ``inverse``, the change that takes it
    back, or Irreversible with what is lost.
    """

    __slots__ = ()

    verb: str

    @property
    def target(self) -> ArmId:
        """The resource that is written."""
        raise TypeError("a change names its target")

    @property
    def arguments(self) -> Facts:
        """What is to be written and what is relied on, as plain values: part of key and digest."""
        raise TypeError("a change names its arguments")

    @property
    def key(self) -> str:
        """Idempotency key: the same verb, target and arguments always give the same 32 hex digits."""
        text = json.dumps([self.verb, self.target.key, dict(self.arguments)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]
