"""Throttling as the local Azure answers it: work is held back without a call, and told when its turn is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.arm.faults import Status
from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.domain.arm_id import ArmId
from shared.service.ports import EstateThrottled, EstateUnavailable
from tests.adapters.arm.bench import Bench, seconds
from tests.emulator.arm.estate import ENDPOINT, VAULT, Estate

THROTTLED = {"error": {"code": "SubscriptionRequestsThrottled", "message": "Too many."}}
BUSY = {
    "error": {"code": "RetryableError", "message": "", "details": [{"code": "RetryableErrorDueToAnotherOperation"}]}
}
EMPTY = {"Retry-After": "7", "x-ms-ratelimit-remaining-subscription-reads": "0"}


def throttle(azure: LocalAzure, path: str, headers: dict[str, str]) -> None:
    azure.faults.add("GET", path, Status(429, THROTTLED, headers))


def refused(bench: Bench, vault: str = VAULT) -> float:
    with pytest.raises(EstateThrottled) as caught:
        bench.read(vault)
    return caught.value.retry_after


def test_after_a_refusal_looks_are_held_back_without_a_call(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.vault()
    throttle(azure, "/vaults/", EMPTY)
    assert refused(bench) >= 7
    azure.faults.clear()
    mark = bench.mark()
    waits = []
    for number in range(20):
        with pytest.raises(EstateThrottled) as caught:
            bench.reader.admit(ArmId.parse(f"{VAULT}-{number}"))
        waits.append(caught.value.retry_after)
    # A turn further away than ten seconds is asked for again on the way.
    near = [wait for wait in waits if wait < 10.0]
    assert near == sorted(set(near))
    assert waits == [*near, *[10.0] * (len(waits) - len(near))]
    assert len(near) >= 10
    assert bench.asked(mark) == []
    with pytest.raises(EstateThrottled) as caught:
        bench.reader.admit(ArmId.parse(f"{VAULT}-3"))
    assert waits[3] < caught.value.retry_after < waits[3] + 5, "more work on a vault that has a turn comes right behind"
    bench.clock.advance(waits[0] + 0.1)
    bench.reader.admit(ArmId.parse(VAULT))
    assert bench.read().vault.name == "Kv-Orders"


def test_work_refused_at_the_same_time_gets_turns_one_after_the_other(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    estate.vault()
    throttle(azure, "/vaults/", EMPTY)
    waits = [refused(bench, f"{VAULT}-{number}") for number in range(10)]
    assert waits == sorted(set(waits))
    assert waits[-1] < 7 + 10 * 0.5


@pytest.mark.parametrize("ask", ["endpoint", "page", "list"])
def test_routing_and_sweeps_get_a_turn_too(azure: LocalAzure, bench: Bench, estate: Estate, ask: str) -> None:
    estate.endpoint()
    throttle(azure, "/vaults|/privateEndpoints/", EMPTY)
    reader = bench.reader
    calls: dict[str, Callable[[], object]] = {
        "endpoint": lambda: reader.vaults_of_endpoint(ArmId.parse(ENDPOINT), deadline=seconds(5)),
        "page": lambda: reader.vault_page(SUBSCRIPTION, "", deadline=seconds(5)),
        "list": lambda: list(reader.vaults(SUBSCRIPTION, deadline=seconds(5))),
    }
    with pytest.raises(EstateThrottled) as first:
        calls[ask]()
    with pytest.raises(EstateThrottled) as second:
        calls[ask]()
    assert 7 <= first.value.retry_after < second.value.retry_after


def test_what_is_left_is_learned_from_answers_that_succeed(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    """Nobody has been refused yet: the next look would have been."""
    estate.vault()
    left = {"x-ms-ratelimit-remaining-subscription-reads": "2"}
    body = azure.seed("GET", VAULT).body
    azure.faults.add("GET", "/vaults/", Status(200, body, left))
    bench.read()
    with pytest.raises(EstateThrottled):
        bench.reader.admit(ArmId.parse(VAULT))


def test_a_busy_resource_is_no_throttling(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", "/vaults/", Status(429, BUSY, {"Retry-After": "12"}))
    with pytest.raises(EstateUnavailable) as caught:
        bench.read()
    assert not isinstance(caught.value, EstateThrottled)
    assert caught.value.retry_after == 12
    bench.reader.admit(ArmId.parse(VAULT))
