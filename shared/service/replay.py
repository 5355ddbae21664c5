"""Poison messages: what was given up, shown to a person and put back to work when the person says so.

Two forms lie on ``kvguard-reconcile-poison``: what kvguard gave up itself, with its reason, and what the Functions host
moved there after five failures, as it was. A message is deleted only after its successor is stored; whoever dies in
between leaves the work doubled, which does no harm, and not lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from shared.domain.message import Hint, Look, Work
from shared.reporting.text import plain
from shared.service.messages import InvalidMessage, decode, encode
from shared.service.ports import Clock, Inbox

_BY_HOST: Final = "failed in every try of the Functions host"
_MOST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Taken:
    """A message taken off the poison queue for a while. ``receipt`` is what deleting it needs."""

    id: str
    text: str
    inserted_at: datetime
    receipt: str


class PoisonQueue(Protocol):
    """The poison queue. Every method may raise LedgerUnavailable."""

    def take(self) -> Sequence[Taken]:
        """Every message that is visible; nobody else sees them for some minutes."""

    def release(self, taken: Taken) -> None:
        """Let a message be seen again at once."""

    def delete(self, taken: Taken) -> None:
        """Delete a message; one that is gone is no error."""


@dataclass(frozen=True, slots=True)
class Poison:
    """One poison message for people: every text is bounded and inert. ``work`` is None for what cannot be read."""

    id: str
    inserted_at: datetime
    kind: str
    about: str
    reason: str
    work: Work | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was done: the messages seen, and the ids of those put back, discarded, kept unreadable, and not found."""

    seen: tuple[Poison, ...]
    put_back: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages to put back, all or by id, and which to discard; with ``dry_run`` it is only said."""

    everything: bool = False
    ids: frozenset[str] = frozenset()
    discard: frozenset[str] = frozenset()
    dry_run: bool = False


class Replayer:
    """Shows poison messages and puts them back on ``kvguard-reconcile``."""

    def __init__(self, queue: PoisonQueue, inbox: Inbox, clock: Clock) -> None:
        self._queue = queue
        self._inbox = inbox
        self._clock = clock

    def run(self, selection: Selection) -> Replayed:
        """Show everything and do what is selected. Raises LedgerUnavailable; what was done until then is done."""
        taken = sorted(self._queue.take(), key=lambda message: (message.inserted_at, message.id))
        open_still = {message.id: message for message in taken}
        seen = tuple(_poison(message) for message in taken)
        put_back: list[str] = []
        discarded: list[str] = []
        unreadable: list[str] = []
        try:
            for poison in seen:
                if poison.id in selection.discard:
                    discarded.append(poison.id)
                    if not selection.dry_run:
                        self._queue.delete(open_still[poison.id])
                        del open_still[poison.id]
                elif selection.everything or poison.id in selection.ids:
                    if poison.work is None:
                        unreadable.append(poison.id)
                        continue
                    put_back.append(poison.id)
                    if not selection.dry_run:
                        # The age limit of the loop counts from now on.
                        self._inbox.send([replace(poison.work, attempt=0, first=self._clock.now())])
                        self._queue.delete(open_still[poison.id])
                        del open_still[poison.id]
        finally:
            self._release(open_still.values())
        unknown = (selection.ids | selection.discard) - {poison.id for poison in seen}
        return Replayed(seen, tuple(put_back), tuple(discarded), tuple(unreadable), tuple(sorted(unknown)))

    def _release(self, left: Iterable[Taken]) -> None:
        for message in left:
            self._queue.release(message)


def _poison(message: Taken) -> Poison:
    work, reason = _work(message.text)
    if work is None:
        return Poison(message.id, message.inserted_at, "unreadable", plain(message.text, _MOST_TEXT), reason, None)
    kind = "hint" if isinstance(work, Hint) else "look" if isinstance(work, Look) else "sweep"
    about = work.resource.text if isinstance(work, Hint) else work.vault.text if isinstance(work, Look) else ""
    about = about or json.loads(encode(work))["subscription"]
    return Poison(message.id, message.inserted_at, kind, plain(about, 2 * _MOST_TEXT), reason, work)


def _work(text: str) -> tuple[Work | None, str]:
    """The work in a message of either form, None when there is none, and the reason why it lies here."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None, "it is not JSON"
    wrapped = isinstance(body, dict) and "work" in body and "version" not in body
    reason = str(body.get("reason", "")) if wrapped else _BY_HOST
    try:
        return decode(json.dumps(body["work"]) if wrapped else text), plain(reason, _MOST_TEXT)
    except (InvalidMessage, ValueError, RecursionError) as error:
        return None, plain(str(error), _MOST_TEXT)
