"""KVG404: a link that is on its way is nobody's business until it has been on its way for too long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.rules.kvg404_link_not_completed import RULE
from tests.builders import FORBIDDEN, Given, healthy, link_to, network_id, vault_id, zone_id
from tests.rules.given_zones import APEX, hub_and_spokes, link_of, moving_for, relink, shouted, silent

LONG = timedelta(minutes=16)
_LIMIT = timedelta(seconds=900)


def _unfinished(given: Given | None = None, state: str = "InProgress") -> Given:
    return relink(given or healthy(), completed=False, provisioning_state=state)


def test_a_completed_link_is_allowed_whatever_the_ledger_remembers() -> None:
    assert silent(healthy(), RULE)
    assert silent(moving_for(healthy(), LONG), RULE)
    assert silent(moving_for(relink(healthy(), provisioning_state="Updating"), LONG), RULE)


def test_a_link_that_has_been_unfinished_for_too_long_is_found() -> None:
    given = moving_for(_unfinished(), LONG)
    violation = given.only(RULE)
    assert violation.subject == link_of(given.snapshot).id
    assert "has been under way since 2026-11-21 11:44 UTC" in violation.message
    assert violation.facts == {
        "zone": zone_id().key,
        "network": network_id().key,
        "completed": False,
        "provisioning_state": "inprogress",
    }
    assert violation.proposals == ()
    assert "resource group rg-dns" in violation.advice


def test_up_to_max_settle_it_is_only_on_its_way() -> None:
    assert silent(moving_for(_unfinished(), _LIMIT), RULE)
    assert len(moving_for(_unfinished(), _LIMIT + timedelta(seconds=1)).violations(RULE)) == 1


def test_a_first_sight_is_not_a_long_time() -> None:
    assert silent(_unfinished(), RULE)


def test_a_state_that_lingers_behind_a_finished_operation_counts_as_well() -> None:
    assert len(moving_for(_unfinished(state="Succeeded"), LONG).violations(RULE)) == 1
    assert silent(_unfinished(state="Succeeded"), RULE)


@pytest.mark.parametrize("state", ["Failed", "failed", "Canceled"])
def test_an_operation_that_has_failed_is_found_at_once_even_without_history(state: str) -> None:
    assert f"its operation ended as {state}" in _unfinished(state=state).only(RULE).message
    assert len(_unfinished(state=state).history_unread().violations(RULE)) == 1


def test_without_the_ledger_the_time_is_not_known() -> None:
    given = _unfinished().history_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [
        (link_of(given.snapshot).id, FORBIDDEN)
    ]


def test_unread_links_are_not_judged() -> None:
    assert [unknown.subject for unknown in healthy().links_unread().unknowns(RULE)] == [zone_id()]


def test_unread_endpoints_are_not_judged() -> None:
    given = moving_for(_unfinished(), LONG).endpoint_unread()
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]


def test_an_unread_network_hides_whom_it_asks_and_not_its_own_link() -> None:
    given = moving_for(_unfinished(), LONG).network_unread()
    assert len(given.violations(RULE)) == 1
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_a_link_to_a_network_that_has_nothing_to_do_with_the_vault_is_not_its_finding() -> None:
    given = healthy().link("vnet-9", completed=False)
    assert silent(moving_for(given, LONG, "vnet-9"), RULE)


def test_the_link_to_the_network_whose_dns_is_asked_is_judged() -> None:
    given = hub_and_spokes().link("vnet-2", completed=False)
    assert [v.subject for v in moving_for(given, LONG, "vnet-2").violations(RULE)] == [link_to(network_id("vnet-2")).id]


def test_the_link_of_a_zone_of_the_vaults_own_name_is_judged_too() -> None:
    given = relink(healthy().link(zone=APEX), APEX, completed=False, provisioning_state="Failed")
    assert [v.facts["zone"] for v in given.violations(RULE)] == [APEX.key]


def test_a_vault_without_an_effective_connection_waits_for_no_link() -> None:
    assert silent(moving_for(_unfinished(), LONG).no_connections(), RULE)


def test_ids_in_another_casing_are_the_same_link() -> None:
    given = moving_for(_unfinished(), LONG)
    loud = shouted(given)
    assert loud.finding(RULE).fingerprint == given.finding(RULE).fingerprint
    assert loud.only(RULE).facts == given.only(RULE).facts
