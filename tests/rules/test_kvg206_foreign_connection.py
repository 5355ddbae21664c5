"""KVG206: an endpoint of a subscription that nobody named is told, alone and as a question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.change import Irreversible, RejectConnection
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.reading import UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg201_pending_connection import RULE as PENDING_RULE
from shared.rules.kvg206_foreign_connection import RULE
from tests.builders import FOREIGN, Given, connection_id, endpoint_id, healthy
from tests.rules.given_endpoints import shouted

LETTERS = "abcdefab-cdef-4abc-8def-abcdefabcdef"


def _foreign(status: ConnectionStatus = ConnectionStatus.APPROVED, subscription: str = FOREIGN) -> Given:
    return healthy().connection("c-x", status, endpoint=endpoint_id("pe-x", subscription))


def test_an_endpoint_of_a_watched_subscription_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


@pytest.mark.parametrize("status", [ConnectionStatus.APPROVED, ConnectionStatus.PENDING, ConnectionStatus.UNKNOWN])
def test_a_living_foreign_connection_is_found(status: ConnectionStatus) -> None:
    violation = _foreign(status).only(RULE)
    assert violation.subject == connection_id("c-x")
    assert FOREIGN in violation.message
    assert "tenant unknown" in violation.message
    assert "contoso" in violation.message
    assert violation.facts == {
        "status": status.value,
        "endpoint": endpoint_id("pe-x", FOREIGN).key,
        "profile": "private",
    }


@pytest.mark.parametrize("status", [ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED])
def test_a_dead_foreign_connection_is_another_rules_subject(status: ConnectionStatus) -> None:
    assert list(RULE.check(_foreign(status).case())) == []


@pytest.mark.parametrize(
    "member", ["allowed_connection_subscriptions", "managed_service_subscriptions", "watched_subscriptions"]
)
@pytest.mark.parametrize("casing", [str.upper, str.lower])
def test_a_named_subscription_is_allowed_in_any_casing(member: str, casing: object) -> None:
    assert callable(casing)
    for asked in (LETTERS, LETTERS.upper()):
        given = _foreign(subscription=asked)
        assert given.violations(RULE) != []
        known = getattr(given.policy, member) | {casing(LETTERS)}
        assert list(RULE.check(given.policy_with(**{member: known}).case())) == []


@pytest.mark.parametrize("profile", list(Profile))
def test_only_the_profile_partner_expects_foreign_endpoints(profile: Profile) -> None:
    assert (_foreign().profile(profile).violations(RULE) == []) is (profile is Profile.PARTNER)


def test_a_connection_that_names_no_endpoint_is_unknown_and_where_it_is_dead_nothing() -> None:
    given = healthy().connection("c-x", ConnectionStatus.PENDING)
    assert given.violations(RULE) == []
    [unknown] = given.unknowns(RULE)
    assert (unknown.subject, unknown.unread.reason) == (connection_id("c-x"), UnreadReason.UNSUPPORTED)
    assert list(RULE.check(healthy().connection("c-x", ConnectionStatus.REJECTED).case())) == []


def test_a_pending_foreign_connection_is_told_by_one_rule_only() -> None:
    given = _foreign(ConnectionStatus.PENDING)
    assert (len(given.violations(RULE)), given.violations(PENDING_RULE)) == (1, [])
    partner = given.profile(Profile.PARTNER)
    assert (partner.violations(RULE), len(partner.violations(PENDING_RULE))) == ([], 1)


def test_a_pending_connection_of_a_managed_service_is_labelled_and_not_foreign() -> None:
    given = _foreign(ConnectionStatus.PENDING).policy_with(managed_service_subscriptions=frozenset({FOREIGN.upper()}))
    assert given.violations(RULE) == []
    assert any("managed-service" in line for line in given.only(PENDING_RULE).evidence)
    ordinary = healthy().connection("c-x", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-x"))
    assert not any("managed-service" in line for line in ordinary.only(PENDING_RULE).evidence)


def test_rejecting_is_a_question_that_says_what_it_cuts() -> None:
    given = _foreign().mode("KVG206", Mode.FIX)
    option = given.option(RULE)
    assert isinstance(option.change, RejectConnection)
    assert (option.change.target, option.applicability) == (connection_id("c-x"), Applicability.APPROVAL)
    assert "Cuts a path" in option.warning
    assert "Irreversible" in option.warning
    assert given.plan((RULE,)).apply == ()
    assert given.finding(RULE).severity is Severity.HIGH
    pending = _foreign(ConnectionStatus.PENDING).option(RULE).warning
    assert "Cuts" not in pending
    assert "Irreversible" in pending


def test_facts_and_not_casing_bind_the_approval() -> None:
    given = _foreign(subscription=LETTERS)
    kept = tuple(
        replace(c, id=shouted(c.id), endpoint=shouted(c.endpoint)) if c.endpoint else c
        for c in given.snapshot.vault.connections
    )
    assert given.vault(connections=kept).option(RULE).digest == given.option(RULE).digest
    assert given.profile(Profile.HYBRID).option(RULE).digest != given.option(RULE).digest
    assert _foreign(ConnectionStatus.PENDING, LETTERS).option(RULE).digest != given.option(RULE).digest


def test_the_rejection_silences_the_rule_leaves_the_rest_and_is_final() -> None:
    given = _foreign()
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert list(RULE.check(given.at(after).case())) == []
    assert [c for c in after.vault.connections if c.id == connection_id()] == [given.snapshot.vault.connections[0]]
    assert isinstance(change.inverse, Irreversible)
