"""Work that cannot be done now: when it comes back, as what, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.message import Hint, Look
from shared.service.ports import EstateError, EstateForbidden, EstateThrottled, EstateUnavailable, VaultRow
from tests.builders import NOW, endpoint_id, healthy, vault_id, zone_id
from tests.service.world import QUICK, World


def test_throttled_work_comes_back_in_its_turn_and_not_later() -> None:
    world = World(healthy())
    look = Look(vault_id(), "a test", attempt=6, first=NOW)
    world.estate.full = [36.2]
    assert world.handle(look).result == "retry"
    ((visible, _, back),) = world.inbox.waiting
    assert visible - NOW == timedelta(seconds=37)
    assert isinstance(back, Look)
    assert (back.vault, back.attempt, back.first, back.event) == (vault_id(), 6, NOW, None)
    assert world.row.look_at == visible
    assert not world.row.lease.held(NOW)
    assert world.estate.reads == []


def test_the_events_of_a_throttled_vault_share_one_turn() -> None:
    world = World(healthy())
    world.estate.full = [14.0] + [60.0] * 9
    for number in range(10):
        event = NOW - timedelta(seconds=number)
        world.handle(Look(vault_id(), "x", first=NOW, event=event, resource=endpoint_id(), initiator=f"oid-{number}"))
    assert len(world.inbox.waiting) == 1
    assert len(world.estate.full) == 9, "nine did not ask for room"
    assert world.row.newest_event == NOW
    assert len(world.row.initiators) == 10
    world.estate.full = []
    world.play()
    assert world.estate.reads == ["glance"]
    assert world.row.last_quiet_read is not None
    assert world.row.last_quiet_read >= NOW + QUICK.consistency


def test_a_throttled_look_relies_on_an_earlier_promise_and_on_no_later_one() -> None:
    world = World(healthy())
    world.estate.full = [40.0, 60.0, 30.0]
    results = [world.handle(Look(vault_id(), "x", first=NOW)).result for _ in range(3)]
    assert results == ["retry", "coalesced", "retry"]
    assert [(visible - NOW).total_seconds() for visible, _, _ in sorted(world.inbox.waiting)] == [30, 40]


def test_an_event_on_nobody_knows_what_keeps_its_own_message_in_line() -> None:
    """The look of a sweep has to go past the cache, and a promised one would not know."""
    world = World(healthy())
    world.estate.full = [9.0]
    look = Look(vault_id(), "a sweep", first=NOW, event=NOW)
    assert world.handle(look).result == "retry"
    ((visible, _, back),) = world.inbox.waiting
    assert (visible - NOW, back) == (timedelta(seconds=9.5), look)


def test_work_that_found_no_room_for_a_day_is_given_up() -> None:
    world = World(healthy())
    world.estate.full = [300.0] * 1000
    world.handle(Look(vault_id(), "x", event=NOW, resource=endpoint_id()))
    world.play(most=400)
    ((work, reason),) = world.inbox.poisoned
    assert (isinstance(work, Look), "no room" in reason, world.inbox.waiting) == (True, True, [])
    assert timedelta(hours=24) < world.clock.time - NOW < timedelta(hours=25)


@pytest.mark.parametrize("step", ["send", "save"])
def test_a_worker_that_dies_while_it_promises_a_turn_loses_nothing(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(healthy())
    world.estate.full = [14.0]
    look = Look(vault_id(), "x", first=NOW, event=NOW, resource=endpoint_id())
    save, saved = world.ledger.save, 0

    class Dead(BaseException):
        pass

    def send(*_: object, **__: object) -> None:
        raise Dead

    def save_once(row: VaultRow) -> VaultRow:
        nonlocal saved
        saved += 1
        if saved == 2:
            raise Dead
        return save(row)

    with monkeypatch.context() as patched:
        if step == "send":
            patched.setattr(world.inbox, "send", send)
        else:
            patched.setattr(world.ledger, "save", save_once)
        with pytest.raises(Dead):
            world.handle(look)
    world.clock.time += timedelta(minutes=10)
    world.handle(look)
    world.play()
    assert world.row.last_quiet_read is not None
    assert world.row.last_quiet_read >= NOW + QUICK.consistency
    assert world.inbox.waiting == []


def test_throttling_does_not_lengthen_the_wait_after_another_error() -> None:
    world = World(healthy())
    world.estate.full = [1.0] * 8
    world.handle(Look(vault_id(), "a test"))
    world.play(most=7)
    world.estate.errors = [EstateUnavailable("503")]
    before = world.clock.time
    world.play(most=1)
    ((visible, _, back),) = world.inbox.waiting
    assert (visible - world.clock.time, back.attempt) == (timedelta(seconds=5), 1)
    assert world.clock.time - before < timedelta(seconds=2)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (EstateThrottled("429", 0.0), 5.5),
        (EstateThrottled("429", 7200.0), 900.5),
        (EstateUnavailable("503"), 20.0),
        (EstateUnavailable("503", 77.0), 77.0),
        (EstateForbidden("403", "Microsoft.KeyVault/vaults/read"), 20.0),
        (EstateError("html"), 20.0),
    ],
)
def test_each_error_has_its_wait(error: EstateError, seconds: float) -> None:
    world = World(healthy())
    world.estate.errors = [error]
    assert world.handle(Look(vault_id(), "a test", attempt=2, first=NOW)).result == "retry"
    assert world.inbox.waiting[0][0] - NOW == timedelta(seconds=seconds)


@pytest.mark.parametrize("error", [EstateThrottled("429", 3.0), EstateUnavailable("503")])
def test_after_a_day_it_is_given_up_with_its_reason(error: EstateError) -> None:
    world = World(healthy())
    world.estate.errors = [error]
    look = Look(vault_id(), "a test", first=NOW - timedelta(hours=24, seconds=1))
    assert world.handle(look).result == "poison"
    ((work, reason),) = world.inbox.poisoned
    assert isinstance(work, Look)
    assert (work.vault, str(error) in reason, world.inbox.waiting) == (vault_id(), True, [])


def test_a_hint_that_was_routed_comes_back_as_the_look_that_it_became() -> None:
    world = World(healthy())
    world.estate.endpoints = {endpoint_id(): (vault_id(),)}
    world.estate.full = [9.0]
    hint = Hint(endpoint_id(), "x/delete", NOW, "oid-1", first=NOW)
    assert world.handle(hint).result == "retry"
    ((_, _, back),) = world.inbox.waiting
    assert isinstance(back, Look)
    assert (back.vault, back.first) == (vault_id(), NOW)
    assert (world.row.newest_event, world.row.touched, world.row.initiators) == (
        NOW, {endpoint_id(): NOW}, {"oid-1": NOW},
    )  # fmt: skip


def test_what_needs_no_call_is_done_though_azure_has_no_room() -> None:
    world = World(healthy())
    world.estate.full = [60.0] * 9
    assert world.handle(Hint(zone_id("privatelink.blob.core.windows.net"), "x/write", NOW)).result == "ignored"
    world.ledger.near[zone_id()] = (vault_id(), vault_id("fabrikam"))
    assert world.handle(Hint(zone_id(), "x/write", NOW)).result == "routed"
    assert len(world.estate.full) == 9


@pytest.mark.parametrize(("resource", "read"), [(zone_id(), "fresh"), (endpoint_id(), "glance"), (None, "fresh")])
def test_a_look_goes_past_the_cache_when_the_event_was_about_what_many_have_in_common(
    resource: object, read: str
) -> None:
    world = World(healthy())
    event = NOW - timedelta(hours=1)
    world.handle(Look(vault_id(), "x", event=event, resource=resource))  # type: ignore[arg-type]  # an id or None
    assert world.estate.reads[0] == read
