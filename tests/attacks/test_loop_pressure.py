"""Lists that go in circles, Dates from another age, askers without number, stops in the last moment, old rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from emulator.azure import LocalAzure
from shared.adapters.vault_rows import decode_row, encode_row
from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.message import Hint, Look, SweepRequest
from shared.domain.reading import Gone
from shared.domain.snapshot import VaultSnapshot
from shared.service.answer_http import HealthDesk
from shared.service.coalesce import MOST_INITIATORS, MOST_TOUCHED
from shared.service.health import HealthChecks, Probe
from shared.service.ports import Deadline, EstateUnavailable, Intent, Lease, VaultRow
from tests.adapters.arm.bench import Bench
from tests.builders import NOW, SUBSCRIPTION, endpoint_id, healthy, missing_record, record_id, vault_id
from tests.emulator.arm.estate import Estate
from tests.service.world import FakeClock, World


@pytest.mark.parametrize("circle", [2, 3, 7])
def test_a_list_that_goes_in_a_circle_is_swept_once(circle: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page leads to the next and the last one back: without an end the queue would fill with looks."""
    world = World(healthy())
    asked: list[str] = []

    def page(subscription: str, cursor: str, *, deadline: Deadline) -> tuple[tuple[ArmId, ...], str]:
        asked.append(cursor)
        assert len(asked) < 100, "the sweep does not end"
        return (vault_id(f"kv-{len(asked)}"),), f"page-{(int(cursor[5:] or 0) + 1) % circle}"

    monkeypatch.setattr(world.estate, "vault_page", page)
    assert world.handle(SweepRequest(SUBSCRIPTION, "the sweep")).result == "swept"
    left = [work for _, _, work in world.inbox.waiting]
    assert len(left) == len(asked) <= circle + 1
    assert not any(isinstance(work, SweepRequest) for work in left)


@pytest.mark.parametrize("away", [timedelta(days=-4000), timedelta(days=-1), timedelta(days=1), timedelta(days=4000)])
def test_a_date_from_another_age_says_nothing_of_when_a_reading_began(azure: LocalAzure, away: timedelta) -> None:
    """Taken for true, one such answer would settle every event of the next years."""
    Estate(azure).vault()
    bench = Bench(azure)
    bench.clock.moment = datetime.now(UTC) - away
    snapshot = bench.read()
    assert bench.client.azure_time_offset is not None
    assert snapshot.began == bench.clock.moment


