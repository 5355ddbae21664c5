"""Fights: what somebody takes back twice within a day is held for a day, and people hear of it."""

from __future__ import annotations

import json
from datetime import timedelta

from shared.domain.message import Look
from shared.domain.reading import Gone
from tests.builders import NOW, missing_record, record_id
from tests.service.test_coalesce import Killed
from tests.service.world import World

SOMEBODY = "00000000-0000-0000-0000-0000000000e1"


def fighting(world: World, initiator: str = "") -> None:
    """Somebody deletes the record as soon as it is there, and Azure says so."""
    broken = missing_record().snapshot
    if world.truth() != broken:
        world.estate.truth = broken
        world.handle(Look(world.vault, "an event", 0, None, world.clock.now(), record_id(), initiator))


def fought(initiator: str = "") -> World:
    world = World(missing_record())
    world.look()
    for _ in range(60):
        if world.clock.now() > NOW + timedelta(hours=12) or not world.inbox.waiting:
            break
        world.play(most=1)
        fighting(world, initiator)
    return world


def test_what_is_taken_back_twice_is_held_and_told_once() -> None:
    world = fought()
    assert world.verbs == ["create-record", "create-record"]
    (hold,) = world.row.holds
    assert (hold.rule, hold.subject, hold.who) == ("KVG411", record_id(), "kvguard")
    said = [json.loads(text) for text in world.inbox.told if json.loads(text)["rule"] == "KVG411"]
    assert (said[-1]["state"], said[-1]["fix"]["state"]) == ("open", "survived")
    assert "somebody takes it back" in said[-1]["fix"]["detail"]
    world.clock.time = hold.until - timedelta(minutes=1)
    told = len(world.inbox.told)
    world.look()
    world.play(until=timedelta(seconds=30))
    assert (world.verbs, len(world.inbox.told)) == (["create-record", "create-record"], told)


def test_the_hold_names_who_was_at_it() -> None:
    assert SOMEBODY in fought(SOMEBODY).row.holds[0].why


def test_the_fight_is_a_finding_of_its_own_as_long_as_the_hold_lasts() -> None:
    world = fought(SOMEBODY)

    def said() -> list[str]:
        told = [json.loads(text) for text in world.inbox.told]
        return [message["state"] for message in told if message["rule"] == "KVG902"]

    assert said() == ["open"]
    end = world.row.holds[0].until
    for left in (timedelta(hours=6), timedelta(minutes=1)):
        world.clock.time = end - left
        world.look()
        world.play(until=timedelta(seconds=30))
    assert said() == ["open"]
    world.clock.time = end + timedelta(seconds=1)
    world.look()
    world.play(until=timedelta(hours=1))
    assert said() == ["open", "cleared"]


def test_after_the_hold_it_is_tried_again() -> None:
    world = fought()
    world.clock.time = world.row.holds[0].until + timedelta(seconds=1)
    world.look()
    world.play(until=timedelta(hours=1))
    assert world.verbs == ["create-record"] * 3
    assert world.truth() != missing_record().snapshot


def test_a_change_that_azure_forgets_without_an_event_is_held_as_well() -> None:
    world = World(missing_record())
    world.estate.ignores_writes = True
    world.look()
    world.play(until=timedelta(hours=20))
    assert world.verbs == ["create-record", "create-record"]


def test_what_is_needed_again_days_later_is_no_fight() -> None:
    world = World(missing_record())
    for days in range(4):
        world.clock.time = NOW + timedelta(days=2 * days)
        world.estate.truth = missing_record().snapshot
        world.look()
        world.play(until=timedelta(hours=1))
    assert world.verbs == ["create-record"] * 4


def test_an_intent_of_a_vault_that_vanished_is_closed() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=120)

    def killed() -> None:
        raise Killed

    world.estate.before_apply = killed
    try:
        world.look()
    except Killed:
        world.estate.truth = Gone()
    world.clock.time += timedelta(seconds=60)
    assert world.look().result == "gone"
    assert [(entry.kind, entry.outcome) for entry in world.ledger.entries] == [("intent", ""), ("result", "failed")]
    assert not world.row.unfinished
