"""What a person would run or write to make a change without kvguard: Azure CLI, Bicep and Terraform text.

A text does exactly what the change does. Names and values in it come from Azure and are untrusted: none of them can
leave its place, and no text holds a character that cannot be seen, line feeds aside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.domain.change import Change
from shared.reporting.snippets import az, bicep, terraform
from shared.reporting.snippets.arm import Unsayable

# A firewall of 1000 address ranges needs a third of it.
MOST_CHARACTERS: Final = 160_000
TOO_LONG: Final = "The text is too long to be shown whole, and a part of it would do something else."


@dataclass(frozen=True, slots=True)
class Snippets:
    """The equivalent texts of one change; each may be no more than a comment that says why there is none."""

    az: str
    bicep: str
    terraform: str


def snippets(change: Change) -> Snippets:
    """The three texts of a change."""
    return Snippets(_said(az.text, change, "#"), _said(bicep.text, change, "//"), _said(terraform.text, change, "#"))


def _said(write: Callable[[Change], str], change: Change, comment: str) -> str:
    try:
        text = write(change)
    except Unsayable as why:
        return f"{comment} {why}"
    return text if len(text) <= MOST_CHARACTERS else f"{comment} {TOO_LONG}"