def test_askers_without_number_keep_one_thread_from_the_apps_work() -> None:
    """Anybody may ask for health. While a dependency hangs, one of them waits for it and the others do not."""
    clock, release, hangs = FakeClock(), threading.Event(), threading.Event()
    first = threading.Event()

    def probe() -> str:
        if first.is_set():
            hangs.set()
            release.wait(30)
        return ""

    desk = HealthDesk(HealthChecks((Probe("arm", probe),), clock, seconds=30.0), "")
    assert desk.health("").status == 200
    first.set()
    clock.time += timedelta(seconds=11)
    waiting = threading.Thread(target=desk.health, args=("",), daemon=True)
    waiting.start()
    assert hangs.wait(10)
    answered = threading.Event()

    def ask() -> None:
        for _ in range(20):
            desk.health("")
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    assert answered.wait(10)
    assert waiting.is_alive()
    release.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_stop_in_the_last_moment_stops_the_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody pulls the switch while the intent is being stored."""
    world = World(missing_record())
    intend = world.ledger.intend

    def slow(vault: ArmId, intent: Intent) -> None:
        intend(vault, intent)
        world.ledger.stop = "an incident"

    monkeypatch.setattr(world.ledger, "intend", slow)
    world.look()
    world.play()
    assert world.estate.applied == []
    assert [entry.kind for entry in world.ledger.entries] == ["intent", "result"]
    assert world.ledger.entries[1].outcome == "failed"
    assert world.row.unfinished == ""


def test_a_vault_that_is_made_anew_is_not_taken_for_one_that_hangs() -> None:
    """The one before it was never at rest for a day, then deleted; the new one registers its DNS for a minute."""
    moving = missing_record().vault(provisioning_state="RegisteringDns").snapshot
    world = World(missing_record())
    world.estate.truth = moving
    world.look()
    world.play(until=timedelta(days=2), most=400)
    world.inbox.waiting.clear()
    world.estate.truth = Gone()
    world.look()
    world.estate.truth = moving
    world.clock.time += timedelta(minutes=1)
    began = world.clock.time
    world.handle(Look(world.vault, "made anew", event=began - timedelta(minutes=1), resource=world.vault))
    world.estate.truth = missing_record().snapshot
    world.play(most=1)
    assert world.clock.time - began <= timedelta(minutes=5)


def test_a_reading_that_the_previous_release_noted_settles_no_event() -> None:
    """It noted them by its own clock, before the run had ended, and for readings with unread parts."""
    columns = {"lastQuietRead": "2026-11-21T12:00:00.000000Z", "newestEvent": "2026-11-21T11:59:00.000000Z"}
    columns |= {"firstSeen": '{"0123abcd":"2026-11-21T11:00:00.000000Z"}', "indexed": f'["{endpoint_id().text}"]'}
    columns |= {"lookAt": "", "fence": "7", "leaseOwner": "", "leaseUntil": "", "dirty": "", "unfinished": ""}
    world = World(missing_record())
    world.ledger.rows[world.vault] = decode_row(world.vault, columns, "e")
    event = NOW - timedelta(minutes=1)
    world.handle(Look(world.vault, "an event", event=event, resource=endpoint_id()))
    world.play()
    assert world.verbs == ["create-record"]
    assert world.row.lease.fence > 7


def test_what_the_previous_release_does_not_write_back_is_not_missed() -> None:
    """It replaces the whole row and keeps its own columns only, between two looks of this release."""
    kept = {"vault", "leaseOwner", "leaseUntil", "fence", "dirty", "newestEvent", "lookAt", "unfinished", "firstSeen"}
    kept |= {"told", "sightings", "holds", "written", "ttlMended", "made", "lastQuietRead", "indexed"}
    world = World(missing_record())
    world.handle(Look(world.vault, "an event", event=NOW, resource=record_id()))
    for _ in range(40):
        if not world.inbox.waiting:
            break
        columns = {name: value for name, value in encode_row(world.row).items() if name in kept}
        world.ledger.rows[world.vault] = decode_row(world.vault, columns, world.row.etag)
        world.play(most=1)
    assert world.verbs == ["create-record"]


def test_events_of_thousands_on_thousands_of_resources_keep_the_row_small() -> None:
    world = World(missing_record())
    for number in range(3000):
        resource = endpoint_id(f"pe-{number}")
        at = NOW + timedelta(milliseconds=number)
        world.handle(Look(world.vault, "", event=at, resource=resource, initiator=f"oid-{number}"))
    row = world.row
    assert len(row.touched) <= MOST_TOUCHED
    assert len(row.initiators) <= MOST_INITIATORS + 1
    assert sum(len(value) for value in encode_row(row).values()) < 64 * 1024
    world.play()
    assert world.verbs == ["create-record"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: replace(row, lease=Lease("dead", NOW + timedelta(seconds=29), 4)),
        lambda row: replace(row, look_at=NOW + timedelta(days=1)),
        lambda row: replace(row, first_seen=MappingProxyType({"KVG411 unknown": NOW - timedelta(days=1)})),
        lambda row: replace(row, newest_event=NOW - timedelta(days=400)),
    ],
)
def test_whatever_a_row_says_a_sweep_brings_the_repair(spoil: Callable[[VaultRow], VaultRow]) -> None:
    world = World(missing_record())
    world.ledger.rows[world.vault] = replace(spoil(VaultRow(world.vault)), etag="e")
    world.clock.time += timedelta(seconds=60)
    world.estate.listed = (world.vault,)
    world.handle(SweepRequest(SUBSCRIPTION, "the sweep"))
    world.play()
    assert world.verbs == ["create-record"]


@pytest.mark.parametrize("kind", ["Microsoft.Compute/virtualMachines", "Microsoft.Network/networkSecurityGroups"])
def test_a_hint_about_something_else_leads_nowhere(kind: str) -> None:
    world = World(missing_record())
    resource = ArmId.of(SUBSCRIPTION, "rg", kind, "it")
    hint = Hint(resource, "write", NOW)
    for strange in (
        replace(hint, cursor="zz' or 1 eq 1"),
        replace(hint, again=True),
        replace(hint, attempt=10**9),
        replace(hint, first=NOW - timedelta(days=9)),
    ):
        assert world.handle(strange).result == "ignored"
    assert (world.inbox.waiting, world.inbox.told, world.inbox.poisoned) == ([], [], [])


def test_an_azure_that_asks_for_a_day_is_asked_again_within_hours() -> None:
    world = World(missing_record())
    world.estate.errors = [EstateUnavailable("503", retry_after=86400.0)] * 3
    world.look()
    world.play(until=timedelta(hours=5))
    assert world.verbs == ["create-record"]
    assert world.inbox.poisoned == []


def test_events_that_write_a_vault_s_id_in_other_cases_are_about_one_vault() -> None:
    world = World(missing_record())
    for number, write in enumerate((str.upper, str.lower, str.swapcase)):
        other = ArmId.parse(write(world.vault.text))
        world.handle(Hint(other, "write", NOW + timedelta(seconds=number)))
    world.play()
    assert list(world.ledger.rows) == [world.vault]
    assert world.verbs == ["create-record"]


def test_a_subscription_that_is_no_longer_watched_is_left_alone() -> None:
    """Its messages are still on the queue: none of them reads, writes or stays."""
    world = World(missing_record())
    gone = "99999999-0000-0000-0000-00000000000f"
    vault = ArmId.parse(world.vault.text.replace(SUBSCRIPTION, gone))
    world.ledger.index(vault, {record_id()})
    world.estate.endpoints = {endpoint_id(): (vault,)}
    for work in (
        Look(vault, "a promised look", promised=NOW),
        Hint(vault, "write", NOW),
        Hint(record_id(), "write", NOW),
        SweepRequest(gone, "the sweep"),
    ):
        assert world.handle(work).result == "ignored"
    assert (world.estate.reads, world.estate.applied, world.inbox.waiting) == ([], [], [])
    assert vault not in world.ledger.rows


def test_an_endpoint_that_was_made_anew_leads_to_its_new_vault() -> None:
    """Deleted and made again under its name within seconds, now connected to another vault, while ARM lags."""
    world = World(missing_record())
    other = vault_id("kv-other")
    world.estate.endpoints = {endpoint_id(): (other,)}
    world.ledger.index(other, {endpoint_id()})
    for second, verb in enumerate(("write", "delete", "write")):
        world.clock.time = NOW + timedelta(seconds=second)
        world.handle(Hint(endpoint_id(), f"Microsoft.Network/privateEndpoints/{verb}", world.clock.time))
    world.estate.endpoints = {endpoint_id(): (world.vault,)}
    world.play()
    assert world.row.first_seen or world.verbs == ["create-record"]
    assert world.row.newest_event is not None


@pytest.mark.parametrize("later", [timedelta(seconds=30), timedelta(seconds=130)])
def test_a_policy_that_changes_while_something_settles_is_the_one_that_holds(later: timedelta) -> None:
    """The zone was kvguard's when the record was missed, and is Terraform's by the time it would be made."""
    world = World(missing_record())
    before = world.policies.value
    world.look()
    world.clock.time += later
    changed = tuple(replace(zone, writer=Writer.TERRAFORM) for zone in before.zones)
    world.policies.value = replace(before, zones=changed)
    world.play()
    assert world.verbs == []
    world.policies.value = replace(before, unusable="not YAML")
    world.look()
    world.play()
    assert world.verbs == []


def test_a_promise_that_came_while_the_vault_was_held_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the holder's clock, which is two minutes behind, the look that it relies on is still to come."""
    world = World(missing_record())
    world.look()
    ((visible, _, promise),) = world.inbox.waiting
    world.inbox.waiting.clear()
    world.clock.time = visible - timedelta(minutes=2)
    held: list[str] = []
    read = world.estate.read

    def meanwhile(vault: ArmId, **options: Any) -> VaultSnapshot | Gone:
        if not held:
            held.append(world.handle(promise).result)
        return read(vault, **options)

    monkeypatch.setattr(world.estate, "read", meanwhile)
    world.handle(Look(world.vault, "the sweep"))
    assert held == ["coalesced"]
    world.play(until=timedelta(hours=1))
    assert world.verbs == ["create-record"]
