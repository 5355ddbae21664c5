"""What must hold of any course of events, judged from the outside.

Pure functions over what the world shows: Azure's request log, the events and when they were delivered, the rows and
journals as stored, the messages of the findings queue. Nothing asks the program how it thinks it did. Simulations
collect these in ``collect.py``; a run of real processes can read them from the local Azure and from the tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

_WRITES: Final = ("PUT", "PATCH", "POST", "DELETE")
INTENT: Final = "intent"
RESULT: Final = "result"
_METHODS: Final[Mapping[str, str]] = {
    "create-record": "PUT",
    "update-record": "PUT",
    "create-link": "PUT",
    "delete-connection": "DELETE",
    "delete-record": "DELETE",
    "delete-link": "DELETE",
}


class Rule(Enum):
    """The invariants by name."""

    EVENT_LOST = "an event that was delivered led to no run that began late enough and saw a quiet state"
    NO_INTENT = "a write without an intent before it"
    NO_RESULT = "an intent without a result"
    TWO_WRITERS = "two writers at one vault at once"
    WRITE_IN_OBSERVE = "a write in observe"
    WRITE_AFTER_STOP = "a write after the kill switch was set"
    DOUBLE_WRITE = "a write that was made twice though its effect stood"
    JOURNAL_BROKEN = "a journal that does not verify"
    UNTOLD = "what the row says was told is not what people were told"
    WORK_LOST = "work was begun and never brought to an end"


@dataclass(frozen=True, slots=True)
class Broken:
    """One invariant that does not hold, and where."""

    rule: Rule
    what: str

    def __str__(self) -> str:
        return f"{self.rule.value}: {self.what}"


@dataclass(frozen=True, slots=True)
class Request:
    """One entry of Azure's request log. ``resource`` is an id; ``status`` 0 when nothing was answered."""

    at: datetime
    caller: str
    method: str
    resource: str
    status: int

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change."""
        return self.method in _WRITES

    @property
    def succeeded(self) -> bool:
        """Whether Azure took it, whether or not the caller got to know. 204 of a DELETE found nothing to do."""
        return 200 <= self.status < 300 and not (self.method == "DELETE" and self.status == 204)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of Azure: what changed, which vaults it concerned, when its copies were delivered (none: lost)."""

    resource: str
    at: datetime
    vaults: tuple[str, ...]
    delivered: tuple[datetime, ...]

    @property
    def shared(self) -> bool:
        """Whether it is about a zone, a link, a network or a peering."""
        kinds = self.resource.casefold().split("/")[7::2]
        return kinds[:1] == ["virtualnetworks"] or (kinds[:1] == ["privatednszones"] and kinds[1:] != ["a"])


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a vault's journal; ``outcome`` is empty for an intent."""

    change_id: str
    kind: str
    at: datetime
    verb: str
    target: str
    outcome: str


@dataclass(frozen=True, slots=True)
class VaultState:
    """What is stored of one vault. ``verify`` is what is wrong with its journal; ``told`` the fingerprints that count
    as announced. ``last_fresh_read`` is the last quiet reading for which no cache has answered."""

    vault: str
    last_quiet_read: datetime | None
    last_fresh_read: datetime | None = None
    journal: tuple[Entry, ...] = ()
    verify: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()
    lease_held: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One message of the findings queue, in the order of the queue."""

    vault: str
    fingerprint: str
    open: bool
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation for a queue message; ``ended`` is None when its process was killed, ``succeeded`` when nothing
    was raised."""

    message: str
    began: datetime
    ended: datetime | None
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that is to be judged. ``app`` is the principal of the app, ``consistency`` what an event needs to be
    visible everywhere, ``skew`` how far the clocks of workers may be off. ``runs`` are what a host has noted."""

    app: str
    requests: Sequence[Request]
    events: Sequence[Event]
    vaults: Sequence[VaultState]
    told: Sequence[Told] = ()
    runs: Sequence[Run] = ()
    consistency: timedelta = timedelta(seconds=10)
    skew: timedelta = timedelta(seconds=0)
    enforce: bool = True
    stopped_at: datetime | None = None
    gone: frozenset[str] = field(default_factory=frozenset)


def check(course: Course) -> tuple[Broken, ...]:
    """All that does not hold."""
    return (
        *events_are_settled(course),
        *writes_are_journalled(course),
        *intents_are_concluded(course),
        *writers_are_alone(course),
        *observe_writes_nothing(course),
        *the_switch_stops(course),
        *nothing_is_done_twice(course),
        *journals_verify(course),
        *people_know_what_the_rows_say(course),
        *work_is_ended(course),
    )


def events_are_settled(course: Course) -> Iterable[Broken]:
    """Each delivered event is followed by a run of its vaults that began late enough and saw a quiet state.

    A later run settles earlier events too, so the last stored one decides; and Azure's log must show that the vault
    was asked for then, because a row alone proves no reading. What many vaults share may be read from a cache, which
    knows nothing of an event on it: such an event is settled by a reading past every cache alone.
    """
    stored = {state.vault.casefold(): state for state in course.vaults}
    asked: dict[str, datetime] = {}
    for request in course.requests:
        if request.caller == course.app and request.method == "GET" and request.status in (200, 404):
            key = request.resource.casefold()
            asked[key] = max(request.at, asked.get(key, request.at))
    for event in course.events:
        if not event.delivered:
            continue
        due = event.at + course.consistency - course.skew
        for vault in event.vaults:
            read = asked.get(vault.casefold())
            state = stored.get(vault.casefold())
            quiet = None if state is None else state.last_fresh_read if event.shared else state.last_quiet_read
            gone = vault.casefold() in course.gone
            if read is None or read < due:
                yield Broken(Rule.EVENT_LOST, f"{event.resource} at {event.at:%H:%M:%S}: {vault} was not read since")
            elif not gone and (quiet is None or quiet < due):
                yield Broken(Rule.EVENT_LOST, f"{event.resource} at {event.at:%H:%M:%S}: {vault} not seen quiet since")


def writes_are_journalled(course: Course) -> Iterable[Broken]:
    """Each write of the app has an intent of its own before it, for the same target."""
    intents: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for state in course.vaults:
        for entry in state.journal:
            if entry.kind == INTENT:
                intents[_METHODS.get(entry.verb, ""), entry.target.casefold()].append(entry)
    for entries in intents.values():
        entries.sort(key=lambda entry: entry.at)
    for request in _writes(course):
        known = intents.get((request.method, request.resource.casefold()), [])
        before = [entry for entry in known if entry.at - course.skew <= request.at]
        if not before:
            yield Broken(Rule.NO_INTENT, f"{request.method} {request.resource} at {request.at:%H:%M:%S}")
        else:
            known.remove(before[0])


def intents_are_concluded(course: Course) -> Iterable[Broken]:
    """Each intent has exactly one result, its own or one by a later run."""
    for state in course.vaults:
        results: dict[str, int] = defaultdict(int)
        for entry in state.journal:
            if entry.kind == RESULT:
                results[entry.change_id] += 1
        for entry in state.journal:
            if entry.kind == INTENT and results[entry.change_id] == 0:
                yield Broken(Rule.NO_RESULT, f"{entry.verb} {entry.target} of {entry.at:%H:%M:%S}")


def writers_are_alone(course: Course) -> Iterable[Broken]:
    """In a vault's journal no intent comes between another intent and its result: brackets that do not overlap."""
    for state in course.vaults:
        current: Entry | None = None
        concluded: set[str] = set()
        for entry in state.journal:
            if entry.kind == INTENT:
                if current is not None:
                    yield Broken(Rule.TWO_WRITERS, f"{state.vault}: {entry.verb} began within {current.verb}")
                current = entry
            elif current is not None and entry.change_id == current.change_id:
                current = None
            if entry.kind == RESULT:
                concluded.add(entry.change_id)


