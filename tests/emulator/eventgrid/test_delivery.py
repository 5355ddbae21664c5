"""Delivery as Azure does it: who gets what, when it is tried again, when it is given up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from emulator.eventgrid import (
    DeadLetter,
    DeliveryOutcome,
    EndpointType,
    EventGrid,
    EventSchema,
    ValidationFailedError,
)
from emulator.eventgrid.delivery import retry_seconds
from tests.emulator.eventgrid.arm import Change, Kind
from tests.emulator.eventgrid.endpoint import Endpoint, Received, Reply, eventually, replies

_SCALE = 0.001


@pytest.fixture
def grid() -> Iterator[EventGrid]:
    with EventGrid(_SCALE) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


def _settle(grid: EventGrid) -> None:
    assert grid.wait_settled()


def test_an_event_is_posted_as_an_array_of_one_with_its_headers(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url)
    grid.publish_arm(Change())
    _settle(grid)
    (request,) = endpoint.received
    assert (request.method, request.path) == ("POST", "/hook?code=key")
    assert request.body == grid.published
    assert request.headers["aeg-event-type"] == "Notification"
    assert request.headers["aeg-subscription-name"] == "GUARD"
    assert request.headers["aeg-delivery-count"] == "0"
    assert request.headers["aeg-data-version"] == "2"
    assert request.headers["content-type"] == "application/json; charset=utf-8"


def test_a_cloud_event_is_posted_as_one_object(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url, schema=EventSchema.CLOUD_EVENTS)
    grid.publish_arm(Change())
    _settle(grid)
    (request,) = endpoint.received
    assert request.body["specversion"] == "1.0"
    assert request.body["id"] == grid.published[0]["id"]
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"


def test_only_successes_of_the_listed_operations_are_delivered(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe(
        "guard", endpoint.url, operations=["microsoft.keyvault/VAULTS/", "Microsoft.Network/privateDnsZones"]
    )
    wanted = ["Microsoft.KeyVault/vaults/write", "Microsoft.Network/privateDnsZones/A/write"]
    for operation in [*wanted, "Microsoft.Network/virtualNetworks/write", "Microsoft.KeyVault/vaults2/write"]:
        grid.publish_arm(Change(operation_name=operation))
    for status in ("Failure", "Cancel"):
        grid.publish_arm(Change(status=status))
    _settle(grid)
    assert sorted(r.body[0]["data"]["operationName"] for r in endpoint.received) == sorted(wanted)
    assert len(grid.published) == 6


def test_event_types_can_be_chosen(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("failures", endpoint.url, event_types=["Microsoft.Resources.ResourceDeleteFailure"])
    grid.publish_arm(Change(kind=Kind.DELETE, status="Failure"))
    grid.publish_arm(Change(kind=Kind.DELETE))
    _settle(grid)
    assert [r.body[0]["eventType"] for r in endpoint.received] == ["Microsoft.Resources.ResourceDeleteFailure"]


def test_each_subscription_gets_its_own_copy_in_its_own_schema(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("one", endpoint.url)
    grid.subscribe("two", endpoint.url, schema=EventSchema.CLOUD_EVENTS)
    grid.publish_arm(Change())
    _settle(grid)
    assert sorted(r.headers["aeg-subscription-name"] for r in endpoint.received) == ["ONE", "TWO"]


def test_after_unsubscribing_nothing_comes(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url)
    grid.unsubscribe("guard")
    grid.publish_arm(Change())
    _settle(grid)
    assert endpoint.received == []


def test_the_retry_schedule_is_azures() -> None:
    assert [retry_seconds(made) for made in range(1, 10)] == [10, 30, 60, 300, 600, 1800, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("status", "first", "fourth"),
    [(401, 300, 300), (404, 300, 300), (408, 120, 300), (503, 30, 300), (500, 10, 300), (None, 10, 300)],
)
def test_some_answers_make_the_wait_longer(status: int | None, first: float, fourth: float) -> None:
    assert (retry_seconds(1, status), retry_seconds(4, status)) == (first, fourth)


@pytest.mark.parametrize("refusal", [500, 503, 404, 429, 302, None])
def test_a_failed_delivery_is_tried_again_on_schedule(grid: EventGrid, refusal: int | None) -> None:
    with Endpoint(replies(refusal, refusal, refusal, 202)) as endpoint:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        _settle(grid)
    waits = [later.at - earlier.at for earlier, later in pairwise(endpoint.received)]
    for wait, seconds in zip(waits, (10, 30, 60), strict=True):
        assert seconds * _SCALE <= wait < seconds * _SCALE + 20
    assert {r.body[0]["id"] for r in endpoint.received} == {grid.published[0]["id"]}
    assert [r.headers["aeg-delivery-count"] for r in endpoint.received] == ["0", "1", "2", "3"]
    assert [(d.attempt, d.status, d.outcome) for d in grid.deliveries()] == [
        (1, refusal, DeliveryOutcome.RETRY),
        (2, refusal, DeliveryOutcome.RETRY),
        (3, refusal, DeliveryOutcome.RETRY),
        (4, 202, DeliveryOutcome.DELIVERED),
    ]


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_any_status_from_200_to_204_is_a_delivery(grid: EventGrid, status: int) -> None:
    with Endpoint(replies(status)) as endpoint:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        _settle(grid)
    assert [d.outcome for d in grid.deliveries()] == [DeliveryOutcome.DELIVERED]


@pytest.mark.parametrize("status", [400, 403, 413])
def test_a_final_answer_is_a_dead_letter_at_once(grid: EventGrid, status: int) -> None:
    with Endpoint(replies(status)) as endpoint:
        grid.subscribe("guard", endpoint.url, dead_letter=True)
        grid.publish_arm(Change())
        _settle(grid)
    assert len(endpoint.received) == 1
    (letter,) = grid.dead_letters
    assert letter.event == grid.published[0]
    document = letter.as_json()
    assert document["deliveryAttempts"] == 1
    assert document["lastDeliveryOutcome"].startswith(str(status))
    assert document["publishTime"] <= document["lastDeliveryAttemptTime"]


@pytest.mark.parametrize(("status", "attempts"), [(400, 1), (500, 2)])
def test_what_is_given_up_is_dropped_where_no_dead_letters_are_kept(
    grid: EventGrid, status: int, attempts: int
) -> None:
    with Endpoint(replies(status)) as endpoint:
        grid.subscribe("guard", endpoint.url, max_attempts=2)
        grid.publish_arm(Change())
        _settle(grid)
    assert len(endpoint.received) == attempts
    assert grid.dead_letters == []
    assert grid.deliveries()[-1].outcome is DeliveryOutcome.DROPPED


def test_a_dead_cloud_event_gets_attributes_in_lower_case(grid: EventGrid) -> None:
    with Endpoint(replies(400)) as endpoint:
        grid.subscribe("guard", endpoint.url, schema=EventSchema.CLOUD_EVENTS, dead_letter=True)
        grid.publish_arm(Change())
        _settle(grid)
    document = grid.dead_letters[0].as_json()
    assert (document["deadletterreason"], document["deliveryattempts"]) == ("UndeliverableDueToFinalStatus", 1)
    assert not any(name != name.lower() for name in document)


def test_401_is_final_from_a_webhook_but_not_from_a_function(grid: EventGrid) -> None:
    def answer(request: Received) -> Reply:
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            return Reply(200, body=json.dumps({"validationResponse": request.body[0]["data"]["validationCode"]}))
        return Reply(401)

    with Endpoint(answer) as endpoint:
        grid.subscribe("hook", endpoint.url, endpoint_type=EndpointType.WEBHOOK, dead_letter=True)
        grid.subscribe("function", endpoint.url, max_attempts=2, dead_letter=True)
        grid.publish_arm(Change())
        _settle(grid)
    assert sorted((letter.subscription, letter.attempts) for letter in grid.dead_letters) == [
        ("function", 2),
        ("hook", 1),
    ]


def test_attempts_end_at_the_limit(grid: EventGrid) -> None:
    seen: list[DeadLetter] = []
    with EventGrid(0.0001, on_dead_letter=seen.append) as quick, Endpoint(replies(500)) as endpoint:
        quick.subscribe("guard", endpoint.url, max_attempts=4, dead_letter=True)
        quick.publish_arm(Change())
        assert quick.wait_settled()
    assert len(endpoint.received) == 4
    assert [letter.reason for letter in quick.dead_letters] == ["MaxDeliveryAttemptsExceeded"]
    assert seen == quick.dead_letters


def test_attempts_end_with_the_time_to_live() -> None:
    with EventGrid(0.005) as grid, Endpoint(replies(500)) as endpoint:
        grid.subscribe("guard", endpoint.url, time_to_live=timedelta(seconds=250), dead_letter=True)
        grid.publish_arm(Change())
        _settle(grid)
    # At 0, 10, 40 and 100 s; the next would be at 400 s.
    assert len(endpoint.received) == 4
    assert [letter.reason for letter in grid.dead_letters] == ["TimeToLiveExceeded"]


def test_no_answer_in_time_is_a_failure_and_a_late_answer_makes_a_duplicate() -> None:
    again = threading.Event()

    def answer(request: Received) -> Reply:
        if request.headers["aeg-delivery-count"] == "0":
            again.wait(30)
        else:
            again.set()
        return Reply(200)

    with EventGrid(_SCALE, minimum_timeout=0.4) as grid, Endpoint(answer) as endpoint:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        assert grid.wait_settled()
        first, *_, last = grid.deliveries()
    assert (first.status, first.outcome) == (None, DeliveryOutcome.RETRY)
    assert "no answer in 0.4 s" in first.detail
    assert last.outcome is DeliveryOutcome.DELIVERED
    assert len(endpoint.received) >= 2
    assert {request.body[0]["id"] for request in endpoint.received} == {grid.published[0]["id"]}


def test_a_scaled_timeout_is_never_below_five_seconds() -> None:
    assert EventGrid(0.001).http_timeout == 5.0
    assert EventGrid(1.0).http_timeout == 30.0


def test_an_endpoint_that_is_not_there_is_tried_again(grid: EventGrid) -> None:
    with Endpoint() as endpoint:
        url = endpoint.url
    grid.subscribe("guard", url, max_attempts=2, dead_letter=True)
    grid.publish_arm(Change())
    _settle(grid)
    assert [(d.status, d.outcome) for d in grid.deliveries()] == [
        (None, DeliveryOutcome.RETRY),
        (None, DeliveryOutcome.DEAD_LETTER),
    ]


def test_one_slow_event_does_not_hold_up_the_others(grid: EventGrid) -> None:
    delivered = threading.Event()

    def answer(request: Received) -> Reply:
        if request.body[0]["data"]["correlationId"] == "slow":
            delivered.wait(4)
        return Reply(200)

    with Endpoint(answer) as endpoint:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change(correlation_id="slow"))
        grid.publish_arm(Change(correlation_id="quick"))
        assert eventually(grid.deliveries)
        delivered.set()
        _settle(grid)
    ids = {event["id"]: event["data"]["correlationId"] for event in grid.published}
    assert [ids[d.event_id] for d in grid.deliveries()] == ["quick", "slow"]


def test_publishing_does_not_wait_for_delivery(grid: EventGrid) -> None:
    published = threading.Event()
    seen: list[bool] = []

    def answer(_: Received) -> Reply:
        seen.append(published.wait(4))
        return Reply(200)

    with Endpoint(answer) as endpoint:
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        published.set()
        _settle(grid)
    assert seen == [True]


def test_a_webhook_answers_the_validation_event(grid: EventGrid) -> None:
    def answer(request: Received) -> Reply:
        return Reply(200, body=json.dumps({"validationResponse": request.body[0]["data"]["validationCode"]}))

    with Endpoint(answer) as endpoint:
        grid.subscribe("hook", endpoint.url, endpoint_type=EndpointType.WEBHOOK)
    (request,) = endpoint.received
    assert request.headers["aeg-event-type"] == "SubscriptionValidation"
    assert request.body[0]["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert [subscription.name for subscription in grid.subscriptions] == ["hook"]


@pytest.mark.parametrize(
    "reply", [Reply(202), Reply(200), Reply(200, body='{"validationResponse": "other"}'), Reply(500), Reply(None)]
)
def test_a_webhook_that_does_not_answer_it_is_not_subscribed(grid: EventGrid, reply: Reply) -> None:
    with Endpoint(lambda _: reply) as endpoint, pytest.raises(ValidationFailedError, match="hook"):
        grid.subscribe("hook", endpoint.url, endpoint_type=EndpointType.WEBHOOK)
    assert grid.subscriptions == []


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        (Reply(200, {"WebHook-Allowed-Origin": "eventgrid.azure.net"}), True),
        (Reply(200, {"WebHook-Allowed-Origin": "*"}), True),
        (Reply(200, {"WebHook-Allowed-Origin": "other.example"}), False),
        (Reply(200), False),
        (Reply(405), False),
    ],
)
def test_a_cloud_events_webhook_allows_the_origin(grid: EventGrid, reply: Reply, accepted: bool) -> None:
    with Endpoint(lambda _: reply) as endpoint:
        try:
            grid.subscribe("hook", endpoint.url, schema=EventSchema.CLOUD_EVENTS, endpoint_type=EndpointType.WEBHOOK)
        except ValidationFailedError:
            assert not accepted
    (request,) = endpoint.received
    assert (request.method, request.headers["webhook-request-origin"]) == ("OPTIONS", "eventgrid.azure.net")
    assert [subscription.name for subscription in grid.subscriptions] == (["hook"] if accepted else [])


def test_a_functions_handshake_is_azures_business(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url)
    assert endpoint.received == []


def test_a_raw_event_goes_out_as_it_is_and_as_often_as_asked(grid: EventGrid, endpoint: Endpoint) -> None:
    grid.subscribe("guard", endpoint.url, operations=["nothing/"])
    event = {"id": "odd", "unknown": True}
    assert grid.publish(event) == 1
    grid.publish(event, "guard")
    _settle(grid)
    assert [r.body for r in endpoint.received] == [[event], [event]]
    with pytest.raises(KeyError):
        grid.publish(event, "nobody")


@pytest.mark.parametrize(
    "arguments",
    [
        {"endpoint": "ftp://127.0.0.1/"},
        {"endpoint": "nowhere"},
        {"max_attempts": 0},
        {"max_attempts": 31},
        {"time_to_live": timedelta(0)},
        {"time_to_live": timedelta(minutes=1441)},
        {"max_events_per_batch": 0},
        {"max_events_per_batch": 5001},
        {"preferred_batch_kilobytes": 0},
        {"preferred_batch_kilobytes": 1025},
    ],
)
def test_settings_that_azure_refuses(grid: EventGrid, arguments: dict[str, object]) -> None:
    given = {"endpoint": "http://127.0.0.1:1/", **arguments}
    with pytest.raises(ValueError, match=r"must be|URL"):
        grid.subscribe("guard", **given)  # type: ignore[arg-type]  # The parameters of the case.


def test_closing_does_not_wait_for_retries() -> None:
    with Endpoint(replies(500)) as endpoint:
        grid = EventGrid(1.0).start()
        grid.subscribe("guard", endpoint.url)
        grid.publish_arm(Change())
        assert eventually(grid.deliveries)
        begun = time.monotonic()
        grid.close()
        assert time.monotonic() - begun < 5
