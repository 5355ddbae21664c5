"""Long-running operations: first answers, headers and polling of each provider, looked at while time stands still."""

import re

from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK,
    RECORD,
    SUBNET,
    VAULT,
    ZONE,
    ZONE_GROUP,
    endpoint_body,
    link_body,
    network_body,
    record_body,
    vault_body,
    zone_group_body,
)
from tests.emulator.conftest import HeldAzure


def test_a_new_vault_registers_its_name_for_31_seconds(held: HeldAzure) -> None:
    held.estate.group()
    made = held.arm.put(VAULT, vault_body())
    assert made.status_code == 200
    assert "Location" not in made.headers
    assert "Azure-AsyncOperation" not in made.headers
    assert made.json()["properties"]["provisioningState"] == "RegisteringDns"
    held.time.advance(30.9)
    assert held.arm.get(VAULT).json()["properties"]["provisioningState"] == "RegisteringDns"
    held.time.advance(0.1)
    assert held.arm.get(VAULT).json()["properties"]["provisioningState"] == "Succeeded"


def test_an_update_of_a_vault_is_done_at_once(held: HeldAzure) -> None:
    held.estate.vault()
    changed = held.arm.put(VAULT, vault_body(publicNetworkAccess="Disabled"))
    assert changed.status_code == 200
    assert changed.json()["properties"]["provisioningState"] == "Succeeded"


def test_a_vault_is_deleted_at_once_and_an_absent_one_is_not_found(held: HeldAzure) -> None:
    held.estate.vault()
    gone = held.arm.delete(VAULT)
    assert (gone.status_code, gone.content) == (200, b"")
    assert held.arm.delete(VAULT).status_code == 404


def test_a_purge_is_asked_for_at_its_location(held: HeldAzure) -> None:
    held.estate.vault()
    held.estate.delete(VAULT)
    deleted = f"/subscriptions/{VAULT.split('/')[2]}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults"
    accepted = held.arm.call("POST", f"{deleted}/Kv-Orders/purge")
    assert accepted.status_code == 202
    assert accepted.headers["Retry-After"] == "5"
    location = accepted.headers["Location"]
    assert "/operationResults/" in location
    assert held.arm.get(location).status_code == 202
    held.time.advance(10)
    assert held.arm.get(location).status_code == 200
    assert held.arm.get(f"{deleted}/Kv-Orders").status_code == 404


def test_an_approval_answers_updating_and_points_to_the_connection_itself(held: HeldAzure) -> None:
    held.estate.endpoint(manual=True)
    [connection] = held.arm.get(f"{VAULT}/privateEndpointConnections").json()["value"]
    path = connection["id"]
    state = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "ok"}}}
    approved = held.arm.put(path, state)
    assert approved.status_code == 200
    assert approved.json()["properties"]["provisioningState"] == "Updating"
    assert "Retry-After" not in approved.headers
    poll = approved.headers["Azure-AsyncOperation"]
    assert f"{path}?api-version=" in poll
    assert "&kv-operation=" in poll
    held.time.advance(14)
    assert held.arm.get(poll).json()["properties"]["provisioningState"] == "Updating"
    held.time.advance(1)
    assert held.arm.get(poll).json()["properties"]["provisioningState"] == "Succeeded"


def _endpoint_status(held: HeldAzure) -> str:
    properties = held.arm.get(ENDPOINT).json()["properties"]
    [service] = properties["privateLinkServiceConnections"] + properties["manualPrivateLinkServiceConnections"]
    return str(service["properties"]["privateLinkServiceConnectionState"]["status"])


def _decide(held: HeldAzure, status: str) -> None:
    [connection] = held.arm.get(f"{VAULT}/privateEndpointConnections").json()["value"]
    held.arm.put(connection["id"], {"properties": {"privateLinkServiceConnectionState": {"status": status}}})


def test_the_endpoint_shows_an_approval_after_38_seconds(held: HeldAzure) -> None:
    held.estate.endpoint(manual=True)
    _decide(held, "Approved")
    held.time.advance(37)
    assert _endpoint_status(held) == "Pending"
    held.time.advance(1)
    assert _endpoint_status(held) == "Approved"


