"""The port ``Estate``: the reader and the writer as one."""

from __future__ import annotations

from collections.abc import Iterable

from shared.adapters.arm_reader import ArmReader
from shared.adapters.arm_writer import ArmWriter
from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.plan import Outcome
from shared.domain.reading import Gone, Part
from shared.domain.snapshot import VaultSnapshot
from shared.service.ports import Deadline


class ArmEstate:
    """Azure Resource Manager behind the port; see ``shared.service.ports.Estate`` for the contract."""

    def __init__(self, reader: ArmReader, writer: ArmWriter) -> None:
        self._reader = reader
        self._writer = writer

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        """Read one vault."""
        return self._reader.read(vault, deadline=deadline, parts=parts, fresh=fresh)

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        """Read more parts of the same vault."""
        return self._reader.deepen(snapshot, deadline=deadline, parts=parts)

    def remains(self, vault: ArmId, *, deadline: Deadline) -> VaultSnapshot | None:
        """Read what is left of a vault that does not exist."""
        return self._reader.remains(vault, deadline=deadline)

    def vaults(self, subscription: str, *, deadline: Deadline) -> Iterable[ArmId]:
        """List the vaults of a subscription."""
        return self._reader.vaults(subscription, deadline=deadline)

    def vault_page(self, subscription: str, cursor: str, *, deadline: Deadline) -> tuple[tuple[ArmId, ...], str]:
        """One page of that list, from a cursor on."""
        return self._reader.vault_page(subscription, cursor, deadline=deadline)

    def vaults_of_endpoint(self, endpoint: ArmId, *, deadline: Deadline) -> tuple[ArmId, ...] | Gone:
        """The vaults that an endpoint connects to."""
        return self._reader.vaults_of_endpoint(endpoint, deadline=deadline)

    def admit(self, vault: ArmId) -> None:
        """Ask for room for one look at a vault."""
        self._reader.admit(vault)

    def apply(self, change: Change, change_id: str, *, deadline: Deadline) -> Outcome:
        """Make one change."""
        return self._writer.apply(change, change_id, deadline=deadline)
