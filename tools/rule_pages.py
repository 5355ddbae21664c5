"""Reads a rule's module as its page needs it: the sections of the docstring and the kind of its subject.

A page that is generated can still be hollow, so what is missing or empty is an error here, not a gap in the page.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.domain.rule import Rule

SECTIONS = ("What it finds", "Why it matters", "Example", "Remediation", "Remediation safety", "Links")
_FEWEST_WORDS = 5
_UNDERLINED = re.compile(r"^(?P<title>\S[^\n]*)\n-{3,}[ ]*$", re.MULTILINE)
_UNFINISHED = re.compile(
    r"\b(?:TO[-]?DO|FIX[-]?ME|TBD|XXX|lorem ipsum)\b|\b(?:add|describe|write)\b[^.]{0,30}\bhere\b", re.IGNORECASE
)
_SUBJECTS = {
    "vault.id": "vault",
    "connection.id": "private endpoint connection",
    "endpoint.id": "private endpoint",
    "network": "virtual network",
    "network.id": "virtual network",
    "zone.id": "private DNS zone",
    "link.id": "virtual network link",
    "record.id": "A record",
    "entry.id": "A record",
    'zone.id.child("A")': "A record",
    "hold.subject": "subject of the held repair",
    "subnet.id": "subnet",
}


class PageError(Exception):
    """A rule's module does not hold what its page needs."""


@dataclass(frozen=True, slots=True)
class RuleSource:
    """What the module of a rule says beyond the rule's values. ``path`` is relative to the project."""

    path: Path
    summary: str
    sections: dict[str, str]
    subject: str


def read_rule(rule: Rule, root: Path) -> RuleSource:
    """Read the module that a rule's ``check`` is defined in. Raises PageError with everything that is wrong."""
    module = sys.modules[rule.check.__module__]
    path = Path(inspect.getfile(module)).resolve().relative_to(root)
    docstring = inspect.cleandoc(module.__doc__ or "")
    summary, sections = split(docstring)
    prefix = f"{rule.id} {rule.name}: "
    problems = list(_problems(sections))
    if not summary.startswith(prefix) or not summary.removeprefix(prefix).strip():
        problems.append(f'the first line is not "{prefix}" and a sentence')
    subjects = subject_kinds(inspect.getsource(module))
    if not subjects:
        problems.append("no violation names a subject")
    unknown = sorted(subjects - _SUBJECTS.keys())
    if unknown:
        problems.append(f"subject of an unknown kind: {', '.join(unknown)}; add it to tools/rule_pages.py")
    if problems:
        raise PageError(f"{path}: {'; '.join(problems)}")
    kinds = sorted({_SUBJECTS[subject] for subject in subjects})
    return RuleSource(path, summary.removeprefix(prefix), sections, " or ".join(kinds))


def split(docstring: str) -> tuple[str, dict[str, str]]:
    """The text before the first underlined heading, and heading -> body."""
    found = list(_UNDERLINED.finditer(docstring))
    ends = [heading.start() for heading in found[1:]] + [len(docstring)]
    summary = docstring[: found[0].start()] if found else docstring
    bodies = {h["title"]: docstring[h.end() : end].strip() for h, end in zip(found, ends, strict=True)} if found else {}
    return summary.strip(), bodies


def _problems(sections: dict[str, str]) -> Iterator[str]:
    if tuple(sections) != SECTIONS:
        yield f"its sections are {', '.join(sections) or 'none'}, not {', '.join(SECTIONS)}"
    for title, body in sections.items():
        words = body.split()
        if title == "Links":
            if not words or not all(word.startswith("https://") for word in words):
                yield 'section "Links" holds something else than https links'
        elif len(words) < _FEWEST_WORDS or _UNFINISHED.search(body):
            yield f'section "{title}" is empty or unfinished'


def subject_kinds(source: str) -> set[str]:
    """The expressions that violations take as subject, reduced to their last two names, such as ``vault.id``."""
    found: set[str] = set()
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Violation":
                found.update(_reduce(_follow(argument, names)) for argument in _subjects(call))
    return found


def _subjects(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args[:1]
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "subject")


def _follow(expression: ast.expr, names: dict[str, ast.expr]) -> ast.expr:
    """What a local name called ``subject`` stands for."""
    if isinstance(expression, ast.Name) and expression.id == "subject":
        return names.get(expression.id, expression)
    return expression


def _reduce(expression: ast.expr) -> str:
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        first = ast.unparse(expression.args[0]).replace("'", '"') if expression.args else ""
        return f"{_reduce(expression.func.value)}.{expression.func.attr}({first})"
    text = ast.unparse(expression)
    return "network" if text.endswith(".network") else ".".join(text.split(".")[-2:])
