"""What the ledger remembers and Azure does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.vault import ConnectionStatus


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the ledger remembers of one connection. Times are UTC.

    ``moving_since`` is when it was first seen in the transient provisioning state that it has been in ever since.
    """

    status: ConnectionStatus
    since: datetime
    last_approved: datetime | None = None
    rejected_by_kvguard: datetime | None = None
    moving_since: datetime | None = None


# Who holds a subject when Azure itself refused a change, and when somebody takes back what kvguard repairs.
AZURE: Final = "Azure"
KVGUARD: Final = "kvguard"


@dataclass(frozen=True, slots=True)
class Hold:
    """A subject that nothing may change by itself until a time: who said so and why."""

    rule: str
    subject: ArmId
    who: str
    why: str
    until: datetime

    @property
    def by_azure(self) -> bool:
        """Whether Azure refused a change there, and nobody else said no."""
        return self.who == AZURE

    @property
    def by_fight(self) -> bool:
        """Whether kvguard gave up because somebody takes its repair back again and again."""
        return self.who == KVGUARD


def by_subject(holds: Iterable[Hold]) -> Iterator[tuple[Hold, ...]]:
    """The holds of each subject together, in an order that does not depend on the ledger's."""
    together: dict[ArmId, list[Hold]] = {}
    for hold in holds:
        together.setdefault(hold.subject, []).append(hold)
    for subject in sorted(together):
        yield tuple(sorted(together[subject], key=lambda hold: (hold.rule, hold.until, hold.why)))


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """A record set as kvguard's journal says it was last written by kvguard."""

    change_id: str
    addresses: tuple[str, ...]
    ttl: int
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows and Azure does not tell. Keys are ids of connections, of record sets and of zone links.

    ``links_moving_since`` is when each link that is not completed was first seen so (UTC).
    """

    sightings: Mapping[ArmId, Sighting] = field(default_factory=lambda: MappingProxyType({}))
    holds: tuple[Hold, ...] = ()
    written: Mapping[ArmId, WrittenRecord] = field(default_factory=lambda: MappingProxyType({}))
    ttl_mended: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    links_moving_since: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))

    def hold_on(self, rule: str, subject: ArmId, now: datetime) -> Hold | None:
        """The hold that forbids this rule to touch this subject at ``now``, if any."""
        return next((h for h in self.holds if h.rule == rule and h.subject == subject and now < h.until), None)
