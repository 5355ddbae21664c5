"""What HTTP callers get: the audit as JSON, or a problem document that says what to do and quotes nothing of Azure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.arm_id import VAULT, ArmId, is_resource_group, is_subscription, is_vault_name
from shared.domain.snapshot import Gone
from shared.reporting.problem import problem
from shared.service.audit import Auditor
from shared.service.ports import Clock, EstateError, EstateForbidden, EstateUnavailable, Ledger, LedgerUnavailable

_INVOCATION_SECONDS = 12.0
_HEALTH_AGE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer without its transport."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def refuse(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A problem document (RFC 9457) as an answer."""
    body, content_type = problem(status, title, detail)
    return Reply(status, body, content_type, headers or {})


class AuditDesk:
    """Answers ``GET vaults/{subscription}/{group}/{name}`` for the watched subscriptions."""

    def __init__(self, auditor: Auditor, clock: Clock, subscriptions: frozenset[str]) -> None:
        self._auditor = auditor
        self._clock = clock
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)

    def audit(self, subscription: str, group: str, name: str) -> Reply:
        """The audit of one vault; 400 for names Azure would not allow, 404 outside the watched subscriptions."""
        if not (is_subscription(subscription) and is_resource_group(group) and is_vault_name(name)):
            return refuse(400, "Not a vault", "The path is no subscription id, resource group name and vault name.")
        if subscription.lower() not in self._subscriptions:
            return refuse(404, "Not found", "No such vault in the subscriptions that kvguard watches.")
        vault = ArmId.of(subscription, group, VAULT, name)
        try:
            audit = self._auditor.audit(vault, self._clock.deadline(_INVOCATION_SECONDS))
        except EstateUnavailable as error:
            wait = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
            return refuse(503, "Azure is unavailable", "Azure Resource Manager did not answer in time.", wait)
        except EstateForbidden as error:
            return refuse(502, "Not allowed to read", f"kvguard's identity lacks the right {error.action}.")
        except EstateError:
            return refuse(502, "Azure's answer is unusable", "Azure Resource Manager gave no answer that can be read.")
        if isinstance(audit, Gone):
            return refuse(404, "Not found", "No such vault in the subscriptions that kvguard watches.")
        return Reply(200, audit.text.encode(), "application/json")


class HealthDesk:
    """Answers ``GET health``. Anybody may ask, so the state store is asked at most once in ten seconds."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._reply: Reply | None = None
        self._asked = datetime.min.replace(tzinfo=UTC)

    def health(self) -> Reply:
        """200 with status ok, or 503 with status degraded when the state store does not answer."""
        now = self._clock.now()
        if self._reply is None or now - self._asked >= _HEALTH_AGE:
            self._reply, self._asked = self._ask(), now
        return self._reply

    def _ask(self) -> Reply:
        try:
            self._ledger.stopped()
        except LedgerUnavailable:
            return Reply(503, json.dumps({"status": "degraded"}).encode(), "application/json")
        return Reply(200, json.dumps({"status": "ok"}).encode(), "application/json")
