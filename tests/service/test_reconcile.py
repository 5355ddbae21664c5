"""The loop: seen twice, confirmed, applied, verified, told; and what must never happen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.change import CreateLink, CreateRecord
from shared.domain.message import Look, SweepRequest
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.service.ports import EstateForbidden, EstateUnavailable
from tests.builders import (
    NOW,
    SUBSCRIPTION,
    dead,
    endpoint_id,
    healthy,
    long_ttl,
    missing_record,
    neighbour,
    record_id,
    vault_id,
)
from tests.service.world import World

OPEN = {"public_access": PublicAccess.ENABLED, "acl": NetworkAcl(DefaultAction.ALLOW, "AzureServices")}


def test_a_healthy_vault_needs_one_glance_and_no_message() -> None:
    world = World(healthy())
    world.look()
    assert (world.estate.reads, world.inbox.sent, world.inbox.told) == (["glance"], 0, [])


def test_nothing_is_applied_at_first_sight_and_everything_at_the_second() -> None:
    world = World(missing_record().no_links())
    world.look()
    assert world.verbs == []
    assert world.inbox.waiting[0][0] == NOW + timedelta(seconds=120)
    world.play()
    assert world.verbs == ["create-record", "create-link"]


def test_a_second_look_before_the_settle_time_applies_nothing() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=119)
    world.look()
    assert world.verbs == []
    world.clock.time += timedelta(seconds=1)
    world.look()
    assert world.verbs == ["create-record"]


def test_a_burst_of_looks_promises_one_more_look() -> None:
    world = World(missing_record())
    for _ in range(5):
        world.look()
    assert world.inbox.sent == 1


def test_a_finding_that_vanishes_and_returns_must_settle_anew() -> None:
    world = World(missing_record())
    world.look()
    broken, world.estate.truth = world.truth(), healthy().snapshot
    world.clock.time += timedelta(seconds=60)
    world.look()
    world.estate.truth = broken
    world.clock.time += timedelta(seconds=100)
    world.look()
    assert world.verbs == []


def test_observe_makes_the_same_plan_and_no_change() -> None:
    given = missing_record().no_links()
    enforcing, observing = World(given), World(given, enforce=False)
    for world in (enforcing, observing):
        world.look()
        world.play()
    assert observing.verbs == []
    said = [json.loads(text) for text in observing.inbox.told]
    assert sorted(message["fix"]["detail"] for message in said) == sorted(
        c.description for c in enforcing.estate.applied
    )
    assert {message["fix"]["state"] for message in said} == {"observe"}


def test_a_cached_reading_alone_never_leads_to_a_change() -> None:
    world = World(missing_record())
    world.estate.stale = world.truth()
    world.estate.truth = healthy().snapshot
    world.look()
    world.play(most=5)
    assert "fresh" in world.estate.reads
    assert world.verbs == []


def test_the_link_waits_for_the_record() -> None:
    world = World(missing_record().no_links())
    refused = Outcome(OutcomeKind.REFUSED, record_id(), NOW, "ScopeLocked: do-not-touch")
    world.look()
    world.estate.outcomes = [refused]
    world.play(most=3)
    assert world.verbs == ["create-record"]
    told = [json.loads(text) for text in world.inbox.told]
    assert [(m["rule"], m["fix"]["state"]) for m in told if m["fix"]] == [("KVG411", "refused")]


def test_nothing_is_judged_while_something_moves() -> None:
    given = missing_record().connection(state="Updating")
    world = World(given)
    assert world.look().result == "moving"
    world.clock.time += timedelta(seconds=200)
    assert world.look().result == "moving"
    assert (world.verbs, world.inbox.told) == ([], [])
    assert world.inbox.waiting


def test_a_state_that_never_ends_moving_is_looked_at_less_and_less_often_and_for_ever() -> None:
    world = World(healthy().vault(provisioning_state="RegisteringDns"))
    world.look()
    times, results = [], []
    for _ in range(200):
        (visible, _, _) = world.inbox.waiting[0]
        times.append(visible - world.clock.now())
        results += [ended.result for ended in world.play(most=1)]
        assert len(world.inbox.waiting) == 1
    assert times[0] == timedelta(seconds=120)
    assert max(times[:50]) == timedelta(minutes=15)
    assert world.clock.now() - NOW > timedelta(days=2)
    assert (times[-1], results[-1]) == (timedelta(hours=1), "hanging")
    world.estate.truth = missing_record().snapshot
    world.play(until=timedelta(hours=2))
    assert world.verbs == ["create-record"]
    assert not world.inbox.waiting


def test_intent_comes_before_the_write_and_result_after_it() -> None:
    world = World(missing_record())
    seen: list[list[str]] = []
    world.estate.before_apply = lambda: seen.append([entry.kind for entry in world.ledger.entries])
    world.look()
    world.play()
    assert seen == [["intent"]]
    assert [(e.kind, e.outcome) for e in world.ledger.entries] == [("intent", ""), ("result", "applied")]


def test_the_kill_switch_stops_the_write_and_says_so() -> None:
    world = World(missing_record())
    world.ledger.stop = "incident 42"
    world.look()
    world.play(most=5)
    assert world.verbs == []
    assert "incident 42" in world.inbox.told[0]


def test_beyond_the_budget_a_fix_becomes_a_question() -> None:
    world = World(missing_record())
    world.policies.value = replace(world.policies.value, writes_per_hour=0)
    world.look()
    world.play(most=3)
    assert world.verbs == []
    assert json.loads(world.inbox.told[0])["fix"]["state"] == "over-budget"


def test_a_link_that_would_break_another_vault_is_a_question() -> None:
    world = World(healthy().no_links().neighbours(neighbour("fabrikam", network="vnet-1")))
    world.look()
    world.play()
    message = json.loads(world.inbox.told[0])
    assert (world.verbs, message["rule"]) == ([], "KVG403")
    assert "fabrikam" in json.dumps(message["options"][0]["blockers"])


def test_a_dead_connection_is_deleted_when_it_is_old_enough_and_not_before() -> None:
    given = dead()
    given = given.at(replace(given.snapshot, history=healthy().snapshot.history))
    world = World(given)
    world.look()
    world.play(until=timedelta(hours=23))
    assert world.verbs == []
    world.play()
    assert world.verbs == ["delete-connection"]
    assert world.clock.now() >= NOW + timedelta(hours=24)


def test_a_connection_seen_approved_lately_is_not_deleted() -> None:
    given = healthy().connection("c-2", endpoint=endpoint_id("pe-dead")).endpoint_gone("pe-dead")
    world = World(given)
    world.look()
    world.estate.truth = given.connection("c-2", ConnectionStatus.DISCONNECTED).snapshot
    world.clock.time += timedelta(hours=1)
    world.look()
    world.play(until=timedelta(days=20))
    assert world.verbs == []


def test_a_change_that_does_not_last_is_reported_and_not_repeated_at_once() -> None:
    world = World(missing_record())
    world.estate.ignores_writes = True
    world.look()
    world.play(most=3, until=timedelta(seconds=300))
    assert world.verbs == ["create-record"]
    assert any((json.loads(text)["fix"] or {}).get("state") == "survived" for text in world.inbox.told)


def test_two_workers_at_one_vault_make_one_change() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=120)
    other, ended = world.worker(), []
    world.estate.before_apply = lambda: ended.append(other.handle(Look(world.vault, "the other worker")))
    world.look()
    assert [end.result for end in ended] == ["coalesced"]
    assert world.verbs == ["create-record"]


def test_a_row_written_by_somebody_else_sends_the_work_back() -> None:
    world = World(missing_record())
    world.look()
    world.clock.time += timedelta(seconds=120)
    world.ledger.taken_by_another = True
    assert world.look().result == "retry"
    assert world.verbs == []
    world.ledger.taken_by_another = False
    world.play()
    assert world.verbs == ["create-record"]


@pytest.mark.parametrize("made", [True, False])
def test_an_intent_left_open_by_a_crash_is_closed_by_reading(made: bool) -> None:
    world = World(missing_record())
    world.look()

    class Killed(BaseException):
        pass

    def killed() -> None:
        if made:
            change = next(p.change for p in missing_record().plan().apply)
            world.estate.truth = change.simulate(world.truth())
        raise Killed

    world.estate.before_apply = killed
    world.clock.time += timedelta(seconds=120)
    with pytest.raises(Killed):
        world.look()
    assert world.row.unfinished
    world.estate.before_apply = lambda: None
    assert world.look().result == "coalesced"
    world.clock.time += timedelta(seconds=61)
    world.look()
    world.play()
    assert not world.row.unfinished
    results = [entry.outcome for entry in world.ledger.entries if entry.kind == "result"]
    assert results[0] == ("applied" if made else "failed")
    assert record_id() in world.row.written
    assert world.truth().named_zones()[0].lookup("contoso")


def test_an_unavailable_azure_brings_the_work_back_after_the_time_it_named() -> None:
    world = World(healthy())
    world.estate.errors = [EstateUnavailable("429", retry_after=200.0)]
    assert world.look().result == "retry"
    visible, _, work = world.inbox.waiting[0]
    assert visible == NOW + timedelta(seconds=200)
    assert (work.attempt, work.first) == (1, NOW)
    assert world.play()[-1].result == "looked"


def test_work_that_fails_for_a_day_is_given_up_with_its_reason() -> None:
    world = World(healthy())
    world.estate.errors = [EstateForbidden("no", "Microsoft.KeyVault/vaults/read")] * 500
    world.look()
    world.play(most=400)
    work, reason = world.inbox.poisoned[0]
    assert isinstance(work, Look)
    assert "Microsoft.KeyVault/vaults/read" in reason
    assert timedelta(hours=24) < world.clock.now() - NOW < timedelta(hours=25)


def test_a_retryable_write_comes_back_and_is_not_recorded_as_made() -> None:
    world = World(missing_record())
    world.look()
    world.estate.outcomes = [Outcome(OutcomeKind.FAILED, record_id(), NOW, "503", retry=True, retry_after=30.0)]
    world.play(most=1)
    assert not world.row.made
    assert not world.row.written
    world.play()
    assert world.verbs == ["create-record", "create-record"]
    assert world.row.written[record_id()].addresses == ("10.1.0.4",)


def test_too_little_time_left_means_another_look_and_no_write() -> None:
    world = World(missing_record())
    world.look()
    world.clock.seconds_left = 3.0
    world.play(most=1)
    assert world.verbs == []
    world.clock.seconds_left = 12.0
    world.play()
    assert world.verbs == ["create-record"]


def test_a_vault_outside_the_watched_subscriptions_is_left_alone() -> None:
    world = World(healthy())
    foreign = vault_id().text.replace(SUBSCRIPTION, "00000000-0000-0000-0000-0000000000ff")
    ended = world.handle(Look(type(world.vault).parse(foreign), "a test"))
    assert (ended.result, world.estate.reads) == ("ignored", [])


def test_an_unusable_policy_changes_nothing_and_says_why() -> None:
    world = World(missing_record())
    world.policies.value = replace(world.policies.value, unusable="zones[0].writer: 'kvgaurd' is no writer")
    world.look()
    world.play()
    assert world.verbs == []
    assert {json.loads(text)["rule"] for text in world.inbox.told} >= {"KVG904"}


def test_an_event_too_fresh_for_azures_caches_leads_to_a_second_look() -> None:
    world = World(healthy())
    world.handle(Look(world.vault, "an event", event=NOW - timedelta(seconds=2)))
    assert world.inbox.waiting[0][0] == NOW + timedelta(seconds=8)
    world.play()
    assert not world.inbox.waiting
    world.handle(Look(world.vault, "an older event", event=NOW - timedelta(seconds=30)))
    assert not world.inbox.waiting


def test_a_sweep_request_becomes_a_look_at_every_vault() -> None:
    world = World(healthy())
    world.estate.listed = tuple(vault_id(name) for name in ("contoso", "fabrikam", "tailspin"))
    assert world.handle(SweepRequest(SUBSCRIPTION, "a test")).result == "swept"
    assert [work.vault.name for _, _, work in world.inbox.waiting if isinstance(work, Look)] == [
        "contoso",
        "fabrikam",
        "tailspin",
    ]


def test_record_and_link_are_what_the_plan_said() -> None:
    world = World(missing_record().no_links())
    world.look()
    world.play()
    record, link = world.estate.applied
    assert isinstance(record, CreateRecord)
    assert (record.addresses, record.ttl) == (("10.1.0.4",), 60)
    assert isinstance(link, CreateLink)
    assert world.truth().named_zones()[0].link_of(link.network) is not None


def test_a_ttl_that_somebody_sets_back_becomes_a_question() -> None:
    world = World(long_ttl())
    world.estate.ignores_writes = True
    world.look()
    world.play(until=timedelta(hours=1))
    message = json.loads(world.inbox.told[0])
    assert (world.verbs, message["rule"]) == (["update-record"], "KVG413")
    assert "set it back" in json.dumps(message["options"])


def test_what_a_cache_shows_wrong_is_read_again_before_anybody_is_promised_anything() -> None:
    world = World(healthy())
    world.estate.stale = missing_record().snapshot
    world.look()
    assert (world.estate.reads, world.inbox.sent) == (["glance", "deepen", "fresh"], 0)


def test_a_vault_with_something_open_is_read_once_and_past_the_cache() -> None:
    world = World(missing_record())
    world.look()
    world.estate.reads.clear()
    world.look()
    assert world.estate.reads == ["fresh", "deepen"]


def test_what_azure_refuses_is_held_told_once_and_not_tried_again() -> None:
    world = World(missing_record())
    world.look()
    world.estate.outcomes = [Outcome(OutcomeKind.REFUSED, record_id(), NOW, "ScopeLocked: do-not-touch")]
    world.play()
    for _ in range(3):
        world.clock.time += timedelta(hours=6)
        world.look()
        world.play(until=timedelta(hours=1))
    assert world.verbs == ["create-record"]
    said = [json.loads(text) for text in world.inbox.told]
    assert [message["rule"] for message in said] == ["KVG411", "KVG903"]
    told = said[0]
    assert (told["fix"]["state"], "do-not-touch" in told["fix"]["detail"]) == ("refused", True)
    world.clock.time += timedelta(hours=7)
    world.look()
    world.play()
    assert world.verbs == ["create-record", "create-record"]


def test_a_sweep_that_takes_longer_than_one_invocation_goes_on_where_it_stopped() -> None:
    world = World(healthy())
    world.estate.listed = tuple(vault_id(f"vault-{number}") for number in range(5))
    world.estate.page_size = 2
    world.clock.seconds_left = 5.0
    world.handle(SweepRequest(SUBSCRIPTION, "a test"))
    seen: list[str] = []
    for _ in range(20):
        if not world.inbox.waiting:
            break
        _, _, work = world.inbox.waiting.pop(0)
        if isinstance(work, Look):
            seen.append(work.vault.name)
        else:
            world.handle(work)
    assert sorted(seen) == [f"vault-{number}" for number in range(5)]


def test_a_sweep_whose_next_page_fails_is_not_begun_anew() -> None:
    world = World(healthy())
    world.estate.listed = tuple(vault_id(f"vault-{number}") for number in range(4))
    world.estate.page_size = 2
    request = SweepRequest(SUBSCRIPTION, "a test", cursor="2")
    world.estate.errors = [EstateUnavailable("503")]
    assert world.handle(request).result == "retry"
    work = world.inbox.waiting[0][2]
    assert isinstance(work, SweepRequest)
    assert (work.cursor, work.attempt) == ("2", 1)


@pytest.mark.parametrize("kind", [OutcomeKind.REFUSED, OutcomeKind.APPLIED])
def test_what_came_of_a_write_is_remembered_though_the_reading_after_it_fails(kind: OutcomeKind) -> None:
    world = World(long_ttl())
    world.look()
    if kind is OutcomeKind.REFUSED:
        world.estate.outcomes = [Outcome(kind, record_id(), NOW, "ScopeLocked: do-not-touch")]
    world.estate.ignores_writes = True
    world.estate.before_apply = lambda: world.estate.errors.append(EstateUnavailable("503"))
    world.clock.time += timedelta(seconds=120)
    assert world.look().result == "retry"
    world.estate.before_apply = lambda: None
    assert not world.row.unfinished
    assert (bool(world.row.holds), bool(world.row.ttl_mended)) == (
        kind is OutcomeKind.REFUSED,
        kind is not OutcomeKind.REFUSED,
    )
    world.play(until=timedelta(hours=12))
    assert world.verbs == ["update-record"]
    assert [entry.kind for entry in world.ledger.entries] == ["intent", "result"]
