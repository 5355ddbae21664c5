"""Work that cannot be done now: when it comes back, as what, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.message import Hint, Look
from shared.service.ports import EstateError, EstateForbidden, EstateThrottled, EstateUnavailable
from tests.builders import NOW, endpoint_id, healthy, vault_id, zone_id
from tests.service.world import World


def test_throttled_work_comes_back_in_its_turn_and_not_later() -> None:
    """The fake's jitter is 1, so half a second is all that may be added."""
    world = World(healthy())
    look = Look(vault_id(), "a test", attempt=6, first=NOW)
    world.estate.full = [37.0]
    assert world.handle(look).result == "retry"
    ((visible, _, back),) = world.inbox.waiting
    assert visible - NOW == timedelta(seconds=37.5)
    assert back == look
    assert world.estate.reads == []


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
    assert (back.vault, back.event, back.resource, back.initiator, back.first) == (
        vault_id(), NOW, endpoint_id(), "oid-1", NOW,
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
