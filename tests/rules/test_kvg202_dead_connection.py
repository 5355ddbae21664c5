"""KVG202: dead connections are deleted only when every condition holds; each one alone makes it a question."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.change import DeleteConnection, Irreversible
from shared.domain.endpoint import EndpointLink, PrivateEndpoint
from shared.domain.grades import Applicability
from shared.domain.policy import Timing
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg202_dead_connection import RULE
from tests.builders import Given, connection_id, dead, endpoint_id, endpoint_to, healthy, vault_id

REJECTED = ConnectionStatus.REJECTED
DISCONNECTED = ConnectionStatus.DISCONNECTED


def _only_blocker(given: Given) -> str:
    blockers = given.blockers(RULE)
    assert len(blockers) == 1, blockers
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    return blockers[0].why


@pytest.mark.parametrize("status", [ConnectionStatus.APPROVED, ConnectionStatus.PENDING, ConnectionStatus.UNKNOWN])
def test_a_living_connection_is_allowed(status: ConnectionStatus) -> None:
    assert list(RULE.check(healthy().connection(status=status).case())) == []


@pytest.mark.parametrize("status", [REJECTED, DISCONNECTED])
def test_a_connection_dead_for_long_enough_is_deleted(status: ConnectionStatus) -> None:
    given = dead(status)
    assert given.only(RULE).subject == connection_id("c-dead")
    assert given.blockers(RULE) == ()
    [step] = given.plan().apply
    assert isinstance(step.change, DeleteConnection)
    assert step.change.target == connection_id("c-dead")


@pytest.mark.parametrize("state", ["Updating", "Deleting", "Creating", "", "SomethingNew"])
def test_a_state_that_is_not_known_to_be_final_asks(state: str) -> None:
    assert "is not final" in _only_blocker(dead().connection("c-dead", REJECTED, state))


@pytest.mark.parametrize("state", ["Succeeded", "succeeded", "Failed", "Disconnected", "Canceled"])
def test_a_final_state_in_any_casing_does_not_ask(state: str) -> None:
    assert dead().connection("c-dead", REJECTED, state).blockers(RULE) == ()


def test_a_connection_never_seen_before_asks() -> None:
    given = healthy().connection("c-dead", REJECTED, endpoint=endpoint_id("pe-dead")).endpoint_gone("pe-dead")
    assert "has not been seen Rejected" in _only_blocker(given)


def test_a_connection_seen_dead_a_moment_too_short_asks_and_says_until_when() -> None:
    age = timedelta(hours=24)
    early = dead().sighting("c-dead", REJECTED, age - timedelta(seconds=1))
    assert "86400 s" in _only_blocker(early)
    assert early.blockers(RULE)[0].until == early.snapshot.read_at + timedelta(seconds=1)
    assert dead().sighting("c-dead", REJECTED, age).blockers(RULE) == ()


def test_a_connection_last_seen_in_another_dead_state_starts_to_wait_again() -> None:
    assert "has not been seen Rejected" in _only_blocker(dead().sighting("c-dead", DISCONNECTED))


def test_the_age_is_the_policys() -> None:
    given = dead().sighting("c-dead", REJECTED, timedelta(hours=2))
    assert given.blockers(RULE) != ()
    assert given.policy_with(timing=Timing(dead_connection_age=timedelta(hours=1))).blockers(RULE) == ()


def test_a_connection_approved_within_thirty_days_asks() -> None:
    recent = dead().sighting("c-dead", approved=timedelta(days=30) - timedelta(seconds=1))
    assert "Approved within the last 30 days" in _only_blocker(recent)
    assert dead().sighting("c-dead", approved=timedelta(days=30)).blockers(RULE) == ()


def test_a_connection_rejected_through_kvguard_within_the_undo_window_asks() -> None:
    recent = dead().sighting("c-dead", rejected=timedelta(days=29))
    assert "rejected through kvguard" in _only_blocker(recent)
    assert dead().sighting("c-dead", rejected=timedelta(days=30)).blockers(RULE) == ()


def test_an_endpoint_that_says_approved_asks() -> None:
    link = EndpointLink(vault_id(), ConnectionStatus.APPROVED, manual=False)
    assert "says Approved" in _only_blocker(dead().endpoint("pe-dead", links=(link,)))


def test_an_endpoint_that_agrees_does_not_ask() -> None:
    link = EndpointLink(vault_id(), REJECTED, manual=True)
    assert dead().endpoint("pe-dead", links=(link,)).blockers(RULE) == ()


def test_an_endpoint_that_is_another_vaults_by_now_does_not_ask() -> None:
    other = endpoint_to(vault_id("other"), name="pe-dead")
    assert isinstance(other, PrivateEndpoint)
    assert dead().endpoint("pe-dead", links=other.links).blockers(RULE) == ()


def test_an_endpoint_that_could_not_be_read_asks_and_is_named() -> None:
    given = dead().endpoint_unread("pe-dead")
    assert "could not be read" in _only_blocker(given)
    assert given.blockers(RULE)[0].unread is not None


def test_a_connection_that_names_no_endpoint_asks() -> None:
    given = healthy().connection("c-dead", REJECTED).sighting("c-dead", REJECTED)
    assert "could not be read" in _only_blocker(given)


def test_an_unread_history_proves_no_age() -> None:
    given = dead().history_unread()
    assert given.blockers(RULE) != ()
    assert given.option(RULE).applicability is Applicability.APPROVAL


def test_ids_in_another_casing_are_the_same_connection_and_endpoint() -> None:
    given = dead()
    shouted = tuple(
        replace(
            c, id=type(c.id).parse(c.id.text.upper()), endpoint=c.endpoint and type(c.id).parse(c.endpoint.text.upper())
        )
        for c in given.snapshot.vault.connections
    )
    again = given.vault(connections=shouted)
    assert again.blockers(RULE) == ()
    assert again.option(RULE).digest == given.option(RULE).digest


def test_the_deletion_silences_the_rule_and_leaves_the_rest() -> None:
    given = dead()
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert given.at(after).violations(RULE) == []
    assert [c.id for c in after.vault.connections] == [connection_id()]


def test_the_deletion_says_that_it_is_irreversible() -> None:
    proposal = dead().proposal(RULE)
    assert isinstance(proposal.change.inverse, Irreversible)
    assert "Irreversible" in proposal.warning


def test_several_dead_connections_are_judged_each_alone() -> None:
    given = dead().connection("c-two", DISCONNECTED, "Disconnected", endpoint_id("pe-two")).endpoint_gone("pe-two")
    by_subject = {violation.subject.name: violation.proposals[0].blockers for violation in given.violations(RULE)}
    assert by_subject["c-dead"] == ()
    assert len(by_subject["c-two"]) == 1