def test_the_endpoint_shows_a_rejection_after_62_seconds(held: HeldAzure) -> None:
    held.estate.endpoint()
    _decide(held, "Rejected")
    held.time.advance(61)
    assert _endpoint_status(held) == "Approved"
    held.time.advance(1)
    assert _endpoint_status(held) == "Rejected"


def test_a_connection_is_deleted_behind_a_location_without_retry_after(held: HeldAzure) -> None:
    held.estate.endpoint()
    [connection] = held.arm.get(f"{VAULT}/privateEndpointConnections").json()["value"]
    accepted = held.arm.delete(connection["id"])
    assert (accepted.status_code, accepted.content) == (202, b"")
    assert "Retry-After" not in accepted.headers
    location = accepted.headers["Location"]
    assert "kv-operation=" in location
    assert held.arm.get(location).status_code == 202
    assert held.arm.get(connection["id"]).json()["properties"]["provisioningState"] == "Deleting"
    held.time.advance(15)
    assert held.arm.get(location).status_code == 204
    assert held.arm.get(connection["id"]).status_code == 404
    assert _endpoint_status(held) == "Disconnected"


def test_an_endpoint_takes_40_seconds_and_its_status_is_200_with_growing_waits(held: HeldAzure) -> None:
    held.estate.vault()
    held.estate.network()
    made = held.arm.put(ENDPOINT, endpoint_body())
    assert made.status_code == 201
    assert made.headers["Azure-AsyncNotification"] == "Enabled"
    assert made.headers["Retry-After"] == "10"
    assert "Location" not in made.headers
    status = made.headers["Azure-AsyncOperation"]
    assert "/providers/Microsoft.Network/locations/westeurope/operations/" in status
    waits = []
    for _ in range(3):
        running = held.arm.get(status)
        assert (running.status_code, running.json()) == (200, {"status": "InProgress"})
        waits.append(running.headers["Retry-After"])
    assert waits == ["10", "20", "40"]
    held.time.advance(40)
    done = held.arm.get(status)
    assert (done.status_code, done.json()) == (200, {"status": "Succeeded"})
    assert "Retry-After" not in done.headers
    assert held.arm.put(ENDPOINT, endpoint_body()).status_code == 200


def test_an_endpoint_is_deleted_with_status_and_location(held: HeldAzure) -> None:
    held.estate.endpoint()
    accepted = held.arm.delete(ENDPOINT)
    assert accepted.status_code == 202
    assert "Azure-AsyncOperation" in accepted.headers
    location = accepted.headers["Location"]
    assert held.arm.get(location).status_code == 202
    assert held.arm.get(ENDPOINT).json()["properties"]["provisioningState"] == "Deleting"
    held.time.advance(13)
    assert held.arm.get(location).status_code == 204
    assert held.arm.get(ENDPOINT).status_code == 404
    assert held.arm.delete(ENDPOINT).status_code == 204


def test_a_zone_group_writes_its_record_when_its_operation_ends(held: HeldAzure) -> None:
    held.estate.endpoint()
    held.estate.zone()
    made = held.arm.put(ZONE_GROUP, zone_group_body())
    assert made.status_code == 201
    assert held.arm.get(RECORD).status_code == 404
    held.time.advance(6)
    record = held.arm.get(RECORD).json()["properties"]
    assert record["aRecords"] == [{"ipv4Address": "10.1.0.4"}]
    assert record["ttl"] == 10
    guid = held.arm.get(ENDPOINT).json()["properties"]["resourceGuid"]
    creator = f"created by private endpoint Pe-Orders with resource guid {guid}"
    assert record["metadata"] == {"creator": creator}
    assert held.arm.put(ZONE_GROUP, zone_group_body()).status_code == 200


def test_child_and_endpoint_are_deleted_side_by_side(held: HeldAzure) -> None:
    held.estate.everything()
    assert held.arm.delete(ZONE_GROUP).status_code == 202
    assert held.arm.delete(ENDPOINT).status_code == 202
    held.time.advance(20)
    assert held.arm.get(ENDPOINT).status_code == 404
    assert held.arm.get(RECORD).status_code == 404


