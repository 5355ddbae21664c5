"""Exempted findings in the loop: nothing is done and nothing is said, and all is not well for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from shared.domain.policy import Exemption
from shared.rules import kvg411_missing_a_record
from shared.service.judge import Judge
from tests.builders import NOW, healthy, missing_record
from tests.service.world import World

MONTH = timedelta(days=30)
SOMEBODY = "0f1e2d3c-0000-4000-8000-000000000001"
RULES = (kvg411_missing_a_record.RULE,)


def silence(world: World, ends: timedelta = MONTH) -> None:
    entry = Exemption("KVG411", world.vault.text, "until the move", "team-a", NOW + ends)
    world.policies.value = replace(world.policies.value, exemptions=(entry,))


def worlds(*, enforce: bool = True) -> World:
    world = World(missing_record())
    world.handle = world.worker(enforce=enforce, judge=Judge(world.estate, RULES)).handle
    return world


def test_nothing_is_changed_or_told_as_long_as_it_lasts() -> None:
    world = worlds()
    silence(world)
    world.look()
    world.play()
    assert (world.verbs, world.inbox.told) == ([], [])


def test_when_it_has_ended_the_next_look_begins_anew_and_the_finding_settles_first() -> None:
    world = worlds()
    silence(world)
    world.look()
    world.play()
    world.clock.time = NOW + MONTH
    world.look()
    assert world.verbs == []
    world.play()
    assert world.verbs == ["create-record"]


def test_a_finding_that_was_told_is_cleared_once_it_is_exempt() -> None:
    world = worlds(enforce=False)
    world.look()
    world.play()
    silence(world)
    world.look()
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open", "cleared"]


def test_who_is_behind_an_exempted_finding_is_not_forgotten() -> None:
    """They may not approve the repair of what they did, also not when the exemption has ended."""
    world = worlds()
    silence(world)
    row = world.ledger.load(world.vault)
    world.ledger.save(replace(row, initiators={SOMEBODY: NOW - timedelta(hours=1)}))
    world.look()
    assert SOMEBODY in world.row.initiators
    world.estate.truth = healthy().snapshot
    world.look()
    assert SOMEBODY not in world.row.initiators
