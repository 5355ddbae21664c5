"""Settling: who is still at work restarts the wait, nobody can restart it for ever, and a controller has its time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateRecord
from shared.domain.grades import DnsMode, Writer
from shared.domain.message import Look
from shared.domain.policy import Timing
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Rule
from shared.domain.vault import ConnectionStatus
from shared.rules import kvg201_pending_connection as pending_rule
from shared.rules import kvg403_network_not_linked as link_rule
from shared.rules import kvg411_missing_a_record as record_rule
from shared.service.settle import own_resources
from tests.builders import (
    NOW,
    Given,
    connection_id,
    endpoint_id,
    group_of,
    healthy,
    link_to,
    missing_record,
    network_id,
    record_id,
    unlinked,
    vault_id,
    zone_id,
)
from tests.service.world import World

SECOND = timedelta(seconds=1)
OTHER_LINK = zone_id().child("virtualNetworkLinks", "to-vnet-9")


def event(world: World, resource: ArmId, ago: float = 0) -> None:
    world.handle(Look(world.vault, "an event", event=world.clock.now() - ago * SECOND, resource=resource))


def changed_after(world: World, at_most: float = 3600) -> float:
    """Play on; when the first change came, in seconds since the beginning."""
    times: list[float] = []
    world.estate.before_apply = lambda: times.append((world.clock.now() - NOW).total_seconds())
    world.play(until=at_most * SECOND)
    return times[0]


@pytest.mark.parametrize(
    "resource",
    [
        record_id(),
        zone_id(),
        zone_id().child("virtualNetworkLinks", "to-vnet-1"),
        zone_id().child("virtualNetworkLinks", "not-seen-yet"),
        endpoint_id("pe-1"),
        endpoint_id("pe-1").child("privateDnsZoneGroups", "default"),
    ],
)
def test_an_event_on_a_findings_own_resource_restarts_the_wait(resource: ArmId) -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += 60 * SECOND
    event(world, resource)
    assert changed_after(world) == 180


@pytest.mark.parametrize(
    "resource",
    [vault_id(), connection_id("c-9"), record_id("fabrikam"), endpoint_id("pe-9"), network_id("vnet-1"), OTHER_LINK],
)
def test_an_event_on_anything_else_does_not(resource: ArmId) -> None:
    given = missing_record()
    zone = given.snapshot.zones[0]
    other = replace(link_to(network_id("vnet-9")), id=OTHER_LINK)
    world = World(given.zone(links=(*(zone.links if isinstance(zone.links, tuple) else ()), other)))
    world.look()
    world.clock.time += 60 * SECOND
    event(world, resource)
    assert changed_after(world) < 140


def test_the_wait_counts_from_the_event_and_not_from_its_late_delivery() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += 100 * SECOND
    event(world, record_id(), ago=60)
    assert changed_after(world) == 160


def test_nobody_can_restart_the_wait_for_ever() -> None:
    world = World(missing_record())
    world.look()
    while world.clock.now() < NOW + 1000 * SECOND and not world.verbs:
        world.clock.time += 50 * SECOND
        event(world, record_id())
    assert world.verbs == ["create-record"]
    assert world.clock.now() - NOW == 900 * SECOND


@pytest.mark.parametrize("writer", list(Writer))
def test_a_deployer_that_creates_endpoint_then_link_then_record_finds_nothing_made_by_us(writer: Writer) -> None:
    """Link 40 s after the endpoint, record 60 s after the link; each of them would fail if the thing existed."""
    whole = healthy().writer(writer).policy_with(dns_mode=DnsMode.EXTERNAL)
    world = World(whole.no_links().no_record())
    event(world, endpoint_id("pe-1"))
    world.play(until=40 * SECOND)
    world.clock.time = NOW + 40 * SECOND
    world.estate.truth = whole.no_record().snapshot
    event(world, zone_id().child("virtualNetworkLinks", "to-vnet-1"))
    world.play(until=60 * SECOND)
    assert world.verbs == []
    world.clock.time = NOW + 100 * SECOND
    world.estate.truth = whole.snapshot
    event(world, record_id())
    world.play()
    assert (world.verbs, world.inbox.told, world.inbox.waiting) == ([], [], [])


def test_azure_policy_has_its_time_before_anybody_is_told() -> None:
    given = missing_record().no_links().writer(Writer.AZURE_POLICY)
    world = World(given)
    world.look()
    world.play(until=1199 * SECOND)
    assert world.inbox.told == []
    world.play(until=1200 * SECOND)
    assert {json.loads(text)["rule"] for text in world.inbox.told} == {"KVG304", "KVG403", "KVG411"}
    assert world.clock.now() == NOW + 1200 * SECOND


def test_a_zone_group_that_azure_policy_attaches_after_ten_minutes_is_never_reported_as_missing() -> None:
    given = missing_record().no_links().writer(Writer.AZURE_POLICY)
    world = World(given)
    world.look()
    world.play(until=600 * SECOND)
    attached = healthy().writer(Writer.AZURE_POLICY).endpoint(zone_groups=(group_of(endpoint_id("pe-1"), zone_id()),))
    world.estate.truth = attached.snapshot
    event(world, endpoint_id("pe-1").child("privateDnsZoneGroups", "default"))
    world.play()
    assert (world.inbox.told, world.verbs) == ([], [])


def test_in_a_zone_of_azure_policy_nothing_is_applied_before_its_time_whatever_made_it_safe() -> None:
    """The grace is the loop's own and does not rest on the rules."""
    world = World(missing_record())
    zones = world.policies.value.zones
    world.look()
    world.policies.value = replace(
        world.policies.value,
        zones=tuple(replace(zone, writer=Writer.AZURE_POLICY) for zone in zones),
    )
    world.play(until=1199 * SECOND)
    assert world.verbs == []


