"""Resource Manager without a network: the product's own ARM clients, served in the same thread in virtual time.

The transport that azure-core is given asks the local Resource Manager directly. What can happen to a request on its way
happens here, by a seeded draw: an error of the gateway, throttling, silence, a connection cut before or after the
request took effect, an answer that drips in too slowly or ends too early.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.pipeline.transport import RequestsTransport
from requests.structures import CaseInsensitiveDict
from urllib3.response import HTTPResponse

from emulator.arm.access import Principal
from emulator.arm.faults import Status
from emulator.arm.identity import Identities
from emulator.arm.messages import ArmResponse
from emulator.arm.service import ArmService, RawRequest
from tests.simulation.timeline import Timeline

ORIGIN: Final = "https://management.azure.com"
_TOKEN_LIFETIME: Final = 10 * 365 * 24 * 3600


class Trouble(Enum):
    """What happens to a request on its way."""

    UNAVAILABLE = "503"
    THROTTLED = "429"
    HANG = "hang"
    CUT = "cut"
    SERVED_CUT = "served-cut"
    DRIP = "drip"
    TRUNCATED = "truncated"


# How a fault is drawn when one is to happen: what is common comes first.
MIXED: Final[Mapping[Trouble, int]] = {
    Trouble.UNAVAILABLE: 9,
    Trouble.THROTTLED: 5,
    Trouble.CUT: 6,
    Trouble.SERVED_CUT: 5,
    Trouble.TRUNCATED: 3,
    Trouble.HANG: 1,
    Trouble.DRIP: 1,
}
_UNAVAILABLE: Final = Status(503, {"error": {"code": "ServerUnavailable", "message": "The service is busy."}})


@dataclass
class Weather:
    """How many requests of the product meet trouble, and which. ``rate`` may depend on the time, in seconds; only
    requests whose path has ``part`` in it are concerned."""

    random: Random
    rate: Callable[[float], float] = field(default=lambda seconds: 0.0)
    mix: Mapping[Trouble, int] = field(default_factory=lambda: MIXED)
    part: str = ""
    met: dict[Trouble, int] = field(default_factory=dict)

    def draw(self, seconds: float, path: str) -> Trouble | None:
        """What happens to the next request."""
        rate = self.rate(seconds)
        if rate <= 0.0 or self.part not in path or self.random.random() >= rate:
            return None
        [trouble] = self.random.choices(list(self.mix), weights=list(self.mix.values()))
        self.met[trouble] = self.met.get(trouble, 0) + 1
        return trouble


class CachedIdentities(Identities):
    """Tokens are checked once; their signatures cost more than the rest of a request."""

    def __init__(self, tenant: str) -> None:
        super().__init__(tenant, f"{ORIGIN}/{tenant}")
        self._known: dict[str, Principal] = {}

    def authenticate(self, authorization: str | None) -> Principal:
        """Who a bearer token speaks for."""
        known = self._known.get(authorization or "")
        if known is None:
            known = super().authenticate(authorization)
            self._known[authorization or ""] = known
        return known


class FixedCredential:
    """One token of one principal, good for the whole simulation."""

    def __init__(self, identities: Identities, name: str) -> None:
        principal = identities.named(name).principal
        self._token = identities.token(principal, ORIGIN, lifetime=_TOKEN_LIFETIME)
        self.authorization = f"Bearer {self._token}"

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The token."""
        return AccessToken(self._token, 10**11)

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        """The token."""
        return AccessTokenInfo(self._token, 10**11)


class VirtualLimit:
    """The limit of one call in virtual time; stands in for the product's TimeLimit, which runs a thread for each."""

    def __init__(self, line: Line, seconds: float) -> None:
        self._line = line
        self.seconds = max(0.0, seconds)
        self.expired = False

    def __enter__(self) -> Self:
        self._line.limit = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.limit = None


class VirtualLimits:
    """Makes limits for the line in use; called and asked as the product's TimeLimit is."""

    def __init__(self, line: Callable[[], Line]) -> None:
        self._line = line

    def __call__(self, seconds: float) -> VirtualLimit:
        return VirtualLimit(self._line(), seconds)

    def at_most(self, seconds: float) -> AbstractContextManager[None]:
        """Requests to storage in memory need no limit."""
        return nullcontext()


