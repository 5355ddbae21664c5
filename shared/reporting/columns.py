"""Tables for a terminal: plain text in aligned columns, nothing wrapped, so that cells can be searched and copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from shared.reporting.text import plain

CELL: Final = 2048
_GAP: Final = "  "


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table with its header in capitals; every cell is made fit to be shown."""
    cells = [[name.upper() for name in header], *([plain(cell, CELL) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
