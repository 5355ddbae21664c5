"""The web face of Resource Manager: an ASGI app with faults, and the connection that faults can cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from emulator.arm.control import Control
from emulator.arm.faulted import Answer, Broken, FaultedAzure, Silence
from emulator.arm.faults import Faults
from emulator.arm.messages import ArmResponse
from emulator.arm.service import ArmService, RawRequest

TICK_SECONDS = 0.02
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
    """Serves Resource Manager, the metadata and the identity endpoint."""

    def __init__(self, service: ArmService, faults: Faults) -> None:
        self._azure = FaultedAzure(service, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: first the faults it meets, if any, then the service."""
        raw = await _read(scope, receive)
        interference = self._azure.meet(raw)
        if interference.delay_seconds:
            await asyncio.sleep(interference.delay_seconds)
        match self._azure.perform(raw, interference):
            case Answer(response):
                await _answer(send, response)
            case Silence():
                await _until_disconnected(receive)
            case Broken(response, sent):
                if response is not None and sent is not None:
                    await send(_start(response, len(response.encode())))
                    part: Message = {"type": "http.response.body", "body": sent, "more_body": True}
                    await send(part)
                transport = _transports.get((tuple(scope["client"]), tuple(scope["server"])))
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


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def create_app(service: ArmService, faults: Faults, control: Control, extra: list[BaseRoute]) -> Starlette:
    """The whole app: control routes, whatever else is given, and Azure itself."""

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
            *control.routes(),
            *extra,
            Mount("/", ArmApp(service, faults)),
        ],
        lifespan=lifespan,
    )