def test_what_could_not_be_judged_for_a_passing_reason_does_not_start_anew() -> None:
    world = World(missing_record())
    world.look()
    broken = world.truth()
    passing = Unread(UnreadReason.UNAVAILABLE, "503")
    world.estate.truth = missing_record().endpoint(addresses=passing).snapshot
    world.clock.time += 60 * SECOND
    world.look()
    world.estate.truth = broken
    assert changed_after(world) == 120


def test_a_reading_with_a_part_that_failed_is_followed_by_another() -> None:
    given = healthy()
    world = World(given)
    passing = Unread(UnreadReason.UNAVAILABLE, "503")
    world.estate.truth = given.endpoint(addresses=passing).snapshot
    event(world, endpoint_id("pe-1"), ago=20)
    assert world.row.last_quiet_read is None
    waits = []
    for _ in range(12):
        waits.append(world.inbox.waiting[0][0] - world.clock.now())
        world.play(most=1)
    assert (waits[0], waits[-1]) == (10 * SECOND, 900 * SECOND)
    world.estate.truth = missing_record().snapshot
    world.play()
    assert world.verbs == ["create-record"]


def test_nobody_is_asked_for_what_could_not_be_read_for_a_passing_reason() -> None:
    given = unlinked()
    passing = Unread(UnreadReason.UNAVAILABLE, "503")
    world = World(given.at(replace(given.snapshot, neighbours=passing)))
    world.look()
    world.play(until=600 * SECOND)
    assert (world.verbs, world.inbox.told) == ([], [])
    world.estate.truth = given.snapshot
    world.play()
    assert (world.verbs, world.inbox.told) == (["create-link"], [])


def test_kvguards_own_writes_end_in_silence() -> None:
    """Each write raises an event; the last of them leads to an empty plan."""
    world = World(missing_record().no_links())
    world.look()
    for _ in range(200):
        if not world.inbox.waiting:
            break
        before = len(world.estate.applied)
        world.play(most=1)
        for change in world.estate.applied[before:]:
            event(world, change.target)
    assert world.verbs == ["create-record", "create-link"]
    assert not world.inbox.waiting


def test_a_clock_that_differs_from_azures_moves_no_wait() -> None:
    for ahead in (-40, 0, 40):
        world = World(missing_record(), timing=Timing())
        world.estate.ahead = ahead * SECOND
        world.look()
        world.clock.time += 60 * SECOND
        at = world.clock.now() + ahead * SECOND
        world.handle(Look(world.vault, "an event", event=at, resource=record_id()))
        assert changed_after(world) == 180


def of(given: Given, rule: Rule) -> set[str]:
    finding = given.finding(rule)
    return {root.key for root in own_resources(finding, given.snapshot).roots}


def test_own_resources_of_a_record_a_link_and_a_connection() -> None:
    assert of(missing_record(), record_rule.RULE) == {record_id().key, endpoint_id("pe-1").key}
    linked = of(unlinked(), link_rule.RULE)
    assert {network_id("vnet-1").key, endpoint_id("pe-1").key} < linked
    assert zone_id().key not in linked
    given = healthy().connection("c-2", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-2"))
    assert of(given, pending_rule.RULE) == {connection_id("c-2").key, endpoint_id("pe-2").key}


def test_what_is_applied_is_what_was_seen_first() -> None:
    """Another address is another change: it settles anew."""
    world = World(missing_record())
    world.look()
    world.clock.time += 100 * SECOND
    moved = missing_record().endpoint(addresses=("10.1.0.9",))
    world.estate.truth = moved.snapshot
    assert changed_after(world) >= 220
    (change,) = world.estate.applied
    assert isinstance(change, CreateRecord)
    assert change.addresses == ("10.1.0.9",)
