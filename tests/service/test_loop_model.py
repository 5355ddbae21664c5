"""Every interleaving of two workers and three messages, with the real code as the transitions of the model.

A state is the vault's row, the queue, the truth in Azure, the clock, what the monitors have seen and how far each
worker is; a worker's program counter and variables follow from its message and from all that it was answered so far, so
these stand for them. A transition lets one worker run to where it next touches row, Azure or queue; or hands a visible
message to an idle worker; or breaks the vault and sends the event; or kills a worker, whose message comes again a
minute later; or lets the clock go on, once also while workers are at work. Azure shows what the event announced as late
as it may: no reading that begins within the consistency time sees it. From each state not met before, every transition
is followed. Workers are greenlets, so that one can be stopped inside the real code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from greenlet import greenlet  # type: ignore[import-untyped] # it brings no types

from shared.domain.change import Change
from shared.domain.message import Look, Work
from shared.domain.plan import Outcome
from shared.domain.policy import Policy
from shared.domain.reading import Part
from shared.domain.snapshot import VaultSnapshot
from shared.rules import kvg411_missing_a_record as record_rule
from shared.service.coalesce import CLOCKS_DIFFER
from shared.service.judge import Judge, Judgement
from shared.service.messages import encode
from shared.service.ports import Deadline, Estate, LedgerConflict, VaultRow
from tests.builders import NOW, healthy, missing_record, record_id
from tests.service.world import QUICK, FakeLedger, World

COMES_AGAIN = timedelta(seconds=60)
PROMISED = timedelta(seconds=8)
# Beyond the consistency of Azure's readings and the promised look, within a lease; and beyond a lease.
SLOW, STALLED = timedelta(seconds=13), timedelta(seconds=35)
WELL, BROKEN = healthy(), missing_record()
MOST_STATES = 200_000


ETAGS: dict[object, int] = {}
MEMBERS = [item.name for item in fields(VaultRow) if item.name != "etag"]


class Killed(BaseException):
    """The worker's process is gone."""


class RowLedger(FakeLedger):
    """A ledger whose etags are what the row says: equal rows are equal states, however they came about."""

    def save(self, row: VaultRow) -> VaultRow:
        known = self.rows.get(row.vault)
        if (known.etag if known else "") != row.etag:
            raise LedgerConflict(row.vault.name)
        values = (getattr(row, name) for name in MEMBERS)
        key = tuple(tuple(value.items()) if isinstance(value, Mapping) else value for value in values)
        etag = f"etag-{ETAGS.setdefault(key, len(ETAGS))}"
        self.rows[row.vault] = replace(row, etag=etag)
        return self.rows[row.vault]


@dataclass
class Monitor:
    """What has happened, as an observer of Azure and of the queue sees it."""

    event: datetime | None = None
    saw_broken: list[datetime] = field(default_factory=list)
    writers: int = 0
    writes: int = 0
    settled: bool = False


@dataclass
class Worker:
    """One worker at one message."""

    work: Work
    run: greenlet
    heard: tuple[object, ...] = ()
    began: datetime | None = None


class Judging(Judge):
    """The real judgement, made once for each reading: most paths read the same at the same times."""

    _known: ClassVar[dict[object, Judgement]] = {}

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate, (record_rule.RULE,))

    def again(
        self,
        snapshot: VaultSnapshot,
        policy: Policy,
        parts: frozenset[Part],
        deadline: Deadline,
        *,
        also: frozenset[str] = frozenset(),
    ) -> Judgement:
        record = snapshot.named_zones()[0].lookup("contoso")
        key = (snapshot.read_at, record is None, repr(snapshot.history), parts, also)
        if key not in self._known:
            self._known[key] = super().again(snapshot, policy, parts, deadline, also=also)
        return self._known[key]


class Ids:
    """Ids that follow from the state: equal states give equal ids."""

    def __init__(self, ledger: FakeLedger) -> None:
        self._ledger = ledger

    def __iter__(self) -> Ids:
        return self

    def __next__(self) -> int:
        return len(self._ledger.entries)


