"""What a snapshot says: values where Azure answered, Gone and Unread where it did not, never a guess."""

from __future__ import annotations

import time
from typing import Any

import pytest

from emulator.arm.faults import Cut, Hang, Status
from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.adapters import arm_client
from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.snapshot import (
    ConnectionStatus,
    ForwardingRule,
    Gone,
    Network,
    Part,
    PeeringState,
    PerimeterMode,
    PrivateEndpoint,
    ResolutionPolicy,
    Unread,
    UnreadReason,
    VaultSnapshot,
)
from shared.engine.resolver import ResolverSimulation
from shared.service.ports import EstateError, EstateForbidden, EstateUnavailable
from tests.adapters.arm.bench import EVERY_PART, READER, Bench, seconds
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_NAME,
    Estate,
    endpoint_body,
    link_body,
    network_body,
    record_body,
    vault_body,
)

OTHER_SUBSCRIPTION = "99999999-2222-4333-8444-555555555555"
HUB = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Hub"
FORBIDDEN = UnreadReason.FORBIDDEN
PERIMETERS = f"{VAULT}/networkSecurityPerimeterConfigurations"


def endpoint_of(snapshot: VaultSnapshot) -> PrivateEndpoint:
    endpoint = snapshot.endpoints[ArmId.parse(ENDPOINT)]
    assert isinstance(endpoint, PrivateEndpoint)
    return endpoint


def network_of(snapshot: VaultSnapshot, network: str = NETWORK) -> Network:
    found = snapshot.network(ArmId.parse(network))
    assert isinstance(found, Network)
    return found


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


