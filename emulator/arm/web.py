"""The web face of Resource Manager: an ASGI app with faults, and the connection that faults can cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from emulator.arm import metadata
from emulator.arm.control import Control
from emulator.arm.faults import Cut, Delay, Faults, Hang, Redirect, Status
from emulator.arm.messages import ArmResponse
from emulator.arm.service import ArmService, RawRequest

TICK_SECONDS = 0.02
_LINK_HEADERS = ("Location", "Azure-AsyncOperation")
Address = tuple[str, int | None]
# By client and server: two servers in one process may have clients of one port.
_transports: dict[tuple[Address, Address], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """uvicorn's protocol, remembering each client's connection so that a fault can close it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Remember the connection."""
        super().connection_made(transport)
        if self.client is not None and self.server is not None:
            _transports[(self.client, self.server)] = transport

    def shutdown(self) -> None:
        """Close at once: TLS would wait for the client's farewell."""
        super().shutdown()
        # On Python 3.11.2 a TLS transport that was closed twice has no protocol left to abort.
        with contextlib.suppress(AttributeError):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client is not None and self.server is not None:
            _transports.pop((self.client, self.server), None)
        super().connection_lost(exc)


class ArmApp:
    """Serves Resource Manager requests."""

    def __init__(self, service: ArmService, faults: Faults) -> None:
        self._service = service
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: first the fault it meets, if any, then the service."""
        raw = await _read(scope, receive)
        query = scope["query_string"].decode("latin-1")
        action = self._faults.take(raw.method, f"{raw.path}?{unquote(query)}")
        match action:
            case None:
                await _answer(send, self._service.handle(raw))
            case Status():
                await _answer(send, self._service.handle(raw, action))
            case Delay(seconds):
                await asyncio.sleep(seconds)
                await _answer(send, self._service.handle(raw))
            case Redirect(origin):
                response = self._service.handle(raw)
                _lead_elsewhere(response, raw.origin, origin)
                await _answer(send, response)
            case Hang():
                self._service.unanswered(raw)
                await _until_disconnected(receive)
            case Cut(served, after_bytes):
                await self._cut(scope, send, raw, served, after_bytes)

    async def _cut(self, scope: Scope, send: Send, raw: RawRequest, served: bool, after_bytes: int | None) -> None:
        transport = _transports.get((tuple(scope["client"]), tuple(scope["server"])))
        if not served:
            self._service.unanswered(raw)
        else:
            response = self._service.handle(raw)
            if after_bytes is not None:
                body = response.encode()
                await send(_start(response, len(body)))
                part: Message = {"type": "http.response.body", "body": body[:after_bytes], "more_body": True}
                await send(part)
        if transport is not None:
            transport.close()


async def _read(scope: Scope, receive: Receive) -> RawRequest:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return RawRequest(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=headers,
        body=body,
        origin=f"{scope['scheme']}://{headers.get('host', '')}",
    )


def _start(response: ArmResponse, length: int) -> Message:
    headers = {**response.headers, "Content-Length": str(length)}
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }


async def _answer(send: Send, response: ArmResponse) -> None:
    body = b"" if response.status == 204 else response.encode()
    start = _start(response, len(body))
    if response.status == 204:
        start["headers"] = [item for item in start["headers"] if item[0] != b"content-length"]
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _lead_elsewhere(response: ArmResponse, own: str, origin: str) -> None:
    for name in _LINK_HEADERS:
        if name in response.headers:
            response.headers[name] = response.headers[name].replace(own, origin, 1)
    if isinstance(response.body, dict) and response.body.get("nextLink"):
        response.body["nextLink"] = response.body["nextLink"].replace(own, origin, 1)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def create_app(service: ArmService, faults: Faults, control: Control, extra: list[BaseRoute]) -> Starlette:
    """The whole app: metadata, identity endpoint, control routes, whatever else is given, and Resource Manager."""

    async def metadata_endpoint(request: Request) -> Response:
        origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
        version = request.query_params.get("api-version")
        if not version:
            return JSONResponse(
                {"error": {"code": "MissingApiVersionParameter", "message": "The api-version is required."}}, 400
            )
        suffix = service.world.switches.key_vault_dns_suffix
        return JSONResponse(metadata.endpoints(origin, service.tenant, version, suffix))

    async def identity_endpoint(request: Request) -> Response:
        status, body = service.identities.answer(dict(request.query_params), request.headers)
        return JSONResponse(body, status)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async def tick() -> None:
            while True:
                service.settle()
                await asyncio.sleep(TICK_SECONDS)

        task = asyncio.create_task(tick())
        try:
            yield {}
        finally:
            task.cancel()

    return Starlette(
        routes=[
            Route("/metadata/endpoints", metadata_endpoint),
            Route("/msi/token", identity_endpoint),
            *control.routes(),
            *extra,
            Mount("/", ArmApp(service, faults)),
        ],
        lifespan=lifespan,
    )
