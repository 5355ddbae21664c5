"""The comparison as a Markdown table, and its place in docs/comparison.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.faults.cases import Case
from bench.faults.result import Result

BEGIN: Final = "<!-- measured: begin, written by `make bench-faults BENCH=--write` -->"
END: Final = "<!-- measured: end -->"
_HEAD: Final = ("case", "guard", "it said", "event lost", "ARM calls", "writes", "longest invocation, s")


@dataclass(frozen=True, slots=True)
class Row:
    """One case with what both guards did."""

    case: Case
    peer: Result
    own: Result


def render(rows: Iterable[Row], circumstances: Sequence[str]) -> str:
    """The circumstances as a list, and two lines of the table per case."""
    lines = [*(f"- {text}" for text in circumstances), ""]
    lines += [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    for row in rows:
        lines.append(_line(row.case.name, "Cloud Custodian", row.peer))
        lines.append(_line("", "kvguard", row.own))
    return "\n".join(lines)


def _line(name: str, guard: str, result: Result) -> str:
    seen = result.witness
    lost = "-" if seen.lost is None else "**yes**" if seen.lost else "no"
    writes = ", ".join(w if n == 1 else f"{w} x{n}" for w, n in Counter(seen.writes).items()) or "none"
    cells = (name, guard, result.said, lost, str(seen.calls), writes, f"{result.blocked:.1f}")
    return f"| {' | '.join(cells)} |"


def put_into(page: Path, table: str) -> None:
    """Replace what stands between the marks. Raises ValueError for a page without them."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for the table")
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
