"""What the host answers over HTTP: functions, the Event Grid webhook, the admin API, and its own invocation
log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.functions.meta import Datum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from emulator.host import webhook
from emulator.host.index import EventGridTrigger, FunctionSpec, HttpTrigger, QueueTrigger, TimerTrigger
from emulator.host.invocations import InvocationLog
from emulator.host.invoke import Invoker
from emulator.host.keys import HostKeys
from emulator.host.queuetrigger import manual_message
from emulator.host.routes import RouteMatch, RouteTable
from emulator.host.timers import manual_timer

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True)
class HostWeb:
    """The HTTP face of one host."""

    specs: Mapping[str, FunctionSpec]
    routes: RouteTable
    keys: HostKeys
    invoker: Invoker
    webhook: webhook.EventGridWebhook
    log: InvocationLog

    def application(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=_METHODS)])

    async def _answer(self, request: Request) -> Response:
        path = request.url.path.rstrip("/").lower()
        if path == webhook.PATH:
            if not self.keys.allows_webhook(_presented_key(request)):
                return Response(status_code=401)
            return await self.webhook.answer(request)
        if path.startswith("/admin/"):
            return await self._admin(request)
        if path == "/_emulator/invocations" and request.method == "GET":
            return self._invocations(request)
        return await self._function(request)

    async def _function(self, request: Request) -> Response:
        raw_path = request.scope.get("raw_path", b"").decode("ascii", errors="replace").partition("?")[0]
        match = self.routes.match(request.method, raw_path or request.url.path)
        if match is None:
            return Response(status_code=404)
        if not self.keys.allows_function(match.trigger.auth_level, match.spec.name, _presented_key(request)):
            return Response(status_code=401)
        data = await _http_datum(request, match)
        result = await self.invoker.invoke(
            match.spec, data, {}, {"trigger": "http", "method": request.method, "path": request.url.path}
        )
        if not result.succeeded:
            return Response(status_code=500)
        if result.returned is None:
            return Response(status_code=204)
        return _response(result.returned)

    async def _admin(self, request: Request) -> Response:
        """`POST /admin/functions/NAME {"input": "..."}` starts a function in the background.

        https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        """
        if not self.keys.allows_admin(_presented_key(request)):
            return Response(status_code=401)
        parts = request.url.path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 3 or parts[1].lower() != "functions":
            return Response(status_code=404)
        spec = next((s for name, s in self.specs.items() if name.lower() == parts[2].lower()), None)
        if spec is None:
            return Response(status_code=404)
        try:
            document = json.loads(await request.body())
        except ValueError:
            return Response(status_code=400)
        if not isinstance(document, dict):
            return Response(status_code=400)
        started = _manual(spec, document.get("input", ""))
        if started is None:
            return PlainTextResponse("an http function is called by its own URL", 400)
        task = asyncio.create_task(self.invoker.invoke(spec, *started, {"trigger": "manual"}))
        _background.add(task)
        task.add_done_callback(_background.discard)
        return Response(status_code=202)

    def _invocations(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            return PlainTextResponse("since must be the sequence of an entry", 400)
        function = request.query_params.get("function")
        return JSONResponse([entry.as_json() for entry in self.log.entries(function, int(since))])


# The loop keeps only weak references to tasks:
# https://docs.python.org/3/library/asyncio-task.html#creating-tasks
_background: set[asyncio.Task[Any]] = set()


def _presented_key(request: Request) -> str:
    return request.headers.get("x-functions-key") or request.query_params.get("code") or ""


async def _http_datum(request: Request, match: RouteMatch) -> Datum:
    """The request as the worker hands it to the library's converter. Repeated headers and query values are
    joined with a comma, empty query values are dropped, and there is a body only with a Content-Length above
    0: a chunked body is lost (azure-functions-host, GrpcMessageConversionExtensions.cs)."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if value:
            query.setdefault(name, []).append(value)
    length = request.headers.get("content-length", "0")
    body = await request.body() if length.isdigit() and int(length) > 0 else b""
    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(str(request.url), "string"),
            "headers": {name: Datum(",".join(values), "string") for name, values in headers.items()},
            "query": {name: Datum(",".join(values), "string") for name, values in query.items()},
            "params": {name: Datum(value, "string") for name, value in match.parameters.items()},
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def _response(datum: Datum) -> Response:
    if datum.type != "http":
        return PlainTextResponse(str(datum.value))
    value = datum.value
    response = Response(bytes(value["body"].value), int(value["status_code"].value))
    for name, header in value["headers"].items():
        if name.lower() != "content-length":
            response.headers[name] = str(header.value)
    for cookie in value["cookies"] or []:
        for morsel in cookie.values():
            response.headers.append("set-cookie", morsel.OutputString())
    return response


def _manual(spec: FunctionSpec, given: object) -> tuple[Datum, Mapping[str, Datum]] | None:
    text = given if isinstance(given, str) else json.dumps(given)
    match spec.trigger:
        case QueueTrigger():
            return manual_message(text)
        case TimerTrigger():
            return manual_timer()
        case EventGridTrigger():
            return Datum(text, "json"), {}
        case HttpTrigger():
            return None
