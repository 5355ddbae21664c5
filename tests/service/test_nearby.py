"""The index: what gets into it, how long it stays, and what happens when a row is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.message import Hint
from shared.domain.network import ForwardingRule, Network
from shared.domain.reading import Gone
from shared.service.nearby import KEPT, keep_index, near
from shared.service.ports import LedgerUnavailable, VaultRow
from tests.builders import FORBIDDEN, NOW, endpoint_id, healthy, network_id, record_id, vault_id, zone_id
from tests.service.world import FakeLedger, World

AROUND = frozenset({endpoint_id(), network_id(), zone_id(), record_id()})


def test_endpoints_networks_zones_and_the_vaults_record_are_near() -> None:
    assert near(healthy().snapshot) >= AROUND


def test_an_endpoint_that_is_gone_is_still_near_its_vault() -> None:
    """Its connection stays for a while, and whoever makes it anew does so under the same id."""
    snapshot = replace(healthy().snapshot, endpoints={endpoint_id(): Gone()})
    assert endpoint_id() in near(snapshot)


def kept(row: VaultRow, ledger: FakeLedger, hours: float, *resources: ArmId) -> VaultRow:
    return keep_index(row, frozenset(resources), NOW + timedelta(hours=hours), ledger)


def indexed(ledger: FakeLedger) -> set[ArmId]:
    return {resource for resource, vaults in ledger.near.items() if vaults}


def test_a_row_outlives_what_it_describes_by_two_days_and_not_by_more() -> None:
    ledger = FakeLedger()
    row = kept(VaultRow(vault_id()), ledger, 0, endpoint_id(), zone_id())
    row = kept(row, ledger, 47.9, zone_id())
    assert indexed(ledger) == {endpoint_id(), zone_id()}
    row = kept(row, ledger, 48, zone_id())
    assert indexed(ledger) == set(row.indexed) == {zone_id()}


def test_what_comes_back_in_time_stays() -> None:
    ledger = FakeLedger()
    row = kept(VaultRow(vault_id()), ledger, 0, endpoint_id())
    row = kept(row, ledger, 40)
    row = kept(row, ledger, 47, endpoint_id())
    row = kept(row, ledger, 90)
    assert indexed(ledger) == {endpoint_id()}


def test_neither_index_nor_row_grow_with_what_comes_and_goes() -> None:
    ledger, row = FakeLedger(), VaultRow(vault_id())
    for day in range(60):
        row = kept(row, ledger, 24 * day, zone_id(), endpoint_id(f"pe-{day}"))
    assert len(indexed(ledger)) == len(row.indexed) <= 4


def test_a_row_that_got_lost_is_written_again_the_next_day() -> None:
    ledger = FakeLedger()
    row = kept(VaultRow(vault_id()), ledger, 0, zone_id())
    ledger.near.clear()
    row = kept(row, ledger, 1, zone_id())
    assert indexed(ledger) == set()
    kept(row, ledger, 24, zone_id())
    assert indexed(ledger) == {zone_id()}


def test_a_worker_that_dies_after_it_removed_a_row_leaves_one_that_is_written_again() -> None:
    ledger = FakeLedger()
    stored = kept(VaultRow(vault_id()), ledger, 0, endpoint_id())
    kept(stored, ledger, 60)
    assert indexed(ledger) == set()
    kept(stored, ledger, 61, endpoint_id())
    assert indexed(ledger) == {endpoint_id()}


@pytest.mark.parametrize(("seconds", "again"), [(-29, True), (0, True), (3, True), (-31, False)])
def test_a_hint_that_was_routed_before_the_row_was_written_counts_as_the_newest_event(
    seconds: int, again: bool
) -> None:
    ledger, at = FakeLedger(), NOW + timedelta(seconds=seconds)
    ledger.note_hint(zone_id(), at)
    row = kept(VaultRow(vault_id()), ledger, 0, zone_id())
    assert row.newest_event == (at if again else None)
    newest = kept(replace(row, newest_event=None), ledger, 0, zone_id())
    assert newest.newest_event is None, "what was known before has been routed by the index"


def test_the_index_of_a_vault_that_is_gone_empties_itself() -> None:
    world = World(healthy())
    world.look()
    world.estate.truth = Gone()
    world.clock.time += timedelta(hours=1)
    assert world.look().result == "gone"
    assert indexed(world.ledger) >= AROUND
    world.clock.time += KEPT
    assert world.handle(Hint(zone_id(), "x/write", world.clock.time)).result == "gone"
    assert indexed(world.ledger) == set()


def test_a_look_whose_index_cannot_be_written_comes_back() -> None:
    world = World(healthy())
    index = world.ledger.index

    def failing(*_: object) -> None:
        world.ledger.index = index  # type: ignore[method-assign]  # the table fails once
        raise LedgerUnavailable("table index")

    world.ledger.index = failing  # type: ignore[assignment]  # the table fails once
    assert world.look().result == "retry"
    world.play()
    assert indexed(world.ledger) >= AROUND


def test_networks_that_only_a_rule_wanted_to_see_are_not_near_but_those_that_answer_dns_are() -> None:
    hub, crowd = network_id("hub"), [network_id(f"spoke-{number}") for number in range(200)]
    read = {hub: Network(hub, ("10.9.0.0/16",)), **{each: Network(each, ("10.8.0.0/16",)) for each in crowd}}
    snapshot = healthy().snapshot
    around = replace(snapshot, networks={**snapshot.networks, **read})
    assert near(around) == near(snapshot)

    home = network_id()
    for asking in (
        Network(home, ("10.1.0.0/16",), dns_servers=("10.9.0.4",)),
        Network(home, ("10.1.0.0/16",), forwarding=(ForwardingRule(".", ("10.9.0.4",)),)),
    ):
        found = near(replace(around, networks={**around.networks, home: asking}))
        assert hub in found
        assert not found & set(crowd)
    unread = {**around.networks, hub: FORBIDDEN, home: Network(home, ("10.1.0.0/16",), dns_servers=("10.9.0.4",))}
    assert hub in near(replace(around, networks=unread)), "it may hold the server"
