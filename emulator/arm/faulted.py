"""The local Azure behind its faults, free of any web framework: what the web server asks, and what simulations ask
in their own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.arm import metadata
from emulator.arm.faults import NO_INTERFERENCE, Cut, Faults, Hang, Interference, Status, Surface
from emulator.arm.messages import ArmResponse
from emulator.arm.service import ArmService, RawRequest

METADATA_PATH = "/metadata/endpoints"
IDENTITY_PATH = "/msi/token"
_LINK_HEADERS = ("Location", "Azure-AsyncOperation")


class NeverAnswered(Exception):
    """The request hangs: no answer will come, and it has had no effect."""


class ConnectionCut(Exception):
    """The connection was closed. `served`: the request has taken effect; `received`: what of the body came before,
    None when not even a status did."""

    def __init__(self, served: bool, received: bytes | None) -> None:
        super().__init__(f"the connection was cut {'after' if served else 'before'} the request was served")
        self.served = served
        self.received = received


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    response: ArmResponse


@dataclass(frozen=True)
class Silence:
    """No answer, ever."""


@dataclass(frozen=True)
class Broken:
    """The connection ends; `response` is None where nothing was served, `sent` None where nothing is sent."""

    response: ArmResponse | None
    sent: bytes | None


Outcome = Answer | Silence | Broken


def surface_of(path: str) -> Surface:
    """Which face of the local Azure serves a path."""
    return {METADATA_PATH: Surface.METADATA, IDENTITY_PATH: Surface.IDENTITY}.get(path, Surface.ARM)


class FaultedAzure:
    """Resource Manager, metadata and identity endpoint with the faults in force."""

    def __init__(self, service: ArmService, faults: Faults) -> None:
        self._service = service
        self._faults = faults

    def meet(self, raw: RawRequest) -> Interference:
        """Which faults a request meets; uses them up by one. Wait out its delay, then `perform`."""
        if not self._faults:
            return NO_INTERFERENCE
        query = "&".join(f"{name}={value}" for name, value in raw.query.items())
        return self._faults.take(raw.method, f"{raw.path}?{query}", surface_of(raw.path))

    def perform(self, raw: RawRequest, interference: Interference) -> Outcome:
        """Serve a request as far as its faults let it be served."""
        match interference.end:
            case Status() as status:
                return Answer(self._serve(raw, status))
            case Hang():
                self._unanswered(raw)
                return Silence()
            case Cut(served=False):
                self._unanswered(raw)
                return Broken(None, None)
            case Cut(after_bytes=count):
                response = self._serve(raw)
                return Broken(response, None if count is None else response.encode()[:count])
            case None:
                response = self._serve(raw)
                if interference.origin is not None:
                    _lead_elsewhere(response, raw.origin, interference.origin)
                return Answer(response)

    def _unanswered(self, raw: RawRequest) -> None:
        if surface_of(raw.path) is Surface.ARM:
            self._service.unanswered(raw)

    def _serve(self, raw: RawRequest, status: Status | None = None) -> ArmResponse:
        surface = surface_of(raw.path)
        if surface is Surface.ARM:
            return self._service.handle(raw, status)
        if status is not None:
            return ArmResponse(status.code, status.body, dict(status.headers))
        if surface is Surface.IDENTITY:
            code, body = self._service.identities.answer(raw.query, raw.headers)
            return ArmResponse(code, body, _JSON)
        version = raw.query.get("api-version")
        if not version:
            error = {"code": "MissingApiVersionParameter", "message": "The api-version is required."}
            return ArmResponse(400, {"error": error}, _JSON)
        suffix = self._service.world.switches.key_vault_dns_suffix
        return ArmResponse(200, metadata.endpoints(raw.origin, self._service.tenant, version, suffix), _JSON)


_JSON = {"Content-Type": "application/json"}


class InProcessAzure:
    """The local Azure for callers in its own process, in one thread and without a server.

    `wait` is told the seconds of each delay (a simulation moves its own clock by them).
    """

    def __init__(self, service: ArmService, faults: Faults, wait: Callable[[float], None] = lambda _: None) -> None:
        self._azure = FaultedAzure(service, faults)
        self._wait = wait

    def send(self, raw: RawRequest) -> ArmResponse:
        """The answer to a request. Raises NeverAnswered and ConnectionCut where faults take the answer away."""
        interference = self._azure.meet(raw)
        if interference.delay_seconds:
            self._wait(interference.delay_seconds)
        match self._azure.perform(raw, interference):
            case Answer(response):
                return response
            case Silence():
                raise NeverAnswered(f"{raw.method} {raw.path}")
            case Broken(response, sent):
                raise ConnectionCut(response is not None, sent)


def _lead_elsewhere(response: ArmResponse, own: str, origin: str) -> None:
    for name in _LINK_HEADERS:
        if name in response.headers:
            response.headers[name] = response.headers[name].replace(own, origin, 1)
    if isinstance(response.body, dict) and response.body.get("nextLink"):
        response.body["nextLink"] = response.body["nextLink"].replace(own, origin, 1)
