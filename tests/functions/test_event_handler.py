"""The event handler's own code: no I/O, and a fraction of what Event Grid allows, whatever ARM and storage do.

Each event goes the way of the Functions library: decoded from the host's JSON, handled, its output encoded. The first
event, which loads the settings, is among those that may touch no socket, and is not among those that are timed.
"""

from __future__ import annotations

import gc
import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from functions import events
from shared import bootstrap
from shared.service.messages import decode

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
TENANT = "66666666-2222-4333-8444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
# A port of this machine on which nobody answers.
DEAD_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;"
    + "".join(f"{name}Endpoint=http://127.0.0.1:1/a;" for name in ("Blob", "Queue", "Table"))
)  # fmt: skip
RESOURCES = (
    "Microsoft.KeyVault/vaults/kv",
    "Microsoft.KeyVault/vaults/kv/privateEndpointConnections/c",
    "Microsoft.Network/privateEndpoints/pe",
    "Microsoft.Network/privateEndpoints/pe/privateDnsZoneGroups/default",
    "Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net",
    "Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net/A/kv",
    "Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net/virtualNetworkLinks/l",
    "Microsoft.Network/virtualNetworks/v",
    "Microsoft.Network/virtualNetworks/v/virtualNetworkPeerings/p",
    "Microsoft.Compute/virtualMachines/vm",
)
EVENTS = 400
MOST_SECONDS = 0.05


class Wire(Exception):
    """The handler wanted to talk to somebody."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of an app whose surroundings are all dead, and no socket to reach them with."""
    settings = {
        "KVGUARD_ROLE": "guard",
        "KVGUARD_SUBSCRIPTIONS": SUBSCRIPTION,
        "KVGUARD_TENANT": TENANT,
        "KvGuardStorage": DEAD_STORAGE,
        "KvGuardFindings": DEAD_STORAGE,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def refused(*_: object, **__: object) -> NoReturn:
        raise Wire

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    bootstrap.settings.cache_clear()
    yield
    bootstrap.settings.cache_clear()


def event(number: int, schema: str) -> str:
    """An event as it comes from the host, of about the size of a real one."""
    uri = f"{GROUP}/providers/{RESOURCES[number % len(RESOURCES)]}{number // len(RESOURCES)}"
    claims = {f"http://schemas.microsoft.com/claim/{index}": "x" * 60 for index in range(20)}
    data = {
        "authorization": {"scope": uri, "action": "x/write", "evidence": {"principalId": f"oid-{number}"}},
        "claims": claims,
        "correlationId": f"correlation-{number}",
        "operationName": "x/write",
        "resourceUri": uri,
        "status": "Succeeded",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }
    kind = "Microsoft.Resources.ResourceWriteSuccess"
    shared = {"id": str(number), "subject": uri, "data": data}
    if schema == "cloud":
        source = {"source": f"/subscriptions/{SUBSCRIPTION}", "specversion": "1.0", "type": kind}
        return json.dumps({**shared, **source, "time": "2026-11-21T12:00:00.1234567Z"})
    topic = {"topic": f"/subscriptions/{SUBSCRIPTION}", "eventType": kind, "dataVersion": "2", "metadataVersion": "1"}
    return json.dumps({**shared, **topic, "eventTime": "2026-11-21T12:00:00.1234567Z"})


class Out:
    """The output binding: what the handler set."""

    def __init__(self) -> None:
        self.value: Any = None

    def set(self, value: Any) -> None:
        """As ``func.Out``."""
        self.value = value

    def get(self) -> Any:
        """As ``func.Out``."""
        return self.value


@pytest.fixture(scope="module")
def handler() -> Callable[..., None]:
    """The function as the library indexes it."""
    app = func.FunctionApp()
    app.register_functions(events.blueprint)
    (function,) = app.get_functions()
    call: Callable[..., None] = function.get_user_function()
    return call


def handled(handler: Callable[..., None], text: str) -> tuple[float, float, str | None]:
    """Seconds from the host's JSON to the encoded output, by the wall and on the processor, and the message if any."""
    registry, work = func.get_binding_registry(), Out()
    wall, processor = time.perf_counter(), time.thread_time()
    handler(registry.get("eventGridTrigger").decode(Datum(text, "json"), trigger_metadata={}), work)
    message = None if work.value is None else registry.get("queue").encode(work.value, expected_type=None).value
    return time.perf_counter() - wall, time.thread_time() - processor, message


@pytest.fixture
def own_garbage() -> Iterator[None]:
    """The collector walks what the events leave, not the estates that other tests keep in this process."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("own_garbage")
@pytest.mark.parametrize("schema", ["event-grid", "cloud"])
def test_an_event_takes_a_fraction_of_a_second_and_no_io(handler: Callable[..., None], schema: str) -> None:
    """By the wall all but a few, since a busy machine takes the processor away for longer; by the processor all."""
    handled(handler, event(0, schema))
    runs = [handled(handler, event(number, schema)) for number in range(EVENTS)]
    hints = [decode(message) for _, _, message in runs if message is not None]
    assert len(hints) == EVENTS * 9 // 10, "all but the virtual machines"
    wall = sorted(seconds for seconds, _, _ in runs)
    assert statistics.median(wall) <= MOST_SECONDS / 10
    assert wall[EVENTS * 9 // 10] <= MOST_SECONDS
    assert max(seconds for _, seconds, _ in runs) <= MOST_SECONDS


def test_the_guard_against_io_notices_it() -> None:
    with pytest.raises(Wire):
        socket.create_connection(("127.0.0.1", 1), timeout=1)
