"""What a name resolves to, as the resolver simulation says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.domain.arm_id import ArmId


class AnswerKind(Enum):
    """The four answers that a client in a network can get for a vault's host name."""

    PRIVATE_RECORD = "private-record"
    PUBLIC = "public"
    NXDOMAIN = "nxdomain"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``addresses`` are IPv4 and only present for a private record.

    ``chain`` are the lines that ``host`` prints for the walk along the aliases; ``reason`` says why it ended so.
    """

    kind: AnswerKind
    chain: tuple[str, ...]
    reason: str
    addresses: tuple[str, ...] = ()
    zone: ArmId | None = None

    @property
    def summary(self) -> str:
        """The answer in a few words: the addresses or the kind."""
        return ", ".join(self.addresses) if self.addresses else self.kind.value


@dataclass(frozen=True, slots=True)
class Harm:
    """A name that a change would take from a working answer to one that does not work, in one network."""

    vault: ArmId
    network: ArmId
    before: Answer
    after: Answer

    def __str__(self) -> str:
        return f"{self.vault.name} in {self.network.name}: {self.before.summary} -> {self.after.summary}"
