"""The cheap reads that tell whether a dependency answers, for ``health``. None of them writes.

A detail names the dependency and the kind of the error, nothing of what Azure wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from azure.core.credentials import TokenCredential

from shared.adapters import arm_api as api
from shared.adapters.arm_client import ArmClient
from shared.adapters.blobs import CONTAINERS, BlobStore
from shared.adapters.clock import SystemClock
from shared.adapters.queues import FINDINGS, RECONCILE, QueueAccount
from shared.adapters.table_account import TABLES, TableAccount
from shared.domain.clouds import Cloud
from shared.service.health import Probe, Unhealthy
from shared.service.ports import EstateError, EstateForbidden, Ledger, LedgerUnavailable, PolicySource

_ARM_SECONDS = 3.5


def arm_probes(
    cloud: Callable[[], Cloud],
    credential: TokenCredential,
    subscriptions: frozenset[str],
    policies: Callable[[Cloud], PolicySource],
) -> tuple[Probe, ...]:
    """The identity, Azure Resource Manager by the vaults of one watched subscription, and the policy.

    What depends on the cloud is made with the first question, since a cloud's metadata is asked of Resource Manager.
    """
    made: dict[str, ArmClient] = {}
    sources: dict[str, PolicySource] = {}
    subscription = min(subscriptions)

    def identity() -> str:
        credential.get_token(cloud().arm_scope)
        return ""

    def arm() -> str:
        path, deadline = api.vaults_of(subscription), SystemClock().deadline(_ARM_SECONDS)
        try:
            client = made.get("") or made.setdefault("", ArmClient(cloud(), credential))
            client.get(path, api.VAULTS_API, deadline=deadline)
        except EstateForbidden as error:
            raise Unhealthy(f"missing right {error.action} in subscription {subscription}") from error
        except EstateError as error:
            raise Unhealthy(type(error).__name__) from error
        return ""

    def policy() -> str:
        source = sources.get("") or sources.setdefault("", policies(cloud()))
        unusable = source.policy().unusable
        if unusable:
            raise Unhealthy(unusable)
        return ""

    return Probe("identity", identity), Probe("arm", arm), Probe("policy", policy)


@dataclass(frozen=True, slots=True)
class StorageProbes:
    """The services of the app's own account, and the queue on the bridge to the review app."""

    tables: TableAccount
    ledger: Ledger
    queues: QueueAccount
    bridge: QueueAccount
    blobs: BlobStore

    def probes(self) -> tuple[Probe, ...]:
        """One probe for each service, and one line about the kill switch."""
        return (
            Probe("tables", lambda: _each(TABLES, self.tables.probe)),
            Probe("queues", lambda: _each((RECONCILE,), self.queues.probe)),
            Probe("findings-queue", lambda: _each((FINDINGS,), self.bridge.probe)),
            Probe("blobs", lambda: _each(CONTAINERS[:1], self.blobs.probe)),
            Probe("kill-switch", self._switch, informs=True),
        )

    def _switch(self) -> str:
        reason = self.ledger.stopped()
        return f"writes are stopped: {reason}" if reason else "writes are allowed"


def _each(names: Sequence[str], probe: Callable[[str], None]) -> str:
    for name in names:
        try:
            probe(name)
        except LedgerUnavailable as error:
            raise Unhealthy(str(error)) from error
    return ""
