"""What the event hub tells: one event per change of a caller, at its end, and nothing of Azure's own doings."""

import threading

from emulator.arm.access import Principal
from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    RECORD,
    VAULT,
    ZONE_GROUP,
    Estate,
    endpoint_body,
    record_body,
    vault_body,
    zone_group_body,
)
from tests.emulator.conftest import HeldAzure


def _listen(azure: LocalAzure) -> list[ArmEvent]:
    events: list[ArmEvent] = []
    azure.service.world.events.subscribe(events.append)
    return events


def test_a_write_and_a_delete_tell_who_did_what(azure: LocalAzure, estate: Estate) -> None:
    estate.zone()
    events = _listen(azure)
    guard = ArmClient(azure, "guard")
    guard.put(RECORD, record_body("10.1.0.4"), headers={"x-ms-correlation-request-id": "chain"})
    guard.get(RECORD)
    guard.delete(RECORD)
    guard.delete(RECORD)
    written, deleted = events
    assert written.resource_id == RECORD
    assert written.operation_name == "Microsoft.Network/privateDnsZones/A/write"
    assert (written.kind, written.status, written.http_method) == (EventKind.WRITE, EventStatus.SUCCESS, "PUT")
    assert written.principal == Principal.named("guard")
    assert written.correlation_id == "chain"
    assert written.subscription == VAULT.split("/")[2]
    assert written.tenant == azure.tenant
    assert (deleted.operation_name, deleted.kind) == (
        "Microsoft.Network/privateDnsZones/A/delete",
        EventKind.DELETE,
    )


def test_a_long_operation_tells_of_its_end(held: HeldAzure) -> None:
    held.estate.vault()
    held.estate.network()
    events = _listen(held.azure)
    held.arm.put(ENDPOINT, endpoint_body())
    held.time.advance(39)
    held.arm.get(ENDPOINT)
    assert events == []
    held.time.advance(1)
    held.arm.get(ENDPOINT)
    assert [event.operation_name for event in events] == ["Microsoft.Network/privateEndpoints/write"]


def test_a_long_operation_tells_of_its_start_by_switch(held: HeldAzure) -> None:
    held.azure.switches.events_at_start = True
    held.estate.group()
    events = _listen(held.azure)
    held.arm.put(VAULT, vault_body())
    assert [event.resource_id for event in events] == [VAULT]
    held.time.advance(31)
    held.arm.get(VAULT)
    assert len(events) == 1


def test_the_record_of_a_zone_group_and_the_connection_of_an_endpoint_tell_nobody(
    azure: LocalAzure, estate: Estate, arm: ArmClient
) -> None:
    estate.vault()
    estate.network()
    estate.zone()
    events = _listen(azure)
    arm.put(ENDPOINT, endpoint_body())
    arm.put(ZONE_GROUP, zone_group_body())
    assert arm.get(RECORD).status_code == 200
    assert [event.resource_id for event in events] == [ENDPOINT, ZONE_GROUP]


def test_a_refusal_of_the_provider_is_a_failure_and_one_of_the_gateway_is_none(
    azure: LocalAzure, estate: Estate, arm: ArmClient
) -> None:
    estate.zone()
    estate.put(RECORD, record_body("10.1.0.4"))
    events = _listen(azure)
    arm.put(RECORD, record_body("10.1.0.5"), headers={"If-None-Match": "*"})
    azure.deny("guard", "Microsoft.Network")
    ArmClient(azure, "guard").put(RECORD, record_body("10.1.0.5"))
    arm.put(VAULT.replace("Rg-Kv-Prod", "absent"), vault_body())
    assert [(event.resource_id, event.status) for event in events] == [(RECORD, EventStatus.FAILURE)]


def test_a_group_s_deletion_tells_of_its_end(held: HeldAzure) -> None:
    held.estate.vault()
    events = _listen(held.azure)
    held.arm.delete(GROUP)
    assert events == []
    held.time.advance(15)
    held.arm.get(GROUP)
    assert [(event.operation_name, event.kind) for event in events] == [
        ("Microsoft.Resources/subscriptions/resourceGroups/delete", EventKind.DELETE)
    ]


def test_event_grid_gets_what_a_caller_wrote(azure: LocalAzure, estate: Estate, arm: ArmClient) -> None:
    estate.zone()
    arm.put(RECORD, record_body("10.1.0.4"))
    [event] = azure.grid.published
    assert event["eventType"] == "Microsoft.Resources.ResourceWriteSuccess"
    assert event["subject"].casefold() == RECORD.casefold()


def test_an_operation_ends_and_tells_though_nobody_asks() -> None:
    with LocalAzure(scale=0.001) as azure:
        Estate(azure).group()
        told = threading.Event()
        azure.service.world.events.subscribe(lambda _: told.set())
        ArmClient(azure).put(VAULT, vault_body())
        assert told.wait(2)
