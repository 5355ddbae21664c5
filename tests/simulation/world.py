"""One simulated world: the local Resource Manager, a storage account in memory, Event Grid, and workers that may die.

Workers run the product as ``shared.bootstrap`` wires it, with its own ARM clients, ledger and inbox; only what touches
a socket, a thread or the clock of the machine is put in its place here. Every request of a worker, to Resource Manager,
to storage or to its queue, is a step: there others get their turn, and there a worker can be killed.
"""

from __future__ import annotations

import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, Self
from unittest.mock import patch

from azure.core.exceptions import ServiceRequestError, ServiceResponseError

import shared.adapters.arm_attempt
import shared.adapters.arm_client
import shared.adapters.arm_reader
import shared.adapters.arm_writer
import shared.adapters.queues
import shared.adapters.table_journal
import shared.adapters.tables
from emulator.arm.service import ArmService
from shared import bootstrap
from shared.adapters.queues import FINDINGS, RECONCILE, RECONCILE_POISON, QueueAccount
from shared.adapters.storage_connection import StorageConnection
from shared.adapters.table_account import TABLES, TableAccount
from shared.adapters.tables import TableLedger
from shared.domain.message import Hint, Look, SweepRequest
from shared.domain.policy import Policy
from shared.service.messages import decode, encode
from shared.settings import load
from tests.simulation.grid import Grid
from tests.simulation.machine import InlinePool, VirtualClock, WorkerClock
from tests.simulation.storage import MemoryBlobs, MemoryQueue, MemoryTable, Message
from tests.simulation.timeline import START, Actor, Killed, Timeline
from tests.simulation.wire import CachedIdentities, FixedCredential, Line, VirtualLimits, Weather

TENANT: Final = "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10"
SUBSCRIPTION: Final = "11111111-2222-4333-8444-555555555555"
GUARD: Final = "kvguard"
# As host.json says, and how long the Functions host hides a message that is being worked on.
INVISIBLE: Final = 600.0
AFTER_FAILURE: Final = 30.0
MOST_DEQUEUES: Final = 5
RESTART: Final = 5.0
_CONNECTION: Final = StorageConnection("memory", connection_string="UseDevelopmentStorage=true")

# What stays as it is: the machine's clock, and the limits that are put aside everywhere else.
_REAL: Final = ("shared.adapters.clock", "shared.adapters.arm_transport")

# Whether to kill: how many steps were made by all workers, what kind, what it is about, and before or after its effect.
Kill = Callable[[int, str, str, str], bool]


def never(number: int, kind: str, about: str, phase: str) -> bool:
    """Nobody dies."""
    return False


@dataclass
class GivenPolicy:
    """A policy that a test may change."""

    value: Policy

    def policy(self) -> Policy:
        """The current policy."""
        return self.value


class MemoryTableAccount(TableAccount):
    """The product's own table account over tables in memory."""

    def __init__(self, world: World) -> None:
        super().__init__(_CONNECTION)
        self._world = world

    def table(self, name: str) -> Any:
        """The client of one table."""
        table = self._world.tables.get(name)
        if table is None:
            table = self._world.tables[name] = MemoryTable(name, self._world.step)
        return table


class MemoryQueueClient:
    """One queue as ``azure.storage.queue.QueueClient`` offers it to who sends."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    def create_queue(self) -> None:
        """It exists."""

    def send_message(self, text: str, *, visibility_timeout: int = 0, time_to_live: int = -1, **_: Any) -> None:
        """Add a message, visible after so many seconds."""
        with self._world.step("queue-send", self._name):
            self._world.enqueue(self._name, text, float(visibility_timeout or 0))


class MemoryQueueAccount(QueueAccount):
    """The product's own queue account over queues in memory."""

    def __init__(self, world: World) -> None:
        super().__init__(_CONNECTION)
        self._world = world

    def _queue(self, name: str) -> Any:
        return MemoryQueueClient(self._world, name)


