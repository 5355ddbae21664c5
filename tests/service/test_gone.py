"""Vaults that do not exist any more: what they left behind is told, nothing is changed, and then all is forgotten."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.arm_id import VAULT, ArmId
from shared.domain.change import DeleteRecord
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.message import Hint, Look
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Case, Proposal, Rule, Violation
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Existence, PublicAccess
from shared.domain.zone import RecordSet
from shared.service.judge import Judge
from shared.service.nearby import KEPT
from shared.service.ports import EstateForbidden, EstateThrottled, EstateUnavailable
from tests.builders import FORBIDDEN, NOW, SUBSCRIPTION, endpoint_id, healthy, record_id, vault_id, zone_id
from tests.rules import given_endpoints, given_records
from tests.service.world import World

STRANDED = given_endpoints.deleted().snapshot
STALE = given_records.deleted().snapshot
MOVED = ArmId.of(SUBSCRIPTION, "rg-other", VAULT, "contoso")
DAY = timedelta(days=1)
THROTTLED = Unread(UnreadReason.UNAVAILABLE, "GET privateEndpoints: 429")
NO_RIGHT = EstateForbidden("403", "Microsoft.KeyVault/deletedVaults/read")
DELETE = "Microsoft.Network/privateEndpoints/delete"
OPEN: dict[str, Any] = {"public_access": PublicAccess.ENABLED, "acl": None}


def departed(left: VaultSnapshot | None, *, enforce: bool = True) -> World:
    """A vault that was healthy when it was looked at, and is gone an hour later."""
    world = World(healthy(), enforce=enforce)
    world.look()
    world.play()
    world.clock.time += timedelta(hours=1)
    world.estate.truth = Gone()
    world.estate.left = left
    world.estate.reads.clear()
    return world


def told(left: VaultSnapshot) -> World:
    """The same, when what is left has been told."""
    world = departed(left)
    world.look()
    world.play(until=timedelta(minutes=10))
    assert [state for _, state in said(world)] == ["open"]
    return world


def said(world: World) -> list[tuple[str, str]]:
    """Rule and state of every message to people, oldest first."""
    return [(message["rule"], message["state"]) for message in map(json.loads, world.inbox.told)]


def indexed(world: World) -> set[str]:
    """The resources whose events lead to the vault."""
    return {resource.name for resource, vaults in world.ledger.near.items() if world.vault in vaults}


@pytest.mark.parametrize("enforce", [True, False], ids=["enforce", "observe"])
@pytest.mark.parametrize(
    ("left", "rule", "subject", "verb"),
    [
        (STRANDED, "KVG207", endpoint_id(), "delete-endpoint"),
        (STALE, "KVG414", record_id(), "delete-record"),
    ],
    ids=["endpoint", "record"],
)
def test_what_a_deleted_vault_left_behind_is_told_once_and_never_changed(
    left: VaultSnapshot, rule: str, subject: Any, verb: str, enforce: bool
) -> None:
    world = departed(left, enforce=enforce)
    assert world.look().result == "gone"
    assert world.inbox.told == [], "it has been seen once only"
    world.play(until=10 * DAY)
    (message,) = map(json.loads, world.inbox.told)
    assert (message["rule"], message["state"], message["subject"]) == (rule, "open", subject.text)
    assert "contoso" in message["message"]
    assert [option["verb"] for option in message["options"]] == [verb], "all that it depends on has been read"
    assert world.estate.applied == []
    assert world.ledger.entries == []


def test_a_rule_that_would_mend_something_by_itself_changes_nothing_for_a_vault_that_is_gone() -> None:
    def check(case: Case) -> Iterator[Violation]:
        found = case.snapshot.zones[0].lookup("contoso")
        if not isinstance(found, RecordSet):
            return
        proposal = Proposal(DeleteRecord(found), (), Applicability.SAFE)
        yield Violation(subject=found.id, message="The vault is gone.", facts={}, proposals=(proposal,))

    rule = Rule(
        "KVG999", "gone", "Gone", Severity.LOW, Applicability.SAFE, Mode.FIX, check,
        judges=frozenset({Existence.DELETED}),
    )  # fmt: skip
    world = departed(STALE)
    world.handle = world.worker(judge=Judge(world.estate, (rule,))).handle
    world.look()
    world.play(until=3 * DAY)
    assert "remains" in world.estate.reads
    assert world.estate.applied == []


def test_it_is_looked_at_once_a_day_while_something_is_left() -> None:
    world = told(STRANDED)
    world.estate.reads.clear()
    world.play(until=10 * DAY)
    assert Counter(world.estate.reads)["remains"] == 10
    assert Counter(world.estate.reads)["fresh"] == 10
    assert len(world.inbox.waiting) == 1


def test_events_on_what_is_left_do_not_start_looks_that_go_on_for_ever() -> None:
    world = told(STRANDED)
    for _ in range(20):
        world.clock.time += timedelta(minutes=7)
        world.handle(Hint(endpoint_id(), "Microsoft.Network/privateEndpoints/write", world.clock.time))
    world.play(until=timedelta(hours=1))
    assert len(world.inbox.waiting) <= 2
    world.play(until=3 * DAY)
    world.estate.reads.clear()
    world.play(until=10 * DAY)
    assert Counter(world.estate.reads)["remains"] == 10


@pytest.mark.parametrize(
    ("left", "resource"), [(STRANDED, endpoint_id()), (STALE, record_id())], ids=["endpoint", "record"]
)
def test_the_event_on_what_is_left_leads_back_to_the_vault_and_all_is_forgotten(
    left: VaultSnapshot, resource: Any
) -> None:
    world = told(left)
    world.clock.time += 5 * KEPT
    world.inbox.waiting.clear()
    world.look()
    world.estate.left = None
    world.handle(Hint(resource, DELETE, world.clock.time))
    world.play()
    assert [state for _, state in said(world)] == ["open", "cleared"]
    assert not world.row.told
    assert not world.row.first_seen
    assert indexed(world) == set(), "nothing leads there any more"
    assert world.row.look_at is None
    assert world.inbox.waiting == []


def test_zones_and_networks_of_a_vault_that_is_gone_are_forgotten() -> None:
    """A hub's zone is written all day long."""
    world = told(STRANDED)
    assert zone_id().name in indexed(world), "a late event may still come"
    world.play(until=4 * DAY)
    assert indexed(world) == {endpoint_id().name, record_id().name}