class Machine(World):
    """The model in one state; ``steps`` are the transitions out of it."""

    def __init__(self, *, deaths: int = 0, slow: timedelta | None = None) -> None:
        super().__init__(WELL)
        self._slow = slow or timedelta(0)
        self.ledger = RowLedger()
        self.ids = Ids(self.ledger)  # type: ignore[assignment] # it counts otherwise
        self.workers: list[Worker | None] = [None, None]
        self.monitor = Monitor()
        self.left = {"die": deaths, "slow": int(slow is not None)}
        self._main = greenlet.getcurrent()
        self._current: Worker | None = None
        self._instrument()
        self._dispatcher = self.worker(judge=Judging(self.estate))
        self.ledger.save(VaultRow(self.vault, look_at=NOW + PROMISED))
        self.inbox.send([Look(self.vault, "a promised look")], PROMISED)
        self.inbox.send([Look(self.vault, "a sweep", first=NOW)])

    def steps(self) -> list[tuple[str, int]]:
        """The transitions that can be taken now. Idle workers are alike, so only the first one is offered work."""
        busy = [number for number, worker in enumerate(self.workers) if worker is not None]
        steps = [("go", number) for number in busy]
        visible = [i for i, (at, _, _) in enumerate(sorted(self.inbox.waiting)) if at <= self.clock.time]
        if len(busy) < len(self.workers):
            texts = [encode(work) for _, _, work in sorted(self.inbox.waiting)]
            steps += [("take", i) for i in visible if texts.index(texts[i]) == i]
        if self.monitor.event is None:
            steps.append(("event", 0))
        if self.left["die"]:
            steps += [("die", number) for number in busy]
        # A call to Azure ends within its own limit, well within a lease.
        if busy and self.left["slow"] and not self.monitor.writers:
            steps.append(("slow", 0))
        if not busy and not visible and self.inbox.waiting:
            steps.append(("tick", 0))
        return steps

    def take(self, step: tuple[str, int]) -> None:
        """Take one transition."""
        kind, number = step
        if kind == "go":
            self._go(number)
        elif kind == "take":
            entry = sorted(self.inbox.waiting)[number]
            self.inbox.waiting.remove(entry)
            free = self.workers.index(None)
            self.workers[free] = Worker(entry[2], greenlet(self._dispatcher.handle))
            self._go(free, entry[2])
        elif kind == "event":
            self.monitor.event = self.clock.time
            self.estate.truth = BROKEN.snapshot
            self._put(Look(self.vault, "an event", 0, NOW, self.clock.time, record_id(), "somebody"), timedelta(0))
        elif kind == "die":
            self.left["die"] -= 1
            worker = self._at(number)
            self.workers[number] = None
            self._current = worker
            with pytest.raises(Killed):
                worker.run.throw(Killed)
            self._put(worker.work, COMES_AGAIN)
        elif kind == "slow":
            self.left["slow"] -= 1
            self.clock.time += self._slow
        else:
            self.clock.time = min(at for at, _, _ in self.inbox.waiting)

    def state(self) -> object:
        """What the future depends on."""
        now = self.clock.time
        row = self.ledger.load(self.vault)
        queue = tuple(sorted((max(at, now), encode(work)) for at, _, work in self.inbox.waiting))
        workers = sorted(str((encode(w.work), w.heard)) for w in self.workers if w is not None)
        seen = self.monitor
        watched = (seen.event, tuple(seen.saw_broken[:1]), seen.writers, seen.writes, seen.settled)
        world = (row.etag, queue, self._broken(), tuple(self.ledger.entries))
        return now, world, tuple(workers), watched, tuple(self.left.values())

    def check_end(self) -> None:
        """Nothing waits and nobody works: all that was to happen has happened."""
        row = self.ledger.load(self.vault)
        assert (row.lease.owner, row.lease.dirty, row.unfinished, self._open()) == ("", None, "", [])
        assert self.monitor.settled, "no completed run has read the vault late enough after the event"
        assert self.monitor.writes == 1
        assert not self._broken()
        assert not self.inbox.poisoned

    def _open(self) -> list[str]:
        done = {entry.change_id for entry in self.ledger.entries if entry.kind == "result"}
        return [e.change_id for e in self.ledger.entries if e.kind == "intent" and e.change_id not in done]

    def _broken(self) -> bool:
        assert isinstance(self.estate.truth, VaultSnapshot)
        return self.estate.truth.named_zones()[0].lookup("contoso") is None

    def _put(self, work: Work, delay: timedelta) -> None:
        self.inbox.sent += 1
        self.inbox.waiting.append((self.clock.time + delay, self.inbox.sent, work))

    def _at(self, number: int) -> Worker:
        worker = self.workers[number]
        assert worker is not None
        return worker

    def _go(self, number: int, *arguments: Any) -> None:
        self._current = worker = self._at(number)
        ended = worker.run.switch(*arguments)
        if not worker.run.dead:
            return
        self.workers[number] = None
        event = self.monitor.event
        if ended.result in ("looked", "changed") and event is not None and worker.began is not None:
            self.monitor.settled |= worker.began >= event + QUICK.consistency

    def _stop_here(self) -> None:
        """Where a worker touches the world: whoever is to go on decides."""
        greenlet.getcurrent().parent = self._main
        self._main.switch()

    def _heard(self, *what: object) -> None:
        assert self._current is not None
        self._current.heard = (*self._current.heard, (self.clock.time, *what))

    def _instrument(self) -> None:
        load, save, send = self.ledger.load, self.ledger.save, self._send
        read, apply = self.estate.read, self.estate.apply

        def stepping_load(vault: Any) -> VaultRow:
            if greenlet.getcurrent() is self._main:
                return load(vault)
            self._stop_here()
            row = load(vault)
            self._heard("load", hash(row.etag))
            return row

        def stepping_save(row: VaultRow) -> VaultRow:
            if greenlet.getcurrent() is self._main:
                return save(row)
            self._stop_here()
            before = load(row.vault)
            try:
                stored = save(row)
            except LedgerConflict:
                self._heard("conflict")
                raise
            self._heard("save")
            if before.lease.dirty is not None and stored.lease.dirty is None:
                self._check_served(stored)
            return stored

        def stepping_read(*arguments: Any, **options: Any) -> Any:
            self._stop_here()
            worker = self._current
            assert worker is not None
            worker.began = self.clock.time
            event = self.monitor.event
            late = event is not None and not self.monitor.writes and self.clock.time < event + QUICK.consistency
            seen, truth = WELL.snapshot if late else self.estate.truth, self.estate.truth
            if self._broken() and not late:
                self.monitor.saw_broken.append(self.clock.time)
            self._heard("read", seen is WELL.snapshot)
            self.estate.truth = seen
            try:
                return read(*arguments, **options)
            finally:
                self.estate.truth = truth

        def stepping_apply(change: Change, change_id: str, **options: Any) -> Outcome:
            self.monitor.writers += 1
            assert self.monitor.writers == 1, "two writers at one vault"
            try:
                first = min(self.monitor.saw_broken)
                assert self.clock.time - first >= QUICK.settle, "acted on what was not seen twice, far enough apart"
                self._stop_here()
                assert self._broken(), "the same change twice"
                outcome = apply(change, change_id, **options)
                self.monitor.writes += 1
                self._heard("apply")
                self._stop_here()
            finally:
                self.monitor.writers -= 1
            return outcome

        self.ledger.load, self.ledger.save = stepping_load, stepping_save  # type: ignore[method-assign] # stops there
        self.estate.read, self.estate.apply = stepping_read, stepping_apply  # type: ignore[method-assign] # and there
        self.inbox.send = send  # type: ignore[method-assign] # and there

    def _send(self, work: Any, delay: timedelta = timedelta(0)) -> None:
        if greenlet.getcurrent() is not self._main:
            self._stop_here()
            self._heard("send")
        for piece in work:
            self._put(piece, delay)

    def _check_served(self, stored: VaultRow) -> None:
        """A mark is gone from the row: its holder's own run serves it, or a look is on its way."""
        soon = self.clock.time + QUICK.consistency + CLOCKS_DIFFER
        on_its_way = any(at <= soon for at, _, _ in self.inbox.waiting)
        others = sum(worker is not None for worker in self.workers) > 1
        assert stored.lease.owner or on_its_way or others, "a mark was forgotten"


