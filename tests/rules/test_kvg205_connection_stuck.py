"""KVG205: a connection that moves for more than 15 minutes is told, by what the ledger has seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.history import History, Sighting
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg205_connection_stuck import RULE
from tests.builders import FORBIDDEN, NOW, connection_id, healthy
from tests.rules.given_endpoints import changed, moving, shouted

LONG, SHORT = timedelta(minutes=15, seconds=1), timedelta(minutes=15)


@pytest.mark.parametrize("state", ["Updating", "UPDATING", "Creating", "Deleting"])
def test_a_state_that_lasts_longer_than_15_minutes_is_found(state: str) -> None:
    violation = moving(LONG, state).only(RULE)
    assert violation.subject == connection_id()
    assert f"{state} since 2026-11-21 11:44 UTC" in violation.message
    assert violation.facts["since"] == "2026-11-21 11:44 UTC"
    assert "pe-1" in violation.advice


def test_a_state_that_lasts_15_minutes_is_allowed() -> None:
    assert list(RULE.check(moving(SHORT).case())) == []


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "", "SomethingNew"])
def test_a_connection_that_does_not_move_is_allowed(state: str) -> None:
    assert list(RULE.check(moving(LONG, state).case())) == []


def test_a_state_never_seen_before_has_just_begun() -> None:
    assert list(RULE.check(healthy().connection(state="Updating").case())) == []


def test_a_movement_in_another_status_says_nothing_about_this_one() -> None:
    given = moving(LONG)
    seen = Sighting(ConnectionStatus.PENDING, NOW - timedelta(days=1), moving_since=NOW - timedelta(days=1))
    assert list(RULE.check(changed(given, history=History(MappingProxyType({connection_id(): seen}))).case())) == []


def test_how_long_the_status_has_lasted_is_not_how_long_it_has_moved() -> None:
    seen = Sighting(ConnectionStatus.APPROVED, NOW - timedelta(days=1))
    given = healthy().connection(state="Updating")
    assert list(RULE.check(changed(given, history=History(MappingProxyType({connection_id(): seen}))).case())) == []


def test_an_unread_history_makes_it_unknown_only_where_something_moves() -> None:
    [unknown] = moving(LONG).history_unread().unknowns(RULE)
    assert (unknown.subject, unknown.unread) == (connection_id(), FORBIDDEN)
    assert moving(LONG).history_unread().violations(RULE) == []
    assert list(RULE.check(healthy().history_unread().case())) == []


def test_an_id_in_another_casing_is_the_same_connection() -> None:
    given = moving(LONG)
    [connection] = given.snapshot.vault.connections
    loud = given.vault(connections=(replace(connection, id=shouted(connection.id)),))
    assert loud.finding(RULE).fingerprint == given.finding(RULE).fingerprint


def test_of_several_only_the_one_that_is_stuck_is_found() -> None:
    assert moving(LONG).connection("c-2", state="Updating").only(RULE).subject == connection_id()


def test_it_is_only_explained() -> None:
    finding = moving(LONG).mode("KVG205", Mode.FIX).finding(RULE)
    assert (finding.options, finding.severity) == ((), Severity.MEDIUM)
    assert (RULE.ceiling, RULE.of_moving) == (Applicability.MANUAL, True)