def observe_writes_nothing(course: Course) -> Iterable[Broken]:
    """In observe Azure is asked for no change."""
    if not course.enforce:
        for request in _writes(course):
            yield Broken(Rule.WRITE_IN_OBSERVE, f"{request.method} {request.resource}")


def the_switch_stops(course: Course, grace: timedelta = timedelta(seconds=10)) -> Iterable[Broken]:
    """After the kill switch was set no write leaves; one that was on its way may still arrive within ``grace``."""
    if course.stopped_at is not None:
        for request in _writes(course):
            if request.at > course.stopped_at + grace:
                yield Broken(Rule.WRITE_AFTER_STOP, f"{request.method} {request.resource} at {request.at:%H:%M:%S}")


def nothing_is_done_twice(course: Course) -> Iterable[Broken]:
    """No write succeeds twice unless somebody else touched the resource, or what holds or lies in it, in between."""
    made: dict[tuple[str, str], datetime] = {}
    for request in sorted(course.requests, key=lambda entry: entry.at):
        if not (request.is_write and request.succeeded):
            continue
        resource = request.resource.casefold()
        if request.caller == course.app:
            key = (request.method, resource)
            if key in made:
                yield Broken(Rule.DOUBLE_WRITE, f"{request.method} {request.resource} at {request.at:%H:%M:%S}")
            made[key] = request.at
        else:
            for key in [key for key in made if _touches(resource, key[1])]:
                del made[key]


def journals_verify(course: Course) -> Iterable[Broken]:
    """The hash chains are whole."""
    for state in course.vaults:
        for problem in state.verify:
            yield Broken(Rule.JOURNAL_BROKEN, f"{state.vault}: {problem}")


def people_know_what_the_rows_say(course: Course) -> Iterable[Broken]:
    """What the queue says is open, by its newest message, is what the row counts as told."""
    newest: dict[tuple[str, str], Told] = {}
    for message in course.told:
        key = (message.vault.casefold(), message.fingerprint)
        if key not in newest or message.observed_at >= newest[key].observed_at:
            newest[key] = message
    for state in course.vaults:
        vault = state.vault.casefold()
        known = {fingerprint for (about, fingerprint), message in newest.items() if about == vault and message.open}
        for fingerprint in sorted(known ^ state.told):
            word = "people were told, the row says cleared" if fingerprint in known else "the row says told"
            yield Broken(Rule.UNTOLD, f"{state.vault}: {fingerprint[:12]}: {word}")


def work_is_ended(course: Course) -> Iterable[Broken]:
    """The last run of each message ended well; one that was killed or raised is followed by another."""
    last: dict[str, Run] = {}
    for run in sorted(course.runs, key=lambda run: run.began):
        last[run.message] = run
    for message, run in last.items():
        if run.ended is None or not run.succeeded:
            word = "was killed" if run.ended is None else "raised"
            yield Broken(Rule.WORK_LOST, f"message {message}: its last run, of {run.began:%H:%M:%S}, {word}")


def _writes(course: Course) -> Iterable[Request]:
    """The app's requests for a change that reached a provider: what the gateway turned away changed nothing."""
    for request in course.requests:
        if request.caller == course.app and request.is_write:
            yield request


def _touches(changed: str, resource: str) -> bool:
    """Whether a change of one resource may undo what was done to another."""
    return (
        changed == resource
        or resource.startswith(f"{changed}/")
        or changed.startswith(f"{resource}/")
        or "/privatednszonegroups/" in changed
        or "/privateendpoints/" in changed
    )
