"""The ports: what the use cases need from the world, and the errors that cross these lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.history import Hold, Sighting, WrittenRecord
from shared.domain.message import Work
from shared.domain.plan import Outcome
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part
from shared.domain.snapshot import VaultSnapshot


class EstateError(Exception):
    """Azure could not be asked. Subclasses say what to do next; the original error is chained."""


class EstateUnavailable(EstateError):
    """A passing reason: throttling, a server error, a time-out. ``retry_after`` in seconds, 0 when Azure named none."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EstateNoLogin(EstateUnavailable):
    """There is no token: nobody is logged in, or the identity is not there."""


class EstateThrottled(EstateUnavailable):
    """Azure has no room for this work now. ``retry_after`` is when its turn comes: waiting longer would leave the
    room unused."""


class EstateForbidden(EstateError):
    """A right is missing. ``action`` is the ARM action, such as ``Microsoft.KeyVault/vaults/read``."""

    def __init__(self, message: str, action: str) -> None:
        super().__init__(message)
        self.action = action


class LedgerUnavailable(Exception):
    """The tables, queues or blobs could not be reached."""


class LedgerConflict(Exception):
    """Somebody else wrote the row since it was loaded."""


class Deadline(Protocol):
    """How long this invocation may still take."""

    def remaining(self) -> float:
        """Seconds left, not above the budget and possibly negative."""


