"""One run per vault at a time, by a lease in the vault's row.

Work that meets a held lease marks the row dirty and ends; the holder looks again when it is done. The message of a
holder that dies becomes visible again, and whoever handles it takes the lease that has run out, under a higher fence;
should the dead wake up, its next write to the row fails, and without that write it makes no change. A holder that
finds its own lease expired makes none either, though nobody has taken it yet.

So each held lease has work behind it that comes again after its end. Where storage fails, a holder may live on without
knowing whether the lease is still in the row; its work must come back later than the lease lasts (LeaseKept), because
before that it would be taken for somebody else's, leave a mark that nobody reads, and end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from enum import Enum

from shared.domain.arm_id import ArmId
from shared.service.coalesce import CLOCKS_DIFFER, merged
from shared.service.ports import Clock, Lease, Ledger, LedgerConflict, LedgerUnavailable, VaultRow

# Longer than any invocation may take, so that a lease runs out only when its holder is gone.
LASTS = timedelta(seconds=30)
_TRIES = 8


class LeaseKept(LedgerUnavailable):
    """Storage failed, and the lease may be in the row until it runs out: work must not come back before that."""


class Left(Enum):
    """Why a lease was not taken."""

    HELD = "another worker is at it, and will look again"
    SPARED = "another look serves this one"


class Leases:
    """Takes, keeps and gives back the leases of vaults."""

    def __init__(self, ledger: Ledger, clock: Clock, new_owner: Callable[[], str]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._new_owner = new_owner

    def take(
        self,
        vault: ArmId,
        note: Callable[[VaultRow], VaultRow] = lambda row: row,
        spare: Callable[[VaultRow], VaultRow | None] = lambda row: None,
    ) -> VaultRow | Left:
        """The vault's row with the lease in it; HELD when somebody else has it, whose row is now marked dirty.

        ``note`` puts into the row what is known of the work, whoever does it. ``spare`` is asked first: the row to
        store when the work needs no run, None when it does; it may be asked again when the row moved meanwhile.
        Raises LedgerConflict when too many write the row at once, and LeaseKept when it may have been taken.
        """
        for _ in range(_TRIES):
            row = self._ledger.load(vault)
            spared = spare(row)
            now = self._clock.now()
            try:
                if spared is not None:
                    if spared != row:
                        self._ledger.save(spared)
                    return Left.SPARED
                noted = note(row)
                if row.lease.held(now):
                    self._ledger.save(replace(noted, lease=replace(row.lease, dirty=now)))
                    return Left.HELD
                lease = Lease(self._new_owner(), now + LASTS, row.lease.fence + 1)
                return self._stored(replace(noted, lease=lease))
            except LedgerConflict:
                continue
        raise LedgerConflict(f"the row of vault {vault.name} is written by too many at once")

    def _stored(self, row: VaultRow) -> VaultRow:
        """The row with a lease just taken, stored. An answer that was lost leaves open whether it is."""
        try:
            return self._ledger.save(row)
        except LedgerUnavailable as error:
            raise LeaseKept(str(error)) from error

    def save(self, row: VaultRow) -> VaultRow:
        """Store the holder's row; marks of others are kept. Raises LedgerConflict when the lease is another's now."""
        for _ in range(_TRIES):
            try:
                return self._ledger.save(row)
            except LedgerConflict:
                row = self._still_ours(row)
        raise LedgerConflict(f"the row of vault {row.vault.name} is written by too many at once")

    def renew(self, row: VaultRow) -> VaultRow:
        """Store the holder's row with a lease that lasts anew, as the fence before a write to Azure.

        Raises LedgerConflict when the lease is another's now, and when it had run out.
        """
        self.ensure(row, timedelta(0))
        return self.save(replace(row, lease=replace(row.lease, until=self._clock.now() + LASTS)))

    def ensure(self, row: VaultRow, at_least: timedelta) -> None:
        """Raise LedgerConflict unless the lease lasts that much longer, on any worker's clock. Asks nobody."""
        margin = at_least + CLOCKS_DIFFER if at_least else at_least
        if not row.lease.held(self._clock.now() + margin):
            raise LedgerConflict(f"the lease of vault {row.vault.name} has run out")

    def give_back(self, row: VaultRow, look_again: Callable[[VaultRow], None]) -> None:
        """Store the holder's row without the lease; ``look_again`` is called first when work arrived meanwhile.

        The message that it sends may already have come, met this lease and ended with a mark: so each mark that is
        found when the row cannot be stored leads to another call. Raises LedgerConflict when the lease is another's
        now, or too many write the row at once.
        """
        for _ in range(_TRIES):
            if row.lease.dirty is not None:
                look_again(row)
            try:
                self._ledger.save(replace(row, lease=Lease(fence=row.lease.fence)))
            except LedgerConflict:
                row = self._still_ours(row)
            else:
                return
        raise LedgerConflict(f"the row of vault {row.vault.name} is written by too many at once")

    def drop(self, taken: VaultRow, look_again: Callable[[VaultRow], None]) -> None:
        """Give the lease of a run that failed back, without what the run would have stored."""
        stored = self._ledger.load(taken.vault)
        if (stored.lease.owner, stored.lease.fence) == (taken.lease.owner, taken.lease.fence):
            self.give_back(stored, look_again)

    def _still_ours(self, row: VaultRow) -> VaultRow:
        """The holder's row over the stored one, with the marks of others. Raises LedgerConflict when it lost it."""
        stored = self._ledger.load(row.vault)
        if (stored.lease.owner, stored.lease.fence) != (row.lease.owner, row.lease.fence):
            raise LedgerConflict(f"the lease of vault {row.vault.name} is another's now")
        until = max((at for at in (row.lease.until, stored.lease.until) if at is not None), default=None)
        return replace(merged(row, stored), etag=stored.etag, lease=replace(stored.lease, until=until))
