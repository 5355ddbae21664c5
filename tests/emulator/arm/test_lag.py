"""Reads that lag: what they show of several changes, of several types, and after the switch is turned."""

from tests.emulator.arm.estate import (
    ENDPOINT,
    RECORD,
    VAULT,
    ZONE,
    ZONE_GROUP,
    endpoint_body,
    record_body,
    zone_group_body,
)
from tests.emulator.arm.inprocess import Local

CONNECTIONS = f"{VAULT}/privateEndpointConnections"


def _addresses(local: Local) -> list[str]:
    reply = local.call("GET", RECORD)
    return [] if reply.status == 404 else [row["ipv4Address"] for row in reply.body["properties"]["aRecords"]]


def test_reads_show_each_of_several_states_in_turn() -> None:
    local = Local()
    local.estate.zone()
    local.switches.record_lag = 15.0
    assert local.put(RECORD, record_body("10.1.0.4")).status == 201
    local.later(10)
    assert local.put(RECORD, record_body("10.1.0.5")).status == 200
    local.later(4)
    assert local.delete(RECORD).status == 200
    seen = [_addresses(local)]
    for seconds in (1, 9, 1, 3, 1):
        local.later(seconds)
        seen.append(_addresses(local))
    assert seen == [[], ["10.1.0.4"], ["10.1.0.4"], ["10.1.0.5"], ["10.1.0.5"], []]


def test_a_write_meets_the_present_though_reads_show_the_past() -> None:
    local = Local()
    local.estate.zone()
    local.switches.record_lag = 15.0
    local.put(RECORD, record_body("10.1.0.4"))
    assert _addresses(local) == []
    refused = local.put(RECORD, record_body("10.1.0.5"), if_none_match="*")
    assert (refused.status, refused.body["code"]) == (412, "PreconditionFailed")


def test_a_list_lags_with_its_rows_and_a_vault_with_its_connections_only() -> None:
    local = Local()
    local.estate.vault()
    local.estate.network()
    local.switches.connection_lag = 15.0
    local.put(ENDPOINT, endpoint_body())
    local.call("PATCH", VAULT, {"tags": {"team": "orders"}})
    local.later(40)
    vault = local.get(VAULT)
    assert vault["tags"] == {"team": "orders"}
    assert "privateEndpointConnections" not in vault["properties"]
    assert local.get(ENDPOINT)["properties"]["provisioningState"] == "Succeeded"
    assert local.get(CONNECTIONS)["value"] == []
    local.later(15)
    [connection] = local.get(CONNECTIONS)["value"]
    assert [row["id"] for row in local.get(VAULT)["properties"]["privateEndpointConnections"]] == [connection["id"]]


def test_what_azure_writes_itself_lags_too() -> None:
    local = Local()
    local.estate.endpoint()
    local.estate.zone()
    local.switches.record_lag = 10.0
    local.put(ZONE_GROUP, zone_group_body())
    local.later(6)
    assert local.get(ZONE_GROUP)["properties"]["provisioningState"] == "Succeeded"
    assert _addresses(local) == []
    local.later(10)
    assert _addresses(local) == ["10.1.0.4"]


def test_work_that_was_due_long_ago_counts_from_its_due_time() -> None:
    local = Local()
    local.estate.endpoint()
    local.estate.zone()
    local.switches.record_lag = 10.0
    local.put(ZONE_GROUP, zone_group_body())
    local.time.advance(16)
    assert _addresses(local) == ["10.1.0.4"]


def test_without_a_lag_reads_show_the_present_again() -> None:
    local = Local()
    local.estate.zone()
    local.switches.record_lag = 15.0
    local.put(RECORD, record_body("10.1.0.4"))
    assert _addresses(local) == []
    local.switches.record_lag = 0.0
    assert _addresses(local) == ["10.1.0.4"]
    local.switches.record_lag = 5.0
    local.put(RECORD, record_body("10.1.0.6"))
    assert _addresses(local) == ["10.1.0.4"]
    local.later(5)
    assert _addresses(local) == ["10.1.0.6"]
    assert local.get(ZONE)["properties"]["numberOfRecordSets"] == 2


def test_what_a_test_puts_in_place_is_seen_at_once() -> None:
    local = Local()
    local.switches.record_lag = 15.0
    local.estate.zone()
    local.estate.put(RECORD, record_body("10.1.0.4"))
    assert _addresses(local) == ["10.1.0.4"]


def test_the_endpoint_s_view_of_a_decision_lags_behind_its_change_and_comes() -> None:
    local = Local()
    local.estate.endpoint()
    local.switches.endpoint_lag = 15.0

    def shown() -> str:
        [service] = local.get(ENDPOINT)["properties"]["privateLinkServiceConnections"]
        return str(service["properties"]["privateLinkServiceConnectionState"]["status"])

    [connection] = local.get(CONNECTIONS)["value"]
    body = {"properties": {"privateLinkServiceConnectionState": {"status": "Rejected"}}}
    assert local.put(connection["id"], body).status == 200
    local.later(62 + 14)
    assert shown() == "Approved"
    local.later(1)
    assert shown() == "Rejected"
    assert local.delete(connection["id"]).status == 202
    local.later(15 + 14)
    assert shown() == "Rejected"
    local.later(1)
    assert shown() == "Disconnected"


def test_an_older_state_never_takes_the_place_of_a_newer_one() -> None:
    local = Local()
    local.estate.zone()
    local.switches.record_lag = 15.0
    local.put(RECORD, record_body("10.1.0.4"))
    local.switches.record_lag = 5.0
    local.put(RECORD, record_body("10.1.0.5"))
    local.later(5)
    assert _addresses(local) == ["10.1.0.5"]
    local.later(10)
    assert _addresses(local) == ["10.1.0.5"]
