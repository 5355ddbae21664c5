"""What a snapshot says: values where Azure answered, Gone and Unread where it did not, never a guess."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.arm.faults import Cut, Hang, Status
from emulator.azure import LocalAzure
from shared.adapters import arm_client
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.network import Network
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import ConnectionStatus, PerimeterMode
from shared.domain.zone import ResolutionPolicy
from shared.engine.resolver import ResolverSimulation
from shared.service.ports import EstateError, EstateForbidden, EstateUnavailable
from tests.adapters.arm.bench import EVERY_PART, READER, Bench, network_of, seconds
from tests.emulator.arm.estate import (
    ENDPOINT,
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    VAULT,
    ZONE,
    ZONE_GROUP,
    Estate,
    link_body,
    record_body,
    vault_body,
)

FORBIDDEN = UnreadReason.FORBIDDEN
PERIMETERS = f"{VAULT}/networkSecurityPerimeterConfigurations"


def endpoint_of(snapshot: VaultSnapshot) -> PrivateEndpoint:
    endpoint = snapshot.endpoints[ArmId.parse(ENDPOINT)]
    assert isinstance(endpoint, PrivateEndpoint)
    return endpoint


@pytest.fixture
def whole(estate: Estate) -> None:
    estate.everything()


@pytest.mark.usefixtures("whole")
def test_a_healthy_vault_is_read_as_it_is(bench: Bench) -> None:
    snapshot = bench.read(parts=EVERY_PART)
    assert snapshot.vault.id == ArmId.parse(VAULT)
    assert [connection.status for connection in snapshot.vault.connections] == [ConnectionStatus.APPROVED]
    endpoint = endpoint_of(snapshot)
    assert endpoint.addresses == ("10.1.0.4",)
    assert endpoint.network == ArmId.parse(NETWORK)
    assert endpoint.link_to(snapshot.vault.id) is not None
    assert isinstance(endpoint.zone_groups, tuple)
    assert [group.zones for group in endpoint.zone_groups] == [(ArmId.parse(ZONE),)]
    network = network_of(snapshot)
    assert (network.prefixes, network.dns_servers, network.forwarding) == (("10.1.0.0/16",), (), ())
    (zone,) = snapshot.zones
    assert isinstance(zone.links, tuple)
    assert [(link.network, link.completed, link.resolution_policy) for link in zone.links] == [
        (ArmId.parse(NETWORK), True, ResolutionPolicy.DEFAULT)
    ]
    record = zone.lookup("KV-ORDERS")
    assert record is not None
    assert not isinstance(record, Unread)
    assert (record.addresses, record.ttl, record.made_by_zone_group) == (("10.1.0.4",), 10, True)
    assert record.etag
    assert '"' not in record.etag
    assert snapshot.zones_unread == ()
    assert snapshot.neighbours == ()
    assert snapshot.quiet
    assert snapshot.read_at == bench.clock.now()
    answer = ResolverSimulation().answer(snapshot, endpoint.network, snapshot.vault)
    assert answer.addresses == ("10.1.0.4",)


@pytest.mark.usefixtures("whole")
def test_what_a_glance_leaves_out_is_deferred_by_part(bench: Bench, estate: Estate) -> None:
    for number in range(100):
        estate.put(f"{ZONE}/A/other-{number}", record_body("10.1.0.9"))
    snapshot = bench.read()
    deferred = [snapshot.vault.perimeters, endpoint_of(snapshot).zone_groups, snapshot.zones[0].lookup("other-1")]
    parts = [(part.reason, part.part) for part in (*deferred, snapshot.neighbours) if isinstance(part, Unread)]
    assert parts == [
        (UnreadReason.DEFERRED, Part.PERIMETER),
        (UnreadReason.DEFERRED, Part.ZONE_GROUPS),
        (UnreadReason.DEFERRED, Part.ZONE_RECORDS),
        (UnreadReason.DEFERRED, Part.NEIGHBOURS),
    ]


def test_a_vault_that_does_not_exist_is_gone(bench: Bench, estate: Estate) -> None:
    assert bench.reader.read(ArmId.parse(VAULT), deadline=seconds(5)) == Gone()
    estate.group()
    assert bench.reader.read(ArmId.parse(VAULT), deadline=seconds(5)) == Gone()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(403, {"error": {"code": "AuthorizationFailed", "message": ""}}), EstateForbidden),
        (Status(404, {"error": {"code": "SubscriptionNotFound", "message": ""}}), EstateForbidden),
        (Status(404, {"error": {"code": "InvalidResourceType", "message": ""}}), EstateError),
        (Status(404, {}), EstateError),
        (Status(429, {}, {"Retry-After": "40"}), EstateUnavailable),
        (Status(500), EstateUnavailable),
        (Status(200, ["not a vault"]), EstateError),
        (Status(200, {"id": "/not/an/id"}), EstateError),
        (Cut(), EstateUnavailable),
    ],
    ids=str,
)
def test_what_keeps_the_vault_itself_unread_is_an_error(
    azure: LocalAzure, bench: Bench, estate: Estate, fault: Any, kind: type[EstateError]
) -> None:
    estate.vault()
    azure.faults.add("GET", r"/vaults/kv-orders\?", fault)
    with pytest.raises(kind):
        bench.read()


def _parts(snapshot: VaultSnapshot) -> dict[str, Any]:
    """Every part that a call of its own brings."""
    endpoint = snapshot.endpoints[ArmId.parse(ENDPOINT)]
    zone = snapshot.zones[0] if snapshot.zones else None
    found = {
        "perimeters": snapshot.vault.perimeters,
        "endpoint": endpoint,
        "addresses": getattr(endpoint, "addresses", None),
        "zone groups": getattr(endpoint, "zone_groups", None),
        "network": snapshot.network(ArmId.parse(NETWORK)),
        "zones": snapshot.zones_unread[0] if snapshot.zones_unread else (),
        "links": None if zone is None else zone.links,
        "records": None if zone is None else zone.lookup("kv-orders"),
        "neighbours": snapshot.neighbours,
    }
    network = found["network"]
    found["forwarding"] = network.forwarding if isinstance(network, Network) else None
    return found


PARTS = [
    (
        r"/networkSecurityPerimeterConfigurations\?",
        "perimeters",
        "Microsoft.KeyVault/vaults/networkSecurityPerimeterConfigurations/read",
    ),
    (r"/privateEndpoints/pe-orders\?", "endpoint", "Microsoft.Network/privateEndpoints/read"),
    (r"/networkInterfaces/", "addresses", "Microsoft.Network/networkInterfaces/read"),
    (r"/privateDnsZoneGroups\?", "zone groups", "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/read"),
    (r"/virtualNetworks/vnet-spoke\?", "network", "Microsoft.Network/virtualNetworks/read"),
    (r"/dnsForwardingRulesets\?", "forwarding", "Microsoft.Network/dnsForwardingRulesets/read"),
    (r"/privateDnsZones\?", "zones", "Microsoft.Network/privateDnsZones/read"),
    (r"/virtualNetworkLinks\?", "links", "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read"),
    (r"/A\?", "records", "Microsoft.Network/privateDnsZones/A/read"),
    (r"KeyVault/vaults\?", "neighbours", "Microsoft.KeyVault/vaults/read"),
]


def _without_addresses(azure: LocalAzure, estate: Estate) -> None:
    """An endpoint without zone group whose own address list is empty: only its interface knows the address."""
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    estate.put(LINK, link_body())
    estate.put(RECORD, record_body("10.1.0.4"))
    with azure.store.lock:
        for resource in azure.store.all():
            if hasattr(resource, "custom_dns_configs"):
                resource.custom_dns_configs.clear()


def _unread_by(azure: LocalAzure, fault: Any) -> dict[str, Any]:
    """Each part when the one call that brings it is answered so, by a reader that has read nothing yet."""
    found: dict[str, Any] = {}
    for pattern, part, _ in PARTS:
        azure.faults.clear()
        azure.faults.add("GET", pattern, fault)
        found[part] = _parts(Bench(azure).read(parts=EVERY_PART))[part]
    return found


def test_a_missing_right_leaves_its_part_unread_and_names_the_action(azure: LocalAzure, estate: Estate) -> None:
    _without_addresses(azure, estate)
    refusal = Status(403, {"error": {"code": "AuthorizationFailed", "message": "No."}})
    assert _unread_by(azure, refusal) == {part: Unread(FORBIDDEN, action) for _, part, action in PARTS}


ODD = [
    (Status(500), UnreadReason.UNAVAILABLE),
    (Status(429, {}, {"Retry-After": "60"}), UnreadReason.UNAVAILABLE),
    (Cut(), UnreadReason.UNAVAILABLE),
    (Status(200, "<html>"), UnreadReason.UNSUPPORTED),
    (Status(200, {"value": 7, "id": 7, "properties": 7}), UnreadReason.UNSUPPORTED),
    (Status(400, {"error": {"code": "NoRegisteredProviderFound", "message": ""}}), UnreadReason.UNSUPPORTED),
    (Status(404, {"error": {"code": "SubscriptionNotFound", "message": ""}}), UnreadReason.OUT_OF_SCOPE),
    (Status(418), UnreadReason.UNSUPPORTED),
]


@pytest.mark.parametrize(("fault", "reason"), ODD, ids=str)
def test_no_odd_answer_gets_through(azure: LocalAzure, estate: Estate, fault: Any, reason: UnreadReason) -> None:
    _without_addresses(azure, estate)
    expected = dict.fromkeys((part for _, part, _ in PARTS), (reason, None))
    if reason is UnreadReason.OUT_OF_SCOPE:
        expected["neighbours"] = (FORBIDDEN, None)
    found = _unread_by(azure, fault)
    assert {part: (unread.reason, unread.part) for part, unread in found.items()} == expected


@pytest.mark.usefixtures("whole")
def test_a_reading_ends_in_time_when_everything_but_the_vault_hangs(azure: LocalAzure, bench: Bench) -> None:
    azure.faults.add("GET", "Microsoft.Network", Hang())
    begun = time.monotonic()
    parts = _parts(bench.read(parts=EVERY_PART, within=0.5))
    assert time.monotonic() - begun < 1.5
    assert parts["endpoint"].reason is UnreadReason.UNAVAILABLE
    assert parts["zones"].reason is UnreadReason.UNAVAILABLE


@pytest.mark.usefixtures("whole")
def test_another_invocations_silence_does_not_hold_up_this_one(azure: LocalAzure, bench: Bench) -> None:
    """All threads of the process wait for somebody else's calls."""
    stuck = [bench.reader._pool.submit(time.sleep, 1.0) for _ in range(8)]
    begun = time.monotonic()
    snapshot = bench.read(within=0.2)
    assert time.monotonic() - begun < 0.7
    assert _parts(snapshot)["endpoint"].reason is UnreadReason.UNAVAILABLE
    assert all(future.result() is None for future in stuck)


