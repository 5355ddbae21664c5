"""Events look as documented."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from azure.eventgrid import SystemEventNames
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from emulator.eventgrid import cloud_event, event_grid_event
from emulator.eventgrid.envelope import event_type, subject, timestamp
from tests.emulator.eventgrid.arm import SUBSCRIPTION, VAULT, Change, Kind, Principal

_OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


def test_a_write_in_the_event_grid_schema() -> None:
    change = Change()
    event = event_grid_event(change, "id-1")
    data = event.pop("data")
    subject_text = event.pop("subject")
    assert subject_text.lower() == VAULT.lower()
    assert event == {
        "id": "id-1",
        "topic": f"/subscriptions/{SUBSCRIPTION}",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-21T10:20:30.1234560Z",
        "dataVersion": "2",
        "metadataVersion": "1",
    }
    authorization, claims = data.pop("authorization"), data.pop("claims")
    assert data == {
        "correlationId": change.correlation_id,
        "resourceProvider": "Microsoft.KeyVault",
        "resourceUri": VAULT,
        "operationName": "Microsoft.KeyVault/vaults/write",
        "status": "Succeeded",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": change.tenant,
    }
    assert (authorization["scope"], authorization["action"]) == (VAULT, "Microsoft.KeyVault/vaults/write")
    assert authorization["evidence"]["principalType"] == "ServicePrincipal"
    assert authorization["evidence"]["principalId"] == change.principal.oid.replace("-", "")
    assert claims["appid"] == change.principal.appid
    assert claims[_OID] == change.principal.oid
    assert claims["iss"] == f"https://sts.windows.net/{change.tenant}/"
    assert not {"name", _UPN, "ipaddr"} & set(claims)


def test_a_person_has_name_and_user_principal_name_in_the_claims() -> None:
    event = event_grid_event(Change(principal=Principal(name="Ada", upn="ada@example.com")))
    assert event["data"]["claims"]["name"] == "Ada"
    assert event["data"]["claims"][_UPN] == "ada@example.com"
    assert event["data"]["authorization"]["evidence"]["principalType"] == "User"


@pytest.mark.parametrize(("method", "present"), [("PUT", False), ("POST", False), ("PATCH", True), ("DELETE", True)])
def test_the_request_is_told_for_updates_and_deletes_only(method: str, present: bool) -> None:
    data = event_grid_event(Change(http_method=method))["data"]
    assert ("httpRequest" in data) is present
    if present:
        assert data["httpRequest"]["method"] == method
        assert data["httpRequest"]["url"].endswith(VAULT)


def test_the_nine_types_are_those_of_the_sdk() -> None:
    made = {
        event_type(Change(kind=kind, status=status)) for kind in Kind for status in ("Success", "Failure", "Cancel")
    }
    known = {name.value for name in SystemEventNames if name.value.startswith("Microsoft.Resources.Resource")}
    assert made == known


@pytest.mark.parametrize(("status", "word"), [("Success", "Succeeded"), ("Failure", "Failed"), ("Cancel", "Canceled")])
def test_the_status_word_in_the_data(status: str, word: str) -> None:
    assert event_grid_event(Change(status=status))["data"]["status"] == word


def test_the_subject_spells_resource_groups_both_ways_and_repeatably() -> None:
    changes = [Change(correlation_id=str(number)) for number in range(40)]
    spellings = [subject(change).split("/")[3] for change in changes]
    assert set(spellings) == {"resourceGroups", "resourcegroups"}
    assert [subject(change).split("/")[3] for change in changes] == spellings


def test_times_are_utc_with_seven_digits() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.0000000Z"
    east = timezone(timedelta(hours=2))
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=east)) == "2026-01-02T01:04:05.0000060Z"


def test_a_cloud_event_has_source_and_type_and_no_versions() -> None:
    event = event_grid_event(Change(), "id-1")
    cloud = cloud_event(event)
    assert cloud == {
        "specversion": "1.0",
        "id": "id-1",
        "source": event["topic"],
        "subject": event["subject"],
        "type": event["eventType"],
        "time": event["eventTime"],
        "data": event["data"],
    }


@pytest.mark.parametrize("cloud", [False, True])
def test_the_functions_library_decodes_both_schemas(cloud: bool) -> None:
    event = event_grid_event(Change(), "id-1")
    text = json.dumps(cloud_event(event) if cloud else event)
    decoded = EventGridEventInConverter.decode(Datum(text, "json"), trigger_metadata={})
    assert type(decoded).__name__ == ("CloudEvent" if cloud else "EventGridEvent")
    assert decoded.id == "id-1"
    assert decoded.get_json()["resourceUri"] == VAULT
