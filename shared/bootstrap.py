"""Wiring: the only place that knows which adapter stands behind which port.

Importing this module costs next to nothing; adapters and the SDKs behind them are imported with the first piece of
work, because a cold start is the users' latency.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared.settings import FINDINGS, STORAGE, Settings, TerminalSettings, load, load_terminal
from shared.settings import SettingsError as SettingsError

if TYPE_CHECKING:
    from shared.adapters.credential import LazyLogin
    from shared.adapters.policy_file import PolicyFile
    from shared.adapters.storage_connection import StorageConnection
    from shared.domain.clouds import Cloud
    from shared.service.answer_explain import ExplainDesk
    from shared.service.answer_http import AuditDesk, HealthDesk
    from shared.service.dispatch import Dispatcher
    from shared.service.inquiry import Inquiry
    from shared.service.policy_view import PolicyView
    from shared.service.replay import Replayer
    from shared.service.sweep import Sweeper

_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Guard:
    """The use cases of the guard app, wired."""

    dispatcher: Dispatcher
    sweeper: Sweeper
    audits: AuditDesk
    questions: ExplainDesk


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The checked settings of this process. Raises SettingsError with every problem at once."""
    problems: list[str] = []
    chosen: Settings | None = None
    try:
        chosen = load(os.environ)
    except SettingsError as error:
        problems.extend(error.problems)
    try:
        _connections(os.environ)
    except SettingsError as error:
        problems.extend(error.problems)
    if chosen is None or problems:
        raise SettingsError(problems)
    return chosen


def guard() -> Guard:
    """The guard's use cases, built once per process by whichever thread comes first."""
    with _LOCK:
        return _guard()


@lru_cache(maxsize=1)
def _guard() -> Guard:
    import logging
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
    from shared.adapters.queues import QueueAccount, QueueInbox
    from shared.adapters.table_account import TableAccount
    from shared.adapters.tables import TableLedger
    from shared.rules.registry import RULES
    from shared.service.answer_explain import ExplainDesk
    from shared.service.answer_http import AuditDesk
    from shared.service.audit import Auditor
    from shared.service.dispatch import Dispatcher
    from shared.service.execute import Executor
    from shared.service.explain import Explainer
    from shared.service.judge import Judge
    from shared.service.lease import Leases
    from shared.service.reconcile import Reconciler
    from shared.service.routing import Router
    from shared.service.sweep import Sweeper

    # The SDKs log every request at INFO, with URLs that name resources.
    logging.getLogger("azure").setLevel(logging.WARNING)
    chosen, clock = settings(), SystemClock()
    cloud = _cloud(chosen)
    credential = LazyCredential(chosen.client_id)
    own, bridge = _connections(chosen.values)
    own_identity = LazyCredential(own.client_id or chosen.client_id)
    bridge_identity = LazyCredential(bridge.client_id or chosen.client_id)
    blobs = BlobStore(own, own_identity)
    ledger = TableLedger(TableAccount(own, own_identity), blobs)
    inbox = QueueInbox(QueueAccount(own, own_identity), QueueAccount(bridge, bridge_identity), blobs)
    policies = PolicyFile(chosen.policy, cloud, chosen.subscriptions, RULES, blobs, clock)
    reader = ArmReader(ArmClient(cloud, credential, clock), cloud, policies, chosen.subscriptions, clock)
    estate = ArmEstate(reader, ArmWriter(credential, cloud, clock))
    judge = Judge(estate, RULES)
    leases = Leases(ledger, clock, lambda: uuid.uuid4().hex)
    sweeper = Sweeper(estate, ledger, inbox, clock, chosen.subscriptions)
    reconciler = Reconciler(
        ledger=ledger,
        inbox=inbox,
        clock=clock,
        policies=policies,
        judge=judge,
        executor=Executor(estate, ledger, leases, judge, clock, lambda: uuid.uuid4().hex, timedelta(seconds=10)),
        leases=leases,
        subscriptions=chosen.subscriptions,
        enforce=chosen.enforce,
    )
    dispatcher = Dispatcher(
        reconciler=reconciler,
        router=Router(estate, ledger, clock, chosen.subscriptions, cloud.private_zone),
        sweeper=sweeper,
        inbox=inbox,
        clock=clock,
        policies=policies,
        jitter=random.random,
    )
    audits = AuditDesk(Auditor(judge, ledger, policies, chosen.mode), clock, chosen.subscriptions)
    explainer = Explainer(reader, policies, RULES, chosen.subscriptions)
    questions = ExplainDesk(explainer, clock, chosen.subscriptions)
    return Guard(dispatcher, sweeper, audits, questions)


