"""How a tree of values is laid out in Bicep and in Terraform: the same lines, other marks between and behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.reporting.snippets.arm import Reference, Value

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Layout:
    """A language's way: ``literal`` quotes a text, ``words`` are no bare keys, ``between`` stands after a key.

    ``behind`` ends an entry of a list.
    """

    literal: Callable[[str], str]
    words: frozenset[str]
    between: str
    behind: str

    def text(self, value: Value, depth: int = 0) -> str:
        """The value with its entries indented by two spaces for each level below ``depth``."""
        inner, outer = "  " * (depth + 1), "  " * depth
        match value:
            case bool():
                return "true" if value else "false"
            case int():
                return str(value)
            case str():
                return self.literal(value)
            case Reference():
                return value.symbol
            case list():
                rows = "".join(f"{inner}{self.text(entry, depth + 1)}{self.behind}\n" for entry in value)
                return f"[\n{rows}{outer}]" if rows else "[]"
            case _:
                rows = "".join(
                    f"{inner}{self._key(name)}{self.between}{self.text(entry, depth + 1)}\n"
                    for name, entry in value.items()
                )
                return f"{{\n{rows}{outer}}}" if rows else "{}"

    def _key(self, name: str) -> str:
        return name if _NAME.match(name) and name not in self.words else self.literal(name)
