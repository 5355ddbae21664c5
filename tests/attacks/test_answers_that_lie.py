"""Answers of a broken or hostile Azure: every one is an EstateError or an Unread, never a crash, a leak or a write."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from hypothesis import given
from hypothesis import strategies as st

from emulator.arm.faults import Status
from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_bodies_network as network_bodies
from shared.adapters import arm_decode as decode
from shared.adapters import arm_decode_network as decode_network
from shared.adapters import arm_decode_vault as decode_vault
from shared.adapters.arm_answers import retry_after as retry_after_of_a_write
from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_errors import ArmUndecodable, error_of, retry_after
from shared.adapters.arm_writer import ArmWriter
from shared.adapters.clock import SystemClock
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateRecord
from shared.domain.plan import OutcomeKind
from shared.domain.reading import Unread
from shared.service.ports import EstateError, EstateForbidden
from tests.adapters.arm.bench import Bench, HandClock, seconds
from tests.adapters.arm.raw_server import RawServer, answer
from tests.adapters.writer.conftest import cloud_at
from tests.builders import NOW
from tests.emulator.arm.estate import ENDPOINT, RECORD, VAULT, ZONE, Estate, record_body

API = "2026-02-01"
DEEP = b'{"id":"x","unknown":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
NO_UTF8 = base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()
STRANGE_HEADERS = {
    "a date beyond the calendar": ("200 OK", "Date: Fri, 31 Dec 9999 23:59:59 -2359"),
    "a day that is no number": ("200 OK", "Date: Mon, 99999999999999999999 Jan 2020 00:00:00 GMT"),
    "a wait without end": ("429 Too Many Requests", "Retry-After: Mon, 99999999999999999999 Jan 2020 00:00:00 GMT"),
    "a challenge without base64": (
        "401 Unauthorized",
        'WWW-Authenticate: Bearer error="insufficient_claims", claims="!"',
    ),
    "a challenge without UTF-8": (
        "401 Unauthorized",
        f'WWW-Authenticate: Bearer error="insufficient_claims", claims="{NO_UTF8}"',
    ),
    "a body that is not compressed": ("200 OK", "Content-Encoding: gzip"),
    "a length that is none": ("200 OK", "Content-Length: a, b"),
}


class Echoed:
    """A credential whose token is easy to find again."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("opaque-secret-of-kvguard", int(time.time()) + 3600)


def client_of(server: RawServer) -> ArmClient:
    return ArmClient(cloud_at(server.url), Echoed(), HandClock(), sleep=lambda _: None)


@pytest.mark.parametrize(("status", "header"), STRANGE_HEADERS.values(), ids=STRANGE_HEADERS.keys())
def test_strange_headers_are_an_error_of_the_port_or_harmless(azure: LocalAzure, status: str, header: str) -> None:
    with RawServer(azure.ca_path.parent, lambda wire: wire.sendall(answer(b"{}", status, header))) as server:
        try:
            found = client_of(server).get(VAULT, API, deadline=seconds(3)).body
        except EstateError:
            found = b"{}"
    assert found == b"{}"
    assert len(server.requests) <= 3


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "403 Forbidden", "409 Conflict"])
def test_a_body_deeper_than_any_recursion_is_no_crash(azure: LocalAzure, status: str) -> None:
    shape = decode.decoder(bodies.VaultBody)
    with (
        RawServer(azure.ca_path.parent, lambda wire: wire.sendall(answer(DEEP, status))) as server,
        pytest.raises(EstateError),
    ):
        shape(client_of(server).get(VAULT, API, deadline=seconds(3)).body)


@pytest.mark.parametrize(
    ("status", "body", "header"),
    [
        ("412 Precondition Failed", DEEP, "X-Nothing: 1"),
        ("429 Too Many Requests", b"{}", "Retry-After: Mon, 99999999999999999999 Jan 2020 00:00:00 GMT"),
        ("401 Unauthorized", b"{}", 'WWW-Authenticate: Bearer error="insufficient_claims", claims="!"'),
    ],
)
def test_a_write_that_meets_a_broken_answer_is_an_outcome(
    azure: LocalAzure, status: str, body: bytes, header: str
) -> None:
    change = CreateRecord(ArmId.parse(ZONE), "kv-orders", ("10.1.0.4",), 60)
    with RawServer(azure.ca_path.parent, lambda wire: wire.sendall(answer(body, status, header))) as server:
        writer = ArmWriter(Echoed(), cloud_at(server.url), SystemClock())
        outcome = writer.apply(change, "chg", deadline=seconds(5))
    assert outcome.kind in (OutcomeKind.FAILED, OutcomeKind.CONFLICT)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-5", "1e400", "Sat, 01 Jan 0001 00:00:00 +2359", "\u0661"])
def test_a_wait_is_between_nothing_and_a_day(value: str) -> None:
    assert 0.0 <= (retry_after({"Retry-After": value}) or 0.0) <= 86400.0
    assert 0.0 <= retry_after_of_a_write({"Retry-After": value}, NOW) <= 86400.0