def test_what_was_open_on_the_vault_itself_is_cleared_at_once() -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.play()
    world.estate.truth, world.estate.left = Gone(), STRANDED
    world.look()
    assert said(world) == [("KVG101", "open"), ("KVG101", "cleared")]
    world.play(until=timedelta(minutes=10))
    assert said(world)[2:] == [("KVG207", "open")]


@pytest.mark.parametrize("left", [STRANDED, STALE], ids=["endpoint", "record"])
def test_of_a_vault_that_can_be_recovered_nothing_is_told(left: VaultSnapshot) -> None:
    soft = replace(left, vault=replace(left.vault, existence=Existence.SOFT_DELETED))
    world = departed(soft)
    world.look()
    world.play(until=4 * DAY)
    assert world.inbox.told == []
    world.estate.left = left
    world.play(until=2 * DAY)
    assert [state for _, state in said(world)] == ["open"], "it was purged meanwhile, which raises no event"


def test_a_finding_on_an_endpoint_is_cleared_while_its_vault_can_be_recovered() -> None:
    world = told(STRANDED)
    world.estate.left = replace(STRANDED, vault=replace(STRANDED.vault, existence=Existence.SOFT_DELETED))
    world.play(until=2 * DAY)
    assert said(world) == [("KVG207", "open"), ("KVG207", "cleared")]


def test_a_record_that_a_recovered_vault_will_need_is_cleared_even_where_it_cannot_be_seen_now() -> None:
    world = told(STALE)
    soft = replace(STALE.vault, existence=Existence.SOFT_DELETED)
    world.estate.left = replace(STALE, vault=soft, zones=(), zones_unread=(FORBIDDEN,))
    world.play(until=2 * DAY)
    assert said(world) == [("KVG414", "open"), ("KVG414", "cleared")]


def test_a_record_of_a_deleted_vault_that_cannot_be_seen_now_is_not_cleared() -> None:
    world = told(STALE)
    world.estate.left = replace(STALE, zones=(), zones_unread=(FORBIDDEN,))
    world.play(until=3 * DAY)
    assert said(world) == [("KVG414", "open")]


def test_a_recovered_vault_is_judged_like_any_other() -> None:
    world = told(STRANDED)
    world.estate.truth, world.estate.left = healthy().vault(**OPEN).snapshot, None
    world.clock.time += timedelta(hours=1)
    world.handle(Look(world.vault, "recovered", event=world.clock.time, resource=vault_id()))
    world.play(until=timedelta(minutes=10))
    assert said(world) == [("KVG207", "open"), ("KVG207", "cleared"), ("KVG101", "open")]


def test_a_vault_that_is_made_anew_under_its_name_still_has_the_stranded_endpoint() -> None:
    world = told(STRANDED)
    anew = healthy().no_connections()
    world.estate.truth, world.estate.left = anew.snapshot, None
    world.clock.time += timedelta(hours=1)
    world.handle(Look(world.vault, "created", event=world.clock.time, resource=vault_id()))
    world.play(until=timedelta(hours=1))
    about = [json.loads(text) for text in world.inbox.told]
    mine = [(message["state"], message["message"]) for message in about if message["rule"] == "KVG207"]
    assert [state for state, _ in mine] == ["open", "open"]
    assert "has no connection of it" in mine[-1][1]


def test_what_a_moved_vault_needs_is_not_left_behind() -> None:
    world = departed(replace(STRANDED, moved_to=MOVED))
    world.look()
    world.play(until=3 * DAY)
    assert world.inbox.told == []


def test_a_finding_is_cleared_once_the_vault_is_found_elsewhere() -> None:
    world = told(STALE)
    world.estate.left = replace(STALE, moved_to=MOVED)
    world.play(until=2 * DAY)
    assert said(world) == [("KVG414", "open"), ("KVG414", "cleared")]
    world.play()
    assert world.inbox.waiting == [], "the record is the moved vault's, and nobody else's business"


