"""The rules that this release is to have: ``tests/catalogue.txt`` against registry, files, tests and pages, as sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.rules.registry import RULES

ROOT = Path(__file__).parents[2]
CATALOGUE = (ROOT / "tests" / "catalogue.txt").read_text(encoding="utf-8").split()


def ids_of(folder: str, pattern: str, prefix: str = "") -> set[str]:
    stems = (path.stem.removeprefix(prefix) for path in (ROOT / folder).glob(pattern))
    return {stem.split("_")[0].upper() for stem in stems}


PLACES = {
    "registry": {rule.id for rule in RULES},
    "files": ids_of("shared/rules", "kvg*.py"),
    "tests": ids_of("tests/rules", "test_kvg*.py", "test_"),
    "pages": ids_of("docs/rules", "kvg*.md"),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_catalogue_names_the_same_rules_as(place: str) -> None:
    assert PLACES[place] == set(CATALOGUE)


def test_the_catalogue_names_each_rule_once_and_in_order() -> None:
    assert sorted(set(CATALOGUE)) == CATALOGUE