def explore(begin: Callable[[], Machine]) -> Iterator[tuple[int, bool]]:
    """Visit every state; yields how many were visited after each path, and whether it came to an end of its own."""
    visited: set[int] = set()
    pending: list[tuple[tuple[str, int], ...]] = [()]
    while pending:
        trace = pending.pop()
        machine = begin()
        for step in trace:
            machine.take(step)
        steps = machine.steps()
        while True:
            key = hash(machine.state())
            if key in visited:
                break
            visited.add(key)
            assert len(visited) < MOST_STATES
            steps = machine.steps()
            if not steps:
                try:
                    machine.check_end()
                except AssertionError as error:
                    raise AssertionError(f"{error}\nafter {' '.join(f'{k}{n}' for k, n in trace)}") from error
                break
            pending += [(*trace, step) for step in steps[1:]]
            trace = (*trace, steps[0])
            machine.take(steps[0])
        yield len(visited), not steps


@pytest.mark.parametrize(
    ("deaths", "slow"),
    [(1, None), (0, SLOW), (0, STALLED)],
    ids=["one worker dies", "time passes meanwhile", "the lease runs out meanwhile"],
)
def test_no_interleaving_loses_forgets_or_doubles_anything(
    deaths: int, slow: timedelta | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The monitors speak while the states are visited; each path that ends is judged by what it leaves behind."""
    paths = list(explore(lambda: Machine(deaths=deaths, slow=slow)))
    states, ends = paths[-1][0], sum(ended for _, ended in paths)
    with capsys.disabled():
        print(f"\nloop model, deaths {deaths}, slow {slow}: {states} states, {ends} ends")
    assert states > 1500
    assert ends > 10
