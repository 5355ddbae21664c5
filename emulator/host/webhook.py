"""The Event Grid webhook of the host: `POST /runtime/webhooks/EventGrid?functionName=NAME&code=KEY`.

Follows azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.EventGrid (EventGridExtensionConfigProvider.cs
and HttpRequestProcessor.cs): the answer is sent when all functions have ended, and one failure makes it 500,
whereupon Event Grid delivers the whole payload again
(https://learn.microsoft.com/azure/event-grid/delivery-and-retry).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from azure.functions.meta import Datum
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from emulator.host.index import EventGridTrigger, FunctionSpec
from emulator.host.invoke import InvocationResult, Invoker

PATH = "/runtime/webhooks/eventgrid"
_EVENT_TYPE = "aeg-event-type"
_DEFAULT_ORIGIN = "eventgrid.azure.net"
_ORIGINS = (
    "eventgrid.azure.net",
    "eventgrid.azure.us",
    "eventgrid.azure.cn",
    "eventgrid.azure.de",
    "eventgrid.azure.eaglex.ic.gov",
    "eventgrid.azure.microsoft.scloud",
)


class EventGridWebhook:
    """Answers Event Grid's three kinds of requests for the app's Event Grid functions."""

    def __init__(self, specs: Mapping[str, FunctionSpec], invoker: Invoker) -> None:
        self._specs = {name: spec for name, spec in specs.items() if isinstance(spec.trigger, EventGridTrigger)}
        self._invoker = invoker

    async def answer(self, request: Request) -> Response:
        """The response to an authorised request."""
        name = request.query_params.get("functionName", "")
        spec = next((s for n, s in self._specs.items() if n.lower() == name.lower()), None)
        if spec is None:
            return PlainTextResponse(f"cannot find function: '{name}'", 404)
        if request.method == "OPTIONS":
            return self._options(request)
        match request.headers.get(_EVENT_TYPE, "").lower():
            case "subscriptionvalidation":
                return await self._validation(request)
            case "notification":
                return await self._notification(request, spec)
            case "unsubscribe":
                return Response(status_code=202)
            case _:
                return Response(status_code=400)

    def _options(self, request: Request) -> Response:
        asked = request.headers.get("webhook-request-origin", "")
        origin = asked if asked.lower() in _ORIGINS else _DEFAULT_ORIGIN
        return Response(status_code=200, headers={"Webhook-Allowed-Origin": origin})

    async def _validation(self, request: Request) -> Response:
        try:
            code = _validation_code(json.loads(await request.body()))
        except (ValueError, LookupError, TypeError) as error:
            return PlainTextResponse(f"not a subscription validation event: {error}", 400)
        # 200, not 202: Event Grid takes no other answer to the handshake.
        return JSONResponse({"validationResponse": code})

    async def _notification(self, request: Request, spec: FunctionSpec) -> Response:
        try:
            document = json.loads(await request.body())
        except ValueError as error:
            return PlainTextResponse(f"the payload is not JSON: {error}", 500)
        events = document if isinstance(document, list) else [document]
        results = await asyncio.gather(*(self._invoke(spec, event) for event in events))
        failed = next((result for result in results if not result.succeeded), None)
        if failed is not None:
            return PlainTextResponse(f"Exception while executing function: {spec.name}: {failed.error}", 500)
        return Response(status_code=202)

    async def _invoke(self, spec: FunctionSpec, event: Any) -> InvocationResult:
        event_id = str(event.get("id", "")) if isinstance(event, dict) else ""
        return await self._invoker.invoke(
            spec, Datum(json.dumps(event), "json"), {}, {"trigger": "eventGrid", "eventId": event_id}
        )


def _validation_code(document: Any) -> str:
    if isinstance(document, list):
        return str(document[0]["data"]["validationCode"])
    # The CloudEvents form carries `data` as JSON text inside the JSON document.
    data = document["data"]
    return str((json.loads(data) if isinstance(data, str) else data)["validationCode"])
