"""Whatever Azure answers or does not: errors that say what to do, calls that end in time, a token that goes nowhere."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from emulator.arm.faults import Cut, Hang, Redirect, Status
from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.adapters import arm_client, arm_errors
from shared.adapters.arm_client import ArmClient
from shared.domain.clouds import AZURE_CLOUD
from shared.service.ports import EstateError, EstateForbidden, EstateUnavailable
from tests.adapters.arm.bench import HandClock, seconds
from tests.adapters.arm.raw_server import RawServer, answer
from tests.emulator.arm.estate import GROUP, NETWORK_PROVIDER, VAULT, Estate, vault_body

API = "2026-02-01"
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults"
Naps = Callable[[], tuple[ArmClient, list[float]]]


def body(code: str, *details: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"code": code, "message": f"This is {code}."}
    if details:
        inner["details"] = [{"code": detail, "message": ""} for detail in details]
    return {"error": inner}


class GivenToken:
    """A credential that counts, and whose tokens are known."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.given.append(f"secret-token-{len(self.given)}")
        return AccessToken(self.given[-1], int(time.time()) + 3600)


def raw_client(server: RawServer, credential: GivenToken | None = None) -> ArmClient:
    cloud = replace(AZURE_CLOUD, arm_endpoint=server.url)
    return ArmClient(cloud, credential or GivenToken(), HandClock(), sleep=lambda _: None)


@pytest.mark.parametrize(
    ("status", "code", "details", "headers", "kind", "calls", "retry_after"),
    [
        (401, "InvalidAuthenticationToken", (), {}, arm_errors.ArmUnauthorized, 2, 0.0),
        (401, "InvalidAuthenticationTokenTenant", (), {}, EstateForbidden, 1, None),
        (403, "AuthorizationFailed", (), {}, EstateForbidden, 1, None),
        (404, "ResourceNotFound", (), {}, arm_errors.ArmNotFound, 1, None),
        (404, "SubscriptionNotFound", (), {}, arm_errors.ArmNotFound, 1, None),
        (400, "BadRequest", (), {}, arm_errors.ArmError, 1, None),
        (409, "CannotDeleteResource", (), {}, arm_errors.ArmError, 1, None),
        (409, "AnotherOperationInProgress", (), {}, EstateUnavailable, 1, 0.0),
        (412, "PreconditionFailed", (), {}, arm_errors.ArmError, 1, None),
        (429, "SubscriptionRequestsThrottled", (), {}, EstateUnavailable, 1, 0.0),
        (429, "SubscriptionRequestsThrottled", (), {"Retry-After": "17"}, EstateUnavailable, 1, 17.0),
        (429, "TooManyRequests", (), {"Retry-After": "1"}, EstateUnavailable, 2, 1.0),
        (429, "TooManyRequests", (), {"Retry-After": "0"}, EstateUnavailable, 3, 0.0),
        (
            429,
            "RetryableError",
            ("RetryableErrorDueToAnotherOperation",),
            {"Retry-After": "12"},
            EstateUnavailable,
            1,
            12,
        ),
        (429, "RetryableError", ("ReferencedResourceNotProvisioned",), {}, EstateUnavailable, 1, 0.0),
        (500, "InternalServerError", (), {}, EstateUnavailable, 3, 0.0),
        (502, "BadGateway", (), {}, EstateUnavailable, 3, 0.0),
        (503, "ServiceUnavailable", (), {}, EstateUnavailable, 3, 0.0),
        (503, "ServiceUnavailable", (), {"Retry-After": "30"}, EstateUnavailable, 1, 30.0),
        (504, "GatewayTimeout", (), {}, EstateUnavailable, 3, 0.0),
        (302, "Found", (), {"Location": "https://127.0.0.1:1/elsewhere"}, arm_errors.ArmError, 1, None),
    ],
)
def test_each_status_is_an_error_of_its_own(
    azure: LocalAzure,
    naps: Naps,
    status: int,
    code: str,
    details: tuple[str, ...],
    headers: dict[str, str],
    kind: type[EstateError],
    calls: int,
    retry_after: float | None,
) -> None:
    azure.faults.add("GET", "/vaults/", Status(status, body(code, *details), headers))
    client, pauses = naps()
    with pytest.raises(kind) as caught:
        client.get(VAULT, API, deadline=seconds(10))
    assert len(azure.log.since()) == calls
    assert sum(pauses) <= 1.5
    assert getattr(caught.value, "retry_after", None) == retry_after
    assert code in str(caught.value)


