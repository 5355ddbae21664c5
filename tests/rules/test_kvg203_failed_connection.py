"""KVG203: what Azure neither calls effective nor dead is a question, the harmless answer first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.change import ApproveConnection, DeleteConnection, Irreversible
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.reading import UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg203_failed_connection import RULE
from tests.builders import FOREIGN, Given, connection_id, endpoint_id, healthy
from tests.rules.given_endpoints import shouted

APPROVED, UNKNOWN = ConnectionStatus.APPROVED, ConnectionStatus.UNKNOWN
FAILED = healthy().connection(state="Failed")


@pytest.mark.parametrize("state", ["Succeeded", "succeeded", "Updating", "CREATING", "Deleting"])
def test_an_approved_connection_that_works_or_moves_is_allowed(state: str) -> None:
    assert list(RULE.check(healthy().connection(state=state).case())) == []


@pytest.mark.parametrize("status", [ConnectionStatus.PENDING, ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED])
@pytest.mark.parametrize("state", ["Failed", "Succeeded"])
def test_other_known_states_are_other_rules_subjects(status: ConnectionStatus, state: str) -> None:
    assert list(RULE.check(healthy().connection(status=status, state=state).case())) == []


@pytest.mark.parametrize("state", ["Failed", "FAILED", "failed", "Canceled", "Disconnected", "Error"])
def test_an_approved_connection_whose_provisioning_ended_badly_is_found(state: str) -> None:
    violation = healthy().connection(state=state).only(RULE)
    assert violation.subject == connection_id()
    assert state in violation.message
    assert "contoso" in violation.message
    assert violation.facts["provisioning_state"] == state.lower()


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Updating", ""])
def test_an_unknown_status_is_found_whatever_the_state(state: str) -> None:
    assert "status that kvguard does not know" in healthy().connection(status=UNKNOWN, state=state).only(RULE).message


@pytest.mark.parametrize("state", ["", "SomethingNew"])
def test_a_state_that_says_nothing_is_neither_found_nor_silent(state: str) -> None:
    given = healthy().connection(state=state)
    assert given.violations(RULE) == []
    [unknown] = given.unknowns(RULE)
    assert (unknown.subject, unknown.unread.reason) == (connection_id(), UnreadReason.UNSUPPORTED)


def test_the_approval_is_offered_before_the_deletion_and_both_are_questions() -> None:
    given = FAILED.mode("KVG203", Mode.FIX)
    options = given.finding(RULE).options
    assert [type(option.change) for option in options] == [ApproveConnection, DeleteConnection]
    assert {option.applicability for option in options} == {Applicability.APPROVAL}
    assert {option.change.target for option in options} == {connection_id()}
    assert given.plan((RULE,)).apply == ()
    assert given.finding(RULE).severity is Severity.MEDIUM


def test_only_the_deletion_warns() -> None:
    approve, delete = FAILED.only(RULE).proposals
    assert approve.warning == ""
    assert "Cuts a path" in delete.warning
    assert "Irreversible" in delete.warning
    assert "portal" not in delete.warning


def test_under_an_unknown_status_only_a_deletion_is_offered_with_a_stronger_warning() -> None:
    [proposal] = healthy().connection(status=UNKNOWN).only(RULE).proposals
    assert isinstance(proposal.change, DeleteConnection)
    assert "does not know this status" in proposal.warning


@pytest.mark.parametrize("state", ["Failed", "Canceled", "CANCELED", "Error"])
def test_an_approval_that_came_to_nothing_may_be_repeated(state: str) -> None:
    proposals = healthy().connection(state=state).only(RULE).proposals
    assert [type(proposal.change) for proposal in proposals] == [ApproveConnection, DeleteConnection]


def test_what_says_that_it_is_disconnected_is_not_approved_again() -> None:
    [proposal] = healthy().connection(state="Disconnected").only(RULE).proposals
    assert isinstance(proposal.change, DeleteConnection)


def test_a_foreign_endpoint_is_not_let_in_again_unless_partners_are_expected() -> None:
    given = healthy().connection(state="Failed", endpoint=endpoint_id("pe-x", FOREIGN))
    assert [type(p.change) for p in given.only(RULE).proposals] == [DeleteConnection]
    expected = given.profile(Profile.PARTNER).only(RULE).proposals
    assert [type(p.change) for p in expected] == [ApproveConnection, DeleteConnection]


def test_each_fact_and_no_casing_changes_what_an_approval_is_bound_to() -> None:
    def digests(given: Given) -> list[str]:
        return [option.digest for option in given.finding(RULE).options]

    before = FAILED.snapshot.vault.connections[0]
    loud = replace(before, id=shouted(before.id), endpoint=shouted(endpoint_id()), provisioning_state="FAILED")
    assert digests(FAILED.vault(connections=(loud,))) == digests(FAILED)
    other = healthy().connection(state="Failed", endpoint=endpoint_id("pe-2"))
    assert set(digests(other)) & set(digests(FAILED)) == set()
    assert set(digests(healthy().connection(state="Error"))) & set(digests(FAILED)) == set()


def test_a_connection_that_names_no_endpoint_is_found() -> None:
    nameless = replace(FAILED.snapshot.vault.connections[0], endpoint=None)
    violation = FAILED.vault(connections=(nameless,)).only(RULE)
    assert "an endpoint without a name" in violation.message
    assert violation.facts["endpoint"] is None


def test_either_answer_silences_the_rule_and_says_what_is_lost() -> None:
    approve, delete = FAILED.only(RULE).proposals
    for proposal in (approve, delete):
        assert list(RULE.check(FAILED.at(proposal.change.simulate(FAILED.snapshot)).case())) == []
    assert isinstance(approve.change.inverse, Irreversible)
    assert "approved before" in approve.change.inverse.lost
    assert isinstance(delete.change.inverse, Irreversible)
    assert "again" in approve.change.description
