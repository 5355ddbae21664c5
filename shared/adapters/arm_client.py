"""The client that reads Azure Resource Manager: bounded, without redirects, and never talking to another host.

azure-core's pipeline and authentication are used, its retries and logging are not: what is tried again, and when, is
said in one place here, because two layers of retry multiply. Every call ends within its deadline whatever the server
does, and an absolute link in an answer is followed only on the endpoint's own scheme, host and port.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import HeadersPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from tenacity import RetryCallState, Retrying

from shared.adapters.arm_errors import (
    UNREADABLE,
    ArmThrottled,
    ArmUnauthorized,
    ArmUnavailable,
    ArmUndecodable,
    ArmUntrustedUrl,
    error_of,
    http_date,
)
from shared.adapters.arm_pace import Pace
from shared.adapters.arm_token import Authentication, TimedCredential, allow_for_token
from shared.adapters.arm_transport import TimeLimit, guarded_transport
from shared.adapters.clock import SystemClock
from shared.domain.clouds import Cloud
from shared.service.ports import Clock, Deadline

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PAGES: Final = 500
MOST_TRIES: Final = 3
MOST_SLEEP: Final = 1.5
_LEAST_SECONDS: Final = 0.02
_PAUSES: Final = (0.2, 0.6)
_PATH_SAFE: Final = "/()@:!$&'*+,;=~"


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """A successful answer: HTTP status, body as it came, headers by case-insensitive name."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class _Page(msgspec.Struct, rename="camel"):
    next_link: str | None = None


_PAGE = msgspec.json.Decoder(_Page)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of an endpoint; the port is always said."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin | None:
        """The origin of an https URL, None for one of another scheme, with a user in it or hard to read."""
        if any(character <= " " or character in '\\"<>^`{|}\x7f' for character in url):
            return None
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme.lower() != "https" or not parts.hostname or "@" in parts.netloc:
            return None
        return cls(parts.hostname.lower(), 443 if port is None else port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}" if self.port == 443 else f"https://{host}:{self.port}"


