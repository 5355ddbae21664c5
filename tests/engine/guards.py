"""Every guard of every rule, derived from its source: what must be noticed by the rule's own tests when it is lost.

A guard is a function that yields blockers or objections, which is silenced; and each clause of each ``if``, which is
taken as false (a clause of ``or``) or as true (a clause of ``and``). Nothing has to be listed by hand, so a new rule or
a new clause is under test the moment it exists. The tests are called directly, without pytest, many times a second.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Final

from shared.rules.registry import RULES

# What rules share, with the ids of the rules whose tests guard it.
SHARED: Final = {
    "shared.domain.attachment": ("KVG207", "KVG304", "KVG305"),
    "shared.domain.contest": ("KVG413", "KVG416"),
    "shared.domain.firewall_edit": ("KVG103", "KVG104", "KVG105", "KVG110"),
    "shared.domain.public_door": ("KVG101", "KVG102", "KVG103", "KVG106", "KVG107", "KVG108"),
    "shared.domain.serving": ("KVG101", "KVG401", "KVG402", "KVG403", "KVG407", "KVG411", "KVG502"),
    "shared.domain.vault_records": ("KVG412", "KVG413", "KVG414", "KVG415", "KVG418", "KVG419", "KVG420"),
}
_YIELDS: Final = ("Iterator[Blocker]", "Iterator[Objection]", "Iterator[_Objection]")


@dataclass(frozen=True)
class Guard:
    """One guard that is taken away: ``place`` numbers the clauses of a function, None silences the whole function."""

    module: str
    function: str
    place: int | None
    clause: str

    @property
    def name(self) -> str:
        """Rule or shared module, function, and the clause that is lost."""
        where = self.module.rpartition(".")[2].removeprefix("kvg")
        return f"{where}.{self.function}: {self.clause}"


def modules() -> tuple[str, ...]:
    """The modules of all rules, and what they share."""
    return (*(rule.check.__module__ for rule in RULES), *SHARED)


def guards_of(module: str) -> Iterator[Guard]:
    """Every guard of a module."""
    for name, node in _functions(module):
        if _silenced(node):
            yield Guard(module, name, None, "silent")
        times: Counter[str] = Counter()
        for place, (clause, value) in enumerate(_clauses(node)):
            said = f"{ast.unparse(clause)} is {value}"
            times[said] += 1
            yield Guard(module, name, place, said if times[said] == 1 else f"{said} ({times[said]})")


def guard_functions(module: str) -> frozenset[str]:
    """The functions of a module that yield blockers or objections."""
    return frozenset(name for name, node in _functions(module) if _silenced(node))


def _silenced(node: ast.FunctionDef) -> bool:
    return node.returns is not None and ast.unparse(node.returns) in _YIELDS


def _functions(module: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and not inner.decorator_list and not inner.name.startswith("__"):
                    yield f"{node.name}.{inner.name}", inner


def _clauses(node: ast.FunctionDef) -> list[tuple[ast.expr, bool]]:
    """Every clause that decides something, with the value that takes it away: an exclusion never holds any more."""
    # A loop that never ends would be no answer, and what stands in a sentence decides nothing.
    left = (known for known in ast.walk(node) if isinstance(known, ast.While | ast.JoinedStr))
    skipped = {part for known in left for part in ast.walk(known)}
    found: dict[ast.expr, bool] = {}
    for inner in ast.walk(node):
        if inner in skipped:
            continue
        if isinstance(inner, ast.If):
            found.setdefault(inner.test, False)
        elif isinstance(inner, ast.comprehension):
            found |= dict.fromkeys(inner.ifs, True)
        elif isinstance(inner, ast.BoolOp) and not _default(inner):
            found |= dict.fromkeys(inner.values, isinstance(inner.op, ast.And))
    # A condition of several clauses falls clause by clause.
    return [(clause, value) for clause, value in found.items() if not isinstance(clause, ast.BoolOp)]


def _default(operation: ast.BoolOp) -> bool:
    """Whether it names a value for nothing, or keeps the first of several reasons (``unread = unread or other``)."""
    last, first = operation.values[-1], operation.values[0]
    words = isinstance(last, ast.Constant) or (isinstance(last, ast.Attribute) and last.attr.isupper())
    return words or (isinstance(operation.op, ast.Or) and isinstance(first, ast.Name) and first.id == "unread")


class _Taken(ast.NodeTransformer):
    """Puts a constant in the place of one clause."""

    def __init__(self, clause: ast.expr, value: bool) -> None:
        self._clause = clause
        self._value = value

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._clause:
            return ast.copy_location(ast.Constant(self._value), self._clause)
        visited: ast.AST = self.generic_visit(node)
        return visited


@contextmanager
def lost(guard: Guard) -> Iterator[None]:
    """The product without this guard while the block runs."""
    function = _live(guard)
    kept = function.__code__
    try:
        function.__code__ = _mutant(guard, function)
        yield
    finally:
        function.__code__ = kept


def _live(guard: Guard) -> FunctionType:
    found: object = importlib.import_module(guard.module)
    for part in guard.function.split("."):
        found = getattr(found, part)
    assert isinstance(found, FunctionType)
    return found


def _mutant(guard: Guard, function: FunctionType) -> CodeType:
    tree = ast.parse("from __future__ import annotations\n" + textwrap.dedent(inspect.getsource(function)))
    node = tree.body[1]
    assert isinstance(node, ast.FunctionDef)
    if guard.place is None:
        node.body = ast.parse("yield from ()").body
    else:
        _Taken(*_clauses(node)[guard.place]).visit(node)
    namespace: dict[str, object] = {}
    exec(compile(ast.fix_missing_locations(tree), f"<mutant of {guard.name}>", "exec"), namespace)
    made = namespace[node.name]
    assert isinstance(made, FunctionType)
    return made.__code__
