"""Every guard and every clause of every rule is needed: with any one of them taken away, a test of the rule fails.

What no test can notice is listed with the reason; a line that is no longer true fails as well.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import shared.domain
from shared.rules.registry import RULES
from tests.engine.equivalents import EQUIVALENT
from tests.engine.guards import SHARED, Guard, guard_functions, guards_of, lost, modules
from tests.engine.rule_tests import calls, failing

pytestmark = pytest.mark.xdist_group("guards")

_IDS = {rule.check.__module__: rule.id for rule in RULES}


def _rules(module: str) -> tuple[str, ...]:
    return SHARED.get(module) or (_IDS[module],)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.rpartition(".")[2])
def test_a_lost_guard_is_noticed_by_the_tests_of_its_rules(module: str) -> None:
    rules = _rules(module)
    assert failing(rules) == "", "the tests of the rules fail without any change"
    unnoticed = {guard.name for guard in guards_of(module) if _survives(guard, rules)}
    assert unnoticed == {name for name in EQUIVALENT if name in {guard.name for guard in guards_of(module)}}
    assert failing(rules) == "", "a change was not taken back"


def _survives(guard: Guard, rules: tuple[str, ...]) -> bool:
    with lost(guard):
        return failing(rules) == ""


def test_what_cannot_be_noticed_has_a_reason_and_still_exists() -> None:
    known = {guard.name for module in modules() for guard in guards_of(module)}
    assert EQUIVALENT.keys() <= known
    assert all(len(reason.split()) >= 4 for reason in EQUIVALENT.values())


def test_every_guard_function_of_every_rule_is_silenced_once() -> None:
    silenced = {
        (guard.module, guard.function) for module in modules() for guard in guards_of(module) if guard.place is None
    }
    assert silenced == {(module, name) for module in modules() for name in guard_functions(module)}
    assert silenced == set(_annotated())
    assert len(silenced) >= 60


def _annotated() -> Iterator[tuple[str, str]]:
    """Functions of rules and of the domain that yield blockers or objections, found without the code under test."""
    places = [f"shared.domain.{found.name}" for found in pkgutil.iter_modules(shared.domain.__path__)]
    for module in [*_IDS, *places]:
        for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
            if isinstance(node, ast.FunctionDef) and node.returns is not None:
                said = ast.unparse(node.returns)
                if said.startswith("Iterator[") and said.removesuffix("]").endswith(("Blocker", "Objection")):
                    yield module, node.name


def test_every_rule_has_tests_that_can_be_called() -> None:
    assert all(len(calls(rule.id)) >= 3 for rule in RULES)


def test_guards_have_different_names() -> None:
    names = [guard.name for module in modules() for guard in guards_of(module)]
    assert sorted(names) == sorted(set(names))
    assert len(names) > 700