def healths() -> HealthDesk:
    """What answers ``GET health``; it needs neither Azure nor storage to be there, built once per process."""
    with _LOCK:
        return _healths()


@lru_cache(maxsize=1)
def _healths() -> HealthDesk:
    import logging

    from shared.adapters.blobs import BlobStore
    from shared.adapters.clock import SystemClock
    from shared.adapters.credential import LazyCredential
    from shared.adapters.policy_file import PolicyFile
    from shared.adapters.probes import StorageProbes, arm_probes
    from shared.adapters.queues import QueueAccount
    from shared.adapters.table_account import TableAccount
    from shared.adapters.tables import TableLedger
    from shared.rules.registry import RULES
    from shared.service.answer_http import HealthDesk
    from shared.service.health import HealthChecks

    logging.getLogger("azure").setLevel(logging.WARNING)
    chosen, clock = settings(), SystemClock()
    credential = LazyCredential(chosen.client_id)
    own, bridge = _connections(chosen.values)
    own_identity = LazyCredential(own.client_id or chosen.client_id)
    bridge_identity = LazyCredential(bridge.client_id or chosen.client_id)
    tables, blobs = TableAccount(own, own_identity), BlobStore(own, own_identity)

    def policies(cloud: Cloud) -> PolicyFile:
        return PolicyFile(chosen.policy, cloud, chosen.subscriptions, RULES, blobs, clock)

    stored = StorageProbes(
        tables=tables,
        ledger=TableLedger(tables, blobs),
        queues=QueueAccount(own, own_identity),
        bridge=QueueAccount(bridge, bridge_identity),
        blobs=blobs,
    )
    probes = (*arm_probes(lambda: _cloud(chosen), credential, chosen.subscriptions, policies), *stored.probes())
    return HealthDesk(HealthChecks(probes, clock), chosen.health_key)


def replayer(environment: Mapping[str, str]) -> Replayer:
    """What shows and puts back poison messages, for the person at the terminal. Raises SettingsError."""
    from shared.adapters.blobs import BlobStore
    from shared.adapters.clock import SystemClock
    from shared.adapters.poison import StoredPoison
    from shared.adapters.queues import QueueAccount, QueueInbox
    from shared.adapters.storage_connection import StorageConnectionMissing, StorageService, resolve
    from shared.domain.clouds import CLOUDS
    from shared.service.replay import Replayer

    try:
        own = resolve(STORAGE, environment, frozenset({StorageService.QUEUE}))
    except StorageConnectionMissing as error:
        raise SettingsError([str(error)]) from error
    login = _login(CLOUDS.get(load_terminal(environment).cloud))
    account = QueueAccount(own, login)
    return Replayer(StoredPoison(account), QueueInbox(account, account, BlobStore(own, login)), SystemClock())


def policy_problems(environment: Mapping[str, str], path: str) -> list[str]:
    """Everything that is wrong with a policy file, each as "place: what". Raises SettingsError, OSError."""
    from pathlib import Path

    from shared.adapters.clock import SystemClock
    from shared.adapters.policy_file import PolicyReader
    from shared.adapters.policy_yaml import MOST_BYTES
    from shared.rules.registry import RULES

    chosen = load_terminal(environment)
    with Path(path).open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    problems: list[str] = []
    PolicyReader(_cloud(chosen), chosen.subscriptions, RULES).read(data, SystemClock().now(), problems)
    return problems


