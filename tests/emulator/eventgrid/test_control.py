"""The control routes, mounted as a server would mount them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from starlette.applications import Starlette

from emulator.eventgrid import EventGrid
from tests.emulator.eventgrid.arm import Change
from tests.emulator.eventgrid.endpoint import Endpoint, replies


@pytest.fixture
def grid() -> Iterator[EventGrid]:
    with EventGrid(0.001) as running:
        yield running


@pytest.fixture
def control(grid: EventGrid) -> Iterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=grid.routes()), log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/_emulator/eventgrid"
    server.should_exit = True
    thread.join()
    listening.close()


def test_a_subscription_is_created_and_delivers(grid: EventGrid, control: str) -> None:
    with Endpoint(replies(500, 202)) as endpoint:
        body = {"name": "guard", "endpoint": endpoint.url, "operations": ["Microsoft.KeyVault/"]}
        created = requests.post(f"{control}/subscriptions", json=body, timeout=5)
        grid.publish_arm(Change())
        assert grid.wait_settled(10)
    assert created.status_code == 201
    shown = requests.get(f"{control}/subscriptions", timeout=5).json()
    assert shown == [created.json()]
    assert shown[0]["endpointBaseUrl"] == endpoint.url.partition("?")[0]
    assert "key" not in created.text
    rows = requests.get(f"{control}/deliveries", timeout=5).json()
    assert [(row["attempt"], row["status"], row["outcome"]) for row in rows] == [
        (1, 500, "Retry"),
        (2, 202, "Delivered"),
    ]
    assert requests.get(f"{control}/deliveries?since=1", timeout=5).json() == rows[1:]
    assert requests.get(f"{control}/published", timeout=5).json() == grid.published


def test_a_raw_event_is_published_and_dead_letters_are_shown(grid: EventGrid, control: str) -> None:
    with Endpoint(replies(400)) as endpoint:
        grid.subscribe("guard", endpoint.url)
        answer = requests.post(f"{control}/publish", json={"event": {"id": "raw"}}, timeout=5)
        assert grid.wait_settled(10)
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1})
    assert endpoint.received[0].body == [{"id": "raw"}]
    (letter,) = requests.get(f"{control}/dead-letters", timeout=5).json()
    assert (letter["subscription"], letter["id"], letter["deliveryAttempts"]) == ("guard", "raw", 1)


def test_a_webhook_that_fails_its_handshake_is_refused(grid: EventGrid, control: str) -> None:
    with Endpoint(replies(500)) as endpoint:
        body = {"name": "hook", "endpoint": endpoint.url, "endpointType": "WebHook"}
        answer = requests.post(f"{control}/subscriptions", json=body, timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "EndpointValidationFailed")
    assert grid.subscriptions == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("subscriptions", {"name": "x"}),
        ("subscriptions", {"name": "x", "endpoint": "http://127.0.0.1:1/", "schema": "Other"}),
        ("subscriptions", []),
        ("publish", {}),
        ("publish", {"event": [1]}),
        ("publish", {"event": {}, "subscription": "nobody"}),
    ],
)
def test_what_makes_no_sense_is_400(control: str, path: str, body: Any) -> None:
    assert requests.post(f"{control}/{path}", json=body, timeout=5).status_code == 400
