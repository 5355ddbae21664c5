"""What a reading costs: every call of the plan, by the server's own log."""

from __future__ import annotations

import pytest

from emulator.azure import LocalAzure
from shared.domain.reading import Part
from shared.domain.vault import ConnectionStatus
from tests.adapters.arm.bench import EVERY_PART, Bench
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK_PROVIDER,
    RECORD,
    VAULT,
    ZONE,
    Estate,
    endpoint_body,
    link_body,
    record_body,
    vault_body,
)

COLD = [
    "A",  # 7 the zone holds less than a page, so the list costs what the record alone costs
    "dnsForwardingRulesets",  # 8 does anything divert the network's queries?
    "networkInterfaces/Pe-Orders",  # 3 the endpoint's address
    "privateDnsZones",  # 5 which zones are there?
    "privateEndpoints/Pe-Orders",  # 2 state, subnet and interface
    "vaults/Kv-Orders",  # 1 the vault with its connections
    "virtualNetworkLinks",  # 6 who asks the zone?
    "virtualNetworks/Vnet-Spoke",  # 4 ranges, DNS servers and peerings
]
EVENT_PARTS = frozenset({Part.PERIMETER, Part.ZONE_GROUPS, Part.ZONE_RECORDS, Part.NEIGHBOURS})
# What a sweep reads beside: no peers, filters or other roles are around this vault.
SWEPT = ["diagnosticSettings", "privateEndpoints", "roleAssignments"]
WARM = ["A/kv-orders", "networkInterfaces/Pe-Orders", "privateEndpoints/Pe-Orders", "vaults/Kv-Orders"]


@pytest.fixture
def healthy(estate: Estate) -> None:
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    estate.put(LINK, link_body())
    estate.put(RECORD, record_body("10.1.0.4"))


def test_a_vault_without_connections_costs_one_call(bench: Bench, estate: Estate) -> None:
    estate.vault()
    bench.read()
    assert bench.asked() == ["vaults/Kv-Orders"]


@pytest.mark.usefixtures("healthy")
def test_a_healthy_vault_costs_eight_calls_cold_and_four_warm(bench: Bench) -> None:
    bench.read()
    assert bench.asked() == COLD
    mark = bench.mark()
    bench.read()
    assert bench.asked(mark) == WARM


@pytest.mark.usefixtures("healthy")
def test_a_second_vault_finds_the_topology_read(bench: Bench, estate: Estate) -> None:
    other = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-billing"
    estate.put(other, vault_body())
    estate.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-billing", endpoint_body(vault=other))
    bench.read()
    mark = bench.mark()
    bench.read(other)
    assert bench.asked(mark) == [
        "A/kv-billing",
        "networkInterfaces/pe-billing",
        "privateEndpoints/pe-billing",
        "vaults/kv-billing",
    ]


@pytest.mark.usefixtures("healthy")
def test_a_fresh_reading_goes_past_the_cache_and_refreshes_it(bench: Bench, estate: Estate) -> None:
    bench.read()
    estate.delete(LINK)
    assert bench.read().zones[0].links != ()
    mark = bench.mark()
    assert bench.read(fresh=True).zones[0].links == ()
    assert bench.asked(mark) == COLD
    assert bench.read().zones[0].links == ()


@pytest.mark.usefixtures("healthy")
def test_the_cache_is_used_for_five_minutes(bench: Bench) -> None:
    bench.read()
    bench.clock.advance(299)
    mark = bench.mark()
    bench.read()
    assert bench.asked(mark) == WARM
    bench.clock.advance(2)
    mark = bench.mark()
    bench.read()
    assert bench.asked(mark) == COLD