class Clock(Protocol):
    """Time, injectable."""

    def now(self) -> datetime:
        """The current time, UTC and aware."""

    def deadline(self, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""


class Estate(Protocol):
    """Azure Resource Manager as the use cases see it. Every method may raise EstateError."""

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        """Read one vault and what its private path consists of.

        Without ``parts`` it is a glance: the vault, its endpoints, their networks, the zones with links and the
        vault's own record; the parts left out are Unread(DEFERRED, part). ``fresh`` goes past every cache, as any
        reading must that a change is based on. What cannot be read inside the snapshot is an Unread there; only the
        vault itself raises. The history of the snapshot is left empty.
        """

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        """The same snapshot with the given parts read, nothing else read again."""

    def remains(self, vault: ArmId, *, deadline: Deadline) -> VaultSnapshot | None:
        """What is left of a vault that ``read`` found gone, None when nothing is or the vault is there again.

        Whether it is soft-deleted, which vault has its name now (``moved_to``), the private endpoints that name it as
        claimants, and the zones that have, or may have, a record of its name. Its connections are gone with it.
        """

    def vaults(self, subscription: str, *, deadline: Deadline) -> Iterable[ArmId]:
        """The ids of all vaults of a subscription, page by page."""

    def vault_page(self, subscription: str, cursor: str, *, deadline: Deadline) -> tuple[tuple[ArmId, ...], str]:
        """One page of the ids of a subscription's vaults, and the cursor of the next; empty cursors begin and end."""

    def vaults_of_endpoint(self, endpoint: ArmId, *, deadline: Deadline) -> tuple[ArmId, ...] | Gone:
        """The vaults that a private endpoint connects to."""

    def admit(self, vault: ArmId) -> None:
        """Ask for room for one look at a vault, before its first reading. Makes no call.

        Raises EstateThrottled when Azure is known to refuse it; its turn is then reserved.
        """

    def apply(self, change: Change, change_id: str, *, deadline: Deadline) -> Outcome:
        """Make one change with its precondition. Never raises for what Azure answered: that is the Outcome."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who is at a vault, until when (UTC). ``fence`` grows with every taking, so that a late holder is known as one.

    ``dirty`` is when work arrived for the vault while it was held.
    """

    owner: str = ""
    until: datetime | None = None
    fence: int = 0
    dirty: datetime | None = None

    def held(self, now: datetime) -> bool:
        """Whether somebody holds it at that time."""
        return bool(self.owner) and self.until is not None and now < self.until


@dataclass(frozen=True, slots=True)
class VaultRow:
    """What the ledger keeps of one vault; ``etag`` is empty for a row that does not exist yet.

    On Azure's clock: ``newest_event``; ``last_quiet_read``, when the newest reading began that was whole and quiet and
    whose run was completed; ``last_fresh_read``, the same past every cache; ``touched``, when an event last named a
    resource; ``initiators``, the newest event by each object id since all was last well, empty for an unknown one.
    ``restless_since`` is since when no reading was whole and quiet, None while the newest one was.

    ``first_seen`` maps planned changes and findings (the keys of ``shared.service.settle.sight``) to when first seen;
    ``told`` maps fingerprints of findings announced as open to a hash of what was said. ``unfinished`` is the id of a
    change whose intent was journalled and whose result was not. ``look_at`` is when the next look was promised.
    ``links_moving_since`` is when each unfinished link of a zone was first seen so.
    ``made`` maps keys of changes to when kvguard last made them, ``repaired`` fingerprints of findings to when it made
    a change for them, oldest first. ``indexed`` maps the resources that have a row of
    this vault in the index to when they were last seen near it.
    """

    vault: ArmId
    etag: str = ""
    lease: Lease = Lease()
    newest_event: datetime | None = None
    last_quiet_read: datetime | None = None
    last_fresh_read: datetime | None = None
    restless_since: datetime | None = None
    look_at: datetime | None = None
    unfinished: str = ""
    first_seen: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    told: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sightings: Mapping[ArmId, Sighting] = field(default_factory=lambda: MappingProxyType({}))
    holds: tuple[Hold, ...] = ()
    written: Mapping[ArmId, WrittenRecord] = field(default_factory=lambda: MappingProxyType({}))
    ttl_mended: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    links_moving_since: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    made: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    repaired: Mapping[str, tuple[datetime, ...]] = field(default_factory=lambda: MappingProxyType({}))
    touched: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))
    initiators: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    indexed: Mapping[ArmId, datetime] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SweepClaim:
    """Who requests the next sweep of ``scope``. ``start`` is when it begins; ``sent`` that its message is on the queue.

    A claim that is not sent by ``until`` is that of a dead worker. Times are UTC; ``etag`` as in VaultRow.
    """

    scope: str
    etag: str = ""
    start: datetime | None = None
    sent: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done. ``arguments`` is the JSON text of the change's arguments, ``why`` the finding."""

    change_id: str
    at: datetime
    rule: str
    digest: str
    key: str
    verb: str
    target: ArmId
    description: str
    arguments: str
    why: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One row of a vault's journal: an intent (``outcome`` empty) or the result of one.

    ``kept`` is what the change has deleted for good, as the JSON text that Azure had answered; empty for nothing.
    """

    sequence: int
    change_id: str
    kind: str
    at: datetime
    verb: str
    target: str
    outcome: str
    text: str
    hash: str
    kept: str = ""


class Ledger(Protocol):
    """Durable state. Every method may raise LedgerUnavailable."""

    def load(self, vault: ArmId) -> VaultRow:
        """The vault's row; a fresh one without etag when there is none."""

    def save(self, row: VaultRow) -> VaultRow:
        """Insert or replace by etag and return the row with its new etag. Raises LedgerConflict."""

    def intend(self, vault: ArmId, intent: Intent) -> None:
        """Append an intent to the vault's journal. Raises LedgerConflict when another writer got in between."""

    def conclude(self, vault: ArmId, change_id: str, outcome: Outcome) -> None:
        """Append the result of an intent to the vault's journal."""

    def intent(self, vault: ArmId, change_id: str) -> Intent | None:
        """The intent of a change, None when the journal has none."""

    def journal(self, vault: ArmId) -> Sequence[JournalEntry]:
        """The vault's journal, oldest first."""

    def reserve_write(self, subscription: str, at: datetime, limit: int) -> bool:
        """Reserve one of ``limit`` writes of this subscription in this hour. False when all are used."""

    def stopped(self) -> str:
        """The reason of the kill switch, empty while writes are allowed."""

    def vaults_near(self, resource: ArmId, cursor: str = "", limit: int = 500) -> tuple[tuple[ArmId, ...], str]:
        """A page of the vaults that the index remembers for a resource, and the cursor of the next.

        Empty cursors begin and end. The order is fixed, so rows that come and go move no other to another page.
        """

    def index(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        """Remember that these resources concern this vault."""

    def unindex(self, vault: ArmId, resources: Iterable[ArmId]) -> None:
        """Forget that these resources concern this vault; those that the index does not know are no error."""

    def note_hint(self, resource: ArmId, at: datetime) -> None:
        """Note that a hint about a resource is about to be routed, at that time (UTC).

        Resources share a bounded number of notes, so one may stand for a hint about another.
        """

    def last_hint(self, resources: Iterable[ArmId]) -> datetime | None:
        """When a hint about one of these resources was last noted, None when never."""

    def claim_sweep(self, scope: str) -> SweepClaim:
        """The claim on the next sweep of a scope; a fresh one without etag when there is none."""

    def save_claim(self, claim: SweepClaim) -> SweepClaim:
        """Insert or replace a claim by etag and return it with its new etag. Raises LedgerConflict."""


class Inbox(Protocol):
    """The queues that kvguard writes to. Every method may raise LedgerUnavailable."""

    def send(self, work: Iterable[Work], delay: timedelta = timedelta(0)) -> None:
        """Put work on ``kvguard-reconcile``, visible after ``delay`` (at most 7 days)."""

    def poison(self, work: Work, reason: str) -> None:
        """Put work that is given up on ``kvguard-reconcile-poison`` with its reason, to be replayed by a person."""

    def tell(self, messages: Iterable[str]) -> None:
        """Put finding messages (JSON texts of at most 48 KiB) on ``kvguard-findings``."""

    def keep(self, text: str) -> str:
        """Store a text too large for a message and return the name of its blob."""


class PolicySource(Protocol):
    """Where the policy comes from."""

    def policy(self) -> Policy:
        """The current policy; an unusable one says why in ``unusable``. Never raises."""