@pytest.mark.parametrize("text", ["Bearer opaque-secret-of-kvguard", "bad token eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 503])
def test_an_error_that_repeats_the_token_or_forges_lines_says_neither(text: str, status: int) -> None:
    message = f"rejected: {text}\r\nFAKE log line\x1b[2J\u202eevil"
    body = json.dumps({"error": {"code": f"Bad\n{text}", "message": message}}).encode()
    said = str(error_of("GET x", "/x", status, {}, body))
    assert "opaque-secret" not in said
    assert "eyJ" not in said
    assert not set(said) & set("\r\n\x1b\u202e")


OTHER_VAULT = VAULT.replace("Kv-Orders", "Kv-Stranger")
OTHER_ZONE = ZONE.replace("privatelink", "stranger")


def _twist(azure: LocalAzure, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    body = azure.seed("GET", path).body
    change(body)
    azure.faults.add("GET", path.rpartition("/providers/")[2], Status(200, body))


def test_a_connection_of_another_vault_is_not_taken_for_one_of_this(azure: LocalAzure) -> None:
    """Deleting goes to the connection's own id: one of a vault that nobody asked about must never be in a snapshot."""
    Estate(azure).everything()

    def lie(body: dict[str, Any]) -> None:
        for connection in body["properties"]["privateEndpointConnections"]:
            connection["id"] = connection["id"].replace("Kv-Orders", "Kv-Stranger")

    _twist(azure, VAULT, lie)
    with pytest.raises(EstateError):
        Bench(azure).read()


@pytest.mark.parametrize("wrong", [OTHER_VAULT, RECORD, VAULT + "/privateEndpointConnections/c-1"])
def test_a_vault_that_is_another_resource_is_not_read(azure: LocalAzure, wrong: str) -> None:
    Estate(azure).vault()
    _twist(azure, VAULT, lambda body: body.update(id=wrong))
    with pytest.raises(EstateError):
        Bench(azure).read()


@pytest.mark.parametrize(
    "wrong",
    [f"{OTHER_ZONE}/A/kv-orders", f"{ZONE}/A/kv-stranger", f"{ZONE}/AAAA/kv-orders", VAULT],
    ids=["another zone", "another name", "another type", "no record"],
)
@pytest.mark.parametrize("listed", [False, True])
def test_a_record_with_another_id_is_unread(azure: LocalAzure, wrong: str, listed: bool) -> None:
    """An update goes to the record's own id, which must lie in the zone that policy gives to kvguard."""
    estate = Estate(azure)
    estate.everything()
    estate.put(RECORD, record_body("10.1.0.4", ttl=86400))
    bench = Bench(azure)
    if not listed:
        bench.read()
    found = azure.seed("GET", RECORD).body
    found["id"] = wrong
    azure.faults.add("GET", "/A/kv-orders", Status(200, found))
    azure.faults.add("GET", f"{ZONE.rpartition('/providers/')[2]}/A", Status(200, {"value": [found]}))
    snapshot = bench.read()
    assert azure.log.since()
    record = snapshot.named_zones()[0].lookup("kv-orders")
    assert isinstance(record, Unread) or (record is None and wrong.endswith("kv-stranger"))


def test_an_endpoint_in_a_subscription_that_cannot_be_seen_is_a_missing_right(azure: LocalAzure) -> None:
    """Anybody who can send an event can name any subscription; such a hint must not come back for a day."""
    elsewhere = ArmId.parse(ENDPOINT.replace(SUBSCRIPTION, "99999999-2222-4333-8444-555555555555"))
    with pytest.raises(EstateForbidden):
        Bench(azure).reader.vaults_of_endpoint(elsewhere, deadline=seconds(5))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(VAULT) | st.just(RECORD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
READERS: dict[str, tuple[Callable[[Any], object], list[str]]] = {
    "vault": (
        lambda raw: decode_vault.vault(decode.decoder(bodies.VaultBody)(raw)),
        ["id", "privateEndpointConnections", "networkAcls", "provisioningState", "publicNetworkAccess"],
    ),
    "record": (
        lambda raw: decode.record(decode.decoder(bodies.RecordBody)(raw)),
        ["id", "ttl", "aRecords", "metadata", "isAutoRegistered"],
    ),
    "link": (
        lambda raw: decode.zone_link(decode.decoder(bodies.LinkBody)(raw)),
        ["id", "virtualNetwork", "registrationEnabled", "resolutionPolicy"],
    ),
    "endpoint": (
        lambda raw: decode.endpoint(decode.decoder(bodies.EndpointBody)(raw), ()),
        ["id", "subnet", "privateLinkServiceConnections", "networkInterfaces", "customDnsConfigs"],
    ),
    "network": (
        lambda raw: decode_network.network(decode.decoder(network_bodies.NetworkBody)(raw)),
        ["id", "addressSpace", "dhcpOptions", "virtualNetworkPeerings"],
    ),
}


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_any_body_is_decoded_or_undecodable(kind: str, data: st.DataObject) -> None:
    read, names = READERS[kind]
    properties = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=4))
    identity = data.draw(st.sampled_from([VAULT, RECORD, ENDPOINT, ZONE]) | st.text(max_size=10))
    try:
        read(json.dumps({"id": identity, "properties": properties}).encode())
    except ArmUndecodable:
        return


@pytest.mark.parametrize("body", [{}, {"value": None}, {"error": {"code": "InternalError"}}, {"value": {}}])
@pytest.mark.parametrize("part", ["virtualNetworkLinks", "privateDnsZones"])
def test_a_list_without_entries_that_are_a_list_is_unread_not_empty(
    azure: LocalAzure, body: dict[str, Any], part: str
) -> None:
    """A zone whose links seem absent would be linked again."""
    Estate(azure).everything()
    azure.faults.add("GET", part, Status(200, body))
    snapshot = Bench(azure).read()
    if part == "privateDnsZones":
        assert snapshot.zones_unread
    else:
        assert isinstance(snapshot.named_zones()[0].links, Unread)
