"""Wiring: the only place that knows which adapter stands behind which port.

Importing this module costs next to nothing; adapters and the SDKs behind them are imported with the first piece of
work, because a cold start is the users' latency.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.settings import Settings, load

if TYPE_CHECKING:
    from shared.domain.clouds import Cloud
    from shared.service.answer_http import AuditDesk, HealthDesk
    from shared.service.reconcile import Reconciler
    from shared.service.sweep import Sweeper

_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Guard:
    """The use cases of the guard app, wired."""

    reconciler: Reconciler
    sweeper: Sweeper
    audits: AuditDesk
    healths: HealthDesk


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The checked settings of this process. Raises SettingsError with every problem at once."""
    return load(os.environ)


def guard() -> Guard:
    """The guard's use cases, built once per process by whichever thread comes first."""
    with _LOCK:
        return _guard()


@lru_cache(maxsize=1)
def _guard() -> Guard:
    import random
    import uuid
    from datetime import timedelta

    from shared.adapters.arm_client import ArmClient
    from shared.adapters.arm_estate import ArmEstate
    from shared.adapters.arm_reader import ArmReader
    from shared.adapters.arm_writer import ArmWriter
    from shared.adapters.blobs import BlobStore
    from shared.adapters.clock import SystemClock
    from shared.adapters.credential import LazyCredential
    from shared.adapters.policy_file import PolicyFile
    from shared.adapters.queues import QueueInbox
    from shared.adapters.storage_connection import StorageConnection
    from shared.adapters.tables import TableLedger
    from shared.rules.registry import RULES
    from shared.service.answer_http import AuditDesk, HealthDesk
    from shared.service.audit import Auditor
    from shared.service.execute import Executor
    from shared.service.judge import Judge
    from shared.service.reconcile import Reconciler
    from shared.service.routing import Router
    from shared.service.sweep import Sweeper
    from shared.settings import FINDINGS, STORAGE

    chosen, clock = settings(), SystemClock()
    cloud = _cloud(chosen)
    credential = LazyCredential(cloud.authority, chosen.client_id)
    storage = StorageConnection(STORAGE, chosen.values, credential)
    blobs = BlobStore(storage)
    ledger = TableLedger(storage, blobs)
    inbox = QueueInbox(storage, StorageConnection(FINDINGS, chosen.values, credential), blobs)
    policies = PolicyFile(chosen.policy, cloud, chosen.subscriptions, RULES, blobs, clock)
    client = ArmClient(cloud, credential)
    estate = ArmEstate(
        ArmReader(client, cloud, policies, chosen.subscriptions, clock), ArmWriter(credential, cloud, clock)
    )
    judge = Judge(estate, RULES)
    sweeper = Sweeper(estate, inbox, clock, chosen.subscriptions)
    reconciler = Reconciler(
        ledger=ledger,
        inbox=inbox,
        clock=clock,
        policies=policies,
        judge=judge,
        executor=Executor(estate, ledger, judge, clock, lambda: uuid.uuid4().hex, timedelta(seconds=10)),
        sweeper=sweeper,
        router=Router(estate, ledger, chosen.subscriptions, cloud.private_zone),
        subscriptions=chosen.subscriptions,
        enforce=chosen.enforce,
        jitter=random.random,
    )
    audits = AuditDesk(Auditor(judge, ledger, policies, chosen.mode), clock, chosen.subscriptions)
    return Guard(reconciler, sweeper, audits, HealthDesk(ledger, clock))


def _cloud(chosen: Settings) -> Cloud:
    from shared.domain.clouds import CLOUDS, CUSTOM

    if chosen.cloud != CUSTOM:
        return CLOUDS[chosen.cloud]
    from shared.adapters.clouds import discover_cloud

    return discover_cloud(chosen.arm_endpoint)
