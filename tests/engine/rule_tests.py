"""The tests of the rules as plain calls, so that they can be run hundreds of times without pytest around them.

A test of a rule takes nothing but parameters; one that asked for a fixture could not be called and fails here.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

_TESTS: Final = Path(__file__).parents[1] / "rules"

# Tests that are about several rules at once.
_TOGETHER: Final = {
    "1": ("test_eight_states", "test_corners_exposure"),
    "2": ("test_corners_exposure",),
    "3": ("test_corners_dns",),
    "4": ("test_record_precedence", "test_corners_dns"),
    "5": ("test_corners_path",),
    "9": ("test_corners_path",),
}

Call = Callable[[], None]


def failing(rules: tuple[str, ...]) -> str:
    """The name of the first test of these rules that fails, empty when none does."""
    for rule in rules:
        for name, call in calls(rule):
            try:
                call()
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a mutant may fail in any way
                return name
    return ""


@cache
def calls(rule: str) -> tuple[tuple[str, Call], ...]:
    """Each test of a rule with each of its parameters."""
    own = [path.stem for path in sorted(_TESTS.glob(f"test_{rule.lower()}_*.py"))]
    together = _TOGETHER.get(rule[3], ())
    return tuple(entry for module in (*own, *together) for entry in _calls(module))


def _calls(module: str) -> Iterator[tuple[str, Call]]:
    for name, test in vars(importlib.import_module(f"tests.rules.{module}")).items():
        if name.startswith("test_") and inspect.isfunction(test):
            for arguments in _arguments(test):
                yield name, _bound(test, arguments)


def _bound(test: Callable[..., None], arguments: Mapping[str, Any]) -> Call:
    return lambda: test(**arguments)


def _arguments(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    for chosen in itertools.product(*(_choices(mark) for mark in marks)):
        yield {name: value for part in chosen for name, value in part.items()}


def _choices(mark: pytest.Mark) -> Iterator[dict[str, Any]]:
    names, values = mark.args[0], mark.args[1]
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for value in values:
        given = getattr(value, "values", None) if type(value).__name__ == "ParameterSet" else None
        row = given if given is not None else ((value,) if len(listed) == 1 else value)
        yield dict(zip(listed, row, strict=True))
