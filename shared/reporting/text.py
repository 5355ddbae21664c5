"""Text from outside made fit to be shown.

Names, descriptions and error texts come from whoever may write to the subscription. A control character in them can
clear a terminal, forge a line of a log or turn the reading direction of a card, so each one is made visible, and no
text is longer than its place.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Final

ELLIPSIS: Final = "\u2026"
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str, limit: int, *, multiline: bool = False) -> str:
    r"""The text with control, format and surrogate characters as ``\u{1b}`` and at most ``limit`` characters.

    With ``multiline`` line feeds stay. A text that was cut ends with an ellipsis.
    """
    pieces: list[str] = []
    length = 0
    for character in text:
        kept = character == "\n" and multiline
        piece = character if kept or unicodedata.category(character) not in _INVISIBLE else _visible(character)
        if length + len(piece) > limit:
            if pieces and length + len(ELLIPSIS) > limit:
                pieces.pop()
            return "".join(pieces) + ELLIPSIS[:limit]
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)


def rfc3339(moment: datetime) -> str:
    """A time as ``2026-11-21T20:15:00.000Z``: fixed width, so that texts sort as times do.

    Raises ValueError for a time without a zone, which could be any time.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _visible(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"
