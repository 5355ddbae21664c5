"""What the app registers, as Azure's worker library sees it, compared with the stable surface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.worker.harness import Status, WorkerHarness

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "KVGUARD_ROLE": "guard",
    "KVGUARD_SUBSCRIPTIONS": "00000000-0000-0000-0000-00000000000a",
    "KVGUARD_TENANT": "11111111-1111-1111-1111-111111111111",
    "KvGuardStorage": "UseDevelopmentStorage=true",
    "KvGuardFindings": "UseDevelopmentStorage=true",
}
# name -> trigger, then for HTTP: route, methods, authorisation. Names are part of Event Grid subscription URLs.
SURFACE = {
    "on_resource_change": ("eventGridTrigger", None),
    "reconcile_vault": ("queueTrigger", "kvguard-reconcile"),
    "resync": ("timerTrigger", "0 17 */6 * * *"),
    "audit_vault": ("httpTrigger", ("vaults/{subscription}/{group}/{name}", ("GET",), "FUNCTION")),
    "explain_access": ("httpTrigger", ("vaults/{subscription}/{group}/{name}/explain", ("GET",), "FUNCTION")),
    "resolve_name": ("httpTrigger", ("vaults/{subscription}/{group}/{name}/resolve", ("GET",), "FUNCTION")),
    "health": ("httpTrigger", ("health", ("GET",), "ANONYMOUS")),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerHarness]:
    with WorkerHarness(ROOT, SETTINGS) as harness:
        answer = harness.init()
        assert answer.status is Status.SUCCESS, answer
        yield harness


def test_the_registered_functions_are_the_stable_surface(worker: WorkerHarness) -> None:
    seen = {}
    for function in worker.metadata():
        raw = function.trigger.settings
        if function.is_http:
            methods = tuple(str(method).upper() for method in raw["methods"])
            detail: object = (raw["route"], methods, str(raw["authLevel"]).upper())
        else:
            detail = raw.get("queueName") or raw.get("schedule")
        seen[function.name] = (function.trigger.type, detail)
    assert seen == SURFACE


def test_every_function_loads(worker: WorkerHarness) -> None:
    for name in SURFACE:
        answer = worker.load(name)
        assert answer.status is Status.SUCCESS, (name, answer)


@pytest.mark.parametrize("missing", sorted(SETTINGS))
def test_an_app_with_a_missing_setting_does_not_start_and_names_it(missing: str) -> None:
    environment = {name: value for name, value in SETTINGS.items() if name != missing}
    with WorkerHarness(ROOT, environment) as harness:
        answer = harness.init()
        assert answer.status is Status.FAILURE
        assert missing in answer.message
