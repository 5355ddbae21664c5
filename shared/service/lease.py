"""One run per vault at a time, by a lease in the vault's row.

Work that meets a held lease marks the row dirty and ends; the holder looks again when it is done. The message of a
holder that dies becomes visible again, and whoever handles it takes the lease that has run out, under a higher fence;
should the dead wake up, its next write to the row fails, and without that write it makes no change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.arm_id import ArmId
from shared.service.ports import Clock, Lease, Ledger, LedgerConflict, VaultRow

# Longer than any invocation may take, so that a lease runs out only when its holder is gone.
LASTS = timedelta(seconds=30)
_TRIES = 8


class Leases:
    """Takes, keeps and gives back the leases of vaults."""

    def __init__(self, ledger: Ledger, clock: Clock, new_owner: Callable[[], str]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._new_owner = new_owner

    def take(self, vault: ArmId, event: datetime | None) -> VaultRow | None:
        """The vault's row with the lease in it, None when somebody else has it, whose row is now marked dirty.

        Raises LedgerConflict when too many write the row at once.
        """
        for _ in range(_TRIES):
            row, now = self._ledger.load(vault), self._clock.now()
            newest = max((time for time in (row.newest_event, event) if time is not None), default=None)
            try:
                if row.lease.held(now):
                    self._ledger.save(replace(row, lease=replace(row.lease, dirty=now), newest_event=newest))
                    return None
                lease = Lease(self._new_owner(), now + LASTS, row.lease.fence + 1)
                return self._ledger.save(replace(row, lease=lease))
            except LedgerConflict:
                continue
        raise LedgerConflict(f"the row of vault {vault.name} is written by too many at once")

    def save(self, row: VaultRow) -> VaultRow:
        """Store the holder's row; marks of others are kept. Raises LedgerConflict when the lease is another's now."""
        for _ in range(_TRIES):
            try:
                return self._ledger.save(row)
            except LedgerConflict:
                stored = self._ledger.load(row.vault)
                if (stored.lease.owner, stored.lease.fence) != (row.lease.owner, row.lease.fence):
                    raise
                row = _merged(row, stored)
        raise LedgerConflict(f"the row of vault {row.vault.name} is written by too many at once")

    def give_back(self, row: VaultRow, look_again: Callable[[VaultRow], None]) -> None:
        """Store the holder's row without the lease; ``look_again`` is called first when work arrived meanwhile.

        Raises LedgerConflict when the lease is another's now.
        """
        called = False
        for _ in range(_TRIES):
            if row.lease.dirty is not None and not called:
                look_again(row)
                called = True
            try:
                self._ledger.save(replace(row, lease=Lease(fence=row.lease.fence)))
            except LedgerConflict:
                stored = self._ledger.load(row.vault)
                if (stored.lease.owner, stored.lease.fence) != (row.lease.owner, row.lease.fence):
                    raise
                row = _merged(row, stored)
            else:
                return
        raise LedgerConflict(f"the row of vault {row.vault.name} is written by too many at once")

    def drop(self, taken: VaultRow, look_again: Callable[[VaultRow], None]) -> None:
        """Give the lease of a run that failed back, without what the run would have stored."""
        stored = self._ledger.load(taken.vault)
        if (stored.lease.owner, stored.lease.fence) == (taken.lease.owner, taken.lease.fence):
            self.give_back(stored, look_again)


def _merged(row: VaultRow, stored: VaultRow) -> VaultRow:
    """The holder's row with what others may have put into the stored one: the mark, and a newer event."""
    newest = max((time for time in (row.newest_event, stored.newest_event) if time is not None), default=None)
    return replace(row, etag=stored.etag, lease=stored.lease, newest_event=newest)
