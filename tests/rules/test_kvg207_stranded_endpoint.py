"""KVG207: an endpoint that leads nowhere is found, and offered for deletion when no other record goes with it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.change import DeleteEndpoint, Irreversible
from shared.domain.endpoint import EndpointLink
from shared.domain.grades import Applicability, Mode
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.vault import ConnectionStatus, Existence
from shared.rules.kvg207_stranded_endpoint import RULE
from tests.builders import FORBIDDEN, FOREIGN, Given, endpoint_id, healthy, vault_id, zone_id
from tests.rules.given_endpoints import (
    DEFERRED_CLAIMANTS,
    DEFERRED_GROUPS,
    WRITTEN,
    changed,
    claimed,
    dead_end,
    deleted,
    endpoint_of,
    forgotten,
    grouped,
    shouted,
)

REJECTED = ConnectionStatus.REJECTED
OLD = endpoint_id("pe-old")
ELSEWHERE = zone_id("privatelink.vaultcore.azure.net", "rg-other")


def _unoffered(given: Given) -> str:
    """What the finding says on why no deletion is offered."""
    [violation] = given.violations(RULE)
    assert violation.subject == OLD
    assert violation.proposals == ()
    assert given.unknowns(RULE) == []
    return " ".join(violation.evidence)


def _unknown_part(given: Given) -> Unread:
    """What stands in the way of an offer because it is not known."""
    [violation] = given.violations(RULE)
    assert violation.proposals == ()
    [unknown] = given.unknowns(RULE)
    assert unknown.subject == violation.subject
    return unknown.unread


def test_an_endpoint_with_a_living_connection_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


@pytest.mark.parametrize("status", list(ConnectionStatus))
def test_a_dead_connection_strands_its_endpoint(status: ConnectionStatus) -> None:
    violations = dead_end(status).violations(RULE)
    assert [v.subject for v in violations] == ([OLD] if status.dead else [])
    assert all(f"is {status.value}" in v.message for v in violations)


def test_an_endpoint_without_any_connection_is_stranded() -> None:
    violation = forgotten().only(RULE)
    assert violation.subject == OLD
    assert "has no connection of it" in violation.message


def test_the_endpoints_of_a_deleted_vault_are_stranded() -> None:
    violation = deleted().only(RULE)
    assert violation.subject == endpoint_id()
    assert "does not exist any more" in violation.message


def test_what_was_last_read_of_a_deleted_vaults_connections_counts_for_nothing() -> None:
    assert healthy().vault(existence=Existence.DELETED).only(RULE).subject == endpoint_id()


def test_a_vault_that_was_moved_strands_nothing() -> None:
    assert list(RULE.check(changed(deleted(), moved_to=vault_id("contoso2")).case())) == []


def test_a_soft_deleted_vault_is_not_judged() -> None:
    assert deleted().assess((RULE,)).findings != ()
    assert deleted().vault(existence=Existence.SOFT_DELETED).assess((RULE,)).findings == ()


def test_an_endpoint_made_anew_under_its_name_has_a_living_connection() -> None:
    given = healthy().connection("c-old", ConnectionStatus.DISCONNECTED, endpoint=endpoint_id())
    assert list(RULE.check(given.case())) == []


def test_an_endpoint_that_is_gone_is_nobodys() -> None:
    assert list(RULE.check(dead_end().endpoint_gone("pe-old").case())) == []
    assert list(RULE.check(forgotten().endpoint_gone("pe-old").case())) == []


@pytest.mark.parametrize("given", [dead_end(), forgotten()], ids=["dead", "gone"])
def test_an_endpoint_that_could_not_be_read_is_unknown(given: Given) -> None:
    unread = given.endpoint_unread("pe-old")
    assert unread.violations(RULE) == []
    assert [u.subject for u in unread.unknowns(RULE)] == [OLD]


@pytest.mark.parametrize("given", [dead_end(), forgotten()], ids=["dead", "gone"])
def test_an_endpoint_that_moves_is_not_judged(given: Given) -> None:
    assert list(RULE.check(given.endpoint("pe-old", provisioning_state="UPDATING").case())) == []


def test_a_dead_connection_that_still_moves_is_not_judged() -> None:
    given = dead_end()
    busy = tuple(
        replace(c, provisioning_state="Updating") if c.status.dead else c for c in given.snapshot.vault.connections
    )
    assert list(RULE.check(given.vault(connections=busy).case())) == []


def test_an_endpoint_that_is_another_vaults_by_now_is_allowed() -> None:
    links = (EndpointLink(vault_id("other"), ConnectionStatus.APPROVED, manual=False),)
    assert list(RULE.check(dead_end(links=links).case())) == []


def test_an_endpoint_that_serves_another_resource_too_is_allowed_unless_that_link_is_dead() -> None:
    own = EndpointLink(vault_id(), REJECTED, manual=False)
    other = EndpointLink(vault_id("other"), ConnectionStatus.APPROVED, manual=False)
    assert list(RULE.check(dead_end(links=(own, other)).case())) == []
    assert dead_end(links=(own, replace(other, status=REJECTED))).violations(RULE) != []


def test_unread_claimants_hide_only_what_needs_them() -> None:
    given = changed(dead_end(), claimants=DEFERRED_CLAIMANTS)
    assert [v.subject for v in given.violations(RULE)] == [OLD]
    assert given.violations(RULE)[0].proposals != ()
    [unknown] = given.unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (vault_id(), Part.CLAIMANTS)
    alone = changed(forgotten(), claimants=FORBIDDEN)
    assert (alone.violations(RULE), len(alone.unknowns(RULE))) == ([], 1)


def test_a_living_connection_that_names_no_endpoint_could_be_anybodys() -> None:
    given = forgotten().connection("c-x", ConnectionStatus.PENDING)
    assert given.violations(RULE) == []
    assert [u.subject for u in given.unknowns(RULE)] == [OLD]
    assert forgotten().connection("c-x", REJECTED).violations(RULE) != []


def test_the_deletion_is_a_question_with_a_warning() -> None:
    for given in (dead_end(), forgotten(), deleted()):
        asked = given.mode("KVG207", Mode.FIX)
        option = asked.option(RULE)
        assert isinstance(option.change, DeleteEndpoint)
        assert option.change.target == asked.only(RULE).subject
        assert option.applicability is Applicability.APPROVAL
        assert "Irreversible" in option.warning
        assert asked.plan((RULE,)).apply == ()


def test_an_endpoint_that_says_it_is_connected_is_not_offered() -> None:
    links = (EndpointLink(vault_id(), ConnectionStatus.APPROVED, manual=False),)
    assert "says Approved" in _unoffered(dead_end(links=links))
    assert forgotten(links=links).only(RULE).proposals


def test_a_foreign_owner_decides_alone() -> None:
    identity = endpoint_id("pe-old", FOREIGN)
    given = healthy().connection("c-old", REJECTED, endpoint=identity)
    theirs = replace(endpoint_of(dead_end(), "pe-old"), id=identity)
    given = changed(given, endpoints=MappingProxyType({**given.snapshot.endpoints, identity: theirs}))
    violation = given.only(RULE)
    assert (violation.proposals, violation.subject) == ((), identity)
    assert "its owner decides" in " ".join(violation.evidence)


def test_a_zone_group_that_keeps_its_own_record_does_not_stand_in_the_way() -> None:
    given = grouped(dead_end(), zone_id(), name="pe-old").record("10.1.0.7", metadata=WRITTEN)
    assert given.proposal(RULE).change.target == OLD
    assert grouped(dead_end(), zone_id(), name="pe-old").no_record().only(RULE).proposals
    assert grouped(dead_end(), zone_id(), name="pe-old").record().only(RULE).proposals


def test_a_zone_group_that_keeps_another_endpoints_record_does() -> None:
    assert "maintains 10.1.0.4" in _unoffered(grouped(dead_end(), zone_id(), name="pe-old"))
    both = grouped(dead_end(), zone_id(), name="pe-old").record("10.1.0.4", "10.1.0.7")
    assert "maintains 10.1.0.4, 10.1.0.7" in _unoffered(both)


def test_an_address_that_another_network_uses_too_may_be_the_other_endpoints() -> None:
    given = grouped(dead_end(addresses=("10.1.0.4",)), zone_id(), name="pe-old")
    assert "maintains 10.1.0.4" in _unoffered(given)


def test_a_record_of_another_endpoint_is_no_matter_without_a_zone_group_there() -> None:
    assert dead_end().only(RULE).proposals


@pytest.mark.parametrize("given", [dead_end(), forgotten(), deleted()], ids=["dead", "gone", "deleted"])
def test_zone_groups_that_were_left_out_are_asked_for(given: Given) -> None:
    name = given.only(RULE).subject.name
    assert _unknown_part(given.endpoint(name, zone_groups=DEFERRED_GROUPS)) == DEFERRED_GROUPS
    assert _unknown_part(given.endpoint(name, zone_groups=FORBIDDEN)) == FORBIDDEN


def test_whatever_else_is_unread_about_the_record_leaves_no_offer() -> None:
    given = grouped(dead_end(), zone_id(), name="pe-old").record("10.1.0.7")
    assert _unknown_part(given.record_unread()) == FORBIDDEN
    assert _unknown_part(given.endpoint("pe-old", addresses=FORBIDDEN)) == FORBIDDEN
    assert _unknown_part(dead_end(addresses=FORBIDDEN)) == FORBIDDEN
    assert _unknown_part(given.endpoint("pe-1", addresses=FORBIDDEN)) == FORBIDDEN
    assert _unknown_part(given.endpoint_unread("pe-1")) == FORBIDDEN


def test_a_zone_that_was_not_read_may_hold_anything_and_one_that_is_gone_holds_nothing() -> None:
    given = grouped(dead_end(), ELSEWHERE, name="pe-old")
    assert given.only(RULE).proposals
    assert _unknown_part(given.zones_unread()) == FORBIDDEN
    far = zone_id("privatelink.vaultcore.azure.net").text.replace(ELSEWHERE.subscription, FOREIGN)
    beyond = grouped(dead_end(), type(OLD).parse(far), name="pe-old")
    assert _unknown_part(beyond).reason is UnreadReason.OUT_OF_SCOPE
    stray = grouped(dead_end(), zone_id("privatelink.vault.azure.net"), name="pe-old")
    assert _unknown_part(stray).reason is UnreadReason.OUT_OF_SCOPE


def test_facts_and_not_casing_bind_the_approval() -> None:
    given = dead_end()
    shout = tuple(replace(c, endpoint=c.endpoint and shouted(c.endpoint)) for c in given.snapshot.vault.connections)
    loud = claimed(given.vault(connections=shout), "PE-1", "PE-OLD")
    assert loud.option(RULE).digest == given.option(RULE).digest
    others = [
        dead_end(ConnectionStatus.DISCONNECTED),
        dead_end(addresses=("10.1.0.8",)),
        grouped(dead_end(), ELSEWHERE, name="pe-old"),
        forgotten(links=endpoint_of(given, "pe-old").links),
    ]
    assert given.option(RULE).digest not in {other.option(RULE).digest for other in others}


@pytest.mark.parametrize("given", [dead_end(), forgotten(), deleted()], ids=["dead", "gone", "deleted"])
def test_the_deletion_silences_the_rule_and_leaves_the_rest(given: Given) -> None:
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert list(RULE.check(given.at(after).case())) == []
    assert isinstance(after.endpoints[change.target], Gone)
    kept = {key: value for key, value in given.snapshot.endpoints.items() if key != change.target}
    assert {key: value for key, value in after.endpoints.items() if key != change.target} == kept
    assert after.zones == given.snapshot.zones
    assert isinstance(change.inverse, Irreversible)


def test_it_asks_for_no_deeper_reading_at_events() -> None:
    assert not RULE.at_events
    assert RULE.judges == {Existence.EXISTS, Existence.DELETED}
