"""What other tools say about a vault beside what kvguard says, as JSON and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.peers import PeerRow
from shared.reporting.columns import columns
from shared.reporting.findings import SENTENCE, Object, id_text
from shared.reporting.lines import wrapped
from shared.reporting.text import plain

_HEADER: Final = ("peer", "rule", "says", "kvguard", "same")
# Ids of Azure Policy definitions are as long as the rest of the line.
_RULE: Final = 36


def peers_json(vault: ArmId, rows: Sequence[PeerRow]) -> str:
    """Every check of every peer as one JSON object."""
    state = next((row.state for row in rows if row.state is not None), None)
    body = {
        "vault": id_text(vault),
        "state": None if state is None else state.value,
        "checks": [_row(row) for row in rows],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def peers_text(vault: ArmId, rows: Sequence[PeerRow]) -> str:
    """The table, then for each check that differs why it does."""
    return "\n".join(_lines(vault, rows))


def _row(row: PeerRow) -> Object:
    return {
        "peer": row.check.peer,
        "rule": row.check.rule,
        "says": row.says.value,
        "kvguard": row.ours.value,
        "findings": list(row.found),
        "agrees": row.agrees,
        "why": plain(row.why, SENTENCE) or None,
        "recorded_as_wrong": row.wrong,
        "known_how": row.basis.value,
        "version": row.check.read,
        "source": row.check.source,
    }


def _lines(vault: ArmId, rows: Sequence[PeerRow]) -> Iterator[str]:
    state = next((row.state for row in rows if row.state is not None), None)
    known = "none of the eight states of the table" if state is None else f"state {state.value}"
    yield from wrapped(f"What other tools say about vault {vault.name}: {known}")
    yield ""
    cells = ((row.check.peer, plain(row.check.rule, _RULE), row.says.value, _ours(row), _same(row)) for row in rows)
    yield from columns(_HEADER, cells)
    different = [row for row in rows if row.agrees is not True and row.why]
    if different:
        yield from ("", "Why they differ:")
    for row in different:
        yield from wrapped(f"{row.check.rule}: {row.why}", "  - ")


def _ours(row: PeerRow) -> str:
    return " ".join(row.found) or row.ours.value


def _same(row: PeerRow) -> str:
    said = {True: "yes", False: "NO", None: "-"}[row.agrees]
    return f"{said} (peer is wrong)" if row.wrong else said
