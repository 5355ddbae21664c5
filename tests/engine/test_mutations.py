"""Every guard is needed: with any one of them taken away, a property of the focused estates fails.

That they hold with every guard in place is what the property tests say.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from shared.domain.grades import Applicability
from shared.rules.registry import RULES
from tests.engine.corpus import focused
from tests.engine.mutations import MUTATIONS, SAFE_MODULES, Mutation, applied
from tests.engine.properties import CORE, VaultCase

pytestmark = pytest.mark.xdist_group("estates")


@cache
def _cases() -> tuple[VaultCase, ...]:
    """The focused estates, judged by the rules that may change something by themselves."""
    safe = tuple(rule for rule in RULES if rule.ceiling is Applicability.SAFE)
    return tuple(replace(case, rules=safe) for case in focused())


def _killed_by(mutation: Mutation) -> str:
    """The name of the property that fails, empty when none does. A mutant that cannot even run fails as well."""
    with applied(mutation):
        for prop, case in product(CORE, _cases()):
            try:
                breach = next(prop(case), None)
            except (AttributeError, TypeError, LookupError, AssertionError) as crash:
                return f"{prop.__name__} ({crash!r})"
            if breach is not None:
                return prop.__name__
    return ""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_lost_guard_is_noticed(mutation: Mutation) -> None:
    before = [case.plan() for case in _cases()[::20]]
    assert _killed_by(mutation) != ""
    assert [case.plan() for case in _cases()[::20]] == before


# Guards whose loss no property of the focused estates shows; the rules' own tests do (test_guards).
BY_THEIR_TESTS = {
    ("KVG403", "_answered_first"),
    ("KVG411", "_wildcard"),
    ("KVG412", "_other_endpoints"),
    ("KVG412", "_public"),
    ("KVG412", "_strangers"),
    ("KVG413", "_contest"),
}


def test_every_guard_function_of_a_safe_rule_has_a_mutation() -> None:
    guards = {(_rule(module), name) for module in SAFE_MODULES for name in _guards(module)}
    silenced = {
        (_rule(edit.module), edit.function) for mutation in MUTATIONS for edit in mutation.edits if not edit.old
    }
    assert silenced | BY_THEIR_TESTS == guards
    assert silenced & BY_THEIR_TESTS == set()


def _rule(module: str) -> str:
    return module.rpartition(".")[2][:6].upper()


def test_the_mutated_modules_are_those_of_the_rules_that_may_be_safe() -> None:
    safe = {rule.check.__module__ for rule in RULES if rule.ceiling.name == "SAFE"}
    assert safe == set(SAFE_MODULES)


def test_mutations_have_different_names() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names)


def _guards(module: str) -> Iterator[str]:
    """The private functions of a rule that yield blockers."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("_")]
    for node in functions:
        if node.returns is not None and ast.unparse(node.returns) == "Iterator[Blocker]":
            yield node.name
