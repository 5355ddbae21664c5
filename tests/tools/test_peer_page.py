"""The page of the peers: every recorded cell stands there, and ours are those that the engine gives."""

from __future__ import annotations

import re

import pytest

from shared.domain.peers import CHECKS, State
from shared.engine.peers import state_of
from shared.rules.registry import RULES
from tests.rules.test_eight_states import OURS
from tools.docs import table
from tools.peer_page import ours, peer_page, state_snapshot

PAGE = peer_page(RULES, table)
ROWS = [[cell.strip() for cell in line.strip("| ").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
def test_the_sample_of_a_state_is_in_that_state_and_judged_like_the_tests_own(state: State) -> None:
    assert state_of(state_snapshot(state).vault) is state
    asked = {rule for check in CHECKS for rule in check.concern.value}
    assert set(ours(state, RULES)) == OURS[state] & asked


def test_each_check_has_its_row_and_what_is_wrong_is_bold() -> None:
    rows = {row[0]: row[1:] for row in ROWS if len(row) == len(State) + 1}
    for check in CHECKS:
        cells = rows[f"{check.peer} `{check.rule}`"]
        bold = {state for state, cell in zip(State, cells, strict=True) if cell.startswith("**")}
        assert bold == check.wrong
        said = [re.sub(r"\W", "", cell) or "-" for cell in cells]
        words = {"fails": "fails", "passes": "passes", "informs": "informs", "says nothing": "-", "unknown": "unknown"}
        assert said == [words[check.recorded(state).value] for state in State]


def test_a_rule_that_falls_silent_changes_the_page() -> None:
    fewer = tuple(rule for rule in RULES if rule.id != "KVG101")
    assert peer_page(fewer, table) != PAGE
    assert "KVG101" in ours(State.OPEN_WITHOUT_ACL, RULES)
