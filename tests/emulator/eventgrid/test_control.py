"""The control routes, mounted as a server would mount them."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from starlette.applications import Starlette

from emulator.eventgrid import Disorder, EventGrid
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
        created = requests.post(f"{control}/subscriptions", json=body, timeout=30)
        grid.publish_arm(Change())
        assert grid.wait_settled()
    assert created.status_code == 201
    shown = requests.get(f"{control}/subscriptions", timeout=30).json()
    assert shown == [created.json()]
    assert shown[0]["endpointBaseUrl"] == endpoint.url.partition("?")[0]
    assert "key" not in created.text
    rows = requests.get(f"{control}/deliveries", timeout=30).json()
    assert [(row["attempt"], row["status"], row["outcome"]) for row in rows] == [
        (1, 500, "Retry"),
        (2, 202, "Delivered"),
    ]
    assert requests.get(f"{control}/deliveries?since=1", timeout=30).json() == rows[1:]
    assert requests.get(f"{control}/published", timeout=30).json() == grid.published


def test_a_raw_event_is_published_and_dead_letters_are_shown(grid: EventGrid, control: str) -> None:
    with Endpoint(replies(400)) as endpoint:
        grid.subscribe("guard", endpoint.url, dead_letter=True)
        answer = requests.post(f"{control}/publish", json={"event": {"id": "raw"}}, timeout=30)
        assert grid.wait_settled()
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1})
    assert endpoint.received[0].body == [{"id": "raw"}]
    (letter,) = requests.get(f"{control}/dead-letters", timeout=30).json()
    assert (letter["subscription"], letter["id"], letter["deliveryAttempts"]) == ("guard", "raw", 1)


def test_a_webhook_that_fails_its_handshake_is_refused(grid: EventGrid, control: str) -> None:
    with Endpoint(replies(500)) as endpoint:
        body = {"name": "hook", "endpoint": endpoint.url, "endpointType": "WebHook"}
        answer = requests.post(f"{control}/subscriptions", json=body, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "EndpointValidationFailed")
    assert grid.subscriptions == []


def test_batches_and_dead_letters_are_settings_of_a_subscription(control: str) -> None:
    body: Any = {
        "name": "guard",
        "endpoint": "http://127.0.0.1:1/",
        "maxEventsPerBatch": 7,
        "preferredBatchSizeInKilobytes": 9,
        "deadLetter": True,
    }
    created = requests.post(f"{control}/subscriptions", json=body, timeout=30).json()
    assert (created["maxEventsPerBatch"], created["preferredBatchSizeInKilobytes"]) == (7, 9)
    assert created["deadLetter"] is True


def test_disorder_is_shown_and_set_as_a_whole(grid: EventGrid, control: str) -> None:
    shown = requests.put(f"{control}/disorder", json={"duplicates": 1, "seed": 4}, timeout=30)
    assert (shown.status_code, grid.disorder) == (200, Disorder(duplicates=1, seed=4))
    with Endpoint() as endpoint:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        assert requests.post(f"{control}/publish", json={"event": {"id": "raw"}}, timeout=30).ok
        told: Any = {"event": {"id": "again"}, "disordered": True}
        assert requests.post(f"{control}/publish", json=told, timeout=30).ok
        assert grid.wait_settled()
    received = Counter(request.body[0]["id"] for request in endpoint.received)
    assert received == {grid.published[0]["id"]: 2, "raw": 1, "again": 2}
    requests.put(f"{control}/disorder", json={"loss": 0.5}, timeout=30)
    assert requests.get(f"{control}/disorder", timeout=30).json() == {
        "duplicates": 0.0,
        "loss": 0.5,
        "reorder_seconds": 0.0,
        "burst_seconds": 0.0,
        "seed": 0,
    }


@pytest.mark.parametrize("body", [{"loss": 2}, {"loss": "much"}, {"seed": True}, {"lost": 0.1}, []])
def test_disorder_that_makes_no_sense_is_400_and_changes_nothing(grid: EventGrid, control: str, body: Any) -> None:
    grid.disorder = Disorder(loss=0.25)
    assert requests.put(f"{control}/disorder", json=body, timeout=30).status_code == 400
    assert grid.disorder == Disorder(loss=0.25)


def test_the_ledger_is_served_and_can_be_asked_for_one_fate(grid: EventGrid, control: str) -> None:
    with Endpoint(replies(400)) as endpoint:
        grid.subscribe("guard", endpoint.url, dead_letter=True)
        grid.publish_arm(Change())
        grid.publish_arm(Change(status="Failure"))
        assert grid.wait_settled()
    ledger = requests.get(f"{control}/ledger", timeout=30).json()
    assert {fate: count for fate, count in ledger["counts"].items() if count} == {"DeadLettered": 1, "Filtered": 1}
    (row,) = requests.get(f"{control}/ledger?fate=DeadLettered", timeout=30).json()["rows"]
    assert (row["number"], row["eventId"], row["attempts"]) == (1, grid.published[0]["id"], 1)
    assert (row["operation"], row["firstDelivered"]) == ("Microsoft.KeyVault/vaults/write", None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("subscriptions", {"name": "x"}),
        ("subscriptions", {"name": "x", "endpoint": "http://127.0.0.1:1/", "schema": "Other"}),
        ("subscriptions", []),
        ("subscriptions", {"name": "x", "endpoint": "http://127.0.0.1:1/", "maxEventsPerBatch": 0}),
        ("publish", {}),
        ("publish", {"event": [1]}),
        ("publish", {"event": {}, "subscription": "nobody"}),
    ],
)
def test_what_makes_no_sense_is_400(control: str, path: str, body: Any) -> None:
    assert requests.post(f"{control}/{path}", json=body, timeout=30).status_code == 400
