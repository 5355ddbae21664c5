"""What a first glance leaves out on purpose, and what a deeper reading brings of it: addresses, zones, networks."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.arm.faults import Status
from emulator.azure import LocalAzure
from shared.adapters import arm_around, arm_claims
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import AddressSource, PrivateEndpoint
from shared.domain.network import Network
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from tests.adapters.arm.bench import READER, Bench
from tests.emulator.arm.estate import (
    ENDPOINT,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    ZONE,
    Estate,
    endpoint_body,
    link_body,
    network_body,
    record_body,
)

SECOND = f"{NETWORK_PROVIDER}/privateEndpoints/Pe-Second"
LINKED = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Linked"
ASKER = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Asker"
CUT_OFF = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Cut-Off"


def _id(text: str) -> ArmId:
    return ArmId.parse(text)


def _endpoint(snapshot: VaultSnapshot, endpoint: str) -> PrivateEndpoint:
    found = snapshot.endpoints[_id(endpoint)]
    assert isinstance(found, PrivateEndpoint)
    return found


def _reject(bench: Bench, estate: Estate, endpoint: str) -> None:
    connection = next(c for c in bench.read().vault.connections if c.endpoint == _id(endpoint))
    state = {"status": "Rejected", "description": "by a test"}
    estate.put(str(connection.id), {"properties": {"privateLinkServiceConnectionState": state}})


@pytest.fixture
def rejected(bench: Bench, estate: Estate) -> None:
    """One endpoint that works and one whose connection was rejected."""
    estate.everything()
    estate.put(SECOND, endpoint_body())
    _reject(bench, estate, SECOND)


@pytest.mark.usefixtures("rejected")
def test_the_addresses_of_an_endpoint_that_is_not_in_effect_come_with_the_claimants(bench: Bench) -> None:
    glance = bench.read()
    left_out = _endpoint(glance, SECOND).addresses
    assert isinstance(left_out, Unread)
    assert (left_out.reason, left_out.part) == (UnreadReason.DEFERRED, Part.CLAIMANTS)
    mark = bench.mark()
    snapshot = bench.deepen(glance, Part.CLAIMANTS)
    assert _endpoint(snapshot, SECOND).addresses == ("10.1.0.5",)
    assert snapshot.endpoints[_id(ENDPOINT)] == glance.endpoints[_id(ENDPOINT)]
    assert bench.asked(mark) == ["networkInterfaces/Pe-Second", "privateEndpoints"]


@pytest.mark.usefixtures("rejected")
def test_they_are_not_read_for_any_other_part(bench: Bench) -> None:
    mark = bench.mark()
    snapshot = bench.deepen(bench.read(), *(frozenset(Part) - {Part.CLAIMANTS, Part.NEIGHBOURS}))
    assert isinstance(_endpoint(snapshot, SECOND).addresses, Unread)
    assert "networkInterfaces/Pe-Second" not in bench.asked(mark)


@pytest.mark.usefixtures("rejected")
def test_they_are_read_although_the_claimants_may_not_be(azure: LocalAzure, bench: Bench) -> None:
    azure.faults.add("GET", r"/providers/Microsoft.Network/privateEndpoints\?", Status(403, {}))
    snapshot = bench.deepen(bench.read(), Part.CLAIMANTS)
    assert isinstance(snapshot.claimants, Unread)
    assert _endpoint(snapshot, SECOND).addresses == ("10.1.0.5",)


@pytest.mark.usefixtures("rejected")
def test_where_an_interface_may_not_be_read_its_copies_say_that_they_are_copies(
    azure: LocalAzure, bench: Bench
) -> None:
    azure.deny(READER, "Microsoft.Network/networkInterfaces/read")
    endpoint = _endpoint(bench.deepen(bench.read(), Part.CLAIMANTS), SECOND)
    assert (endpoint.addresses, endpoint.address_source) == (("10.1.0.5",), AddressSource.DNS_CONFIG)


@pytest.mark.usefixtures("rejected")
def test_their_number_is_bounded_and_the_vaults_own_come_first(
    bench: Bench, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arm_claims, "MOST_INEFFECTIVE", 1)
    estate.put(f"{NETWORK_PROVIDER}/privateEndpoints/Pe-A", endpoint_body())
    connection = next(c for c in bench.read().vault.connections if c.endpoint is not None and c.endpoint.name == "Pe-A")
    estate.delete(str(connection.id))
    glance, mark = bench.read(), bench.mark()
    snapshot = bench.deepen(glance, Part.CLAIMANTS)
    assert bench.asked(mark) == ["networkInterfaces/Pe-Second", "privateDnsZoneGroups", "privateEndpoints"]
    assert _endpoint(snapshot, SECOND).addresses == ("10.1.0.5",)
    stranger = _endpoint(snapshot, f"{NETWORK_PROVIDER}/privateEndpoints/Pe-A").addresses
    assert isinstance(stranger, Unread)
    assert (stranger.reason, stranger.part) == (UnreadReason.OUT_OF_SCOPE, None)


def _unconnected(estate: Estate) -> None:
    estate.vault()
    estate.zone()
    estate.put(RECORD, record_body("10.1.0.4"))


def test_zones_of_a_vault_without_connections_are_left_out_and_said_so(bench: Bench, estate: Estate) -> None:
    _unconnected(estate)
    glance = bench.read()
    assert bench.asked() == ["vaults/Kv-Orders"]
    assert glance.zones == ()
    assert [(unread.reason, unread.part) for unread in glance.zones_unread] == [(UnreadReason.DEFERRED, Part.ZONES)]
    mark = bench.mark()
    snapshot = bench.deepen(glance, Part.ZONES)
    assert bench.asked(mark) == ["A", "privateDnsZones", "virtualNetworkLinks"]
    (zone,) = snapshot.zones
    record = zone.lookup("kv-orders")
    assert record is not None
    assert not isinstance(record, Unread)
    assert record.addresses == ("10.1.0.4",)
    assert snapshot.zones_unread == ()


def test_zones_are_searched_once_in_a_vault_with_connections(bench: Bench, estate: Estate) -> None:
    estate.everything()
    glance = bench.read()
    assert glance.zones_unread == ()
    mark = bench.mark()
    assert bench.deepen(glance, Part.ZONES) == glance
    assert bench.asked(mark) == []


def test_all_parts_at_once_bring_zones_records_and_cnames(bench: Bench, estate: Estate) -> None:
    _unconnected(estate)
    snapshot = bench.read(parts=frozenset(Part), fresh=True)
    (zone,) = snapshot.zones
    assert (zone.complete, zone.alias("kv-orders")) == (True, None)
    asked = bench.asked()
    assert len(asked) == len(set(asked))


def test_a_place_where_zones_may_not_be_read_stays_unread(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    _unconnected(estate)
    azure.deny(READER, "Microsoft.Network/privateDnsZones/read")
    unread = bench.deepen(bench.read(), Part.ZONES).zones_unread
    assert unread == (Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/privateDnsZones/read"),)


def test_strays_come_with_the_zones(bench: Bench, estate: Estate) -> None:
    _unconnected(estate)
    estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/privatelink.vault.azure.net", {"location": "global"})
    glance = bench.read()
    assert glance.strays == ()
    assert [zone.name for zone in bench.deepen(glance, Part.ZONES).strays] == ["privatelink.vault.azure.net"]


def _linked(estate: Estate) -> None:
    """A network linked to the zone that holds no endpoint, with a Connected and a one-sided peer."""
    estate.everything()
    estate.put(LINKED, network_body("10.5.0.0/16", "10.5.0.0/24"))
    estate.put(ASKER, network_body("10.6.0.0/16", "10.6.0.0/24"))
    estate.put(CUT_OFF, network_body("10.7.0.0/16", "10.7.0.0/24"))
    estate.put(f"{ZONE}/virtualNetworkLinks/linked", link_body(LINKED))
    for one, other in ((LINKED, ASKER), (ASKER, LINKED), (LINKED, CUT_OFF)):
        properties: dict[str, Any] = {"remoteVirtualNetwork": {"id": other}, "allowVirtualNetworkAccess": True}
        estate.put(f"{one}/virtualNetworkPeerings/{_id(other).name}", {"properties": properties})


def test_linked_networks_come_with_those_whose_servers_may_stand_there(bench: Bench, estate: Estate) -> None:
    _linked(estate)
    glance = bench.read()
    left_out = glance.linked(_id(LINKED))
    assert isinstance(left_out, Unread)
    assert left_out.part is Part.LINKED
    mark = bench.mark()
    snapshot = bench.deepen(glance, Part.LINKED)
    assert bench.asked(mark) == ["virtualNetworks/Vnet-Asker", "virtualNetworks/Vnet-Linked"]
    for network in (LINKED, ASKER):
        known = snapshot.linked(_id(network))
        assert isinstance(known, Network)
        assert known.forwarding == ()
    assert set(snapshot.networks) == {_id(NETWORK), _id(LINKED), _id(ASKER)}
    assert snapshot.networks[_id(NETWORK)] == glance.networks[_id(NETWORK)]


def test_a_network_is_not_read_twice_as_linked_and_as_around(bench: Bench, estate: Estate) -> None:
    _linked(estate)
    mark = bench.mark()
    bench.read(parts=frozenset({Part.LINKED, Part.NETWORKS}), fresh=True)
    asked = bench.asked(mark)
    assert len(asked) == len(set(asked))


def test_linked_networks_are_bounded(bench: Bench, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm_around, "MOST_AROUND", 1)
    _linked(estate)
    snapshot = bench.deepen(bench.read(), Part.LINKED)
    assert isinstance(snapshot.linked(_id(LINKED)), Network)
    asker = snapshot.linked(_id(ASKER))
    assert isinstance(asker, Unread)
    assert (asker.reason, asker.part) == (UnreadReason.OUT_OF_SCOPE, None)


def test_a_linked_network_that_is_gone_is_gone(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    _linked(estate)
    gone = {"error": {"code": "ResourceNotFound", "message": "gone"}}
    azure.faults.add("GET", r"/virtualNetworks/Vnet-Linked\?", Status(404, gone))
    assert bench.deepen(bench.read(), Part.LINKED).linked(_id(LINKED)) == Gone()


def test_without_readable_links_nothing_is_linked(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    _linked(estate)
    azure.deny(READER, "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read")
    snapshot = bench.deepen(bench.read(), Part.LINKED)
    assert set(snapshot.networks) == {_id(NETWORK)}
    assert isinstance(snapshot.zones[0].links, Unread)


def test_what_is_named_by_nothing_costs_nothing(bench: Bench, estate: Estate) -> None:
    estate.vault()
    glance = bench.read()
    mark = bench.mark()
    assert bench.deepen(glance, Part.LINKED) == glance
    assert bench.asked(mark) == []
