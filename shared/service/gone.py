"""What follows from a vault that does not exist: its findings are cleared, and what it has left behind is judged.

A private endpoint goes on costing money and a record goes on sending clients to its address when their vault is long
deleted, and no list of vaults leads there any more. So the index keeps what is left, the vault is looked at again once
a day while there is something, and nothing is ever changed: who deletes what a vault left behind is a person.

Azure answers 404 also for a vault that is soft-deleted, that was moved to another resource group, or that was created
a moment ago. The first two have left nothing behind, and for the third it is too early to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.policy import Policy
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Existence
from shared.domain.vault_records import vault_records
from shared.domain.zone import RecordSet
from shared.service.announce import announce, announce_gone
from shared.service.judge import Judge, Judgement
from shared.service.lease import Leases
from shared.service.memory import history_of, note_seen, passing_unread
from shared.service.nearby import KEPT, keep_index
from shared.service.outlook import look_again_in, open_findings
from shared.service.ports import Clock, Deadline, EstateForbidden, Inbox, Ledger, VaultRow

_AGAIN: Final = timedelta(days=1)
_WHILE_IT_MOVES: Final = timedelta(minutes=15)
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Departed:
    """How a look at a vault that does not exist ends: the row, what is left, and when to look again, None for never."""

    row: VaultRow
    detail: str
    again: timedelta | None


class GoneVaults:
    """Looks at what is left of vaults that do not exist."""

    def __init__(self, *, ledger: Ledger, inbox: Inbox, clock: Clock, judge: Judge, leases: Leases) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._clock = clock
        self._judge = judge
        self._leases = leases

    def look(self, row: VaultRow, policy: Policy, deadline: Deadline, *, enforce: bool) -> Departed:
        """Tell what is left, clear what went with the vault.

        Raises EstateError, before anything is said, and LedgerUnavailable and LedgerConflict.
        """
        now, name = self._clock.now(), row.vault.name
        if row.newest_event is not None and now < row.newest_event + policy.timing.consistency:
            row = keep_index(self._clear(row, now, self._judge.of_gone), frozenset(), now, self._ledger)
            return Departed(row, f"vault {name} does not exist", _settles_at(row, policy) - now)
        try:
            judged = self._judge.remains(row.vault, policy, history_of(row), deadline)
        except EstateForbidden as error:
            row = keep_index(self._clear(row, now, self._judge.of_gone), frozenset(), now, self._ledger)
            return Departed(row, f"vault {name} does not exist, missing right {error.action}", _if_told(row, now))
        if judged is None:
            row = keep_index(self._clear(row, now, _NONE), frozenset(), now, self._ledger)
            return Departed(row, f"vault {name} does not exist", _until_forgotten(row, now))
        return self._judged(row, judged, policy, enforce=enforce)

    def _judged(self, row: VaultRow, judged: Judgement, policy: Policy, *, enforce: bool) -> Departed:
        snapshot, now = judged.snapshot, judged.snapshot.read_at
        detail, left = _what_became_of(snapshot), _left(snapshot)
        row = self._clear(row, now, self._judge.of_gone if _is_for_ever(snapshot) else _NONE)
        row = keep_index(row, left, now, self._ledger)
        if not snapshot.quiet:
            return Departed(row, detail, _WHILE_IT_MOVES)
        row = note_seen(row, judged)
        row = announce(row, open_findings(judged, {}), {}, judged, policy, self._inbox, self._leases.save)
        if passing_unread(judged) is not None:
            return Departed(row, detail, _WHILE_IT_MOVES)
        waits = [look_again_in(row, judged, policy, enforce=enforce), _AGAIN if left or row.told else None]
        return Departed(
            row, detail, min((wait for wait in waits if wait is not None), default=_until_forgotten(row, now))
        )

    def _clear(self, row: VaultRow, now: datetime, kept: frozenset[str]) -> VaultRow:
        return announce_gone(row, now, kept, self._inbox, self._leases.save)


def _settles_at(row: VaultRow, policy: Policy) -> datetime:
    """When Azure's answers are not older than the newest event any more."""
    assert row.newest_event is not None
    return row.newest_event + policy.timing.consistency


def _if_told(row: VaultRow, now: datetime) -> timedelta | None:
    """A day, while people were told of something that nobody can say is mended."""
    return _AGAIN if row.told else _until_forgotten(row, now)


def _until_forgotten(row: VaultRow, now: datetime) -> timedelta | None:
    """How long until nothing of the vault has to be in the index any more, None when nothing is in it."""
    last = max(row.indexed.values(), default=None)
    return None if last is None else last + KEPT - now


def _is_for_ever(snapshot: VaultSnapshot) -> bool:
    """Whether the vault is deleted for good; what a recoverable or moved one has, it still needs."""
    return snapshot.vault.existence is Existence.DELETED and snapshot.moved_to is None


def _what_became_of(snapshot: VaultSnapshot) -> str:
    if snapshot.moved_to is not None:
        return f"vault {snapshot.vault.name} was moved to resource group {snapshot.moved_to.resource_group}"
    return f"vault {snapshot.vault.name} is {snapshot.vault.existence.value}"


def _left(snapshot: VaultSnapshot) -> frozenset[ArmId]:
    """What was seen to be left: private endpoints that name the vault, and records, unless a moved vault has them."""
    claimants = () if isinstance(snapshot.claimants, Unread) else snapshot.claimants
    records = (
        entry.id
        for entry in vault_records(snapshot)
        if snapshot.moved_to is None and isinstance(entry.found, RecordSet)
    )
    return frozenset({*claimants, *records})