@pytest.mark.usefixtures("whole")
def test_an_interface_that_may_not_be_read_leaves_the_zone_group_to_say_the_address(
    azure: LocalAzure, bench: Bench
) -> None:
    azure.deny(READER, "Microsoft.Network/networkInterfaces/read")
    endpoint = endpoint_of(bench.read())
    assert endpoint.addresses == ("10.1.0.4",)
    assert isinstance(endpoint.zone_groups, tuple)


def test_without_interface_and_zone_group_the_endpoint_says_its_address(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    estate.endpoint()
    azure.deny(READER, "Microsoft.Network/networkInterfaces/read")
    assert endpoint_of(bench.read()).addresses == ("10.1.0.4",)


def test_an_endpoint_that_is_deleted_is_gone(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.delete(ENDPOINT)
    snapshot = bench.read()
    assert [connection.status for connection in snapshot.vault.connections] == [ConnectionStatus.DISCONNECTED]
    assert snapshot.endpoints == {ArmId.parse(ENDPOINT): Gone()}


def test_an_endpoint_of_an_unseen_subscription_is_not_gone(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    fault = Status(404, {"error": {"code": "SubscriptionNotFound", "message": "Not here."}})
    azure.faults.add("GET", "/privateEndpoints/", fault)
    endpoint = bench.read().endpoints[ArmId.parse(ENDPOINT)]
    assert isinstance(endpoint, Unread)
    assert endpoint.reason is UnreadReason.OUT_OF_SCOPE


def test_a_pending_endpoint_shows_both_sides_and_no_address(bench: Bench, estate: Estate) -> None:
    estate.endpoint(manual=True)
    snapshot = bench.read()
    endpoint = endpoint_of(snapshot)
    link = endpoint.link_to(snapshot.vault.id)
    assert link is not None
    assert (link.manual, link.status) == (True, ConnectionStatus.PENDING)
    assert isinstance(endpoint.addresses, Unread)
    assert snapshot.networks == {}


@pytest.mark.parametrize(
    ("mode", "state", "expected"),
    [
        ("Enforced", "Succeeded", PerimeterMode.ENFORCED),
        ("learning", "Succeeded", PerimeterMode.TRANSITION),
        ("Audit", "Succeeded", PerimeterMode.AUDIT),
        ("Enforced", "Failed", PerimeterMode.UNKNOWN),
        ("Enforced", None, PerimeterMode.UNKNOWN),
        ("Strict", "Succeeded", PerimeterMode.UNKNOWN),
    ],
)
def test_perimeters_are_read_with_their_mode(
    azure: LocalAzure, bench: Bench, estate: Estate, mode: str, state: str | None, expected: PerimeterMode
) -> None:
    estate.vault()
    properties = {"provisioningState": state, "resourceAssociation": {"name": "a", "accessMode": mode}}
    rows = {"value": [{"id": f"{PERIMETERS}/a", "properties": properties}], "nextLink": None}
    azure.faults.add("GET", "/networkSecurityPerimeterConfigurations", Status(200, rows))
    assert bench.read(parts=frozenset({Part.PERIMETER})).vault.perimeters == (expected,)


def test_no_perimeter_is_none_and_not_unread_and_one_is_seen(bench: Bench, estate: Estate) -> None:
    estate.vault()
    wanted = frozenset({Part.PERIMETER})
    assert bench.read(parts=wanted).vault.perimeters == ()
    perimeter = f"{NETWORK_PROVIDER}/networkSecurityPerimeters/Nsp"
    estate.put(perimeter, {"location": "westeurope", "properties": {}})
    association = {"privateLinkResource": {"id": VAULT}, "accessMode": "Enforced"}
    estate.put(f"{perimeter}/resourceAssociations/a", {"properties": association})
    assert bench.read(parts=wanted).vault.perimeters == (PerimeterMode.ENFORCED,)


@pytest.mark.usefixtures("whole")
def test_deepening_reads_nothing_again(bench: Bench, estate: Estate) -> None:
    """What the glance saw stays, even when Azure has changed since."""
    before = bench.read()
    estate.delete(ZONE_GROUP)
    estate.put(VAULT, vault_body(publicNetworkAccess="Disabled"))
    after = bench.deepen(before, Part.ZONE_GROUPS)
    assert after.vault == before.vault
    assert after.zones == before.zones
    assert endpoint_of(after).zone_groups == ()


@pytest.mark.usefixtures("whole")
def test_ids_in_other_casings_are_the_same(bench: Bench) -> None:
    """Azure writes ids in the casing of whoever asks, or in its own."""
    snapshot = bench.read(VAULT.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
    assert snapshot.vault.id == ArmId.parse(VAULT)
    assert isinstance(snapshot.effective_endpoints(), tuple)
    assert snapshot.zones[0].link_of(ArmId.parse(NETWORK.upper())) is not None


@pytest.mark.usefixtures("whole")
def test_a_hanging_call_is_given_up_after_its_own_time(
    azure: LocalAzure, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arm_client, "READ_SECONDS", 0.05)
    azure.faults.add("GET", "/virtualNetworkLinks", Hang())
    begun = time.monotonic()
    parts = _parts(bench.read(within=10))
    assert time.monotonic() - begun < 3.0
    assert parts["links"].reason is UnreadReason.UNAVAILABLE
    assert parts["addresses"] == ("10.1.0.4",)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("ahead", [-840, 0, 840])
def test_a_reading_says_when_it_began_by_azures_clock(bench: Bench, ahead: int) -> None:
    """Rather a little too early than too late: an event is settled only by a reading that began after it."""
    bench.clock.moment = datetime.now(UTC) + timedelta(seconds=ahead)
    snapshot = bench.read()
    assert isinstance(snapshot, VaultSnapshot)
    azure = datetime.now(UTC)
    assert snapshot.read_at == bench.clock.moment
    assert snapshot.azure_read_at is not None
    assert azure - timedelta(seconds=30) < snapshot.azure_read_at < azure
    assert snapshot.began == snapshot.azure_read_at