class Line:
    """The way from one worker to Resource Manager. ``before`` and ``after`` are called around what takes effect."""

    def __init__(
        self,
        timeline: Timeline,
        service: ArmService,
        weather: Weather,
        random: Random,
        before: Callable[[str, str], None],
        after: Callable[[str, str], None],
        latency: tuple[float, float] = (0.02, 0.15),
    ) -> None:
        self._timeline = timeline
        self._service = service
        self._weather = weather
        self._random = random
        self._before = before
        self._after = after
        self._latency = latency
        self.limit: VirtualLimit | None = None

    def transport(self) -> RequestsTransport:
        """A transport for azure-core that ends here."""
        return RequestsTransport(session=_Session(self), session_owner=False, connection_data_block_size=65536)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, read_seconds: float) -> Any:
        """One request and its answer as ``requests`` gives it. Raises the errors of ``requests``."""
        raw = raw_request(method, url, headers, body)
        limit, about = self.limit, f"{method} {raw.path}"
        trouble = self._weather.draw(self._timeline.seconds, raw.path)
        self._timeline.pause(self._random.uniform(*self._latency) / 2)
        self._before("arm", about)
        if trouble in (Trouble.HANG, Trouble.CUT):
            self._service.unanswered(raw)
            self._after("arm", about)
            if trouble is Trouble.HANG:
                self._wait_in_vain(read_seconds, limit)
                raise requests.exceptions.ReadTimeout("read timed out")
            raise requests.exceptions.ConnectionError("the connection was cut")
        response = self._service.handle(raw, self._instead(trouble))
        if trouble is Trouble.THROTTLED:
            # A provider that protects itself says nothing of Resource Manager's own counters.
            response.headers = {name: value for name, value in response.headers.items() if "ratelimit" not in name}
        self._after("arm", about)
        self._timeline.pause(self._random.uniform(*self._latency) / 2)
        if trouble is Trouble.SERVED_CUT:
            raise requests.exceptions.ConnectionError("the connection was cut after the request was served")
        if trouble is Trouble.DRIP:
            self._wait_in_vain(60.0, limit)
            raise requests.exceptions.ConnectionError("the connection was shut")
        return answer_of(response, url, cut_short=trouble is Trouble.TRUNCATED)

    def _instead(self, trouble: Trouble | None) -> Status | None:
        if trouble is Trouble.UNAVAILABLE:
            return _UNAVAILABLE
        if trouble is Trouble.THROTTLED:
            wait = str(self._random.choice((1, 3, 7, 17)))
            body = {"error": {"code": "TooManyRequests", "message": "Too many requests."}}
            return Status(429, body, {"Retry-After": wait})
        return None

    def _wait_in_vain(self, seconds: float, limit: VirtualLimit | None) -> None:
        left = seconds if limit is None else min(seconds, limit.seconds)
        self._timeline.pause(left)
        if limit is not None and limit.seconds <= seconds:
            limit.expired = True


class _Session(requests.Session):
    """A session whose requests go nowhere but to the line."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.trust_env = False
        self._line = line

    def request(self, method: Any, url: Any, **options: Any) -> Any:  # type: ignore[override]  # of 16 parameters 4 count
        """Send one request."""
        data = options.get("data") or b""
        body = data.encode() if isinstance(data, str) else bytes(data)
        timeout = options.get("timeout")
        seconds = timeout[1] if isinstance(timeout, tuple) else timeout
        return self._line.send(str(method), str(url), options.get("headers") or {}, body, float(seconds or 300.0))


def raw_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> RawRequest:
    parts = urlsplit(url)
    return RawRequest(
        method=method,
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): str(value) for name, value in headers.items()},
        body=body,
        origin=f"{parts.scheme}://{parts.netloc}",
    )


def answer_of(response: ArmResponse, url: str, *, cut_short: bool = False) -> requests.Response:
    body = b"" if response.status == 204 else response.encode()
    headers = {**response.headers, "Content-Length": str(len(body))}
    sent = body[: len(body) // 2] if cut_short and body else body
    answer = requests.Response()
    answer.status_code = response.status
    answer.headers = CaseInsensitiveDict(headers)
    answer.url = url
    answer.reason = ""
    answer.encoding = "utf-8"
    answer.raw = HTTPResponse(
        io.BytesIO(sent),
        headers=headers,
        status=response.status,
        preload_content=False,
        decode_content=False,
        enforce_content_length=True,
    )
    return answer


class Caller:
    """A client of Resource Manager for a principal of a deployment: no SDK, no trouble on the way."""

    def __init__(self, service: ArmService, name: str) -> None:
        self._service = service
        self.authorization = FixedCredential(service.identities, name).authorization
        self.name = name

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> ArmResponse:
        """One request, whatever comes of it."""
        raw = RawRequest(
            method=method,
            path=path,
            query={"api-version": "2024-06-01"},
            headers={"authorization": self.authorization, **{k.replace("_", "-"): v for k, v in headers.items()}},
            body=b"" if body is None else json.dumps(body).encode(),
            origin=ORIGIN,
        )
        return self._service.handle(raw)

    def must(self, method: str, path: str, body: Any = None, **headers: str) -> ArmResponse:
        """One request that has to succeed. Raises ArmError's text as AssertionError."""
        response = self.send(method, path, body, **headers)
        assert response.status < 400, f"{self.name}: {method} {path}: {response.status} {response.body}"
        return response