class _Tries:
    """When one call is tried again: quickly, at most twice, and never beyond its deadline.

    Connection errors, time-outs and 5xx pass quickly; throttling does only when Azure asks for a second or less; a 401
    is answered once with a new token, because azure-core has dropped the old one.
    """

    def __init__(self, deadline: Deadline, sleep: Callable[[float], None]) -> None:
        self._deadline = deadline
        self._unauthorized = 0
        self.retrying = Retrying(retry=self._again, wait=self._pause, stop=self._enough, sleep=sleep, reraise=True)

    def _again(self, state: RetryCallState) -> bool:
        error = None if state.outcome is None else state.outcome.exception()
        if isinstance(error, ArmUnauthorized):
            self._unauthorized += 1
            return self._unauthorized == 1
        return isinstance(error, ArmUnavailable) and error.quick

    def _pause(self, state: RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        if isinstance(error, ArmUnauthorized):
            return 0.0
        asked = error.retry_after if isinstance(error, ArmUnavailable) else 0.0
        return max(asked, _PAUSES[min(state.attempt_number, len(_PAUSES)) - 1])

    def _enough(self, state: RetryCallState) -> bool:
        pause = state.upcoming_sleep
        return (
            state.attempt_number >= MOST_TRIES
            or state.idle_for + pause > MOST_SLEEP
            or pause + _LEAST_SECONDS >= self._deadline.remaining()
        )


class ArmClient:
    """Reads Azure Resource Manager. One per process: it keeps the connections and the token.

    Without a credential (``None``) it sends no token, as for the endpoints' metadata. ``pace`` is what its answers have
    said of Azure's limits.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: TokenCredential | None,
        clock: Clock | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        origin = Origin.of(cloud.arm_endpoint)
        if origin is None:
            raise ValueError("the ARM endpoint is not an https URL")
        policies: list[object] = [HeadersPolicy({"Accept": "application/json"}), UserAgentPolicy("kvguard")]
        if credential is not None:
            policies.append(Authentication(TimedCredential(credential), cloud.arm_scope))
        self._origin = origin
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self.pace = Pace(lambda: self._clock.now().timestamp())
        self._offset: timedelta | None = None
        self._lock = threading.Lock()
        self._pipeline: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            str(origin), policies=policies, transport=guarded_transport()
        )

    @property
    def azure_time_offset(self) -> timedelta | None:
        """Azure's clock minus ours, by the ``Date`` of the latest answer; whole seconds. None before the first."""
        with self._lock:
            return self._offset

    def get(self, path: str, api_version: str, *, deadline: Deadline) -> ArmAnswer:
        """GET one resource. Raises the errors of ``arm_errors``."""
        return self._send(self._url(path, api_version), deadline)

    def pages(self, path: str, api_version: str, query: str = "", *, deadline: Deadline) -> Iterator[bytes]:
        """GET a list and what its nextLink leads to, body by body; the last page may be empty. Raises as ``get``.

        ``query`` is appended to the first page's URL as it is, such as ``$filter=atScope()``.
        """
        url = self._url(path, api_version) + (f"&{query}" if query else "")
        seen: set[str] = set()
        while True:
            seen.add(url)
            body = self._send(url, deadline).body
            yield body
            link = _next_link(path, body)
            if not link:
                return
            url = self.own_url(link)
            if url in seen:
                raise ArmUntrustedUrl(f"GET {path}: nextLink leads back to a page that was read")
            if len(seen) >= MOST_PAGES:
                raise ArmUntrustedUrl(f"GET {path}: more than {MOST_PAGES} pages")

    def page(self, path: str, api_version: str, cursor: str, *, deadline: Deadline) -> tuple[bytes, str]:
        """GET one page of a list and the cursor of the next one: path and query of its nextLink, empty at the end.

        An empty ``cursor`` is the first page. A cursor may come from a message that anybody wrote, so it has to lead
        to the same list; ArmUntrustedUrl otherwise. Raises as ``get``.
        """
        url = self.own_url(f"{self._origin}{cursor}") if cursor else self._url(path, api_version)
        if urlsplit(url).path.casefold() != quote(path, safe=_PATH_SAFE).casefold():
            raise ArmUntrustedUrl(f"GET {path}: the cursor leads elsewhere")
        body = self._send(url, deadline).body
        link = _next_link(path, body)
        following = self.own_url(link).removeprefix(str(self._origin)) if link else ""
        if following and following == cursor:
            raise ArmUntrustedUrl(f"GET {path}: nextLink leads back to a page that was read")
        return body, following

    def own_url(self, url: str) -> str:
        """An absolute URL of an answer, written anew from our own origin, its path and query.

        Raises ArmUntrustedUrl for a URL of another scheme, host or port.
        """
        if Origin.of(url) != self._origin:
            raise ArmUntrustedUrl(f"an answer leads away from {self._origin}")
        parts = urlsplit(url)
        return f"{self._origin}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")

    def _url(self, path: str, api_version: str) -> str:
        if any(part in (".", "..") for part in path.split("/")):
            raise ArmUndecodable(f"not a path of a resource: {path[:200]!r}")
        return f"{self._origin}{quote(path, safe=_PATH_SAFE)}?api-version={api_version}"

    def _send(self, url: str, deadline: Deadline) -> ArmAnswer:
        path = urlsplit(url).path
        tries = _Tries(deadline, self._sleep)
        answer: ArmAnswer = tries.retrying(self._once, url, f"GET {path}"[:200], path, deadline)
        return answer

    def _once(self, url: str, what: str, path: str, deadline: Deadline) -> ArmAnswer:
        left = deadline.remaining()
        if left < _LEAST_SECONDS:
            raise ArmUnavailable(f"{what}: no time left")
        allow_for_token(left)
        with TimeLimit(left) as limit:
            try:
                response = self._pipeline.send_request(
                    HttpRequest("GET", url),
                    stream=True,
                    connection_timeout=min(CONNECT_SECONDS, left),
                    read_timeout=min(READ_SECONDS, left),
                )
                try:
                    body = _read(response, what, deadline)
                finally:
                    response.close()
            except AzureError as error:
                why = "no answer in time" if limit.expired else type(error).__name__
                raise ArmUnavailable(f"{what}: {why}", quick=not limit.expired) from error
            except ValueError as error:
                # azure-core decodes the claims of a challenge as they come.
                raise ArmUndecodable(f"{what}: headers that cannot be read") from error
        # http.client takes what came before a connection was shut for a whole answer, if no length was announced.
        if limit.expired:
            raise ArmUnavailable(f"{what}: no answer in time")
        if response.status_code == 200 and not body:
            raise ArmUnavailable(f"{what}: an answer without a body", status=200, quick=True)
        self._compare_clocks(response.headers)
        if not 200 <= response.status_code < 300:
            meant = error_of(what, path, response.status_code, response.headers, body)
            self.pace.answered(path, response.headers, meant.retry_after if isinstance(meant, ArmThrottled) else None)
            raise meant
        self.pace.answered(path, response.headers)
        return ArmAnswer(response.status_code, body, response.headers)

    def _compare_clocks(self, headers: Mapping[str, str]) -> None:
        azure = http_date(headers.get("Date"))
        if azure is not None:
            with self._lock:
                self._offset = azure - self._clock.now().astimezone(UTC).replace(microsecond=0)


def _read(response: HttpResponse, what: str, deadline: Deadline) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MOST_BYTES:
            raise ArmUndecodable(f"{what}: the answer is larger than {MOST_BYTES} bytes")
        if deadline.remaining() <= 0:
            raise ArmUnavailable(f"{what}: no answer in time")
        chunks.append(chunk)
    return b"".join(chunks)


def _next_link(path: str, body: bytes) -> str | None:
    try:
        return _PAGE.decode(body).next_link
    except UNREADABLE as error:
        raise ArmUndecodable(f"GET {path}: not a page of a list") from error
