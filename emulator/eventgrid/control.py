"""Control of the local Event Grid over HTTP, for other processes: the demo, a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from emulator.eventgrid.disorder import Disorder
from emulator.eventgrid.envelope import EventSchema
from emulator.eventgrid.subscription import EndpointType, EventSubscription, ValidationFailedError

if TYPE_CHECKING:
    from emulator.eventgrid.grid import EventGrid

_PREFIX = "/_emulator/eventgrid"


def control_routes(grid: EventGrid) -> list[BaseRoute]:
    """Routes that create subscriptions, publish raw events, show what was delivered, and set the disorder."""

    async def subscriptions(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse([_subscription_json(each) for each in grid.subscriptions])
        try:
            document = await _document(request)
            created = await asyncio.to_thread(_subscribe, grid, document)
        except (ValueError, KeyError) as error:
            return _refused(error)
        except ValidationFailedError as error:
            return JSONResponse({"error": {"code": "EndpointValidationFailed", "message": str(error)}}, 400)
        return JSONResponse(_subscription_json(created), 201)

    async def deliveries(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            return _refused(ValueError("since must be the sequence of an attempt"))
        return JSONResponse([each.as_json() for each in grid.deliveries(int(since))])

    async def dead_letters(_: Request) -> Response:
        return JSONResponse([{"subscription": each.subscription, **each.as_json()} for each in grid.dead_letters])

    async def published(_: Request) -> Response:
        return JSONResponse(grid.published)

    async def publish(request: Request) -> Response:
        try:
            document = await _document(request)
            event = document["event"]
            if not isinstance(event, dict):
                raise ValueError("event must be an object")
            disordered = document.get("disordered") is True
            count = grid.publish(event, document.get("subscription"), disordered=disordered)
        except (ValueError, KeyError) as error:
            return _refused(error)
        return JSONResponse({"deliveries": count}, 202)

    async def ledger(request: Request) -> Response:
        fate = request.query_params.get("fate")
        rows = [row.as_json() for row in grid.ledger() if fate is None or row.fate.value == fate]
        return JSONResponse({"counts": {fate.value: count for fate, count in grid.fates().items()}, "rows": rows})

    async def disorder(request: Request) -> Response:
        if request.method == "PUT":
            try:
                grid.disorder = Disorder.from_mapping(await _document(request))
            except ValueError as error:
                return _refused(error)
        return JSONResponse(asdict(grid.disorder))

    return [
        Route(f"{_PREFIX}/subscriptions", subscriptions, methods=["GET", "POST"]),
        Route(f"{_PREFIX}/deliveries", deliveries, methods=["GET"]),
        Route(f"{_PREFIX}/dead-letters", dead_letters, methods=["GET"]),
        Route(f"{_PREFIX}/published", published, methods=["GET"]),
        Route(f"{_PREFIX}/publish", publish, methods=["POST"]),
        Route(f"{_PREFIX}/ledger", ledger, methods=["GET"]),
        Route(f"{_PREFIX}/disorder", disorder, methods=["GET", "PUT"]),
    ]


async def _document(request: Request) -> dict[str, Any]:
    document = await request.json()
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")
    return document


def _subscribe(grid: EventGrid, document: Mapping[str, Any]) -> EventSubscription:
    return grid.subscribe(
        str(document["name"]),
        str(document["endpoint"]),
        schema=EventSchema(document.get("schema", EventSchema.EVENT_GRID.value)),
        operations=[str(each) for each in document.get("operations", [])],
        event_types=document.get("eventTypes"),
        endpoint_type=EndpointType(document.get("endpointType", EndpointType.AZURE_FUNCTION.value)),
        max_attempts=int(document.get("maxDeliveryAttempts", 30)),
        time_to_live=timedelta(minutes=float(document.get("eventTimeToLiveInMinutes", 1440))),
        max_events_per_batch=int(document.get("maxEventsPerBatch", 1)),
        preferred_batch_kilobytes=int(document.get("preferredBatchSizeInKilobytes", 64)),
        dead_letter=document.get("deadLetter") is True,
    )


def _subscription_json(subscription: EventSubscription) -> dict[str, Any]:
    return {
        "name": subscription.name,
        # The query carries the key; Azure shows only the base URL as well.
        "endpointBaseUrl": subscription.endpoint.partition("?")[0],
        "schema": subscription.schema.value,
        "operations": list(subscription.operations),
        "eventTypes": list(subscription.event_types),
        "endpointType": subscription.endpoint_type.value,
        "maxDeliveryAttempts": subscription.max_attempts,
        "eventTimeToLiveInMinutes": subscription.time_to_live.total_seconds() / 60,
        "maxEventsPerBatch": subscription.max_events_per_batch,
        "preferredBatchSizeInKilobytes": subscription.preferred_batch_kilobytes,
        "deadLetter": subscription.dead_letter,
    }


def _refused(error: Exception) -> Response:
    return JSONResponse({"error": {"code": "BadRequest", "message": f"{type(error).__name__}: {error}"}}, 400)
