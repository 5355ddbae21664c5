"""Azure Policy as an actor: it attaches a zone group ten minutes after an endpoint came, as a principal of its own."""

from typing import Any

from emulator.arm.policy_remediation import GROUP_NAME, PRINCIPAL, PolicyRemediation
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    RECORD,
    ZONE,
    ZONE_GROUP,
    Estate,
    endpoint_body,
    zone_group_body,
)
from tests.emulator.arm.inprocess import Local

DEPLOYED = f"{ENDPOINT}/privateDnsZoneGroups/{GROUP_NAME}"


def _started() -> Local:
    local = Local()
    local.estate.vault()
    local.estate.network()
    local.estate.zone()
    return local


def _writes(local: Local) -> list[tuple[str, int]]:
    return [(entry.resource_id, entry.status) for entry in local.service.log.writes(PRINCIPAL)]


def test_ten_minutes_after_an_endpoint_its_zone_group_comes_and_with_it_the_record() -> None:
    local = _started()
    PolicyRemediation(local.service, ZONE)
    local.put(ENDPOINT, endpoint_body())
    local.later(40)
    local.later(599)
    assert _writes(local) == []
    local.later(1)
    assert _writes(local) == [(DEPLOYED, 201)]
    local.later(6)
    assert local.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.4"}]
    told = [event for event in local.events if event.principal.name == PRINCIPAL]
    assert [event.operation_name for event in told] == ["Microsoft.Network/privateEndpoints/privateDnsZoneGroups/write"]


def test_all_of_it_happens_in_its_time_though_nobody_looks_for_long() -> None:
    local = _started()
    PolicyRemediation(local.service, ZONE)
    local.put(ENDPOINT, endpoint_body())
    local.later(3600)
    [entry] = local.service.log.writes(PRINCIPAL)
    assert (entry.time - local.service.log.since()[0].time).total_seconds() == 640
    assert local.call("GET", RECORD).status == 200


def test_a_group_that_has_the_zone_is_enough() -> None:
    local = _started()
    PolicyRemediation(local.service, ZONE, 60)
    local.put(ENDPOINT, endpoint_body())
    local.later(40)
    local.put(ZONE_GROUP, zone_group_body())
    local.later(60)
    assert _writes(local) == []
    assert [entry.status for entry in local.service.log.about(ENDPOINT) if entry.method == "GET"] == [200]


def test_an_endpoint_that_has_gone_or_serves_something_else_is_left_alone() -> None:
    local = _started()
    remediation = PolicyRemediation(local.service, ZONE, 60)
    local.put(ENDPOINT, endpoint_body())
    body: dict[str, Any] = endpoint_body(vault=f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store")
    body["properties"]["privateLinkServiceConnections"][0]["properties"]["groupIds"] = ["blob"]
    local.put(f"{ENDPOINT}-blob", body)
    local.later(40)
    local.delete(ENDPOINT)
    local.later(100)
    assert sorted(remediation.seen) == [ENDPOINT, f"{ENDPOINT}-blob"]
    assert _writes(local) == []


def test_it_comes_back_where_the_endpoint_is_busy() -> None:
    local = _started()
    PolicyRemediation(local.service, ZONE, 60)
    local.put(ENDPOINT, endpoint_body())
    local.later(40 + 55)
    local.put(ENDPOINT, endpoint_body())
    local.later(5)
    assert _writes(local) == [(DEPLOYED, 429)]
    local.later(60)
    assert _writes(local)[-1] == (DEPLOYED, 201)
    assert local.call("GET", DEPLOYED).status == 200


def test_stopped_it_does_nothing_any_more() -> None:
    local = _started()
    remediation = PolicyRemediation(local.service, ZONE)
    local.put(ENDPOINT, endpoint_body())
    local.later(40)
    remediation.stop()
    local.later(700)
    assert (_writes(local), remediation.seen) == ([], [])


def test_another_process_starts_and_stops_it(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    estate.network()
    estate.zone()
    started = arm.control("POST", "/_emulator/policy-remediation", {"zone": ZONE, "delay": 600})
    assert started.json() == {"principal": PRINCIPAL}
    arm.put(ENDPOINT, endpoint_body())
    arm.get(ENDPOINT)
    assert arm.get(DEPLOYED).status_code == 200
    assert arm.control("DELETE", "/_emulator/policy-remediation").status_code == 200
    arm.put(f"{ENDPOINT}-2", endpoint_body())
    arm.get(f"{ENDPOINT}-2")
    assert arm.get(f"{ENDPOINT}-2/privateDnsZoneGroups/{GROUP_NAME}").status_code == 404