def terminal_cloud(environment: Mapping[str, str]) -> Cloud:
    """The cloud that the settings name, a custom one discovered without a login. Raises SettingsError, EstateError."""
    return _cloud(load_terminal(environment))


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of the policy file."""
    from shared.adapters.policy_schema import policy_schema as schema
    from shared.rules.registry import RULES

    return schema(RULES)


def policy_view(environment: Mapping[str, str], path: str) -> PolicyView:
    """What says how the policy holds for one vault: that of a file, else of ``KVGUARD_POLICY``. Raises SettingsError.

    Azure is asked only for a tag that can decide something, with the login of the person at the terminal.
    """
    from pathlib import Path

    from shared.adapters.clock import SystemClock
    from shared.adapters.vault_tag import VaultTag
    from shared.rules.registry import RULES
    from shared.service.policy_view import PolicyView

    chosen, clock = load_terminal(environment), SystemClock()
    if path and not Path(path).is_file():
        raise SettingsError([f"{Path(path).name} is not a file"])
    place = str(Path(path).resolve()) if path else chosen.policy
    cloud = _cloud(chosen)
    login = _login(cloud)
    policies = _policies(environment, place, cloud, chosen.subscriptions, login)
    return PolicyView(policies, VaultTag(cloud, login, clock), RULES, clock)


def inquiry(environment: Mapping[str, str], subscription: str = "") -> Inquiry:
    """What answers questions about single vaults, with the login of the person at the terminal. Raises SettingsError.

    ``subscription`` is the vault's, if it is known: watched as well as those of ``KVGUARD_SUBSCRIPTIONS``.
    """
    import logging

    from shared.adapters.arm_client import ArmClient
    from shared.adapters.arm_reader import ArmReader
    from shared.adapters.clock import SystemClock
    from shared.rules.registry import RULES
    from shared.service.inquiry import Inquiry

    # A login that is missing is said in one line, not in the many of the SDK.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    chosen, clock = load_terminal(environment), SystemClock()
    watched = chosen.subscriptions | ({subscription.lower()} if subscription else set())
    cloud = _cloud(chosen)
    login = _login(cloud)
    policies = _policies(environment, chosen.policy, cloud, watched, login)
    reader = ArmReader(ArmClient(cloud, login, clock), cloud, policies, watched, clock)
    return Inquiry(reader, policies, RULES, watched, clock)


def _policies(
    environment: Mapping[str, str], place: str, cloud: Cloud, subscriptions: frozenset[str], login: LazyLogin
) -> PolicyFile:
    """The policy at a place, with the account of the environment where that is a blob. Raises SettingsError."""
    from shared.adapters.blobs import BlobStore
    from shared.adapters.clock import SystemClock
    from shared.adapters.policy_file import PolicyFile
    from shared.adapters.storage_connection import (
        StorageConnection,
        StorageConnectionMissing,
        StorageService,
        resolve,
    )
    from shared.rules.registry import RULES

    own = StorageConnection(STORAGE, connection_string="")
    if place.lower().startswith(("http://", "https://")):
        try:
            own = resolve(STORAGE, environment, frozenset({StorageService.BLOB}))
        except StorageConnectionMissing as error:
            raise SettingsError([str(error)]) from error
    return PolicyFile(place, cloud, subscriptions, RULES, BlobStore(own, login), SystemClock())


def _connections(values: Mapping[str, str]) -> tuple[StorageConnection, StorageConnection]:
    """The app's own account and the bridge to the review app. Raises SettingsError for both at once."""
    from shared.adapters.storage_connection import StorageConnectionMissing, StorageService, resolve

    everything = frozenset({StorageService.BLOB, StorageService.QUEUE, StorageService.TABLE})
    found, problems = [], []
    for name, services in ((STORAGE, everything), (FINDINGS, frozenset({StorageService.QUEUE}))):
        try:
            found.append(resolve(name, values, services))
        except StorageConnectionMissing as error:
            problems.append(str(error))
    if problems:
        raise SettingsError(problems)
    return found[0], found[1]


def _login(cloud: Cloud | None) -> LazyLogin:
    """The login of the person at the terminal in a cloud; without one as the person's own environment has it."""
    from shared.adapters.credential import LazyLogin
    from shared.domain.clouds import CLOUDS

    return LazyLogin() if cloud is None else LazyLogin(cloud.authority, announced=cloud.name not in CLOUDS)


def _cloud(chosen: Settings | TerminalSettings) -> Cloud:
    from shared.domain.clouds import CLOUDS, CUSTOM

    if chosen.cloud != CUSTOM:
        return CLOUDS[chosen.cloud]
    from shared.adapters.clouds import discover_cloud

    return discover_cloud(chosen.arm_endpoint)
