"""Telling people: what is said, when, how often, and what is claimed before it is said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.grades import Mode
from shared.domain.message import Look
from shared.domain.reading import Gone
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from shared.service.ports import VaultRow
from tests.builders import (
    FORBIDDEN,
    dead,
    healthy,
    missing_record,
    neighbour,
)
from tests.service.world import World

OPEN = {"public_access": PublicAccess.ENABLED, "acl": NetworkAcl(DefaultAction.ALLOW, "AzureServices")}


def test_a_risky_finding_is_told_once_and_nothing_is_changed() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    assert world.inbox.told == []
    world.play()
    world.look()
    message = json.loads(world.inbox.told[0])
    assert (len(world.inbox.told), message["state"], message["rule"]) == (1, "open", "KVG101")
    assert {option["applicability"] for option in message["options"]} == {"approval"}
    assert world.verbs == []


def test_a_finding_that_is_mended_is_cleared_with_its_fingerprint() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.play()
    world.estate.truth = healthy().snapshot
    world.look()
    opened, cleared = (json.loads(text) for text in world.inbox.told)
    assert (cleared["state"], cleared["fingerprint"]) == ("cleared", opened["fingerprint"])
    world.look()
    assert len(world.inbox.told) == 2


def test_a_finding_that_cannot_be_judged_any_more_is_not_cleared() -> None:
    given = healthy().vault(**OPEN)
    world = World(given)
    world.look()
    world.play()
    world.estate.truth = given.vault(perimeters=FORBIDDEN).snapshot
    world.look()
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open"]


def test_a_vault_that_is_gone_clears_its_findings() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.play()
    world.estate.truth = Gone()
    assert world.look().result == "gone"
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open", "cleared"]


def test_a_question_is_not_repeated_when_only_the_reasons_against_it_change() -> None:
    given = healthy().no_links()
    world = World(given.neighbours(neighbour("fabrikam")))
    world.look()
    world.play()
    world.estate.truth = given.neighbours(neighbour("fabrikam"), neighbour("tailspin")).snapshot
    world.look()
    world.play()
    assert len(world.inbox.told) == 1


def test_nobody_is_asked_about_what_time_alone_will_let_kvguard_do() -> None:
    given = dead()
    given = given.at(replace(given.snapshot, history=healthy().snapshot.history))
    world = World(given)
    world.look()
    world.play()
    assert (world.verbs, world.inbox.told) == (["delete-connection"], [])


def test_somebody_is_asked_where_policy_wants_a_decision_however_long_it_waits() -> None:
    given = dead().mode("KVG202", Mode.APPROVE)
    given = given.at(replace(given.snapshot, history=healthy().snapshot.history))
    world = World(given)
    world.look()
    world.play(until=timedelta(hours=1))
    assert [json.loads(text)["rule"] for text in world.inbox.told] == ["KVG202"]


def test_nothing_is_told_of_a_state_that_the_run_itself_has_set_moving() -> None:
    given = missing_record().vault(**OPEN)
    world = World(given)
    world.look()
    moving = given.at(world.truth()).connection(state="Updating").snapshot
    world.estate.before_apply = lambda: setattr(world.estate, "truth", moving)
    world.play(most=1)
    assert (world.verbs, world.inbox.told) == (["create-record"], [])
    assert world.inbox.waiting


def test_two_workers_that_see_the_same_tell_it_once() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.clock.time += timedelta(seconds=120)
    other, ended = world.worker(), []
    save = world.ledger.save

    def save_late(row: VaultRow) -> VaultRow:
        if not row.told:
            return save(row)
        world.ledger.save = save  # type: ignore[method-assign] # only the first claim is overtaken
        world.clock.time += timedelta(seconds=31)
        ended.append(other.handle(Look(world.vault, "the other worker")).result)
        return save(row)

    world.ledger.save = save_late  # type: ignore[method-assign] # it takes over an expired lease before the claim
    assert world.look().result == "retry"
    world.play()
    assert ended == ["looked"]
    assert len(world.inbox.told) == 1


def test_a_crash_between_claim_and_message_repeats_it_and_loses_nothing() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.clock.time += timedelta(seconds=120)

    class Killed(BaseException):
        pass

    def killed(messages: Iterable[str]) -> None:
        raise Killed

    tell, world.inbox.tell = world.inbox.tell, killed  # type: ignore[method-assign] # the crash
    with pytest.raises(Killed):
        world.look()
    world.inbox.tell = tell  # type: ignore[method-assign] # the next worker
    world.clock.time += timedelta(seconds=31)
    world.look()
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open"]
    world.estate.truth = healthy().snapshot
    world.look()
    assert [json.loads(text)["state"] for text in world.inbox.told] == ["open", "cleared"]
