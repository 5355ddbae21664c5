"""Work that must come back does, whatever order, clock or race it meets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.grades import Mode
from shared.domain.message import Hint, Look, SweepRequest
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.service.ports import EstateUnavailable
from tests.builders import NOW, endpoint_id, healthy, missing_record, record_id, unlinked, wrong_record, zone_id
from tests.service.world import World

THROTTLED = Unread(UnreadReason.UNAVAILABLE, "GET zones: 429")


def test_an_event_between_a_promise_and_its_look_is_still_followed_up() -> None:
    """The promised look comes before Azure shows what the second event announced, so a third one must follow."""
    world = World(healthy())
    broken = missing_record().snapshot
    world.clock.time = NOW
    world.handle(Look(world.vault, "an event", event=NOW - timedelta(seconds=5)))
    world.clock.time = NOW + timedelta(seconds=3)
    world.handle(Look(world.vault, "another event", event=NOW + timedelta(seconds=3)))
    world.play(until=timedelta(seconds=4))
    world.estate.truth = broken
    world.play()
    assert world.verbs == ["create-record"]


def test_a_promised_look_that_arrives_early_by_this_worker_s_clock_is_promised_again() -> None:
    world = World(missing_record())
    world.look()
    visible, _, work = world.inbox.waiting.pop(0)
    world.clock.time = visible - timedelta(seconds=1)
    world.handle(work)
    world.play()
    assert world.verbs == ["create-record"]


def test_a_look_that_was_throttled_often_still_waits_for_what_moves() -> None:
    world = World(missing_record().vault(provisioning_state="RegisteringDns"))
    world.estate.errors = [EstateUnavailable("429")] * 8
    world.look()
    world.play(most=8)
    assert not world.estate.errors
    world.estate.truth = missing_record().snapshot
    world.play()
    assert world.verbs == ["create-record"]


def test_a_precondition_that_failed_is_tried_again_by_a_later_look() -> None:
    world = World(missing_record())
    world.estate.outcomes = [Outcome(OutcomeKind.CONFLICT, record_id(), NOW, "412")]
    world.look()
    world.play()
    assert world.verbs == ["create-record", "create-record"]
    assert world.truth().named_zones()[0].lookup("contoso")


def test_an_event_from_the_future_does_not_keep_kvguard_looking() -> None:
    world = World(healthy())
    future = (NOW + timedelta(days=2_000_000)).replace(year=9999)
    world.handle(Look(world.vault, "forged", event=future))
    assert len(world.play(most=40)) < 5


def test_what_lies_in_a_zone_that_could_not_be_searched_is_not_cleared() -> None:
    world = World(wrong_record().policy_with(zones=()).mode("KVG304", Mode.OFF))
    world.look()
    world.play()
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open"]
    world.estate.truth = replace(world.truth(), zones=(), zones_unread=(THROTTLED,))
    world.clock.time += timedelta(hours=1)
    world.look()
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open"]


def test_a_missing_link_is_not_cleared_while_zones_cannot_be_searched() -> None:
    world = World(unlinked().policy_with(zones=(), zone_subscriptions_complete=True))
    world.look()
    world.play()
    said = [(m["rule"], m["state"]) for m in map(json.loads, world.inbox.told)]
    assert ("KVG403", "open") in said
    world.policies.value = replace(world.policies.value, zone_subscriptions_complete=False)
    world.estate.truth = replace(world.truth(), zones=(), zones_unread=(THROTTLED,))
    world.clock.time += timedelta(hours=1)
    world.look()
    assert [(m["rule"], m["state"]) for m in map(json.loads, world.inbox.told)] == said


@pytest.mark.parametrize("someone_else", ["10.9.9.9", "10.1.0.4"])
def test_an_interrupted_change_is_recorded_as_made_only_when_azure_shows_it(someone_else: str) -> None:
    """The worker dies before its write; meanwhile somebody makes another record of that name."""
    world = World(missing_record())

    def die() -> None:
        raise RuntimeError("the worker dies")

    world.look()
    world.estate.before_apply = die
    with pytest.raises(RuntimeError):
        world.play()
    world.estate.before_apply = lambda: None
    world.estate.truth = healthy().record(someone_else).snapshot
    world.clock.time += timedelta(seconds=61)
    world.look()
    results = [entry.outcome for entry in world.ledger.entries if entry.kind == "result"]
    assert results == ["applied" if someone_else == "10.1.0.4" else "failed"]
    assert (record_id() in world.row.written) == (someone_else == "10.1.0.4")


def test_an_interrupted_change_is_judged_past_the_cache() -> None:
    world = World(missing_record())

    def die() -> None:
        raise RuntimeError("the worker dies")

    world.look()
    world.estate.before_apply = die
    with pytest.raises(RuntimeError):
        world.play()
    world.estate.before_apply = lambda: None
    world.estate.stale = healthy().snapshot
    world.clock.time += timedelta(seconds=61)
    world.look()
    results = [entry.outcome for entry in world.ledger.entries if entry.kind == "result"]
    assert results[0] == "failed"


def test_events_on_a_zone_that_anybody_may_make_lead_to_few_sweeps() -> None:
    """Whoever may create a zone of the right name may write its tags a thousand times."""
    world = World(healthy())
    zone = zone_id("net", group="rg-stranger")
    for _ in range(100):
        world.handle(Hint(zone, "Microsoft.Network/privateDnsZones/write", world.clock.time))
        world.clock.time += timedelta(seconds=1)
    sweeps = [(at, work) for at, _, work in world.inbox.waiting if isinstance(work, SweepRequest)]
    assert 1 <= len(sweeps) <= 2
    assert max(at for at, _ in sweeps) >= world.clock.time


def test_a_connection_that_left_is_not_remembered_for_ever() -> None:
    world = World(healthy())
    for number in range(5):
        asked = healthy().connection(f"stranger-{number}", ConnectionStatus.PENDING, endpoint=endpoint_id("theirs"))
        world.estate.truth = asked.snapshot
        world.look()
        world.clock.time += timedelta(hours=6)
    assert sorted(connection.name for connection in world.row.sightings) == ["c-1", "stranger-4"]


def test_one_reading_finds_out_that_the_budget_is_used_up() -> None:
    """Ten changes over budget are not ten more readings of Azure."""
    given = healthy().policy_with(writes_per_hour=0)
    for number in range(10):
        name = f"gone-{number}"
        given = given.connection(f"d-{number}", ConnectionStatus.REJECTED, "Succeeded", endpoint_id(name))
        given = given.endpoint_gone(name)
    world = World(given)
    for wait in (timedelta(0), timedelta(hours=25), timedelta(minutes=3)):
        world.clock.time += wait
        world.estate.reads.clear()
        world.look()
    assert world.verbs == []
    assert {json.loads(text)["fix"]["state"] for text in world.inbox.told if json.loads(text)["fix"]} == {"over-budget"}
    assert len(world.estate.reads) <= 5


@pytest.mark.parametrize("moment", ["intend", "save"])
def test_two_workers_at_one_vault_make_a_change_once(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other worker comes at the worst moment: while the first one is about to write its intent or its row."""
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=120)
    other = world.worker()
    step = getattr(world.ledger, moment)
    came: list[str] = []

    def interrupted(*arguments: object) -> object:
        if not came:
            came.append("came")
            came.append(other.handle(Look(world.vault, "the other worker")).result)
        return step(*arguments)

    monkeypatch.setattr(world.ledger, moment, interrupted)
    world.look()
    world.clock.time += timedelta(seconds=61)
    world.play()
    assert len(came) == 2
    assert world.verbs == ["create-record"]
    intents = {entry.change_id for entry in world.ledger.entries if entry.kind == "intent"}
    assert intents == {entry.change_id for entry in world.ledger.entries if entry.kind == "result"}
    assert record_id() in world.row.written
