"""`function_app.py` is no package, so import-linter does not see it; its layer is checked here."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.import_contracts import imported_names

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = ("azure.functions", "functions", "shared.bootstrap")


def strangers(source: str) -> list[str]:
    """What a source imports beyond azure-functions, the edges, bootstrap and the standard library."""
    return [
        name
        for name, _ in imported_names(source)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED)
    ]


def test_the_app_registers_edges_and_knows_nothing_else() -> None:
    assert strangers((ROOT / "function_app.py").read_text(encoding="utf-8")) == []


def test_a_stranger_is_found() -> None:
    source = """
import azure.functions as func
from functions import health
from azure import mgmt
import shared.adapters
"""

    assert strangers(source) == ["azure.mgmt", "shared.adapters"]
