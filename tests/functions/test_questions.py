"""``explain_access`` and ``resolve_name`` as Azure's worker invokes them; their calls are read from Azure's log."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator.azure import SUBSCRIPTION
from tests.emulator.arm.estate import (
    GROUP_NAME,
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    VAULT,
    Estate,
    link_body,
    network_body,
)
from tests.functions.installation import Installation
from tests.functions.worker.harness import HttpCall, WorkerHarness

CLIENTS = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Clients"
FOREIGN = NETWORK.replace(SUBSCRIPTION, "00000000-0000-0000-0000-0000000000ff")
PLACE = {"subscription": SUBSCRIPTION, "group": GROUP_NAME, "name": "Kv-Orders"}


@pytest.fixture(scope="module", autouse=True)
def estate(installation: Installation) -> Estate:
    """A vault with an endpoint and a linked zone that lacks its record, and a network of clients beside."""
    made = Estate(installation.azure)
    made.endpoint()
    made.zone()
    made.put(LINK, link_body())
    made.put(CLIENTS, network_body("10.9.0.0/16", "10.9.0.0/24"))
    return made


def ask(
    app: WorkerHarness, function: str, place: dict[str, str] | None = None, /, **query: str
) -> tuple[int, dict[str, Any]]:
    text = urlencode({name.removesuffix("_"): value for name, value in query.items()})
    call = HttpCall(method="GET", url=f"http://localhost/api/x?{text}", params=place or PLACE)
    reply = app.send_http(function, call).reply
    problem = "application/problem+json" if reply.status >= 400 else "application/json"
    assert reply.headers["content-type"].startswith(problem)
    assert {name.lower(): value for name, value in reply.headers.items()}["cache-control"] == "no-store"
    body: dict[str, Any] = json.loads(reply.body)
    return reply.status, body


def test_a_caller_is_explained_with_the_exact_change(app: WorkerHarness, installation: Installation) -> None:
    mark = installation.azure.log.mark()
    status, body = ask(app, "explain_access", from_="network", network=NETWORK, code="a function key")
    assert (status, body["verdict"], body["failing"]) == (200, "fail", "name resolution")
    (change,) = body["admissions"][0]["changes"]
    assert (change["verb"], change["target"].rpartition("/A/")[2]) == ("create-record", "kv-orders")
    assert change["arguments"]["addresses"] == ["10.1.0.4"]
    calls = installation.calls(mark)
    assert {verb for verb, _ in calls} == {"GET"}
    assert len(calls) <= 11, calls


def test_names_are_resolved_in_the_networks_that_were_named(app: WorkerHarness, installation: Installation) -> None:
    mark = installation.azure.log.mark()
    status, body = ask(
        app,
        "resolve_name",
        network=f"{NETWORK},{CLIENTS},{NETWORK.upper().replace('/SUBSCRIPTIONS/', '/subscriptions/')}",
    )
    assert status == 200
    found = {entry["network"]: entry for entry in body["networks"]}
    assert set(found) == {NETWORK, CLIENTS}
    assert found[NETWORK]["answer"]["kind"] == "nxdomain"
    assert found[NETWORK]["agrees"] is False
    assert found[NETWORK]["right"] == ["10.1.0.4"]
    assert found[CLIENTS]["answer"]["kind"] == "public"
    assert len(installation.calls(mark)) <= 12


def test_all_networks_that_matter_are_resolved_without_a_name(app: WorkerHarness) -> None:
    status, body = ask(app, "resolve_name")
    assert (status, [entry["network"] for entry in body["networks"]]) == (200, [NETWORK])
    assert {"rule", "subject", "reason", "because"} == set(body["not_known"][0])


@pytest.mark.parametrize(
    ("function", "query", "names"),
    [
        ("explain_access", {}, "from"),
        ("explain_access", {"from_": "internet,network"}, "from"),
        ("explain_access", {"from_": "internet", "address": "203.0.113.7,203.0.113.8"}, "address"),
        ("explain_access", {"from_": "internet", "address": "2001:db8::1"}, "IPv4 only"),
        ("explain_access", {"from_": "internet", "address": "203.0.113.0/24"}, "address"),
        ("explain_access", {"from_": "internet", "address": "127.0.0.1"}, "address"),
        ("explain_access", {"from_": "internet", "address": "\uff12\uff10\uff13.0.113.7"}, "address"),
        ("explain_access", {"from_": "network"}, "network"),
        ("explain_access", {"from_": "network", "network": f"{NETWORK}/subnets/x"}, "network"),
        ("explain_access", {"from_": "network", "network": NETWORK.replace("Vnet-Spoke", "..")}, "network"),
        ("explain_access", {"from_": "network", "network": NETWORK.replace("Vnet-Spoke", "a%2f..%2fb")}, "network"),
        ("explain_access", {"from_": "network", "network": "x" * 10_000}, "network"),
        ("explain_access", {"from_": "network", "network": f"{NETWORK},{CLIENTS}"}, "network"),
        ("explain_access", {"from_": "network", "network": NETWORK, "subnet": f"{CLIENTS}/subnets/s"}, "subnet"),
        ("explain_access", {"from_": "network", "subnet": "apps"}, "subnet"),
        ("explain_access", {"from_": "internet", "network": NETWORK}, "network"),
        ("explain_access", {"from_": "service"}, "service"),
        ("explain_access", {"from_": "service", "service": "a\x1b[2J"}, "service"),
        ("explain_access", {"from_": "portal", "service": "Azure Backup"}, "service"),
        ("explain_access", {"from_": "portal", "principal": "me", "operation": "secrets/get"}, "principal"),
        ("explain_access", {"from_": "portal", "operation": "secrets/get"}, "principal"),
        ("explain_access", {"from_": "portal", "oops": "1"}, "oops"),
        ("resolve_name", {"network": "nonsense"}, "network"),
        ("resolve_name", {"address": "203.0.113.7"}, "address"),
        ("resolve_name", {"network": ",".join(f"{NETWORK}-{n}" for n in range(21))}, "network"),
    ],
)
def test_wrong_input_is_400_and_names_the_parameter(
    app: WorkerHarness, installation: Installation, function: str, query: dict[str, str], names: str
) -> None:
    mark = installation.azure.log.mark()
    status, body = ask(app, function, **query)
    assert (status, body["status"]) == (400, 400)
    assert names in body["detail"]
    assert len(body["detail"]) <= 501
    assert "\x1b" not in body["detail"]
    assert installation.calls(mark) == []


@pytest.mark.parametrize("function", ["explain_access", "resolve_name"])
@pytest.mark.parametrize("network", [FOREIGN, f"{NETWORK}-nowhere"])
def test_a_network_elsewhere_and_one_that_is_not_there_get_the_same_answer(
    app: WorkerHarness, installation: Installation, function: str, network: str
) -> None:
    more: dict[str, str] = {"from_": "network"} if function == "explain_access" else {}
    mark = installation.azure.log.mark()
    status, body = ask(app, function, network=network, **more)
    assert (status, body["title"]) == (404, "Not found")
    assert body["detail"] == "No such virtual network in the subscriptions that kvguard reads."
    assert not any(path.lower().startswith(FOREIGN.lower()[:51]) for _, path in installation.calls(mark))


@pytest.mark.parametrize("function", ["explain_access", "resolve_name"])
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "no-such-vault"}, 404),
        ({"subscription": "00000000-0000-0000-0000-0000000000ff"}, 404),
        ({"subscription": "production"}, 400),
        ({"name": "../../x"}, 400),
        ({"group": "rg/../../providers"}, 400),
    ],
)
def test_what_is_no_watched_vault_is_a_problem_document(
    app: WorkerHarness, function: str, changes: dict[str, str], status: int
) -> None:
    query: dict[str, str] = {"from_": "internet"} if function == "explain_access" else {}
    found, body = ask(app, function, {**PLACE, **changes}, **query)
    assert (found, body["status"]) == (status, status)
    assert VAULT not in json.dumps(body)
