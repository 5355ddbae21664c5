"""Networks, rulesets and zones: what of them a snapshot of one vault needs."""

from __future__ import annotations

import pytest

from emulator.arm.faults import Status
from emulator.azure import LocalAzure
from shared.domain.arm_id import ArmId
from shared.domain.grades import Writer
from shared.domain.network import ForwardingRule, PeeringState
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.reading import Unread, UnreadReason
from shared.engine.resolver import ResolverSimulation
from tests.adapters.arm.bench import OTHER_SUBSCRIPTION, Bench, network_of
from tests.emulator.arm.estate import (
    GROUP,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    ZONE,
    ZONE_NAME,
    Estate,
    network_body,
    record_body,
)

HUB = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Hub"
FORBIDDEN = UnreadReason.FORBIDDEN


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


@pytest.mark.parametrize(("servers", "own"), [(("168.63.129.16",), True), (("168.63.129.16", "10.9.9.9"), False)])
def test_azures_own_address_as_the_only_server_is_azure_provided_dns(
    bench: Bench, estate: Estate, servers: tuple[str, ...], own: bool
) -> None:
    estate.endpoint()
    _custom_dns(estate, *servers)
    asked = ResolverSimulation().resolving_networks(bench.read(), ArmId.parse(NETWORK))
    assert (asked == (ArmId.parse(NETWORK),)) is own
