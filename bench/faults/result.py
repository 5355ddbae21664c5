"""One cell row of the comparison."""

from __future__ import annotations

from dataclasses import dataclass

from bench.faults.stage import Witness


@dataclass(frozen=True, slots=True)
class Result:
    """What one guard did in one case: its own words, the witness, and its longest invocation in seconds."""

    said: str
    witness: Witness
    blocked: float