def test_nothing_is_asked_while_azure_may_not_know_yet() -> None:
    """A vault that was created a moment ago answers 404 for some seconds."""
    world = departed(STRANDED)
    world.handle(Look(world.vault, "created", event=world.clock.time, resource=vault_id()))
    assert world.estate.reads.count("remains") == 0
    (at, _, _), *_ = world.inbox.waiting
    assert at - world.clock.time <= world.policies.value.timing.consistency
    world.play(until=timedelta(minutes=1))
    assert world.estate.reads.count("remains") == 1


def test_what_is_left_is_not_cleared_before_azure_can_be_believed() -> None:
    world = told(STRANDED)
    world.clock.time += timedelta(hours=1)
    world.handle(Look(world.vault, "deleted", event=world.clock.time, resource=vault_id()))
    world.play(until=timedelta(hours=1))
    assert said(world) == [("KVG207", "open")]


@pytest.mark.parametrize("error", [EstateUnavailable("503"), EstateThrottled("429", 5.0)])
def test_what_cannot_be_read_now_is_read_later_and_said_once(error: EstateUnavailable) -> None:
    world = World(healthy().vault(**OPEN))
    world.look()
    world.play()
    world.estate.truth = Gone()
    remains = world.estate.remains

    def failing(*args: Any, **options: Any) -> VaultSnapshot | None:
        world.estate.remains = remains  # type: ignore[method-assign]  # Azure fails once
        raise error

    world.estate.remains = failing  # type: ignore[method-assign]  # Azure fails once
    assert world.look().result == "retry"
    world.play()
    assert said(world) == [("KVG101", "open"), ("KVG101", "cleared")]


def test_without_the_right_to_see_deleted_vaults_nothing_is_cleared_that_may_be_left() -> None:
    world = told(STRANDED)
    world.estate.reads.clear()

    def forbidden(*args: Any, **options: Any) -> VaultSnapshot | None:
        world.estate.reads.append("remains")
        raise NO_RIGHT

    world.estate.remains = forbidden  # type: ignore[method-assign]  # the right was taken away
    ended = world.play(until=5 * DAY)
    assert {one.result for one in ended} == {"gone"}
    assert all(NO_RIGHT.action in one.detail for one in ended)
    assert said(world) == [("KVG207", "open")]
    assert world.estate.reads.count("remains") == 5, "it is asked for once a day"


def test_without_that_right_a_vault_that_nothing_is_known_of_is_let_go() -> None:
    world = departed(None)
    world.estate.remains = lambda *args, **options: (_ for _ in ()).throw(NO_RIGHT)  # type: ignore[method-assign]  # no right
    world.look()
    world.play()
    assert world.inbox.waiting == []
    assert world.inbox.poisoned == []


def test_endpoints_that_could_not_be_listed_now_are_listed_in_a_quarter_of_an_hour() -> None:
    world = told(STRANDED)
    world.estate.left = replace(STRANDED, claimants=THROTTLED)
    world.estate.reads.clear()
    world.play(until=DAY + timedelta(hours=1))
    assert said(world) == [("KVG207", "open")], "what was not read is not mended"
    assert 2 <= world.estate.reads.count("remains") <= 6
    assert world.inbox.waiting[0][0] - world.clock.time <= timedelta(minutes=15)


def test_endpoints_that_may_never_be_listed_are_not_asked_for_every_day() -> None:
    world = departed(replace(STRANDED, claimants=FORBIDDEN, zones=(), zones_unread=(FORBIDDEN,)))
    world.look()
    world.play()
    assert world.inbox.waiting == []
    assert world.inbox.told == []
    assert world.estate.reads.count("remains") <= 2
    assert indexed(world) == set()


def test_an_endpoint_that_is_being_deleted_is_not_told_of() -> None:
    deleting = given_endpoints.deleted().endpoint("pe-1", provisioning_state="Deleting").snapshot
    world = departed(deleting)
    world.look()
    world.play(until=timedelta(hours=1))
    assert world.inbox.told == []
    world.estate.left = None
    world.play()
    assert world.inbox.told == []
    assert world.inbox.waiting == []


def test_an_endpoint_that_was_told_of_is_cleared_when_it_is_gone_and_not_before() -> None:
    world = told(STRANDED)
    world.estate.left = given_endpoints.deleted().endpoint("pe-1", provisioning_state="Deleting").snapshot
    world.play(until=DAY)
    assert said(world) == [("KVG207", "open")]
    world.estate.left = None
    world.play(until=timedelta(hours=1))
    assert said(world) == [("KVG207", "open"), ("KVG207", "cleared")]


def test_a_vault_that_nobody_ever_saw_is_looked_at_once() -> None:
    world = World(healthy())
    world.estate.truth = Gone()
    world.handle(Look(world.vault, "forged", event=NOW - timedelta(hours=1), resource=vault_id()))
    assert world.estate.reads == ["glance", "remains"]
    assert world.inbox.waiting == []