def test_no_perimeter_is_none_and_not_unread(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.vault()
    azure.faults.add("GET", "/networkSecurityPerimeterConfigurations", Status(200, {"value": []}))
    assert bench.read(parts=frozenset({Part.PERIMETER})).vault.perimeters == ()


def _peer(estate: Estate, near: str, far: str) -> None:
    properties = {"remoteVirtualNetwork": {"id": far}, "allowVirtualNetworkAccess": True}
    estate.put(f"{near}/virtualNetworkPeerings/to-{far.rsplit('/', 1)[1]}", {"properties": properties})


def _custom_dns(estate: Estate, *servers: str) -> None:
    body = network_body()
    body["properties"]["dhcpOptions"] = {"dnsServers": list(servers)}
    estate.put(NETWORK, body)


def test_the_peer_that_holds_a_custom_dns_server_is_read_and_no_other(bench: Bench, estate: Estate) -> None:
    estate.group()
    far = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Far"
    estate.put(HUB, network_body("10.2.0.0/16", "10.2.0.0/24"))
    estate.put(far, network_body("10.3.0.0/16", "10.3.0.0/24"))
    estate.endpoint()
    _custom_dns(estate, "10.2.0.4")
    for other in (HUB, far):
        _peer(estate, NETWORK, other)
        _peer(estate, other, NETWORK)
    snapshot = bench.read()
    assert {peering.state for peering in network_of(snapshot).peerings} == {PeeringState.CONNECTED}
    assert set(snapshot.networks) == {ArmId.parse(NETWORK), ArmId.parse(HUB)}
    asked = ResolverSimulation().resolving_networks(snapshot, ArmId.parse(NETWORK))
    assert asked == (ArmId.parse(HUB),)


def test_a_peering_that_is_not_connected_is_not_followed(bench: Bench, estate: Estate) -> None:
    estate.group()
    estate.put(HUB, network_body("10.2.0.0/16", "10.2.0.0/24"))
    estate.endpoint()
    _custom_dns(estate, "10.2.0.4")
    _peer(estate, NETWORK, HUB)
    assert set(bench.read().networks) == {ArmId.parse(NETWORK)}


def _ruleset(estate: Estate, network: str, group: str = GROUP) -> None:
    ruleset = f"{group}/providers/Microsoft.Network/dnsForwardingRulesets/rules"
    estate.put(ruleset, {"location": "westeurope", "properties": {}})
    estate.put(f"{ruleset}/virtualNetworkLinks/l", {"properties": {"virtualNetwork": {"id": network}}})
    for name, domain, state in (("a", "vault.azure.net.", "Enabled"), ("b", "example.com.", "Disabled")):
        servers = [{"ipAddress": "10.2.0.9", "port": 53}]
        rule = {"domainName": domain, "targetDnsServers": servers, "forwardingRuleState": state}
        estate.put(f"{ruleset}/forwardingRules/{name}", {"properties": rule})


def test_a_ruleset_of_another_subscription_is_seen_and_its_target_found(azure: LocalAzure, estate: Estate) -> None:
    azure.store.add_subscription(OTHER_SUBSCRIPTION, "hub")
    hub_group = f"/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/hub"
    estate.put(hub_group, {"location": "westeurope"})
    estate.group()
    estate.put(HUB, network_body("10.2.0.0/16", "10.2.0.0/24"))
    estate.endpoint()
    _peer(estate, NETWORK, HUB)
    _peer(estate, HUB, NETWORK)
    _ruleset(estate, NETWORK, hub_group)
    snapshot = Bench(azure, Policy(zone_subscriptions=(OTHER_SUBSCRIPTION,))).read()
    assert network_of(snapshot).forwarding == (ForwardingRule("vault.azure.net.", ("10.2.0.9",)),)
    assert ArmId.parse(HUB) in snapshot.networks


def test_a_ruleset_of_another_network_diverts_nothing(bench: Bench, estate: Estate) -> None:
    estate.group()
    estate.put(HUB, network_body("10.2.0.0/16", "10.2.0.0/24"))
    estate.endpoint()
    _ruleset(estate, HUB)
    assert network_of(bench.read()).forwarding == ()


def test_zones_are_kept_that_can_answer_for_this_vault(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    kept = {
        ZONE_NAME: ["kv-orders"],
        "vault.azure.net": ["kv-orders"],
        "azure.net": ["kv-orders.privatelink.vaultcore", "kv-orders.vault"],
        f"kv-orders.{ZONE_NAME}": ["@"],
    }
    for name in (*kept, f"kv-billing.{ZONE_NAME}", "privatelink.blob.core.windows.net", "re.net", "core.azure.net"):
        estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/{name}", {"location": "global"})
    estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/kv-orders.{ZONE_NAME}/A/@", record_body("10.1.0.4"))
    zones = {zone.name: zone for zone in bench.read().zones}
    assert set(zones) == set(kept)
    assert {name: sorted(zone.records) for name, zone in zones.items() if name != ZONE_NAME} == {
        name: names for name, names in kept.items() if name != ZONE_NAME
    }
    assert zones[ZONE_NAME].lookup("kv-orders") is None
    record = zones[f"kv-orders.{ZONE_NAME}"].lookup("@")
    assert record is not None
    assert not isinstance(record, Unread)
    assert record.addresses == ("10.1.0.4",)


def test_a_zone_of_another_subscription_is_found_through_policy(azure: LocalAzure, estate: Estate) -> None:
    zone = _hub_zone(azure, estate)
    assert Bench(azure).read().zones == ()
    listed = Policy(zone_subscriptions=(OTHER_SUBSCRIPTION.upper(),))
    designated = Policy(zones=(ZonePolicy(zone, Writer.KVGUARD),))
    for policy in (listed, designated):
        snapshot = Bench(azure, policy).read()
        assert ([found.id for found in snapshot.zones], snapshot.zones_unread) == ([zone], ())


def test_a_designated_zone_is_read_where_zones_may_not_be_listed(azure: LocalAzure, estate: Estate) -> None:
    zone = _hub_zone(azure, estate)
    listing = rf"/subscriptions/{OTHER_SUBSCRIPTION}/providers/Microsoft.Network/privateDnsZones\?"
    azure.faults.add("GET", listing, Status(403, {"error": {"code": "AuthorizationFailed", "message": "No."}}))
    bench = Bench(azure, Policy(zones=(ZonePolicy(zone, Writer.KVGUARD),)))
    for _ in range(2):
        snapshot = bench.read()
        assert [found.id for found in snapshot.zones] == [zone]
        assert snapshot.zones_unread == (Unread(FORBIDDEN, "Microsoft.Network/privateDnsZones/read"),)
    assert [entry.status for entry in azure.log.since() if OTHER_SUBSCRIPTION in entry.path].count(403) == 1


def _hub_zone(azure: LocalAzure, estate: Estate) -> ArmId:
    azure.store.add_subscription(OTHER_SUBSCRIPTION, "hub")
    group = f"/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/hub"
    estate.put(group, {"location": "westeurope"})
    zone = f"{group}/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"
    estate.put(zone, {"location": "global"})
    estate.endpoint()
    return ArmId.parse(zone)


def test_a_zone_that_was_deleted_meanwhile_is_no_zone(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    assert len(bench.read().zones) == 1
    estate.delete(ZONE)
    assert bench.read().zones == ()
    mark = bench.mark()
    assert bench.read().zones == ()
    assert "privateDnsZones" in bench.asked(mark)


def test_an_empty_record_set_is_a_record_set(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    estate.put(RECORD, record_body())
    record = bench.read().zones[0].lookup("kv-orders")
    assert record is not None
    assert not isinstance(record, Unread)
    assert record.addresses == ()


def _neighbour(estate: Estate, name: str, *, manual: bool = False) -> str:
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}"
    estate.put(vault, vault_body())
    estate.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-{name}", endpoint_body(vault=vault, manual=manual))
    return vault


@pytest.mark.usefixtures("whole")
def test_neighbours_are_the_other_vaults_with_an_alias_and_where_they_answer(bench: Bench, estate: Estate) -> None:
    _neighbour(estate, "kv-billing")
    _neighbour(estate, "kv-waiting", manual=True)
    estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-public", vault_body())
    neighbours = bench.deepen(bench.read(), Part.NEIGHBOURS).neighbours
    assert isinstance(neighbours, tuple)
    (billing,) = neighbours
    assert billing.vault.name == "kv-billing"
    assert isinstance(billing.endpoints, tuple)
    assert [(known.addresses, known.network) for known in billing.endpoints] == [(("10.1.0.5",), ArmId.parse(NETWORK))]


@pytest.mark.usefixtures("whole")
def test_neighbours_bring_all_records_of_the_zone(bench: Bench, estate: Estate) -> None:
    for number in range(150):
        estate.put(f"{ZONE}/A/other-{number:03}", record_body("10.1.0.9"))
    snapshot = bench.deepen(bench.read(), Part.NEIGHBOURS)
    assert snapshot.zones[0].complete
    assert len(snapshot.zones[0].records) == 151
    assert snapshot.zones[0].lookup("no-such-vault") is None


@pytest.mark.usefixtures("whole")
def test_a_neighbour_whose_interface_is_not_found_has_unread_endpoints(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    _neighbour(estate, "kv-billing")
    azure.faults.add("GET", r"/networkInterfaces\?", Status(200, {"value": []}))
    neighbours = bench.deepen(bench.read(), Part.NEIGHBOURS).neighbours
    assert isinstance(neighbours, tuple)
    assert isinstance(neighbours[0].endpoints, Unread)
    assert "pe-kv-billing" in neighbours[0].endpoints.detail


@pytest.mark.usefixtures("whole")
def test_a_subscription_whose_vaults_may_not_be_listed_leaves_the_neighbours_unread(azure: LocalAzure) -> None:
    azure.store.add_subscription(OTHER_SUBSCRIPTION, "other")
    azure.faults.add("GET", rf"/{OTHER_SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults\?", Status(403, {}))
    bench = Bench(azure, None, SUBSCRIPTION, OTHER_SUBSCRIPTION)
    snapshot = bench.deepen(bench.read(), Part.NEIGHBOURS)
    assert snapshot.neighbours == Unread(FORBIDDEN, "Microsoft.KeyVault/vaults/read")


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


def test_all_vaults_of_a_subscription_are_listed_page_by_page(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.group()
    for number in range(5):
        estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-{number:02}", vault_body())
    azure.switches.page_size = 2
    azure.switches.empty_last_page = True
    found = bench.reader.vaults(SUBSCRIPTION, deadline=seconds(5))
    assert next(iter(found)).name == "kv-00"
    assert len(azure.log.since()) == 1
    assert [vault.name for vault in found] == ["kv-01", "kv-02", "kv-03", "kv-04"]


def test_the_vaults_of_an_unseen_subscription_are_a_missing_right(bench: Bench) -> None:
    with pytest.raises(EstateForbidden) as caught:
        list(bench.reader.vaults(OTHER_SUBSCRIPTION, deadline=seconds(5)))
    assert caught.value.action == "Microsoft.KeyVault/vaults/read"


@pytest.mark.parametrize("manual", [False, True])
def test_the_vaults_of_an_endpoint_are_those_of_both_arrays(bench: Bench, estate: Estate, manual: bool) -> None:
    estate.endpoint(manual=manual)
    found = bench.reader.vaults_of_endpoint(ArmId.parse(ENDPOINT), deadline=seconds(5))
    assert found == (ArmId.parse(VAULT),)


def test_an_endpoint_that_does_not_exist_is_gone_and_one_that_may_not_be_read_an_error(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    estate.group()
    endpoint = ArmId.parse(ENDPOINT)
    assert bench.reader.vaults_of_endpoint(endpoint, deadline=seconds(5)) == Gone()
    azure.deny(READER, "Microsoft.Network/privateEndpoints/read")
    with pytest.raises(EstateForbidden):
        bench.reader.vaults_of_endpoint(endpoint, deadline=seconds(5))


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
