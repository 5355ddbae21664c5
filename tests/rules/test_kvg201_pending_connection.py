"""KVG201: a Pending connection is always a person's decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.change import ApproveConnection, Irreversible, RejectConnection
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg201_pending_connection import RULE
from tests.builders import FOREIGN, Given, connection_id, endpoint_id, healthy

PENDING = ConnectionStatus.PENDING


def _pending() -> Given:
    return healthy().connection("c-new", PENDING, endpoint=endpoint_id("pe-new"))


@pytest.mark.parametrize("status", [s for s in ConnectionStatus if s is not PENDING])
def test_any_other_state_is_allowed(status: ConnectionStatus) -> None:
    assert list(RULE.check(healthy().connection(status=status).case())) == []


def test_a_pending_connection_is_offered_for_approval_and_rejection() -> None:
    given = _pending().mode("KVG201", Mode.FIX)
    finding = given.finding(RULE)
    assert finding.subject == connection_id("c-new")
    assert {type(option.change) for option in finding.options} == {ApproveConnection, RejectConnection}
    assert {option.applicability for option in finding.options} == {Applicability.APPROVAL}
    assert given.plan().apply == ()


def test_a_foreign_endpoint_is_another_rules_subject() -> None:
    given = healthy().connection("c-new", PENDING, endpoint=endpoint_id("pe-new", FOREIGN))
    assert list(RULE.check(given.case())) == []
    allowed = given.policy_with(allowed_connection_subscriptions=frozenset({FOREIGN.upper()}))
    assert allowed.violations(RULE) != []


def test_a_connection_that_names_no_endpoint_is_found() -> None:
    given = healthy().connection("c-new", PENDING)
    assert "an endpoint without a name" in given.only(RULE).message


@pytest.mark.parametrize(
    ("age", "severity"),
    [(timedelta(hours=24), Severity.HIGH), (timedelta(hours=24) - timedelta(seconds=1), Severity.MEDIUM)],
)
def test_age_raises_the_severity(age: timedelta, severity: Severity) -> None:
    assert _pending().sighting("c-new", PENDING, age).finding(RULE).severity is severity


def test_an_age_in_another_state_or_an_unread_history_raises_nothing() -> None:
    other = _pending().sighting("c-new", ConnectionStatus.UNKNOWN, timedelta(days=9))
    assert other.finding(RULE).severity is Severity.MEDIUM
    assert _pending().history_unread().finding(RULE).severity is Severity.MEDIUM
    assert _pending().finding(RULE).severity is Severity.MEDIUM


def test_the_first_approval_warns_and_shows_what_each_linked_network_would_get() -> None:
    given = healthy().connection(status=PENDING).no_record()
    violation = given.only(RULE)
    approve, reject = violation.proposals
    assert isinstance(approve.change, ApproveConnection)
    assert "Put the record into the zone first" in approve.warning
    assert violation.evidence == ("In network vnet-1: public today, nxdomain after approval.",)
    assert "Irreversible" in reject.warning


def test_a_later_approval_changes_no_answer_and_does_not_warn() -> None:
    violation = _pending().only(RULE)
    assert violation.evidence == ()
    assert violation.proposals[0].warning == ""


def test_with_the_record_in_place_the_evidence_shows_the_private_answer() -> None:
    given = healthy().connection(status=PENDING)
    assert given.only(RULE).evidence == ("In network vnet-1: public today, 10.1.0.4 after approval.",)


def test_either_answer_silences_the_rule_and_none_can_be_taken_back() -> None:
    given = _pending()
    for proposal in given.only(RULE).proposals:
        assert given.at(proposal.change.simulate(given.snapshot)).violations(RULE) == []
        assert isinstance(proposal.change.inverse, Irreversible)