def test_a_missing_record_costs_at_most_twelve_calls_with_every_part_of_an_event(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    estate.put(LINK, link_body())
    other = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-billing"
    estate.put(other, vault_body())
    estate.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-billing", endpoint_body(vault=other))
    snapshot = bench.deepen(bench.read(), *EVENT_PARTS)
    assert snapshot.zones[0].lookup("kv-orders") is None
    deeper = ["networkInterfaces", "networkSecurityPerimeterConfigurations", "privateDnsZoneGroups", "vaults"]
    assert bench.asked() == sorted(COLD + deeper)
    assert len(bench.asked()) == 12


@pytest.mark.usefixtures("healthy")
def test_a_fresh_reading_with_parts_costs_what_glance_and_deepening_cost(bench: Bench) -> None:
    parts = ["networkSecurityPerimeterConfigurations", "privateDnsZoneGroups", "vaults"]
    bench.read(parts=EVENT_PARTS, fresh=True)
    assert bench.asked() == sorted([*COLD, *parts])
    mark = bench.mark()
    bench.read(parts=EVERY_PART, fresh=True)
    assert bench.asked(mark) == sorted([*COLD, *parts, *SWEPT])


@pytest.mark.usefixtures("healthy")
def test_a_part_that_is_not_asked_for_is_not_read(bench: Bench) -> None:
    snapshot = bench.read()
    mark = bench.mark()
    bench.deepen(snapshot, Part.ZONE_GROUPS)
    assert bench.asked(mark) == ["privateDnsZoneGroups"]


def test_a_large_zone_is_asked_for_the_one_record_only(bench: Bench, estate: Estate, azure: LocalAzure) -> None:
    estate.endpoint()
    estate.put(ZONE, {"location": "global"})
    for number in range(101):
        estate.put(f"{ZONE}/A/other-{number:03}", record_body("10.1.0.9"))
    snapshot = bench.read()
    assert "A/kv-orders" in bench.asked()
    assert "A" not in bench.asked()
    mark = bench.mark()
    deeper = bench.deepen(snapshot, Part.ZONE_RECORDS)
    assert bench.asked(mark) == ["A", "A"]
    assert deeper.zones[0].complete
    assert len(deeper.zones[0].records) == 101


def test_dead_connections_cost_the_endpoints_and_no_zones(bench: Bench, estate: Estate, azure: LocalAzure) -> None:
    estate.endpoint()
    connection = _first_connection(bench)
    _set_status(estate, connection, ConnectionStatus.REJECTED)
    mark = bench.mark()
    bench.read()
    assert bench.asked(mark) == ["privateEndpoints/Pe-Orders", "vaults/Kv-Orders"]


def test_a_pending_connection_costs_the_zones_and_no_interface(bench: Bench, estate: Estate) -> None:
    estate.endpoint(manual=True)
    estate.put(ZONE, {"location": "global"})
    estate.put(LINK, link_body())
    bench.read()
    assert bench.asked() == [
        "A",
        "privateDnsZones",
        "privateEndpoints/Pe-Orders",
        "vaults/Kv-Orders",
        "virtualNetworkLinks",
    ]


def test_the_api_versions_are_those_of_the_table(bench: Bench, estate: Estate, azure: LocalAzure) -> None:
    estate.everything()
    bench.read(parts=EVERY_PART)
    versions = {(entry.action, entry.api_version) for entry in azure.log.since() if entry.action}
    assert versions == {
        ("Microsoft.KeyVault/vaults/read", "2026-02-01"),
        ("Microsoft.KeyVault/vaults/networkSecurityPerimeterConfigurations/read", "2026-04-01-preview"),
        ("Microsoft.Insights/diagnosticSettings/read", "2021-05-01-preview"),
        ("Microsoft.Authorization/roleAssignments/read", "2022-04-01"),
        ("Microsoft.Network/privateEndpoints/read", "2024-05-01"),
        ("Microsoft.Network/privateEndpoints/privateDnsZoneGroups/read", "2024-05-01"),
        ("Microsoft.Network/networkInterfaces/read", "2024-05-01"),
        ("Microsoft.Network/virtualNetworks/read", "2024-05-01"),
        ("Microsoft.Network/privateDnsZones/read", "2024-06-01"),
        ("Microsoft.Network/privateDnsZones/A/read", "2024-06-01"),
        ("Microsoft.Network/privateDnsZones/virtualNetworkLinks/read", "2024-06-01"),
        ("Microsoft.Network/dnsForwardingRulesets/read", "2022-07-01"),
    }


def _first_connection(bench: Bench) -> str:
    return str(bench.read().vault.connections[0].id)


def _set_status(estate: Estate, connection: str, status: ConnectionStatus) -> None:
    state = {"status": status.value, "description": "by a test"}
    estate.put(connection, {"properties": {"privateLinkServiceConnectionState": state}})


def test_the_calls_name_the_vault_and_endpoint_that_are_asked_for(
    bench: Bench, estate: Estate, azure: LocalAzure
) -> None:
    estate.endpoint()
    bench.read()
    assert {VAULT, ENDPOINT} <= {entry.resource_id for entry in azure.log.since()}


def test_a_reading_says_whether_it_leans_on_the_cache(bench: Bench, estate: Estate) -> None:
    estate.everything()
    assert bench.read().cached is False
    again = bench.read()
    assert again.cached is True
    assert bench.deepen(again, Part.ZONE_GROUPS).cached is True
    assert bench.read(fresh=True).cached is False
