"""The rules as a collection: files, registry, tests and pages name the same rules, and every rule argues its safety."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from shared.domain.grades import Applicability, Mode
from shared.domain.rule import Rule
from shared.rules.registry import RULES

ROOT = Path(__file__).parents[2]
FILE_NAME = re.compile(r"(kvg\d{3})_([a-z0-9_]+)\Z")
HEADINGS = ["What it finds", "Why it matters", "Example", "Remediation", "Remediation safety", "Links"]


def _stems(folder: str, pattern: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob(pattern)}


def _sections(rule: Rule) -> dict[str, str]:
    """Headings of the module's docstring with their text."""
    tree = ast.parse(Path(_file(rule)).read_text(encoding="utf-8"))
    lines = (ast.get_docstring(tree) or "").splitlines()
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line and set(below) == {"-"} and len(below) == len(line):
            current = found.setdefault(line, [])
        elif set(line) != {"-"}:
            current.append(line)
    return {heading: "\n".join(text).strip() for heading, text in found.items()}


def _file(rule: Rule) -> str:
    path = importlib.import_module(rule.check.__module__).__file__
    assert path is not None
    return path


def test_every_rule_file_is_registered_tested_and_documented() -> None:
    files = _stems("shared/rules", "kvg*.py")
    registered = {rule.check.__module__.rsplit(".", 1)[-1] for rule in RULES}
    tests = {stem.removeprefix("test_") for stem in _stems("tests/rules", "test_kvg*.py")}
    assert files == registered == tests
    assert {name.split("_")[0] for name in files} == _stems("docs/rules", "kvg*.md")


def test_ids_and_names_are_unique_and_in_order() -> None:
    ids = [rule.id for rule in RULES]
    assert ids == sorted(set(ids))
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_file_is_named_after_the_rule(rule: Rule) -> None:
    match = FILE_NAME.match(Path(_file(rule)).stem)
    assert match is not None
    assert (match[1].upper(), match[2].replace("_", "-")) == (rule.id, rule.name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_docstring_has_every_heading_in_order_and_something_below_it(rule: Rule) -> None:
    sections = _sections(rule)
    assert list(sections) == HEADINGS
    assert [heading for heading, text in sections.items() if len(text) < 20] == []
    assert "https://learn.microsoft.com/azure/" in sections["Links"]
    assert re.search(r"learn\.microsoft\.com/[a-z]{2}-[a-z]{2}/", sections["Links"]) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_default_mode_stays_below_the_ceiling(rule: Rule) -> None:
    assert rule.default is not Mode.OFF
    assert rule.default.cap <= rule.ceiling


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_docstring_says_by_itself_only_where_the_ceiling_is_safe(rule: Rule) -> None:
    safety = _sections(rule)["Remediation safety"].lower()
    assert ("never by" in safety) is (rule.ceiling is not Applicability.SAFE)
    assert ("only when all hold" in safety or "only for" in safety) is (rule.ceiling is Applicability.SAFE)


def test_a_group_of_rules_about_one_subject_has_different_ranks() -> None:
    ranks = [(rule.group, rule.rank) for rule in RULES if rule.group]
    assert len(set(ranks)) == len(ranks)
