"""A world for the use cases: Azure, the ledger, the queues and the clock in memory, each a few lines."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.history import History
from shared.domain.message import Look, Work
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.policy import Policy, Timing
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.rules.registry import RULES
from shared.service.dispatch import Dispatcher
from shared.service.execute import Executor
from shared.service.judge import Judge
from shared.service.lease import Leases
from shared.service.ports import (
    Deadline,
    EstateError,
    EstateThrottled,
    Intent,
    JournalEntry,
    LedgerConflict,
    SweepClaim,
    VaultRow,
)
from shared.service.reconcile import Reconciler
from shared.service.routing import Router
from shared.service.sweep import Ended, Sweeper
from tests.builders import NOW, PRIVATE_ZONE, SUBSCRIPTION, Given

QUICK = Timing(
    settle=timedelta(seconds=120),
    consistency=timedelta(seconds=10),
    dead_connection_age=timedelta(hours=24),
)


@dataclass
class FakeDeadline:
    left: float

    def remaining(self) -> float:
        return self.left


@dataclass
class FakeClock:
    time: datetime = NOW
    seconds_left: float = 12.0

    def now(self) -> datetime:
        return self.time

    def deadline(self, seconds: float) -> FakeDeadline:
        return FakeDeadline(min(seconds, self.seconds_left))


@dataclass
class FakeEstate:
    """Azure: one vault's truth. ``stale`` is what a cached reading still sees; ``errors`` are raised, one a read.
    ``left`` is what remains of the vault once it is Gone.

    ``ahead`` is how far Azure's clock is before the worker's, None when Azure tells no time.
    """

    clock: FakeClock
    truth: VaultSnapshot | Gone
    stale: VaultSnapshot | None = None
    errors: list[EstateError] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    ignores_writes: bool = False
    reads: list[str] = field(default_factory=list)
    deepened: list[frozenset[Part]] = field(default_factory=list)
    applied: list[Change] = field(default_factory=list)
    before_apply: Callable[[], None] = lambda: None
    endpoints: dict[ArmId, tuple[ArmId, ...] | Gone] = field(default_factory=dict)
    asked_for: list[ArmId] = field(default_factory=list)
    full: list[float] = field(default_factory=list)
    ahead: timedelta | None = None
    listed: tuple[ArmId, ...] = ()
    page_size: int = 1000
    left: VaultSnapshot | None = None

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        self.reads.append("fresh" if fresh else "glance")
        if self.errors:
            raise self.errors.pop(0)
        seen = self.truth if fresh or self.stale is None else self.stale
        if isinstance(seen, Gone):
            return seen
        cached = not fresh and self.stale is not None
        now = self.clock.now()
        azure = None if self.ahead is None else now + self.ahead
        glance = _glance(replace(seen, read_at=now, azure_read_at=azure, history=History(), cached=cached))
        return self._deepened(glance, seen, parts)

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        self.reads.append("deepen")
        self.deepened.append(parts)
        seen = self.left if isinstance(self.truth, Gone) else self.truth if self.stale is None else self.stale
        assert isinstance(seen, VaultSnapshot)
        return self._deepened(snapshot, seen, parts)

    def _deepened(self, glance: VaultSnapshot, seen: VaultSnapshot, parts: frozenset[Part]) -> VaultSnapshot:
        if Part.NEIGHBOURS in parts:
            glance = replace(glance, neighbours=seen.neighbours)
        if Part.PERIMETER in parts:
            glance = replace(glance, vault=replace(glance.vault, perimeters=seen.vault.perimeters))
        if Part.ZONES in parts:
            glance = replace(glance, zones=seen.zones, zones_unread=seen.zones_unread, strays=seen.strays)
        if Part.ZONE_GROUPS in parts:
            known = {e: v for e, v in seen.endpoints.items() if isinstance(v, PrivateEndpoint)}
            glance = replace(glance, endpoints=MappingProxyType({**glance.endpoints, **known}))
        if Part.DIAGNOSTICS in parts:
            glance = replace(glance, vault=replace(glance.vault, diagnostics=seen.vault.diagnostics))
        if Part.ROLES in parts:
            glance = replace(glance, vault=replace(glance.vault, roles=seen.vault.roles))
        if Part.CLAIMANTS in parts:
            glance = replace(glance, claimants=seen.claimants)
        if Part.NETWORKS in parts:
            glance = replace(glance, networks=seen.networks)
        if Part.FILTERS in parts:
            glance = replace(glance, security_groups=seen.security_groups, route_tables=seen.route_tables)
        return glance

    def vaults(self, subscription: str, *, deadline: Deadline) -> Iterable[ArmId]:
        if self.errors:
            raise self.errors.pop(0)
        return self.listed

    def vault_page(self, subscription: str, cursor: str, *, deadline: Deadline) -> tuple[tuple[ArmId, ...], str]:
        if self.errors:
            raise self.errors.pop(0)
        start = int(cursor or 0)
        following = start + self.page_size
        return self.listed[start:following], str(following) if following < len(self.listed) else ""

    def remains(self, vault: ArmId, *, deadline: Deadline) -> VaultSnapshot | None:
        self.reads.append("remains")
        if self.errors:
            raise self.errors.pop(0)
        if self.left is None:
            return None
        now = self.clock.now()
        azure = None if self.ahead is None else now + self.ahead
        glance = _glance(replace(self.left, read_at=now, azure_read_at=azure, history=History()))
        return replace(
            glance, claimants=self.left.claimants, zones=self.left.zones, zones_unread=self.left.zones_unread
        )

    def vaults_of_endpoint(self, endpoint: ArmId, *, deadline: Deadline) -> tuple[ArmId, ...] | Gone:
        self.asked_for.append(endpoint)
        if self.errors:
            raise self.errors.pop(0)
        return self.endpoints.get(endpoint, Gone())

    def admit(self, vault: ArmId) -> None:
        if self.full:
            raise EstateThrottled("no room", self.full.pop(0))

    def apply(self, change: Change, change_id: str, *, deadline: Deadline) -> Outcome:
        self.before_apply()
        self.applied.append(change)
        if self.outcomes:
            return self.outcomes.pop(0)
        if not self.ignores_writes and isinstance(self.truth, VaultSnapshot):
            self.truth = change.simulate(self.truth)
        return Outcome(OutcomeKind.APPLIED, change.target, self.clock.now())


def _glance(snapshot: VaultSnapshot) -> VaultSnapshot:
    """What a first reading leaves out, as the reader does."""

    def unread(part: Part) -> Unread:
        return Unread(UnreadReason.DEFERRED, part.value, part)

    endpoints = {
        key: replace(value, zone_groups=unread(Part.ZONE_GROUPS)) if isinstance(value, PrivateEndpoint) else value
        for key, value in snapshot.endpoints.items()
    }
    if not snapshot.vault.uses_zones:
        snapshot = replace(snapshot, zones=(), zones_unread=(unread(Part.ZONES),), strays=())
    return replace(
        snapshot,
        vault=replace(
            snapshot.vault,
            perimeters=unread(Part.PERIMETER),
            diagnostics=unread(Part.DIAGNOSTICS),
            roles=unread(Part.ROLES),
        ),
        endpoints=MappingProxyType(endpoints),
        neighbours=unread(Part.NEIGHBOURS),
        claimants=unread(Part.CLAIMANTS),
    )


@dataclass
class FakeLedger:
    """The tables: rows by etag, a journal in order, a budget and the kill switch."""

    rows: dict[ArmId, VaultRow] = field(default_factory=dict)
    entries: list[JournalEntry] = field(default_factory=list)
    intents: dict[str, Intent] = field(default_factory=dict)
    near: dict[ArmId, tuple[ArmId, ...]] = field(default_factory=dict)
    hints: dict[ArmId, datetime] = field(default_factory=dict)
    claims: dict[str, SweepClaim] = field(default_factory=dict)
    stop: str = ""
    taken_by_another: bool = False
    spent: int = 0
    etags: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def load(self, vault: ArmId) -> VaultRow:
        return self.rows.get(vault, VaultRow(vault))

    def save(self, row: VaultRow) -> VaultRow:
        known = self.rows.get(row.vault)
        if self.taken_by_another or (known.etag if known else "") != row.etag:
            raise LedgerConflict(row.vault.name)
        self.rows[row.vault] = replace(row, etag=str(next(self.etags)))
        return self.rows[row.vault]

    def intend(self, vault: ArmId, intent: Intent) -> None:
        self.intents[intent.change_id] = intent
        self._append(intent.change_id, "intent", intent.at, intent.verb, intent.target, "", intent.description)

    def conclude(self, vault: ArmId, change_id: str, outcome: Outcome) -> None:
        self._append(change_id, "result", outcome.at, "", outcome.target, outcome.kind.value, outcome.detail)

    def _append(self, change: str, kind: str, at: datetime, verb: str, target: ArmId, outcome: str, text: str) -> None:
        number = len(self.entries) + 1
        self.entries.append(JournalEntry(number, change, kind, at, verb, target.text, outcome, text, ""))

    def intent(self, vault: ArmId, change_id: str) -> Intent | None:
        return self.intents.get(change_id)

    def journal(self, vault: ArmId) -> Sequence[JournalEntry]:
        return tuple(self.entries)

    def reserve_write(self, subscription: str, at: datetime, limit: int) -> bool:
        self.spent += 1
        return self.spent <= limit

    def stopped(self) -> str:
        return self.stop

    def vaults_near(self, resource: ArmId, cursor: str = "", limit: int = 500) -> tuple[tuple[ArmId, ...], str]:
        left = [vault for vault in sorted(self.near.get(resource, ())) if vault.key > cursor]
        return tuple(left[:limit]), left[limit - 1].key if len(left) > limit else ""

    def index(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        for resource in resources:
            self.near[resource] = tuple(sorted({*self.near.get(resource, ()), vault}))

    def unindex(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        for resource in resources:
            self.near[resource] = tuple(known for known in self.near.get(resource, ()) if known != vault)

    def note_hint(self, resource: ArmId, at: datetime) -> None:
        self.hints[resource] = at

    def last_hint(self, resources: Iterable[ArmId]) -> datetime | None:
        return max((self.hints[resource] for resource in resources if resource in self.hints), default=None)

    def claim_sweep(self, scope: str) -> SweepClaim:
        return self.claims.get(scope, SweepClaim(scope))

    def save_claim(self, claim: SweepClaim) -> SweepClaim:
        if self.claim_sweep(claim.scope).etag != claim.etag:
            raise LedgerConflict(claim.scope)
        self.claims[claim.scope] = replace(claim, etag=str(next(self.etags)))
        return self.claims[claim.scope]


@dataclass
class FakeInbox:
    """The queues: work with the time it becomes visible, findings, poison, blobs."""

    clock: FakeClock
    waiting: list[tuple[datetime, int, Work]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    poisoned: list[tuple[Work, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    sent: int = 0

    def send(self, work: Iterable[Work], delay: timedelta = timedelta(0)) -> None:
        for piece in work:
            self.sent += 1
            heapq.heappush(self.waiting, (self.clock.now() + delay, self.sent, piece))

    def poison(self, work: Work, reason: str) -> None:
        self.poisoned.append((work, reason))

    def tell(self, messages: Iterable[str]) -> None:
        self.told.extend(messages)

    def keep(self, text: str) -> str:
        self.kept.append(text)
        return f"blob-{len(self.kept)}"


@dataclass
class FakePolicies:
    value: Policy

    def policy(self) -> Policy:
        return self.value


class World:
    """A worker over fakes, with a queue that can be played forward in time."""

    def __init__(self, given: Given, *, enforce: bool = True, timing: Timing = QUICK) -> None:
        self.clock = FakeClock()
        self.estate = FakeEstate(self.clock, given.snapshot)
        self.ledger = FakeLedger()
        self.inbox = FakeInbox(self.clock)
        self.policies = FakePolicies(replace(given.policy, timing=timing))
        self.vault = given.snapshot.vault.id
        self.ids = itertools.count(1)
        self.handle = self.worker(enforce=enforce).handle

    def worker(self, *, enforce: bool = True, judge: Judge | None = None) -> Dispatcher:
        """Another worker on the same world."""
        judge = judge or Judge(self.estate, RULES)
        leases = Leases(self.ledger, self.clock, lambda: f"owner-{next(self.ids)}")
        subscriptions = frozenset({SUBSCRIPTION})
        reconciler = Reconciler(
            ledger=self.ledger,
            inbox=self.inbox,
            clock=self.clock,
            policies=self.policies,
            judge=judge,
            executor=Executor(
                self.estate,
                self.ledger,
                leases,
                judge,
                self.clock,
                lambda: f"chg-{next(self.ids)}",
                timedelta(seconds=10),
            ),
            leases=leases,
            subscriptions=subscriptions,
            enforce=enforce,
        )
        return Dispatcher(
            reconciler=reconciler,
            router=Router(self.estate, self.ledger, self.clock, subscriptions, PRIVATE_ZONE),
            sweeper=Sweeper(self.estate, self.ledger, self.inbox, self.clock, subscriptions),
            inbox=self.inbox,
            clock=self.clock,
            policies=self.policies,
            jitter=lambda: 1.0,
        )

    def look(self) -> Ended:
        """One look at the vault now."""
        return self.handle(Look(self.vault, "a test"))

    def play(self, most: int = 50, until: timedelta = timedelta(days=30)) -> list[Ended]:
        """Handle what waits, moving the clock to when it becomes visible, until nothing waits."""
        ended: list[Ended] = []
        stop = self.clock.time + until
        while self.inbox.waiting and len(ended) < most and self.inbox.waiting[0][0] <= stop:
            visible, _, work = heapq.heappop(self.inbox.waiting)
            self.clock.time = max(self.clock.time, visible)
            ended.append(self.handle(work))
        return ended

    @property
    def verbs(self) -> list[str]:
        """The verbs of the changes that reached Azure."""
        return [change.verb for change in self.estate.applied]

    @property
    def row(self) -> VaultRow:
        """The vault's row as stored."""
        return self.ledger.load(self.vault)

    def truth(self) -> VaultSnapshot:
        """The vault as Azure has it."""
        assert isinstance(self.estate.truth, VaultSnapshot)
        return self.estate.truth
