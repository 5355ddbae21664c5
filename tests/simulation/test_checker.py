"""Each invariant sees a violation that is planted, names it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.simulation.checker import (
    INTENT,
    RESULT,
    Course,
    Entry,
    Event,
    Request,
    Rule,
    Run,
    Told,
    VaultState,
    check,
)
from tests.simulation.timeline import START

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1"
OTHER = VAULT + "x"
ZONE = "/subscriptions/s/resourceGroups/hub/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
RECORD = f"{ZONE}/A/kv-1"
NETWORK = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def read(seconds: float, vault: str = VAULT, status: int = 200) -> Request:
    return Request(at(seconds), "kvguard", "GET", vault, status)


def write(
    seconds: float, method: str = "PUT", target: str = RECORD, status: int = 201, who: str = "kvguard"
) -> Request:
    return Request(at(seconds), who, method, target, status)


def intent(seconds: float, change: str = "c1", verb: str = "create-record", target: str = RECORD) -> Entry:
    return Entry(change, INTENT, at(seconds), verb, target, "")


def result(seconds: float, change: str = "c1", outcome: str = "applied") -> Entry:
    return Entry(change, RESULT, at(seconds), "create-record", RECORD, outcome)


def sound() -> Course:
    """A deployment at 0, looks at 12 and 140, the repair at 150 and the look at its own event."""
    state = VaultState(VAULT, at(170), at(140), (intent(149), result(151)), told=frozenset({"f1"}))
    return Course(
        app="kvguard",
        requests=[read(12), read(140), write(150), read(170)],
        events=[Event(RECORD, at(0), (VAULT,), (at(2), at(9))), Event(RECORD, at(150), (VAULT,), (at(152),))],
        vaults=[state],
        runs=[Run("m1", at(10), None, succeeded=False), Run("m1", at(30), at(31), succeeded=True)],
        told=[Told(VAULT, "f0", True, at(12)), Told(VAULT, "f0", False, at(170)), Told(VAULT, "f1", True, at(170))],
    )


def with_journal(course: Course, *journal: Entry) -> Course:
    return replace(course, vaults=[replace(course.vaults[0], journal=journal)])


PLANTED: dict[str, tuple[Rule, Callable[[Course], Course]]] = {
    "a delivered event is followed by no read": (
        Rule.EVENT_LOST,
        lambda c: replace(c, events=[*c.events, Event(VAULT, at(165), (VAULT,), (at(166),))]),
    ),
    "the read came too soon after the event": (
        Rule.EVENT_LOST,
        lambda c: replace(c, events=[*c.events, Event(VAULT, at(161), (VAULT,), (at(162),))]),
    ),
    "the state was not quiet when it was read": (
        Rule.EVENT_LOST,
        lambda c: replace(c, vaults=[replace(c.vaults[0], last_quiet_read=at(140))]),
    ),
    "a link was changed and only a cache was read": (
        Rule.EVENT_LOST,
        lambda c: replace(c, events=[*c.events, Event(f"{ZONE}/virtualNetworkLinks/l", at(150), (VAULT,), (at(151),))]),
    ),
    "a network was changed and only a cache was read": (
        Rule.EVENT_LOST,
        lambda c: replace(c, events=[*c.events, Event(NETWORK, at(150), (VAULT,), (at(151),))]),
    ),
    "no row at all": (
        Rule.EVENT_LOST,
        lambda c: replace(
            c, requests=[*c.requests, read(200, OTHER)], events=[*c.events, Event(OTHER, at(0), (OTHER,), (at(1),))]
        ),
    ),
    "a write without intent": (Rule.NO_INTENT, lambda c: with_journal(c)),
    "an intent after the write": (
        Rule.NO_INTENT,
        lambda c: with_journal(c, intent(160), result(161)),
    ),
    "an intent for another target": (
        Rule.NO_INTENT,
        lambda c: with_journal(c, intent(149, target=RECORD + "0"), result(151)),
    ),
    "two writes on one intent": (
        Rule.NO_INTENT,
        lambda c: replace(c, requests=[*c.requests, write(150.5, status=503)]),
    ),
    "an intent without result": (Rule.NO_RESULT, lambda c: with_journal(c, intent(149))),
    "writers that overlap": (
        Rule.TWO_WRITERS,
        lambda c: with_journal(c, intent(148, "c0", target=RECORD + "0"), intent(149), result(151), result(152, "c0")),
    ),
    "a write in observe": (Rule.WRITE_IN_OBSERVE, lambda c: replace(c, enforce=False)),
    "a write after the switch": (Rule.WRITE_AFTER_STOP, lambda c: replace(c, stopped_at=at(100))),
    "a write made twice": (
        Rule.DOUBLE_WRITE,
        lambda c: replace(
            with_journal(c, intent(149), result(151), intent(154, "c2"), result(156, "c2")),
            requests=[*c.requests, write(155)],
        ),
    ),
    "a journal with a hole": (
        Rule.JOURNAL_BROKEN,
        lambda c: replace(c, vaults=[replace(c.vaults[0], verify=("row 2 is missing",))]),
    ),
    "a message that was never sent": (Rule.UNTOLD, lambda c: replace(c, told=c.told[:2])),
    "a worker that was killed and whose message never came again": (
        Rule.WORK_LOST,
        lambda c: replace(c, runs=[*c.runs, Run("m2", at(20), None, succeeded=False)]),
    ),
    "a run that raised and was not repeated": (
        Rule.WORK_LOST,
        lambda c: replace(c, runs=[*c.runs, Run("m1", at(40), at(41), succeeded=False)]),
    ),
    "a clearing that was never sent": (Rule.UNTOLD, lambda c: replace(c, told=[c.told[0], c.told[2]])),
}


def test_a_sound_course_has_nothing() -> None:
    assert check(sound()) == ()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_named_alone(name: str) -> None:
    rule, plant = PLANTED[name]

    assert {broken.rule for broken in check(plant(sound()))} == {rule}


def test_every_invariant_has_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTED.values()} == set(Rule)


def test_a_write_again_is_needed_when_somebody_undid_it() -> None:
    course = with_journal(sound(), intent(149), result(151), intent(154, "c2"), result(156, "c2"))
    undone = [write(153, "DELETE", status=200, who="deployer"), write(155)]

    assert check(replace(course, requests=[*course.requests, *undone])) == ()


def test_lost_events_those_that_concern_nobody_and_vaults_that_are_gone_need_no_quiet_run() -> None:
    course = sound()
    events = [
        Event(VAULT, at(900), (VAULT,), ()),
        Event(VAULT, at(900), (), (at(901),)),
        Event(OTHER, at(900), (OTHER,), (at(901),)),
    ]
    gone = replace(
        course,
        events=[*course.events, *events],
        requests=[*course.requests, read(911, OTHER, 404)],
        gone=frozenset({OTHER.casefold()}),
    )

    assert check(gone) == ()


def test_a_write_that_azure_did_not_take_may_be_sent_again() -> None:
    course = with_journal(sound(), intent(149), result(151), intent(154, "c2"), result(156, "c2"))
    requests = [read(12), read(140), write(150, status=0), write(155), read(170)]

    assert check(replace(course, requests=requests)) == ()
