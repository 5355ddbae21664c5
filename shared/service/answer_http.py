"""What HTTP callers get: the audit as JSON, or a problem document that says what to do and quotes nothing of Azure."""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import VAULT, ArmId, is_resource_group, is_subscription, is_vault_name
from shared.domain.reading import Gone
from shared.reporting.problem import problem
from shared.reporting.text import rfc3339
from shared.service.audit import Auditor
from shared.service.health import HealthChecks
from shared.service.ports import Clock, EstateError, EstateForbidden, EstateUnavailable

INVOCATION_SECONDS: Final = 12.0


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


def vault_of(subscription: str, group: str, name: str, watched: frozenset[str]) -> ArmId | Reply:
    """The vault that a path names; 400 for names Azure would not allow, 404 outside ``watched`` (in lower case)."""
    if not (is_subscription(subscription) and is_resource_group(group) and is_vault_name(name)):
        return refuse(400, "Not a vault", "The path is no subscription id, resource group name and vault name.")
    if subscription.lower() not in watched:
        return no_such_vault()
    return ArmId.of(subscription, group, VAULT, name)


def no_such_vault() -> Reply:
    """The same answer for a vault that does not exist and for one that is not watched."""
    return refuse(404, "Not found", "No such vault in the subscriptions that kvguard watches.")


def answered(ask: Callable[[], str | Gone]) -> Reply:
    """The JSON text that ``ask`` gives about a vault, or what stood in the way of it."""
    try:
        text = ask()
    except EstateUnavailable as error:
        wait = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        return refuse(503, "Azure is unavailable", "Azure Resource Manager did not answer in time.", wait)
    except EstateForbidden as error:
        return refuse(502, "Not allowed to read", f"kvguard's identity lacks the right {error.action}.")
    except EstateError:
        return refuse(502, "Azure's answer is unusable", "Azure Resource Manager gave no answer that can be read.")
    return no_such_vault() if isinstance(text, Gone) else Reply(200, text.encode(), "application/json")


class AuditDesk:
    """Answers ``GET vaults/{subscription}/{group}/{name}`` for the watched subscriptions."""

    def __init__(self, auditor: Auditor, clock: Clock, subscriptions: frozenset[str]) -> None:
        self._auditor = auditor
        self._clock = clock
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)

    def audit(self, subscription: str, group: str, name: str) -> Reply:
        """The audit of one vault; 400 for names Azure would not allow, 404 outside the watched subscriptions."""
        vault = vault_of(subscription, group, name, self._subscriptions)
        if isinstance(vault, Reply):
            return vault
        return answered(lambda: self._text(vault))

    def _text(self, vault: ArmId) -> str | Gone:
        audit = self._auditor.audit(vault, self._clock.deadline(INVOCATION_SECONDS))
        return audit if isinstance(audit, Gone) else audit.text


class HealthDesk:
    """Answers ``GET health``: the status for anybody, what each dependency says for who knows the key of this app.

    Without a key in the settings (``key`` empty) nobody gets more than the status.
    """

    def __init__(self, checks: HealthChecks, key: str) -> None:
        self._checks = checks
        self._key = key

    def health(self, presented: str) -> Reply:
        """200 with status ok, or 503 with status degraded when a dependency is away."""
        health = self._checks.health()
        body: dict[str, object] = {"status": "ok" if health.ok else "degraded"}
        if self._knows(presented):
            body["asked_at"] = rfc3339(health.asked_at)
            body["dependencies"] = [
                {"name": check.name, "status": _STATUS[check.ok], "detail": check.detail} for check in health.checks
            ]
        return Reply(200 if health.ok else 503, json.dumps(body, ensure_ascii=False).encode(), "application/json")

    def _knows(self, presented: str) -> bool:
        return bool(self._key) and hmac.compare_digest(presented.encode(), self._key.encode())


_STATUS: Final[Mapping[bool | None, str]] = MappingProxyType({True: "ok", False: "failed", None: "info"})
