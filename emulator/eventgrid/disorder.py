"""What a delivery service may do to a stream of events, made frequent: duplicates, loss, reordering, bursts.

Event Grid promises delivery at least once and no order
(https://learn.microsoft.com/azure/event-grid/delivery-and-retry). Loss is beyond that promise: a filter that is
wrong, a dead letter nobody reads, a subscription that was recreated.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Self

# A duplicate comes when an answer was not seen in time, so it comes up to that wait later.
_DUPLICATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Disorder:
    """`duplicates` and `loss` are shares from 0 to 1 of the events; the rest are seconds of Azure.

    An event arrives up to `reorder_seconds` late, each by its own chance, and is then held until the end of a
    window of `burst_seconds`, whose events are let go together. What happens to an event depends on `seed`, the
    event subscription and the event's number only, so a repeated run repeats it.
    Raises `ValueError` for a value out of range.
    """

    duplicates: float = 0.0
    loss: float = 0.0
    reorder_seconds: float = 0.0
    burst_seconds: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("duplicates", "loss"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, not {getattr(self, name):g}")
        for name in ("reorder_seconds", "burst_seconds"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be seconds, 0 or more, not {getattr(self, name):g}")

    @classmethod
    def parse(cls, settings: Iterable[str]) -> Self:
        """From texts like `duplicates=0.2`, as a command line gives them. Raises `ValueError`."""
        given = dict(setting.partition("=")[::2] for setting in settings)
        return cls.from_mapping(given)

    @classmethod
    def from_mapping(cls, document: Mapping[str, object]) -> Self:
        """From names and numbers; a name left out keeps its default. Raises `ValueError`."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(document) - known)
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        seed = int(_number("seed", document.get("seed", 0)))
        return cls(seed=seed, **{name: _number(name, value) for name, value in document.items() if name != "seed"})

    def delays(self, subscription: str, number: int) -> tuple[float, ...]:
        """When the copies of event `number` set out, in seconds after it was published; none for a lost event."""
        chance = random.Random(f"{self.seed}/{subscription}/{number}")
        # Always drawn in this order, so that one knob does not change what another one does.
        lost, doubled, first, second = (chance.random() for _ in range(4))
        if lost < self.loss:
            return ()
        copies = [first * self.reorder_seconds]
        if doubled < self.duplicates:
            copies.append(second * (self.reorder_seconds or _DUPLICATE_SECONDS))
        return tuple(copies)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{name} must be a number, not {value!r}")
    try:
        return float(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a number, not {value!r}") from error
