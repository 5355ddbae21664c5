"""``docs/azure-calls.md`` against the code: API versions, verbs, and which changes are made without asking."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import get_args

from shared.adapters import arm_api
from shared.domain.change import Change, RefreshZoneGroup
from shared.domain.grades import Applicability
from shared.rules.registry import RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs/azure-calls.md").read_text(encoding="utf-8")
VERBS = {change: change.__dataclass_fields__["verb"].default for change in get_args(Change)}


def test_the_api_versions_are_those_that_the_reader_asks_with() -> None:
    documented = set(re.findall(r"\| `([A-Z]+_API)` ([0-9a-z-]+) \|", PAGE))

    assert documented == {(name, value) for name, value in vars(arm_api).items() if name.endswith("_API")}


def test_every_verb_has_a_row_and_no_row_is_superfluous() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \| (?:yes|no) \|", PAGE, re.MULTILINE) == list(VERBS.values())


def test_only_changes_of_rules_that_may_repair_are_said_to_happen_by_themselves() -> None:
    used = {
        VERBS[change]
        for rule in RULES
        if rule.ceiling is Applicability.SAFE
        for change in vars(sys.modules[rule.check.__module__]).values()
        if isinstance(change, type) and change in VERBS
    }

    # KVG411 proposes it for approval only: it is Azure's controller that writes then.
    assert set(re.findall(r"^\| `([a-z-]+)` \| yes \|", PAGE, re.MULTILINE)) == used - {VERBS[RefreshZoneGroup]}
