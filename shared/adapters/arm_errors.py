"""What Azure Resource Manager answers instead of what was asked for, as errors that say what to do next.

They specialise the errors of the port; the library's own exception is always the cause. Messages carry the method, the
resource, the status and Azure's code and wording, cut to a line: never a token, never a whole body.
Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final

import msgspec

from shared.service.ports import EstateError, EstateForbidden, EstateNoLogin, EstateThrottled, EstateUnavailable

_MOST_TEXT: Final = 200
_MOST_WORDS: Final = 4000
_BUSY_CODES: Final = frozenset({"anotheroperationinprogress", "retryableerror"})
_ABSENT_CODES: Final = frozenset({"resourcenotfound", "resourcegroupnotfound", "parentresourcenotfound", "notfound"})
_SUBSCRIPTION_CODES: Final = frozenset({"subscriptionnotfound", "invalidsubscriptionid"})
_FOREIGN_TENANT_CODE: Final = "invalidauthenticationtokentenant"
_ACTION = re.compile(r"perform action(?:\(s\))? '([A-Za-z0-9./*_-]{3,200})'")
# What http.client, msgspec and json raise for an answer that is none, or nested deeper than any recursion goes.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TOKEN: Final = re.compile(r"eyJ[\w-]{4,}(?:\.[\w-]*)*|(?i:bearer)\s+\S+|(?i:\bsig)=[^&\s]+")
_INVISIBLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class ArmError(EstateError):
    """An answer that trying again does not change: ``status`` (HTTP), Azure's ``code`` and ``message``, ``headers``."""

    def __init__(
        self, what: str, status: int, code: str = "", message: str = "", headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        super().__init__(f"{what}: {status} {code}: {message}".rstrip(": "))
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class ArmNotFound(ArmError):
    """404. ``absent`` tells a resource that does not exist from a subscription or type that cannot be seen."""

    @property
    def absent(self) -> bool:
        """Whether Azure says that the resource, its parent or its group does not exist."""
        return self.code.casefold() in _ABSENT_CODES

    @property
    def parent_absent(self) -> bool:
        """Whether it is the parent or the resource group that does not exist."""
        return self.code.casefold() in ("parentresourcenotfound", "resourcegroupnotfound")

    @property
    def subscription_unseen(self) -> bool:
        """Whether the subscription does not exist, or is hidden because no right in it was given."""
        return self.code.casefold() in _SUBSCRIPTION_CODES


class ArmUnavailable(EstateUnavailable):
    """Azure asks to come back, or could not be reached. ``status`` is 0 without an answer.

    ``quick`` says that trying again at once is worth it; ``retry_after`` is in seconds, 0 when Azure named none.
    """

    def __init__(self, message: str, *, status: int = 0, retry_after: float = 0.0, quick: bool = False) -> None:
        super().__init__(message, retry_after)
        self.status = status
        self.quick = quick


class ArmNoLogin(ArmUnavailable, EstateNoLogin):
    """The credential gave no token."""


class ArmThrottled(ArmUnavailable, EstateThrottled):
    """429 from a limit of requests, or a limit that is known to be reached. ``retry_after`` is when to come back."""


class ArmUnauthorized(ArmUnavailable):
    """401: the token was not accepted, and a new one was not either."""


class ArmForbidden(EstateForbidden):
    """403, or a resource of another tenant."""


class ArmUntrustedUrl(EstateError):
    """An answer leads to another host, in a circle or on without end. Nothing was sent there."""


class ArmUndecodable(EstateError):
    """An answer whose shape is not the documented one."""


class _Detail(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Inner(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    details: list[_Detail] | None = None


class _ErrorBody(msgspec.Struct):
    """``{"error": {...}}``, or the flat form of private DNS for a failed precondition."""

    error: _Inner | None = None
    code: str | None = None
    message: str | None = None


_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)


def error_of(what: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> EstateError:
    """The error that an answer of ``status`` means; ``what`` names the call and ``path`` is what was asked for."""
    codes, words = _parse(body)
    code, message = codes[0], words[:_MOST_TEXT]
    text = f"{what}: {status} {code}: {message}".rstrip(": ")
    after = retry_after(headers)
    lowered = {known.casefold() for known in codes}
    if status == 401 and _FOREIGN_TENANT_CODE in lowered:
        return ArmForbidden(text, action_of(path))
    if status == 401:
        return ArmUnauthorized(text, status=status)
    if status == 403:
        # LinkedAuthorizationFailed names the allowed action first, then the one on the linked scope that is not.
        named = _ACTION.findall(words)
        return ArmForbidden(text, named[-1] if named else action_of(path))
    if status == 404:
        return ArmNotFound(what, status, code, message, headers)
    if status in (408, 500, 502, 503, 504):
        return ArmUnavailable(text, status=status, retry_after=after or 0.0, quick=after is None or after <= 1.0)
    busy = any(known.startswith("retryableerror") or known in _BUSY_CODES for known in lowered)
    if status == 429 and not busy:
        return ArmThrottled(text, status=status, retry_after=after or 0.0, quick=after is not None and after <= 1.0)
    if status == 429:
        return ArmUnavailable(text, status=status, retry_after=after or 0.0, quick=after is not None and after <= 1.0)
    if status == 409 and busy:
        return ArmUnavailable(text, status=status, retry_after=after or 0.0)
    return ArmError(what, status, code, message, headers)


def action_of(path: str) -> str:
    """The ARM action that reading a path takes: its full type and ``read``. Empty without a provider in the path."""
    _, found, tail = path.partition("?")[0].rpartition("/providers/")
    namespace, *segments = tail.strip("/").split("/")
    return "/".join((namespace, *segments[::2], "read")) if found and segments else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After``, which may be a number or a date. None when it is absent or unreadable."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return max(0.0, min(float(value), 86400.0))
    except ValueError:
        moment, now = http_date(value), http_date(headers.get("Date"))
    if moment is None:
        return None
    return max(0.0, min((moment - (now or datetime.now(UTC))).total_seconds(), 86400.0))


def http_date(value: str | None) -> datetime | None:
    """The moment of an HTTP date in UTC, None when it is absent or unreadable."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def one_line(text: str) -> str:
    """Foreign text as one line, without control characters and without tokens: an error may repeat what was sent."""
    return _INVISIBLE.sub(" ", _TOKEN.sub("[removed]", text)).strip()


def _parse(body: bytes) -> tuple[list[str], str]:
    """Azure's codes, the outer one first and never none, and its wording in one line."""
    try:
        decoded = _ERROR_BODY.decode(body)
    except UNREADABLE:
        return [""], ""
    inner = decoded.error or _Inner(decoded.code, decoded.message)
    codes = [inner.code or "", *(detail.code or "" for detail in inner.details or ())]
    words = one_line((inner.message or "")[:_MOST_WORDS])
    return [one_line(code)[:80] for code in codes], words