class Worker:
    """One process of the app: takes messages one by one, until it is killed; then another one starts in its place."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.idle = False
        self.actor: Actor | None = None
        self._world = world
        skew = world.random.uniform(-world.skew, world.skew)
        self.clock = WorkerClock(world.timeline, timedelta(seconds=skew))
        self.line = Line(
            world.timeline, world.arm, world.weather, world.random, world.before, world.after, world.latency
        )
        self.guard = world.wire(self)

    def start(self, after: float = 0.0) -> None:
        """Begin to work."""
        self.actor = self._world.timeline.start(self.name, self._run, after=after)
        self.actor.owner = self

    def _run(self) -> None:
        try:
            while True:
                message = self._world.take_turn(self)
                self._handle(message)
        except Killed:
            self._world.died(self)
            raise

    def _handle(self, message: Message) -> None:
        world = self._world
        queue = world.queues[RECONCILE]
        receipt = queue.pop(message, world.timeline.seconds, INVISIBLE)
        world.timeline.after(INVISIBLE, world.look_for_work)
        world.current[self.name] = message
        try:
            work = decode(message.text)
            ended = self.guard.dispatcher.handle(work)
        except Exception as error:  # noqa: BLE001  (the host counts whatever a function raises)
            world.raised.append(error)
            self._failed(message, receipt)
            return
        world.results[ended.result] += 1
        kind = {Hint: "hint", Look: "look", SweepRequest: "sweep"}.get(type(work), type(work).__name__)
        world.kinds[kind, ended.result] += 1
        world.before("host", "delete message")
        queue.delete(message, receipt)
        world.after("host", "delete message")

    def _failed(self, message: Message, receipt: int) -> None:
        world = self._world
        if message.dequeued >= MOST_DEQUEUES:
            world.enqueue(RECONCILE_POISON, message.text, 0.0)
            world.queues[RECONCILE].delete(message, receipt)
        else:
            message.seen_at = world.timeline.seconds + AFTER_FAILURE
            world.timeline.after(AFTER_FAILURE, world.look_for_work)


@dataclass
class World:
    """Everything there is. ``skew`` is how wrong a worker's clock may be, ``latency`` of one ARM call, in seconds.

    Use it as a context manager: inside, the product's modules work in virtual time.
    """

    seed: int
    policy: Policy
    enforce: bool = True
    workers_wanted: int = 2
    skew: float = 2.0
    latency: tuple[float, float] = (0.02, 0.15)
    storage_faults: float = 0.0
    storage_fails_at: tuple[int, str] = (0, "")
    kill: Kill = never
    subscriptions: tuple[str, ...] = (SUBSCRIPTION,)
    tables: dict[str, MemoryTable] = field(default_factory=dict)
    queues: dict[str, MemoryQueue] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    results: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    raised: list[Exception] = field(default_factory=list)
    current: dict[str, Message] = field(default_factory=dict)
    steps: int = 0
    kills: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.timeline = Timeline()
        self.weather = Weather(random.Random(self.seed + 1))
        self.identities = CachedIdentities(TENANT)
        self.arm = ArmService(VirtualClock(self.timeline), self.identities, TENANT)
        for number, subscription in enumerate(self.subscriptions, 1):
            self.arm.world.store.add_subscription(subscription, f"Subscription {number}")
        self.operator = self.identities.named("operator").principal
        self.policies = GivenPolicy(self.policy)
        self.queues.update({name: MemoryQueue() for name in (RECONCILE, RECONCILE_POISON, FINDINGS)})
        self.tables.update({name: MemoryTable(name, self.step) for name in TABLES})
        self.grid = Grid(self.timeline, TENANT, self._receive, random.Random(self.seed + 2))
        self.arm.world.events.subscribe(self.grid.publish)
        self._waiting: list[Worker] = []
        self.workers: list[Worker] = []
        self._patches: list[Any] = []

    def __enter__(self) -> Self:
        random.seed(self.seed)  # the product's own jitter
        nap = SimpleNamespace(sleep=self.timeline.pause, monotonic=self.timeline, time=self.timeline)
        names = random.Random(self.seed + 3)
        drawn = partial(_drawn, names)
        self._patches = [patch.object(uuid, "uuid4", drawn)]
        limits = VirtualLimits(self._line_in_use)
        for name, module in list(sys.modules.items()):
            if name.startswith("shared.adapters.") and name not in _REAL:
                if hasattr(module, "TimeLimit"):
                    self._patches.append(patch.object(module, "TimeLimit", limits))
                if getattr(module, "ThreadPoolExecutor", None) is ThreadPoolExecutor:
                    self._patches.append(patch.object(module, "ThreadPoolExecutor", InlinePool))
                if getattr(module, "time", None) is time:
                    self._patches.append(patch.object(module, "time", nap))
        for each in self._patches:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.actor is not None:
                self.kill = never
                worker.actor.kill()
        for each in reversed(self._patches):
            each.stop()

    def start(self) -> None:
        """Start the workers."""
        for number in range(self.workers_wanted):
            self._hire(f"worker-{number + 1}").start()

    def wire(self, worker: Worker) -> bootstrap.Guard:
        """The product as bootstrap wires it, over this world."""
        settings = load(
            {
                "KVGUARD_ROLE": "guard",
                "KVGUARD_SUBSCRIPTIONS": ",".join(self.subscriptions),
                "KVGUARD_TENANT": TENANT,
                "KVGUARD_MODE": "enforce" if self.enforce else "observe",
            }
        )
        client = partial(shared.adapters.arm_client.ArmClient, sleep=self.timeline.pause)
        with (
            patch.object(bootstrap, "settings", lambda: settings),
            patch.object(bootstrap, "_connections", lambda _: (_CONNECTION, _CONNECTION)),
            patch("shared.adapters.arm_client.ArmClient", client),
            patch("shared.adapters.clock.SystemClock", lambda: worker.clock),
            patch("shared.adapters.credential.LazyCredential", lambda _: FixedCredential(self.identities, GUARD)),
            patch("shared.adapters.table_account.TableAccount", lambda *_: MemoryTableAccount(self)),
            patch("shared.adapters.queues.QueueAccount", lambda *_: MemoryQueueAccount(self)),
            patch("shared.adapters.blobs.BlobStore", lambda *_: MemoryBlobs(self.step, self.blobs)),
            patch("shared.adapters.policy_file.PolicyFile", lambda *_: self.policies),
            patch.object(shared.adapters.arm_client, "guarded_transport", worker.line.transport),
            patch.object(shared.adapters.arm_attempt, "guarded_transport", worker.line.transport),
        ):
            return bootstrap._guard.__wrapped__()

    @property
    def ledger(self) -> TableLedger:
        """The product's ledger for a test that looks into it; it takes no time."""
        return TableLedger(MemoryTableAccount(self), MemoryBlobs(self.step, self.blobs))  # type: ignore[arg-type]  # memory

    def table_account(self) -> TableAccount:
        """The tables, as a test looks into them."""
        return MemoryTableAccount(self)

    def sweep(self) -> None:
        """What the timer does every six hours."""
        timer = self._hire("timer", working=False)
        timer.actor = self.timeline.start("timer", lambda: _ignore(timer.guard.sweeper.sweep_all("the sweep")))
        timer.actor.owner = timer
        self.timeline.run(self.timeline.seconds + 60.0, done=lambda: timer.actor is None or not timer.actor.alive)

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        self.timeline.run(self.timeline.seconds + seconds)

    def settle(self, horizon: float = 3600.0, most: float = 48 * 3600.0) -> None:
        """Let time pass until no work is visible within the horizon, nobody works, and no event is on its way."""
        end = self.timeline.seconds + most
        while self.timeline.seconds < end and not self.quiet(horizon):
            self.timeline.run(self.timeline.seconds + 60.0)

    def quiet(self, horizon: float) -> bool:
        """Whether nothing is to be done within so many seconds."""
        soon = self.timeline.seconds + horizon
        busy = any(message.seen_at <= soon for message in self.queues[RECONCILE].messages.values())
        return not busy and not self.grid.on_their_way and len(self._waiting) == len(self.workers)

    # What workers ask of the world.

    def take_turn(self, worker: Worker) -> Message:
        """A message for a worker, waited for if there is none. Which one, of several, is chance."""
        while True:
            ready = self.queues[RECONCILE].visible(self.timeline.seconds)
            if ready:
                return self.random.choice(ready)
            self._waiting.append(worker)
            assert worker.actor is not None
            worker.actor.park()

    def look_for_work(self) -> None:
        """Wake idle workers for what is visible."""
        ready = len(self.queues[RECONCILE].visible(self.timeline.seconds))
        while ready > 0 and self._waiting:
            worker = self._waiting.pop(self.random.randrange(len(self._waiting)))
            assert worker.actor is not None
            worker.actor.wake_after(0.0)
            ready -= 1

    def enqueue(self, queue: str, text: str, delay: float) -> None:
        """Put a text on a queue."""
        self.queues[queue].put(text, self.timeline.seconds + delay)
        if queue == RECONCILE:
            self.timeline.after(delay, self.look_for_work)

    def died(self, worker: Worker) -> None:
        """Replace a killed worker by a new process."""
        if worker not in self.workers:
            return
        self.workers.remove(worker)
        self._hire(worker.name).start(RESTART)

    @contextmanager
    def step(self, kind: str, about: str) -> Iterator[None]:
        """A request to storage: it takes a moment, may fail before or after its effect, and a worker may die there."""
        if self.timeline.current is None:
            yield
            return
        self.timeline.pause(self.random.uniform(0.001, 0.008))
        self.before(kind, about)
        trouble = self._storage_trouble()
        if trouble == "before":
            raise ServiceRequestError("storage did not take the request")
        try:
            yield
        finally:
            self.after(kind, about)
        if trouble == "after":
            raise ServiceResponseError("storage did not answer")

    def _storage_trouble(self) -> str:
        """Whether storage fails at this step, before or after the request has had its effect."""
        if self.steps == self.storage_fails_at[0]:
            return self.storage_fails_at[1]
        if self.storage_faults and self.random.random() < self.storage_faults:
            return self.random.choice(("before", "after"))
        return ""

    def before(self, kind: str, about: str) -> None:
        """Somebody is about to make a step."""
        if self.timeline.current is not None and self._is_worker():
            self.steps += 1
            self._perhaps_kill(kind, about, "before")

    def after(self, kind: str, about: str) -> None:
        """A step has had its effect."""
        if self.timeline.current is not None and self._is_worker():
            self._perhaps_kill(kind, about, "after")

    def _perhaps_kill(self, kind: str, about: str, phase: str) -> None:
        if self.kill(self.steps, kind, about, phase):
            self.kills += 1
            raise Killed

    def _is_worker(self) -> bool:
        return self.timeline.current is not None and self.timeline.current.owner in self.workers

    def _line_in_use(self) -> Line:
        actor = self.timeline.current
        return self.workers[0].line if actor is None or actor.owner is None else actor.owner.line

    def _hire(self, name: str, *, working: bool = True) -> Worker:
        worker = Worker(self, name)
        if working:
            self.workers.append(worker)
        return worker

    def _receive(self, hint: Hint) -> None:
        self.enqueue(RECONCILE, encode(hint), 0.0)


def _drawn(names: random.Random) -> uuid.UUID:
    """An id by the world's seed: names decide about orders, and one seed has to give one course."""
    return uuid.UUID(int=names.getrandbits(128), version=4)


def _ignore(result: object) -> None:
    """An actor returns nothing."""


def at(seconds: float) -> datetime:
    """A time of the world from seconds since its start."""
    return START + timedelta(seconds=seconds)
