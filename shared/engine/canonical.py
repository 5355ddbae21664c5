"""One order for what was read: equal estates give equal plans, however Azure lists them.

ARM promises no order, repeats entries when a list changes between two pages, and returns one id in several casings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from shared.domain.arm_id import ArmId
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import Zone

T = TypeVar("T")


def canonical(snapshot: VaultSnapshot) -> VaultSnapshot:
    """The same snapshot with every list sorted by id and each id once; the later of two entries of one id stands."""
    neighbours = snapshot.neighbours
    if not isinstance(neighbours, Unread):
        neighbours = _once(neighbours, lambda neighbour: neighbour.vault.id)
    vault = replace(snapshot.vault, connections=_once(snapshot.vault.connections, lambda connection: connection.id))
    zones = _once(map(_zone, snapshot.zones), lambda zone: zone.id)
    return replace(snapshot, vault=vault, zones=zones, neighbours=neighbours)


def _zone(zone: Zone) -> Zone:
    return zone if isinstance(zone.links, Unread) else replace(zone, links=_once(zone.links, lambda link: link.id))


def _once(entries: Iterable[T], identity: Callable[[T], ArmId]) -> tuple[T, ...]:
    known = {identity(entry): entry for entry in entries}
    return tuple(known[key] for key in sorted(known))
