"""A reader on a local Azure, and what it asked for."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_reader import ArmReader
from shared.adapters.clock import MonotonicDeadline
from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CLOUD, Cloud
from shared.domain.network import Network
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Part
from shared.domain.snapshot import VaultSnapshot
from tests.emulator.arm.estate import NETWORK, VAULT

READER = "guard"
OTHER_SUBSCRIPTION = "99999999-2222-4333-8444-555555555555"
EVERY_PART = frozenset(Part)


def seconds(amount: float) -> MonotonicDeadline:
    """A deadline that many real seconds from now."""
    return MonotonicDeadline(time.monotonic() + amount)


def network_of(snapshot: VaultSnapshot, network: str = NETWORK) -> Network:
    """A network that must have been read."""
    found = snapshot.network(ArmId.parse(network))
    assert isinstance(found, Network)
    return found


class HandClock:
    """A clock that moves only by hand; its deadlines are real."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def deadline(self, amount: float) -> MonotonicDeadline:
        return seconds(amount)

    def advance(self, amount: float) -> None:
        self.moment += timedelta(seconds=amount)


class GivenPolicy:
    """A policy source that a test can change."""

    def __init__(self, policy: Policy) -> None:
        self.value = policy

    def policy(self) -> Policy:
        return self.value


class Bench:
    """A reader with its surroundings; the pauses between tries take no time."""

    def __init__(self, azure: LocalAzure, policy: Policy | None = None, *subscriptions: str) -> None:
        self.azure = azure
        self.clock = HandClock()
        self.policy = GivenPolicy(policy or Policy())
        cloud = self.cloud_of(azure)
        self.client = ArmClient(cloud, azure.credential(READER), self.clock, sleep=lambda _: None)
        watched = frozenset(subscriptions or (SUBSCRIPTION,))
        self.reader = ArmReader(self.client, cloud, self.policy, watched, self.clock)

    @staticmethod
    def cloud_of(azure: LocalAzure) -> Cloud:
        """The public cloud's names at the local endpoint."""
        return replace(AZURE_CLOUD, name="custom", arm_endpoint=azure.url)

    def read(
        self, vault: str = VAULT, *, parts: frozenset[Part] = frozenset(), fresh: bool = False, within: float = 10.0
    ) -> VaultSnapshot:
        """Read a vault that must be there."""
        snapshot = self.reader.read(ArmId.parse(vault), deadline=seconds(within), parts=parts, fresh=fresh)
        assert not isinstance(snapshot, Gone)
        return snapshot

    def deepen(self, snapshot: VaultSnapshot, *parts: Part) -> VaultSnapshot:
        """Read more of the same vault."""
        return self.reader.deepen(snapshot, deadline=seconds(10.0), parts=frozenset(parts))

    def asked(self, since: int = 0) -> list[str]:
        """What was asked of Resource Manager, shortened: type and name of an item, type of a list. Sorted."""
        return sorted(_short(entry.path) for entry in self.azure.log.since(since))

    def mark(self) -> int:
        """Where ``asked`` may start later."""
        return self.azure.log.mark()


def _short(path: str) -> str:
    _, _, tail = path.rpartition("/providers/")
    _, *segments = tail.split("/")
    if len(segments) % 2:
        return f"{segments[-1]}"
    return "/".join(segments[-2:]).partition(".nic.")[0]
