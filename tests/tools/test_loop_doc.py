"""``docs/loop.md`` and ``docs/comparison.md`` against the tree: what they name exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bench.faults.cases import CASES
from bench.faults.table import BEGIN, END

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / name for name in ("loop.md", "comparison.md")]
LOOP = PAGES[0].read_text(encoding="utf-8")
COMPARISON = PAGES[1].read_text(encoding="utf-8")
_FOLDERS = "shared|functions|emulator|tests|bench|tools|cli|docs"


def files_named(text: str) -> set[str]:
    """Paths in code marks that begin with a folder of the project, without the test's name."""
    return set(re.findall(rf"`((?:{_FOLDERS})/[\w./-]+)(?:::\w+)?`", text))


def cases_named(text: str) -> set[tuple[str, str]]:
    """Tests in code marks: the file and the function."""
    return set(re.findall(r"`(tests/[\w./-]+\.py)::(\w+)`", text))


def guarantees(text: str) -> list[list[str]]:
    """The rows of the table of guarantees."""
    table = text.partition("| guarantee |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = files_named(page.read_text(encoding="utf-8"))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_test_that_is_named_exists() -> None:
    named = cases_named(LOOP)
    assert named
    missing = []
    for file, name in sorted(named):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_guarantee_names_its_code_and_its_test() -> None:
    rows = guarantees(LOOP)
    assert rows
    for promise, mechanism, where, shown in rows:
        assert promise
        assert mechanism
        assert files_named(where), promise
        assert cases_named(shown) or files_named(shown), promise


def test_the_ends_of_work_are_those_of_the_code() -> None:
    table = LOOP.partition("| word | meaning |")[2].partition("\n\n")[0].splitlines()[2:]
    explained = {word for row in table for word in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    assert explained == ends_in_code()


def ends_in_code() -> set[str]:
    """The first argument of every ``Ended(...)`` in the service, both branches of a condition."""
    found: set[str] = set()
    for file in sorted((ROOT / "shared" / "service").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Ended":
                words = [
                    leaf.value
                    for leaf in (
                        [node.args[0].body, node.args[0].orelse]
                        if isinstance(node.args[0], ast.IfExp)
                        else node.args[:1]
                    )
                    if isinstance(leaf, ast.Constant)
                ]
                assert words, f"{file.name}:{node.lineno} ends with a word that cannot be read"
                found |= {str(word) for word in words}
    return found


def test_the_table_of_the_comparison_has_every_case_for_both() -> None:
    table = COMPARISON.partition(BEGIN)[2].partition(END)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:2] == "| "][
        1:
    ]
    assert [row[0] for row in rows[::2]] == [case.name for case in CASES]
    assert {row[1] for row in rows[::2]} == {"Cloud Custodian"}
    assert [(row[0], row[1]) for row in rows[1::2]] == [("", "kvguard")] * len(CASES)
