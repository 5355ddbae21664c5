"""What does not come to rest is told from a reading that is not quiet; nothing else is, and nothing is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Mode
from shared.domain.history import Sighting
from shared.domain.network import Network
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.service.memory import remember
from shared.service.ports import VaultRow
from tests.builders import NOW, Given, connection_id, endpoint_id, healthy, link_to, network_id
from tests.rules.given_endpoints import shouted
from tests.service.world import World

OPEN = {"public_access": PublicAccess.ENABLED, "acl": NetworkAcl(DefaultAction.ALLOW, "AzureServices")}
STUCK = healthy().connection(state="Updating")
MINUTE = timedelta(minutes=1)


def _told(world: World) -> list[tuple[str, str, str]]:
    """State, rule and subject of every message, in order."""
    messages = [json.loads(text) for text in world.inbox.told]
    return [(m["state"], m["rule"], ArmId.parse(m["subject"]).name) for m in messages]


def _seen(given: Given, minutes: int = 0, row: VaultRow | None = None) -> VaultRow:
    snapshot = replace(given.snapshot, read_at=NOW + minutes * MINUTE)
    return remember(row or VaultRow(given.snapshot.vault.id), snapshot)


def test_a_connection_that_is_stuck_is_told_once_within_a_few_looks_and_nothing_else_is() -> None:
    world = World(STUCK.vault(**OPEN).no_record())
    world.look()
    world.play(until=14 * MINUTE)
    assert _told(world) == []
    world.play(until=18 * MINUTE)
    assert _told(world) == [("open", "KVG205", "c-1")]
    world.play(until=timedelta(hours=6))
    assert _told(world) == [("open", "KVG205", "c-1")]
    assert world.verbs == []
    assert world.inbox.waiting


def test_it_is_told_although_it_is_only_observed() -> None:
    world = World(STUCK, enforce=False)
    world.look()
    world.play(until=20 * MINUTE)
    assert _told(world) == [("open", "KVG205", "c-1")]


def test_it_is_cleared_when_the_connection_comes_to_rest() -> None:
    world = World(STUCK)
    world.look()
    world.play(until=20 * MINUTE)
    world.estate.truth = healthy().snapshot
    world.play(until=timedelta(hours=1))
    assert _told(world) == [("open", "KVG205", "c-1"), ("cleared", "KVG205", "c-1")]


def test_it_is_cleared_by_itself_while_something_else_still_moves() -> None:
    world = World(STUCK)
    world.look()
    world.play(until=20 * MINUTE)
    world.estate.truth = healthy().connection("c-2", state="Creating", endpoint=endpoint_id("pe-2")).snapshot
    world.play(until=16 * MINUTE)
    assert _told(world)[-1] == ("cleared", "KVG205", "c-1")
    world.play(until=31 * MINUTE)
    assert _told(world)[2:] == [("open", "KVG205", "c-2")]


def test_what_was_told_while_all_was_quiet_is_not_cleared_by_what_moves() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.play()
    assert [rule for _, rule, _ in _told(world)] == ["KVG101"]
    world.estate.truth = STUCK.snapshot
    world.look()
    world.play(until=20 * MINUTE)
    assert _told(world)[1:] == [("open", "KVG205", "c-1")]
    world.estate.truth = healthy().snapshot
    world.play(until=timedelta(hours=1))
    assert sorted(_told(world)[2:]) == [("cleared", "KVG101", "contoso"), ("cleared", "KVG205", "c-1")]


def test_a_connection_that_keeps_changing_its_status_is_not_stuck() -> None:
    world = World(STUCK)
    world.look()
    for number in range(20):
        status = (ConnectionStatus.PENDING, ConnectionStatus.APPROVED)[number % 2]
        world.estate.truth = healthy().connection(status=status, state="Updating").snapshot
        world.look()
        world.clock.time += 5 * MINUTE
    assert _told(world) == []


def test_a_rule_that_policy_switches_off_says_nothing() -> None:
    world = World(STUCK.mode("KVG205", Mode.OFF))
    world.look()
    world.play(until=timedelta(hours=1))
    assert _told(world) == []


def test_two_workers_that_see_it_tell_it_once() -> None:
    world = World(STUCK)
    world.look()
    world.clock.time += 16 * MINUTE
    world.ledger.taken_by_another = True
    world.look()
    assert _told(world) == []
    world.ledger.taken_by_another = False
    world.clock.time += MINUTE
    world.look()
    world.look()
    assert _told(world) == [("open", "KVG205", "c-1")]


def test_since_when_a_connection_moves_is_kept_while_it_does() -> None:
    row = _seen(STUCK, 3, _seen(STUCK))
    assert row.sightings[connection_id()].moving_since == NOW
    row = _seen(healthy().connection(state="Deleting"), 5, row)
    assert row.sightings[connection_id()].moving_since == NOW
    row = _seen(healthy(), 6, row)
    assert row.sightings[connection_id()].moving_since is None
    assert _seen(STUCK, 9, row).sightings[connection_id()].moving_since == NOW + 9 * MINUTE


def test_another_status_is_another_movement_and_another_casing_is_not() -> None:
    [connection] = STUCK.snapshot.vault.connections
    loud = STUCK.vault(connections=(replace(connection, id=shouted(connection.id), provisioning_state="UPDATING"),))
    assert _seen(loud, 4, _seen(STUCK)).sightings[connection_id()].moving_since == NOW
    pending = healthy().connection(status=ConnectionStatus.PENDING, state="Updating")
    assert _seen(pending, 4, _seen(STUCK)).sightings[connection_id()].moving_since == NOW + 4 * MINUTE


def test_a_connection_that_is_not_listed_any_more_does_not_move() -> None:
    row = _seen(STUCK.no_connections(), 4, _seen(STUCK))
    assert row.sightings[connection_id()].moving_since is None


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "", "SomethingNew"])
def test_only_a_transient_state_is_a_movement(state: str) -> None:
    assert _seen(healthy().connection(state=state)).sightings[connection_id()].moving_since is None


def test_a_row_of_the_previous_release_starts_to_count_now() -> None:
    old = MappingProxyType({connection_id(): Sighting(ConnectionStatus.APPROVED, NOW - timedelta(days=3))})
    row = _seen(STUCK, 1, VaultRow(STUCK.snapshot.vault.id, sightings=old))
    assert row.sightings[connection_id()].moving_since == NOW + MINUTE
    assert row.sightings[connection_id()].since == NOW - timedelta(days=3)


HANGING = healthy().no_links().link("vnet-1", completed=False)


def test_a_link_that_hangs_is_told_once_within_a_few_looks() -> None:
    world = World(HANGING)
    world.look()
    world.play(until=14 * MINUTE)
    assert _told(world) == []
    world.play(until=40 * MINUTE)
    assert [(state, rule) for state, rule, _ in _told(world)] == [("open", "KVG404")]
    assert world.verbs == []


def test_how_long_a_link_hangs_counts_from_the_first_sight_and_ends_with_its_completion() -> None:
    [link] = _seen(HANGING).links_moving_since
    row = _seen(HANGING, 20, _seen(HANGING))
    assert row.links_moving_since == {link: NOW}
    assert _seen(healthy(), 21, row).links_moving_since == {}
    assert _seen(HANGING.links_unread(), 21, row).links_moving_since == {link: NOW}
    assert _seen(HANGING.links_unread()).links_moving_since == {}


def test_links_of_networks_that_nobody_read_are_not_kept_and_of_the_others_no_more_than_64() -> None:
    [zone] = HANGING.snapshot.zones
    assert isinstance(zone.links, tuple)
    strangers = tuple(replace(link_to(network_id(f"vnet-{number}")), completed=False) for number in range(2, 102))
    crowd = HANGING.at(HANGING.snapshot.with_zone(replace(zone, links=(*zone.links, *strangers))))
    assert len(_seen(crowd).links_moving_since) == 1
    read = {network_id(f"vnet-{number}"): Network(network_id(f"vnet-{number}"), ()) for number in range(2, 102)}
    crowd = crowd.at(replace(crowd.snapshot, networks={**crowd.snapshot.networks, **read}))
    first = _seen(HANGING)
    kept = _seen(crowd, 5, first).links_moving_since
    assert len(kept) == 64
    assert NOW in kept.values(), "the longest unfinished one stays"
