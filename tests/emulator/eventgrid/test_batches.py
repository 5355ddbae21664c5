"""Several events in one request: what is put together, and that it stands and falls together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from emulator.eventgrid import DeliveryOutcome, EventGrid, EventSchema
from emulator.eventgrid.grid import SENDERS
from tests.emulator.eventgrid.arm import Change
from tests.emulator.eventgrid.endpoint import Endpoint, Received, Reply, replies


@pytest.fixture
def grid() -> Iterator[EventGrid]:
    """Not started: what is published before the start is there at once."""
    made = EventGrid(0.001)
    yield made
    made.close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


def _publish(grid: EventGrid, count: int) -> None:
    for number in range(count):
        grid.publish_arm(Change(correlation_id=str(number)))


def _sizes(endpoint: Endpoint) -> list[int]:
    return sorted(len(request.body) for request in endpoint.received)


def _ids(requests: list[Received]) -> Counter[str]:
    return Counter(event["id"] for request in requests for event in request.body)


def test_a_batch_holds_no_more_than_the_subscription_wants_and_waits_for_nothing(
    grid: EventGrid, endpoint: Endpoint
) -> None:
    grid.subscribe("guard", endpoint.url, max_events_per_batch=4)
    _publish(grid, 10)
    assert grid.start().wait_settled()
    assert _sizes(endpoint) == [2, 4, 4]
    assert _ids(endpoint.received) == {event["id"]: 1 for event in grid.published}
    assert sorted(delivery.batch_size for delivery in grid.deliveries()) == [2, 2, *[4] * 8]


def test_without_the_setting_each_event_comes_alone(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url)
    _publish(grid, 5)
    assert grid.start().wait_settled()
    assert _sizes(endpoint) == [1] * 5


def test_a_batch_stays_below_the_preferred_size_but_a_larger_event_still_comes(
    grid: EventGrid, endpoint: Endpoint
) -> None:
    grid.subscribe("guard", endpoint.url, max_events_per_batch=100, preferred_batch_kilobytes=1)
    for letter in "abc":
        grid.publish({"id": letter, "text": "x" * 400})
    grid.publish({"id": "large", "text": "x" * 3000})
    assert grid.start().wait_settled()
    assert {tuple(event["id"] for event in request.body) for request in endpoint.received} == {
        ("a", "b"),
        ("c",),
        ("large",),
    }


def test_a_refused_batch_comes_again_as_a_whole(grid: EventGrid) -> None:
    with Endpoint(replies(500, 202)) as endpoint:
        grid.subscribe("guard", endpoint.url, max_events_per_batch=10)
        _publish(grid, 3)
        assert grid.start().wait_settled()
    everything = {event["id"] for event in grid.published}
    assert set(_ids(endpoint.received[:1])) == everything
    assert set(_ids(endpoint.received[1:])) == everything
    outcomes = Counter(delivery.outcome for delivery in grid.deliveries())
    assert outcomes == {DeliveryOutcome.RETRY: 3, DeliveryOutcome.DELIVERED: 3}
    assert {row.attempts for row in grid.ledger()} == {2}


def test_a_batch_with_a_final_answer_is_dead_as_a_whole(grid: EventGrid) -> None:
    with Endpoint(replies(413)) as endpoint:
        grid.subscribe("guard", endpoint.url, max_events_per_batch=10, dead_letter=True)
        _publish(grid, 3)
        assert grid.start().wait_settled()
    assert len(endpoint.received) == 1
    assert {letter.event["id"] for letter in grid.dead_letters} == {event["id"] for event in grid.published}


def test_subscriptions_are_never_mixed_in_a_batch(grid: EventGrid) -> None:
    with Endpoint() as one, Endpoint() as two:
        grid.subscribe("one", one.url, max_events_per_batch=10)
        grid.subscribe("two", two.url, max_events_per_batch=3)
        _publish(grid, 6)
        assert grid.start().wait_settled()
    assert (_sizes(one), _sizes(two)) == ([6], [3, 3])
    assert _ids(one.received) == _ids(two.received) == {event["id"]: 1 for event in grid.published}


def test_cloud_events_come_as_an_array_of_their_own_content_type(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url, schema=EventSchema.CLOUD_EVENTS, max_events_per_batch=2)
    _publish(grid, 2)
    assert grid.start().wait_settled()
    (request,) = endpoint.received
    assert request.headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert [event["specversion"] for event in request.body] == ["1.0", "1.0"]


def test_events_that_come_while_all_senders_are_busy_share_the_next_request(grid: EventGrid) -> None:
    go_on = threading.Event()
    busy = threading.Semaphore(0)

    def answer(_: Received) -> Reply:
        busy.release()
        go_on.wait(4)
        return Reply()

    with Endpoint(answer) as endpoint:
        grid.subscribe("guard", endpoint.url, max_events_per_batch=50)
        grid.start()
        for number in range(SENDERS):
            grid.publish_arm(Change(correlation_id=f"first {number}"))
            assert busy.acquire(timeout=60)
        _publish(grid, 9)
        go_on.set()
        assert grid.wait_settled()
    assert max(_sizes(endpoint)) == 9