def test_a_network_and_a_subnet_ask_to_come_back_after_3_seconds(held: HeldAzure) -> None:
    held.estate.group()
    made = held.arm.put(NETWORK, network_body())
    assert (made.status_code, made.headers["Retry-After"]) == (201, "3")
    held.time.advance(4)
    subnet = held.arm.put(SUBNET, {"properties": {"addressPrefix": "10.1.0.0/25"}})
    assert (subnet.status_code, subnet.headers["Retry-After"]) == (200, "3")


def test_a_zone_is_accepted_with_an_empty_object_and_its_status_is_202_while_it_runs(held: HeldAzure) -> None:
    held.estate.group()
    made = held.arm.put(ZONE, {"location": "global"})
    assert (made.status_code, made.json()) == (202, {})
    assert made.headers["Retry-After"] == "30"
    status, location = made.headers["Azure-AsyncOperation"], made.headers["Location"]
    assert "/privateDnsOperationStatuses/" in status
    assert "/privateDnsOperationResults/" in location
    running = held.arm.get(status)
    assert (running.status_code, running.json()) == (202, {"status": "InProgress"})
    assert held.arm.get(location).status_code == 202
    held.time.advance(30)
    done = held.arm.get(status)
    assert (done.status_code, done.json()) == (200, {"status": "Succeeded"})
    assert held.arm.get(location).json()["id"] == ZONE


def test_a_link_is_in_progress_for_30_seconds(held: HeldAzure) -> None:
    held.estate.network()
    held.estate.zone()
    made = held.arm.put(LINK, link_body())
    assert (made.status_code, made.json()) == (202, {})
    assert held.arm.get(LINK).json()["properties"]["virtualNetworkLinkState"] == "InProgress"
    held.time.advance(30)
    assert held.arm.get(LINK).json()["properties"]["virtualNetworkLinkState"] == "Completed"


def test_a_link_is_deleted_with_an_empty_202_and_blocks_its_zone_meanwhile(held: HeldAzure) -> None:
    held.estate.network()
    held.estate.zone()
    held.estate.put(LINK, link_body())
    accepted = held.arm.delete(LINK)
    assert (accepted.status_code, accepted.content) == (202, b"")
    refused = held.arm.delete(ZONE)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "CannotDeleteResource"
    held.time.advance(30)
    assert held.arm.get(LINK).status_code == 404
    assert held.arm.delete(ZONE).status_code == 202


def test_a_record_is_written_and_deleted_at_once(held: HeldAzure) -> None:
    held.estate.zone()
    made = held.arm.put(RECORD, record_body("10.1.0.4"))
    assert made.status_code == 201
    assert made.headers["ETag"] == made.json()["etag"]
    assert held.arm.put(RECORD, record_body("10.1.0.5")).status_code == 200
    assert held.arm.delete(RECORD).status_code == 200
    assert held.arm.delete(RECORD).status_code == 204


def test_a_group_is_deleted_with_all_that_is_in_it(held: HeldAzure) -> None:
    held.estate.everything()
    accepted = held.arm.delete(GROUP)
    assert accepted.status_code == 202
    location = accepted.headers["Location"]
    assert re.search(r"/subscriptions/[^/]+/operationresults/", location)
    assert held.arm.get(location).status_code == 202
    held.time.advance(15)
    assert held.arm.get(location).status_code == 200
    assert held.arm.get(GROUP).status_code == 404
    assert held.azure.store.all() == []
    assert held.arm.delete(VAULT).json()["error"]["code"] == "ResourceGroupNotFound"


def test_an_unknown_operation_is_not_found(held: HeldAzure) -> None:
    base = f"/subscriptions/{VAULT.split('/')[2]}/providers/Microsoft.Network/locations/westeurope/operations"
    assert held.arm.get(f"{base}/00000000-0000-0000-0000-000000000000").status_code == 404