def test_a_passing_error_is_overcome(azure: LocalAzure, client: ArmClient, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", "/vaults/", Status(503), times=2)
    assert b"Kv-Orders" in client.get(VAULT, API, deadline=seconds(10)).body
    assert [entry.status for entry in azure.log.since()] == [503, 503, 200]


def test_a_connection_that_is_cut_is_tried_again(azure: LocalAzure, client: ArmClient, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", "/vaults/", Cut(), times=1)
    azure.faults.add("GET", "/vaults/", Cut(served=True, after_bytes=20), times=1)
    assert b"Kv-Orders" in client.get(VAULT, API, deadline=seconds(10)).body
    assert len(azure.log.since()) == 3


def test_an_answer_that_is_cut_inside_its_headers_is_tried_again(azure: LocalAzure) -> None:
    """http.client takes what came for the whole answer: a 200 without a body."""
    replies = [b"HTTP/1.1 200 OK\r\nContent-Ty", answer(b'{"ok":1}')]

    def script(connection: socket.socket) -> None:
        reply = replies.pop(0)
        connection.sendall(reply)
        if replies:
            connection.shutdown(socket.SHUT_RDWR)

    with RawServer(azure.ca_path.parent, script) as server:
        assert raw_client(server).get(VAULT, API, deadline=seconds(5)).body == b'{"ok":1}'
    assert len(server.requests) == 2


def test_a_forbidden_read_names_the_action_that_azure_names(
    azure: LocalAzure, client: ArmClient, estate: Estate
) -> None:
    estate.vault()
    azure.deny("guard", "Microsoft.KeyVault/vaults/read")
    with pytest.raises(EstateForbidden) as caught:
        client.get(VAULT, API, deadline=seconds(5))
    assert caught.value.action == "Microsoft.KeyVault/vaults/read"
    assert len(str(caught.value)) <= 600


@pytest.mark.parametrize(
    ("path", "action"),
    [
        (VAULT, "Microsoft.KeyVault/vaults/read"),
        (LIST, "Microsoft.KeyVault/vaults/read"),
        (f"{NETWORK_PROVIDER}/privateDnsZones/z/A/x", "Microsoft.Network/privateDnsZones/A/read"),
        (
            f"{NETWORK_PROVIDER}/privateDnsZones/z/virtualNetworkLinks",
            "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
        ),
        ("/metadata/endpoints", ""),
    ],
)
def test_an_unnamed_action_follows_from_the_path(path: str, action: str) -> None:
    error = arm_errors.error_of("GET x", path, 403, {}, b"<html>no</html>")
    assert isinstance(error, EstateForbidden)
    assert error.action == action


def test_a_401_is_answered_with_a_new_token_once(tmp_path: Path, azure: LocalAzure) -> None:
    replies = [answer(b"{}", "401 Unauthorized"), answer(b'{"ok":1}')]
    with RawServer(azure.ca_path.parent, lambda connection: connection.sendall(replies.pop(0))) as server:
        credential = GivenToken()
        assert raw_client(server, credential).get(VAULT, API, deadline=seconds(5)).body == b'{"ok":1}'
    sent = [line for head in server.requests for line in head.split("\r\n") if line.startswith("Authorization")]
    assert sent == ["Authorization: Bearer secret-token-0", "Authorization: Bearer secret-token-1"]


def test_a_token_is_asked_for_once_and_kept(azure: LocalAzure) -> None:
    with RawServer(azure.ca_path.parent, lambda connection: connection.sendall(answer(b"{}"))) as server:
        credential = GivenToken()
        client = raw_client(server, credential)
        for _ in range(3):
            client.get(VAULT, API, deadline=seconds(5))
    assert credential.given == ["secret-token-0"]
    assert len(server.requests) == 3


def _drip(connection: socket.socket, head: bytes, server: list[RawServer]) -> None:
    connection.sendall(head)
    while not server[0].stopping.wait(0.02):
        connection.sendall(b" ")


HANGS: dict[str, bytes] = {
    "headers": b"HTTP/1.1 200 OK\r\nX-Long:",
    "headers of a 404": b"HTTP/1.1 404 Not Found\r\nX-Long:",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
    "body without a length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    "an error's body": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000000\r\n\r\n",
}


@pytest.mark.parametrize("head", HANGS.values(), ids=HANGS.keys())
def test_a_dripping_answer_ends_with_the_deadline(azure: LocalAzure, head: bytes) -> None:
    servers: list[RawServer] = []
    with RawServer(azure.ca_path.parent, lambda connection: _drip(connection, head, servers)) as server:
        servers.append(server)
        _ends_in_time(raw_client(server))


def test_a_silent_handshake_ends_with_the_deadline(azure: LocalAzure) -> None:
    with RawServer(azure.ca_path.parent, lambda _: None, handshake=False) as server:
        _ends_in_time(raw_client(server))


def test_a_silent_server_ends_with_the_deadline(azure: LocalAzure, client: ArmClient) -> None:
    azure.faults.add("GET", "/vaults/", Hang())
    _ends_in_time(client)


def _ends_in_time(client: ArmClient) -> None:
    begun = time.monotonic()
    with pytest.raises(EstateUnavailable):
        client.get(VAULT, API, deadline=seconds(0.4))
    assert time.monotonic() - begun < 0.8


def test_one_silence_does_not_use_up_the_whole_deadline(
    azure: LocalAzure, client: ArmClient, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arm_client, "READ_SECONDS", 0.1)
    estate.vault()
    azure.faults.add("GET", "/vaults/", Hang(), times=1)
    begun = time.monotonic()
    assert b"Kv-Orders" in client.get(VAULT, API, deadline=seconds(5)).body
    assert time.monotonic() - begun < 2.0


def test_a_credential_that_hangs_ends_with_the_deadline(azure: LocalAzure) -> None:
    class Hanging:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            time.sleep(1.0)
            return AccessToken("late", 0)

    cloud = replace(AZURE_CLOUD, arm_endpoint=azure.url)
    _ends_in_time(ArmClient(cloud, Hanging(), HandClock(), sleep=lambda _: None))
    assert azure.log.since() == []


def test_without_time_left_nothing_is_asked(azure: LocalAzure, client: ArmClient) -> None:
    with pytest.raises(EstateUnavailable):
        client.get(VAULT, API, deadline=seconds(-1))
    assert azure.log.since() == []


def test_the_connection_is_used_again_after_an_error(azure: LocalAzure) -> None:
    ports: list[int] = []

    def script(connection: socket.socket) -> None:
        ports.append(connection.getpeername()[1])
        connection.sendall(answer(b"{}", "404 Not Found" if len(ports) == 1 else "200 OK"))

    with RawServer(azure.ca_path.parent, script) as server:
        client = raw_client(server)
        with pytest.raises(arm_errors.ArmNotFound):
            client.get(VAULT, API, deadline=seconds(5))
        client.get(VAULT, API, deadline=seconds(5))
    assert len(set(ports)) == 1


def test_an_answer_without_end_is_given_up(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm_client, "MOST_BYTES", 100_000)
    large = answer(b"x" * 100_001)
    with (
        RawServer(azure.ca_path.parent, lambda connection: connection.sendall(large)) as server,
        pytest.raises(arm_errors.ArmUndecodable, match="larger than"),
    ):
        raw_client(server).get(VAULT, API, deadline=seconds(5))


def test_a_next_link_to_another_host_is_not_followed(azure: LocalAzure, client: ArmClient, estate: Estate) -> None:
    """The other host is one that the client would trust: same authority, same certificate."""
    estate.vault()
    estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-second", vault_body())
    azure.switches.page_size = 1
    with RawServer(azure.ca_path.parent, lambda connection: connection.sendall(answer(b'{"value":[]}'))) as elsewhere:
        azure.faults.add("GET", "/vaults", Redirect(elsewhere.url))
        pages = client.pages(LIST, API, deadline=seconds(5))
        next(pages)
        with pytest.raises(arm_errors.ArmUntrustedUrl):
            next(pages)
        raw_client(elsewhere).get("/can/be/reached", API, deadline=seconds(5))
    assert [head.split()[1] for head in elsewhere.requests] == [f"/can/be/reached?api-version={API}"]


@pytest.mark.parametrize(
    "link",
    [
        "http://{host}/next",
        "https://{host}.evil.example/next",
        "https://{host}@evil.example/next",
        "https://evil.example\\@{host}/next",
        "https://evil.example/next#@{host}",
        "//evil.example/next",
        "/subscriptions/relative",
        "https://{name}:1/next",
        "https://{host}/a b",
        "https://[::1/next",
    ],
)
def test_a_link_of_another_origin_is_refused(azure: LocalAzure, client: ArmClient, link: str) -> None:
    host = azure.url.removeprefix("https://")
    with pytest.raises(arm_errors.ArmUntrustedUrl):
        client.own_url(link.format(host=host, name=host.partition(":")[0]))


def test_the_own_origin_is_known_in_any_spelling() -> None:
    client = ArmClient(AZURE_CLOUD, None)
    link = "HTTPS://Management.Azure.com:443/subscriptions/x?$skiptoken=a%2Fb"
    assert client.own_url(link) == "https://management.azure.com/subscriptions/x?$skiptoken=a%2Fb"


def test_pages_that_lead_in_a_circle_end(azure: LocalAzure) -> None:
    links = ["/one", "/two", "/one"]
    servers: list[RawServer] = []

    def script(connection: socket.socket) -> None:
        link = f"{servers[0].url}{links[(len(servers[0].requests) - 1) % 3]}"
        connection.sendall(answer(f'{{"value":[],"nextLink":"{link}"}}'.encode()))

    with RawServer(azure.ca_path.parent, script) as server:
        servers.append(server)
        with pytest.raises(arm_errors.ArmUntrustedUrl, match="back to a page"):
            list(raw_client(server).pages(LIST, API, deadline=seconds(5)))
    assert len(server.requests) == 3


def test_pages_without_end_end(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm_client, "MOST_PAGES", 4)
    servers: list[RawServer] = []

    def script(connection: socket.socket) -> None:
        link = f"{servers[0].url}/page-{len(servers[0].requests)}"
        connection.sendall(answer(f'{{"value":[],"nextLink":"{link}"}}'.encode()))

    with RawServer(azure.ca_path.parent, script) as server:
        servers.append(server)
        with pytest.raises(arm_errors.ArmUntrustedUrl, match="more than 4 pages"):
            list(raw_client(server).pages(LIST, API, deadline=seconds(5)))
    assert len(server.requests) == 4


def test_errors_carry_no_token_and_no_long_text(azure: LocalAzure, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    long = answer(b'{"error":{"code":"Odd","message":"' + b"word " * 2000 + b'"}}', "400 Bad Request")
    with RawServer(azure.ca_path.parent, lambda connection: connection.sendall(long)) as server:
        credential = GivenToken()
        with pytest.raises(arm_errors.ArmError) as caught:
            raw_client(server, credential).get(VAULT, API, deadline=seconds(5))
    assert "secret-token" in server.requests[0]
    assert len(str(caught.value)) < 500
    assert "secret-token" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("path", [f"{GROUP}/../x", f"{GROUP}/./x"])
def test_a_path_with_dots_is_refused(azure: LocalAzure, client: ArmClient, path: str) -> None:
    with pytest.raises(arm_errors.ArmUndecodable):
        client.get(path, API, deadline=seconds(5))
    assert azure.log.since() == []


def test_plain_http_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        ArmClient(replace(AZURE_CLOUD, arm_endpoint="http://127.0.0.1:8080"), GivenToken())


def test_a_certificate_of_another_authority_is_refused(
    azure: LocalAzure, client: ArmClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(EstateUnavailable):
        client.get(VAULT, API, deadline=seconds(5))
    assert azure.log.since() == []


def test_azures_clock_is_compared_with_ours(azure: LocalAzure) -> None:
    dated = answer(b"{}", "200 OK", "Date: Sat, 21 Nov 2026 12:00:07 GMT")
    with RawServer(azure.ca_path.parent, lambda connection: connection.sendall(dated)) as server:
        client = raw_client(server)
        offsets = [client.azure_time_offset]
        client.get(VAULT, API, deadline=seconds(5))
        offsets.append(client.azure_time_offset)
    assert offsets == [None, timedelta(seconds=7)]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "3.5"}, 3.5),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT", "Date": "Sat, 21 Nov 2026 12:00:00 GMT"}, 30.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], expected: float | None) -> None:
    assert arm_errors.retry_after(headers) == expected
