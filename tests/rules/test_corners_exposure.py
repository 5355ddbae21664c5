"""Corners of the rules about exposure and connections: clauses that only a second look at a state tells apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.change import DeleteConnection
from shared.domain.grades import Profile, TrustedServices
from shared.domain.policy import Timing
from shared.domain.public_door import allow_list_in_force
from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import Connection, ConnectionStatus, Existence, NetworkAcl, PublicAccess
from shared.rules import (
    kvg102_no_way_in,
    kvg105_trusted_services_bypass,
    kvg106_profile_contradiction,
    kvg107_perimeter_unclear,
    kvg202_dead_connection,
    kvg203_failed_connection,
    kvg206_foreign_connection,
    kvg207_stranded_endpoint,
)
from tests.builders import FORBIDDEN, FOREIGN, NOW, Given, connection_id, endpoint_id, healthy, vault_id, zone_id
from tests.rules.given_endpoints import changed, claimed, dead_end, grouped
from tests.rules.given_exposure import OFF, OFFICE, ON, SECURED, allow, alone, deny, door, odd

STRANDED = kvg207_stranded_endpoint.RULE
OLD = endpoint_id("pe-old")


def test_a_public_vault_that_nobody_reaches_is_to_be_opened() -> None:
    violation = alone(OFF).profile(Profile.PUBLIC).only(kvg102_no_way_in.RULE)
    assert "policy means this vault to be open" in violation.advice


@pytest.mark.parametrize(("access", "acl"), [(OFF, allow(bypass="None")), (ON, deny(bypass="None"))])
def test_the_bypass_matters_unless_everybody_is_allowed(access: PublicAccess, acl: NetworkAcl) -> None:
    rule = kvg105_trusted_services_bypass.RULE
    required = door(access, acl).policy_with(trusted_services=TrustedServices.REQUIRE)
    assert not any("allows everybody" in line for line in required.only(rule).evidence)
    idle = door(ON, allow(bypass="None")).policy_with(trusted_services=TrustedServices.REQUIRE)
    assert any("allows everybody" in line for line in idle.only(rule).evidence)


@pytest.mark.parametrize("given", [door(OFF, odd(OFFICE)), door(ON, odd()), door(SECURED, deny(OFFICE))])
def test_a_default_action_that_decides_nothing_may_be_unknown(given: Given) -> None:
    assert list(kvg106_profile_contradiction.RULE.check(given.case())) == []


def test_an_allow_list_needs_public_access_and_a_rule() -> None:
    def in_force(access: PublicAccess, acl: NetworkAcl) -> bool:
        return allow_list_in_force(door(access, acl).snapshot.vault)

    assert in_force(ON, deny(OFFICE))
    assert not in_force(ON, deny())
    assert not in_force(SECURED, deny(OFFICE))
    assert not in_force(ON, allow(OFFICE))


def test_only_a_missing_right_is_to_be_granted() -> None:
    rule = kvg107_perimeter_unclear.RULE
    assert healthy().vault(perimeters=FORBIDDEN).only(rule).advice.startswith("Grant")
    failed = Unread(UnreadReason.UNAVAILABLE, "HTTP 503")
    assert not healthy().vault(perimeters=failed).only(rule).advice.startswith("Grant")


def test_what_was_never_seen_dead_is_too_fresh_whatever_age_policy_asks_for() -> None:
    given = healthy().connection("c-dead", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-dead"))
    given = given.endpoint_gone("pe-dead").policy_with(timing=Timing(dead_connection_age=timedelta(0)))
    [blocker] = given.blockers(kvg202_dead_connection.RULE)
    assert blocker.until == NOW


def test_what_was_seen_in_another_state_counts_from_now() -> None:
    given = healthy().connection("c-dead", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-dead"))
    given = given.endpoint_gone("pe-dead").sighting("c-dead", ConnectionStatus.PENDING)
    [blocker] = given.blockers(kvg202_dead_connection.RULE)
    assert blocker.until == NOW + given.policy.timing.dead_connection_age


def test_only_an_approval_that_failed_is_repeated() -> None:
    given = healthy().connection(status=ConnectionStatus.UNKNOWN, state="Failed")
    [proposal] = given.only(kvg203_failed_connection.RULE).proposals
    assert isinstance(proposal.change, DeleteConnection)


def test_a_partners_vault_expects_connections_without_a_named_endpoint() -> None:
    nameless = (Connection(connection_id(), ConnectionStatus.APPROVED, "Succeeded", None),)
    given = healthy().vault(connections=nameless)
    assert len(given.unknowns(kvg206_foreign_connection.RULE)) == 1
    assert list(kvg206_foreign_connection.RULE.check(given.profile(Profile.PARTNER).case())) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ConnectionStatus.APPROVED, "is Approved at"),
        (ConnectionStatus.PENDING, "waits for approval at"),
        (ConnectionStatus.UNKNOWN, "has a connection at"),
    ],
)
def test_a_foreign_connection_says_how_it_stands(status: ConnectionStatus, said: str) -> None:
    given = healthy().connection("c-far", status, endpoint=endpoint_id("pe-far", FOREIGN))
    assert said in given.only(kvg206_foreign_connection.RULE).message


# -- stranded endpoints


def test_a_vault_that_exists_was_not_moved_whatever_else_has_its_name() -> None:
    assert changed(dead_end(), moved_to=vault_id("contoso2")).only(STRANDED).subject == OLD


def test_an_endpoint_that_does_not_name_the_vault_is_not_judged() -> None:
    assert list(STRANDED.check(dead_end(links=()).case())) == []


def test_another_connection_that_moves_keeps_nothing_back() -> None:
    given = dead_end().connection("c-1", state="Updating")
    assert OLD in [violation.subject for violation in given.violations(STRANDED)]


def _with_group(given: Given) -> Given:
    return grouped(given, zone_id(), name="pe-old")


def test_an_empty_record_set_holds_nobodys_address() -> None:
    given = _with_group(dead_end()).record().endpoint("pe-1", addresses=FORBIDDEN)
    assert len(given.only(STRANDED).proposals) == 1


def test_a_record_of_a_strange_address_is_kept() -> None:
    violation = _with_group(dead_end()).record("10.1.0.99").only(STRANDED)
    assert violation.proposals == ()
    assert "10.1.0.99" in " ".join(violation.evidence)


def test_the_old_connections_of_a_deleted_vault_make_no_endpoint_effective() -> None:
    given = _with_group(dead_end()).record("10.1.0.7").endpoint("pe-1", addresses=FORBIDDEN)
    gone = given.vault(existence=Existence.DELETED)
    offered = {found.subject: found.proposals for found in gone.violations(STRANDED)}
    assert len(offered[OLD]) == 1


def test_what_is_gone_or_not_effective_and_unread_keeps_no_record() -> None:
    given = claimed(_with_group(dead_end()).record("10.1.0.7"), "pe-1", "pe-old", "pe-third")
    given = given.endpoint_gone("pe-lost").endpoint("pe-third", addresses=FORBIDDEN)
    offered = {found.subject: found.proposals for found in given.violations(STRANDED)}
    assert len(offered[OLD]) == 1
