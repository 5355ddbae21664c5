"""Networks that a question names: what is read for them, and how many calls that takes."""

from __future__ import annotations

from emulator.azure import LocalAzure
from shared.domain.arm_id import ArmId
from shared.domain.network import Network
from shared.domain.reading import Gone, Unread
from shared.domain.snapshot import VaultSnapshot
from tests.adapters.arm.bench import READER, Bench, network_of, seconds
from tests.emulator.arm.estate import NETWORK, NETWORK_PROVIDER, Estate, network_body

CLIENTS = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Clients"
HUB = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Hub"


def read_with(bench: Bench, snapshot: VaultSnapshot, *networks: str) -> VaultSnapshot:
    return bench.reader.with_networks(snapshot, [ArmId.parse(network) for network in networks], deadline=seconds(10))


def test_a_named_network_costs_one_call_and_one_for_the_rulesets(bench: Bench, estate: Estate) -> None:
    estate.everything()
    estate.put(CLIENTS, network_body("10.9.0.0/16", "10.9.0.0/24"))
    snapshot = bench.read()
    mark = bench.mark()
    wider = read_with(bench, snapshot, CLIENTS, NETWORK)
    assert bench.asked(mark) == ["dnsForwardingRulesets", "virtualNetworks/Vnet-Clients"]
    assert network_of(wider, CLIENTS).forwarding == ()
    assert network_of(wider) == network_of(snapshot)


def test_networks_that_are_known_cost_nothing(bench: Bench, estate: Estate) -> None:
    estate.everything()
    snapshot = bench.read()
    mark = bench.mark()
    assert read_with(bench, snapshot, NETWORK).networks == snapshot.networks
    assert bench.asked(mark) == []


def test_the_holder_of_a_dns_server_is_read_too(bench: Bench, estate: Estate) -> None:
    estate.everything()
    body = network_body("10.9.0.0/16", "10.9.0.0/24")
    body["properties"]["dhcpOptions"] = {"dnsServers": ["10.8.0.4"]}
    estate.put(CLIENTS, body)
    estate.put(HUB, network_body("10.8.0.0/16", "10.8.0.0/24"))
    for near, far in ((CLIENTS, HUB), (HUB, CLIENTS)):
        name = f"to-{far.rpartition('/')[2]}"
        estate.put(f"{near}/virtualNetworkPeerings/{name}", {"properties": {"remoteVirtualNetwork": {"id": far}}})
    snapshot = bench.read()
    mark = bench.mark()
    wider = read_with(bench, snapshot, CLIENTS)
    assert network_of(wider, HUB).prefixes == ("10.8.0.0/16",)
    assert bench.asked(mark) == ["dnsForwardingRulesets", "virtualNetworks/Vnet-Clients", "virtualNetworks/Vnet-Hub"]


def test_a_network_that_is_gone_or_may_not_be_read_is_said(bench: Bench, estate: Estate, azure: LocalAzure) -> None:
    estate.everything()
    snapshot = bench.read()
    assert isinstance(read_with(bench, snapshot, CLIENTS).networks[ArmId.parse(CLIENTS)], Gone)
    estate.put(CLIENTS, network_body("10.9.0.0/16", "10.9.0.0/24"))
    assert isinstance(read_with(bench, snapshot, CLIENTS).networks[ArmId.parse(CLIENTS)], Network)
    azure.deny(READER, "Microsoft.Network/virtualNetworks/read", CLIENTS)
    found = read_with(bench, snapshot, CLIENTS).networks[ArmId.parse(CLIENTS)]
    assert isinstance(found, Unread)
    assert found.detail == "Microsoft.Network/virtualNetworks/read"
