"""What became of each published event, per event subscription."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from emulator.eventgrid.envelope import timestamp


class Fate(Enum):
    """`PENDING` has a copy on its way; `DROPPED` was given up without a place for dead letters; `LOST` was taken
    out on purpose; `FILTERED` was not asked for."""

    PENDING = "Pending"
    DELIVERED = "Delivered"
    DEAD_LETTERED = "DeadLettered"
    DROPPED = "Dropped"
    LOST = "Lost"
    FILTERED = "Filtered"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One event for one subscription. `number` counts published events from 1; `copies` is how many deliveries were
    planned, `attempts` how many requests were made, `delivered` how many of them were accepted."""

    number: int
    subscription: str
    event_id: str
    operation: str
    resource: str
    published: datetime
    fate: Fate
    copies: int
    attempts: int
    delivered: int
    first_delivered: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "subscription": self.subscription,
            "eventId": self.event_id,
            "operation": self.operation,
            "resource": self.resource,
            "published": timestamp(self.published),
            "fate": self.fate.value,
            "copies": self.copies,
            "attempts": self.attempts,
            "delivered": self.delivered,
            "firstDelivered": None if self.first_delivered is None else timestamp(self.first_delivered),
        }


class LedgerEntry:
    """The row while it changes. Not safe to use from threads: the grid holds its lock."""

    __slots__ = ("_copies", "_dead", "_delivered", "_event", "_filtered", "_first", "_gone", "_head", "attempts")

    def __init__(
        self, number: int, subscription: str, event: Mapping[str, Any], published: datetime, copies: int | None
    ) -> None:
        self._head = (number, subscription, published)
        self._event = event
        self._filtered = copies is None
        self._copies = copies or 0
        self._delivered = self._dead = self._gone = 0
        self._first: datetime | None = None
        self.attempts = 0

    def delivered(self, at: datetime) -> None:
        """A copy was accepted."""
        self._delivered += 1
        self._first = self._first or at

    def given_up(self, *, dead_letter: bool) -> None:
        """A copy ended as a dead letter, or as nothing."""
        self._dead += dead_letter
        self._gone += not dead_letter

    def row(self) -> LedgerRow:
        number, subscription, published = self._head
        data = self._event.get("data")
        return LedgerRow(
            number=number,
            subscription=subscription,
            event_id=str(self._event.get("id", "")),
            operation=str(data.get("operationName", "")) if isinstance(data, dict) else "",
            resource=str(self._event.get("subject", "")),
            published=published,
            fate=self._fate(),
            copies=self._copies,
            attempts=self.attempts,
            delivered=self._delivered,
            first_delivered=self._first,
        )

    def _fate(self) -> Fate:
        if self._filtered:
            return Fate.FILTERED
        if not self._copies:
            return Fate.LOST
        if self._delivered + self._dead + self._gone < self._copies:
            return Fate.PENDING
        if self._delivered:
            return Fate.DELIVERED
        return Fate.DEAD_LETTERED if self._dead else Fate.DROPPED


def count(rows: list[LedgerRow]) -> dict[Fate, int]:
    """Rows by fate; every fate is there."""
    found = Counter(row.fate for row in rows)
    return {fate: found[fate] for fate in Fate}
