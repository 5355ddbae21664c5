"""How deep a look reads: an event pays only for rules that ask at events; sweeps, audits and open findings for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.message import Look, SweepRequest
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.service.judge import Judge
from shared.service.messages import decode, encode
from tests.builders import NOW, SUBSCRIPTION, healthy, record_id, vault_id
from tests.service.world import QUICK, World

DEEP = frozenset({Part.DIAGNOSTICS})


def no_log(case: Case) -> Iterator[Violation | Unknown]:
    vault = case.snapshot.vault
    if isinstance(vault.diagnostics, Unread):
        yield Unknown(vault.id, vault.diagnostics)
    elif not vault.diagnostics:
        yield Violation(vault.id, "nobody keeps a log", {})


PATIENT = Rule("KVG999", "no-log", "No log", Severity.LOW, Applicability.MANUAL, Mode.AUDIT, no_log, at_events=False)


def world_with(*rules: Rule, logged: bool = False) -> World:
    given = healthy() if logged else healthy().vault(diagnostics=())
    world = World(given)
    world.handle = world.worker(judge=Judge(world.estate, rules)).handle
    return world


def event() -> Look:
    return Look(vault_id(), "an event", event=NOW - timedelta(minutes=5), resource=record_id())


def sweep() -> Look:
    return Look(vault_id(), "a sweep", thorough=True)


def test_an_event_does_not_read_what_a_rule_can_wait_for() -> None:
    world = world_with(PATIENT)
    world.handle(event())
    assert (world.estate.deepened, world.inbox.told) == ([], [])


def test_an_event_reads_it_for_a_rule_that_asks_at_events() -> None:
    world = world_with(replace(PATIENT, at_events=True))
    world.handle(event())
    assert DEEP in world.estate.deepened


def test_a_sweep_reads_it_and_the_promised_looks_go_on_until_people_are_told() -> None:
    world = world_with(PATIENT)
    world.handle(sweep())
    assert DEEP in world.estate.deepened
    world.play()
    assert len(world.inbox.told) == 1


def test_an_event_reads_it_while_something_of_the_rule_is_open_and_clears_it() -> None:
    world = world_with(PATIENT)
    world.handle(sweep())
    world.play()
    world.estate.deepened.clear()
    world.estate.truth = healthy().snapshot
    world.clock.time += timedelta(hours=1)
    world.handle(Look(vault_id(), "an event", event=world.clock.time - QUICK.consistency, resource=record_id()))
    assert DEEP in world.estate.deepened
    assert len(world.inbox.told) == 2
    world.estate.deepened.clear()
    world.handle(Look(vault_id(), "an event", event=world.clock.time, resource=record_id()))
    assert world.estate.deepened == []


def test_what_an_event_did_not_read_is_not_cleared() -> None:
    unreadable = Unread(UnreadReason.FORBIDDEN, "Microsoft.Insights/diagnosticSettings/read")
    world = world_with(PATIENT)
    world.handle(sweep())
    world.play()
    world.estate.truth = healthy().vault(diagnostics=unreadable).snapshot
    world.clock.time += timedelta(hours=1)
    world.handle(Look(vault_id(), "an event", event=world.clock.time - QUICK.consistency, resource=record_id()))
    assert len(world.inbox.told) == 1


def test_only_a_sweep_that_no_event_asked_for_is_thorough() -> None:
    for at, thorough in ((None, True), (NOW, False)):
        world = World(healthy())
        world.estate.listed = (vault_id(),)
        world.handle(SweepRequest(SUBSCRIPTION, "resync", first=NOW, event=at))
        [look] = [work for _, _, work in world.inbox.waiting if isinstance(work, Look)]
        assert look.thorough is thorough


def test_a_thorough_look_stays_thorough_on_the_queue_and_without_room() -> None:
    assert decode(encode(sweep())) == sweep()
    world = world_with(PATIENT)
    world.estate.full = [30.0]
    world.handle(sweep())
    assert world.estate.deepened == []
    world.play(most=1)
    assert DEEP in world.estate.deepened


def test_a_message_of_the_previous_release_is_not_thorough() -> None:
    text = encode(event()).replace(',"thorough":false', "")
    assert "thorough" not in text
    assert decode(text) == event()
