"""``kvguard rules``: every rule with what it may do and where its page is."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from shared.engine.evaluate import DOC_ROOT
from shared.reporting.columns import columns
from shared.rules.registry import RULES

_HEADER = ("id", "name", "severity", "ceiling", "default", "page")


class Format(Enum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


def rules(form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE) -> None:
    """List every rule: how bad its findings are, the most it may ever do, what it does by default, and its page."""
    rows = [
        (
            rule.id,
            rule.name,
            rule.severity.name.lower(),
            rule.ceiling.name.lower(),
            rule.default.value,
            f"{DOC_ROOT}/{rule.id.lower()}.md",
        )
        for rule in sorted(RULES, key=lambda rule: rule.id)
    ]
    if form is Format.JSON:
        typer.echo(json.dumps([dict(zip(_HEADER, row, strict=True)) for row in rows], indent=2))
    else:
        typer.echo("\n".join(columns(_HEADER, rows)))
