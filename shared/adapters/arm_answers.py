"""What an answer of Resource Manager to a write means: the one place where codes become outcomes.

Status alone says little: 409 is a lock, a conflict or "busy, come back", 429 is throttling or "busy" too, and private
DNS sends its failed preconditions without the outer ``error`` object. So the codes are read, the inner ones included.
Sources: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors and
https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
)
from urllib3.exceptions import NewConnectionError

from shared.adapters.arm_errors import UNREADABLE, http_date, one_line
from shared.domain.plan import OutcomeKind

DETAIL_LIMIT: Final = 300

_BUSY: Final = frozenset(
    {
        "anotheroperationinprogress",
        "retryableerror",
        "retryableerrorduetoanotheroperation",
        "referencedresourcenotprovisioned",
    }
)
# What each refusal names, in the words of its message.
_NAMED: Final = {
    "scopelocked": ("locked scope", re.compile(r"locked: '([^']+)'")),
    "denyassignmentauthorizationfailed": ("deny assignment", re.compile(r"deny assignment with name '([^']*)'")),
    "requestdisallowedbypolicy": ("policy assignment", re.compile(r'"policyAssignment":\s*\{\s*"name":\s*"([^"]+)"')),
    "authorizationfailed": ("missing action", re.compile(r"perform action '([^']+)'")),
    "linkedauthorizationfailed": (
        "missing action",
        re.compile(r"perform (?:the )?action\(?s?\)? '([^']+)' on the linked scope"),
    ),
}


class _Violation(msgspec.Struct, rename="camel"):
    policy_assignment_display_name: str | None = None
    policy_assignment_name: str | None = None
    policy_definition_display_name: str | None = None


class _Info(msgspec.Struct):
    type: str | None = None
    info: msgspec.Raw = msgspec.Raw(b"{}")


class _Error(msgspec.Struct, rename="camel"):
    code: str | None = None
    message: str | None = None
    details: list[_Error] | None = None
    additional_info: list[_Info] | None = None


class _Body(msgspec.Struct):
    """An error body, nested or flat."""

    error: _Error | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error means for the change: see Outcome. ``retry_after`` in seconds, 0 when Azure named none."""

    kind: OutcomeKind
    detail: str
    retry: bool = False
    retry_after: float = 0.0


def clip(text: str) -> str:
    """Foreign text as one line of at most 300 characters, without control characters and without tokens."""
    plain = one_line(text)
    return plain if len(plain) <= DETAIL_LIMIT else plain[: DETAIL_LIMIT - 3] + "..."


def status_of(error: AzureError) -> int:
    """The HTTP status of an error, 0 when there was no answer."""
    response = error.response if isinstance(error, HttpResponseError) else None
    return 0 if response is None else (response.status_code or 0)


def verdict(error: AzureError, *, writing: bool, now: datetime) -> Verdict:
    """What an error means. ``writing`` says that the change itself, not a reading before it, was under way."""
    response = error.response if isinstance(error, HttpResponseError) else None
    if response is None:
        return _unanswered(error, writing)
    found = _decode(response)
    status, text = status_of(error), f"{found.code or 'no code'}: {found.message or 'no message'}"
    codes = {name.casefold() for name in _codes(found)}
    wait = retry_after(getattr(response, "headers", {}), now)
    if status == 412:
        return Verdict(OutcomeKind.CONFLICT, clip(f"412 {text}"))
    if status == 404:
        return Verdict(OutcomeKind.CONFLICT, clip(f"what the change builds on is gone: {text}"))
    if status == 403 or "scopelocked" in codes:
        return Verdict(OutcomeKind.REFUSED, clip(_refusal(found, text)))
    if status in (401, 408, 429) or status >= 500 or codes & _BUSY:
        unsure = "; unknown whether it was made" if writing and status >= 500 else ""
        return Verdict(OutcomeKind.FAILED, _with_note(f"{status} {text}", unsure), retry=True, retry_after=wait)
    if status == 400:
        return Verdict(OutcomeKind.REFUSED, clip(text))
    return Verdict(OutcomeKind.FAILED, clip(f"{status} {text}"))


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """``Retry-After`` in seconds, given as a number or as a date; 0 when absent or unreadable."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return 0.0
    try:
        return min(max(0.0, float(value)), 86400.0)
    except ValueError:
        pass
    date = http_date(value)
    return 0.0 if date is None else min(max(0.0, (date - now).total_seconds()), 86400.0)


def _unanswered(error: AzureError, writing: bool) -> Verdict:
    name = type(error).__name__
    note = "; unknown whether it was made" if writing and not _never_sent(error) else "; nothing was changed"
    return Verdict(OutcomeKind.FAILED, _with_note(f"{name}: {error.message}", note), retry=True)


def _never_sent(error: AzureError) -> bool:
    """Whether the request certainly did not reach Azure: no connection, or no token.

    A connection that broke later counts as sent. The SDK reports some of these as a ServiceRequestError too, and an
    answer that was cut off as an HttpResponseError without response, as it does a token that could not be had.
    """
    if isinstance(error, ClientAuthenticationError):
        return True
    refused = isinstance(error.inner_exception, NewConnectionError)
    return isinstance(error, ServiceRequestTimeoutError) or (isinstance(error, ServiceRequestError) and refused)


def _with_note(text: str, note: str) -> str:
    """Clipped text whose note survives the clipping."""
    plain = clip(text)
    room = DETAIL_LIMIT - len(note)
    return (plain if len(plain) <= room else plain[: room - 3] + "...") + note


def _decode(response: object) -> _Error:
    content = getattr(response, "content", b"")
    try:
        body = msgspec.json.decode(content, type=_Body)
    except UNREADABLE:
        return _Error(message="the answer is not an error of Resource Manager")
    return body.error or _Error(body.code, body.message)


def _codes(error: _Error, depth: int = 0) -> list[str]:
    inner = [] if depth > 4 else [code for item in error.details or [] for code in _codes(item, depth + 1)]
    return [*([] if error.code is None else [error.code]), *inner]


def _refusal(error: _Error, text: str) -> str:
    """Name the lock, policy, deny assignment or action first, so that clipping cannot cut it off."""
    for item in (error, *(error.details or [])):
        code = (item.code or "").casefold()
        if code not in _NAMED:
            continue
        what, pattern = _NAMED[code]
        match = pattern.search(item.message or "")
        name = (_policy(item) if code == "requestdisallowedbypolicy" else "") or (match.group(1) if match else "")
        if name:
            return f"{item.code}: {what} {name}"
    return text


def _policy(error: _Error) -> str:
    for item in error.additional_info or []:
        try:
            violation = msgspec.json.decode(item.info, type=_Violation)
        except UNREADABLE:
            continue
        names = (violation.policy_assignment_display_name, violation.policy_assignment_name)
        name = next((name for name in (*names, violation.policy_definition_display_name) if name), "")
        if name:
            return name
    return ""
