"""What a name resolves to, as the resolver simulation says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.domain.arm_id import ArmId
from shared.domain.reading import Part, Unread, UnreadReason


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
    ``unread`` is the part for want of which the answer is unknown, None where nothing that is read could tell.
    """

    kind: AnswerKind
    chain: tuple[str, ...]
    reason: str
    addresses: tuple[str, ...] = ()
    zone: ArmId | None = None
    unread: Unread | None = None

    @property
    def summary(self) -> str:
        """The answer in a few words: the addresses or the kind."""
        if self.unread is not None and self.unread.part is Part.CNAMES:
            return "nxdomain or an alias"
        return ", ".join(self.addresses) if self.addresses else self.kind.value

    @property
    def missing(self) -> Unread:
        """What an unknown answer waits for, or why nothing could tell."""
        return self.unread or Unread(UnreadReason.UNSUPPORTED, self.reason)


@dataclass(frozen=True, slots=True)
class Harm:
    """A name that a change would take from a working answer to one that does not work, in one network."""

    vault: ArmId
    network: ArmId
    before: Answer
    after: Answer

    def __str__(self) -> str:
        return f"{self.vault.name} in {self.network.name}: {self.before.summary} -> {self.after.summary}"
