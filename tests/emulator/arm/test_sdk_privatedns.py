"""The SDK's private DNS client against the local Resource Manager."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from emulator.azure import LocalAzure
from tests.emulator.arm.client import Sdk
from tests.emulator.arm.estate import (
    GROUP_NAME,
    LINK,
    RECORD,
    ZONE,
    ZONE_NAME,
    Estate,
    link_body,
    record_body,
)

OTHER_RECORDS: list[tuple[str, dict[str, Any]]] = [
    ("AAAA", {"aaaaRecords": [{"ipv6Address": "fd00::4"}]}),
    ("CNAME", {"cnameRecord": {"cname": "elsewhere.example.com"}}),
    ("MX", {"mxRecords": [{"preference": 10, "exchange": "mail.example.com"}]}),
    ("PTR", {"ptrRecords": [{"ptrdname": "host.example.com"}]}),
    ("SRV", {"srvRecords": [{"priority": 1, "weight": 2, "port": 443, "target": "host.example.com"}]}),
    ("TXT", {"txtRecords": [{"value": ["some", "text"]}]}),
]


def test_a_zone_is_created_read_listed_tagged_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.group()
    zones = sdk.privatedns.private_zones
    created = zones.begin_create_or_update(GROUP_NAME, ZONE_NAME, {"location": "global"}).result()
    assert created.id == ZONE
    assert created.properties.number_of_record_sets == 1
    tagged = zones.begin_update(GROUP_NAME, ZONE_NAME, {"tags": {"team": "dns"}}).result()
    assert tagged.tags == {"team": "dns"}
    assert [row.id for row in zones.list()] == [ZONE]
    assert [row.tags for row in zones.list_by_resource_group(GROUP_NAME)] == [{"team": "dns"}]
    zones.begin_delete(GROUP_NAME, ZONE_NAME).result()
    with pytest.raises(ResourceNotFoundError):
        zones.get(GROUP_NAME, ZONE_NAME)


def test_a_link_is_created_read_listed_updated_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.network()
    estate.zone()
    links = sdk.privatedns.virtual_network_links
    created = links.begin_create_or_update(GROUP_NAME, ZONE_NAME, "Link-Spoke", link_body()).result()
    assert created.id == LINK
    assert created.properties.virtual_network_link_state == "Completed"
    changed = links.begin_update(
        GROUP_NAME, ZONE_NAME, "Link-Spoke", {"properties": {"resolutionPolicy": "NxDomainRedirect"}}
    ).result()
    assert changed.properties.resolution_policy == "NxDomainRedirect"
    assert [row.id for row in links.list(GROUP_NAME, ZONE_NAME)] == [LINK]
    assert sdk.privatedns.private_zones.get(GROUP_NAME, ZONE_NAME).properties.number_of_virtual_network_links == 1
    links.begin_delete(GROUP_NAME, ZONE_NAME, "Link-Spoke").result()
    with pytest.raises(ResourceNotFoundError):
        links.get(GROUP_NAME, ZONE_NAME, "Link-Spoke")


def test_an_a_record_is_created_read_listed_patched_and_deleted(sdk: Sdk, estate: Estate) -> None:
    estate.zone()
    records = sdk.privatedns.record_sets
    created = records.create_or_update(GROUP_NAME, ZONE_NAME, "A", "Kv-Orders", record_body("10.1.0.4"))
    assert created.id == RECORD
    assert created.name == "kv-orders"
    assert created.properties.fqdn == "kv-orders.privatelink.vaultcore.azure.net."
    patched = records.update(GROUP_NAME, ZONE_NAME, "A", "kv-orders", {"properties": {"ttl": 300}})
    assert patched.properties.ttl == 300
    assert [row.ipv4_address for row in patched.properties.a_records] == ["10.1.0.4"]
    assert [row.name for row in records.list_by_type(GROUP_NAME, ZONE_NAME, "A")] == ["kv-orders"]
    assert [row.name for row in records.list(GROUP_NAME, ZONE_NAME)] == ["kv-orders", "@"]
    records.delete(GROUP_NAME, ZONE_NAME, "A", "kv-orders")
    with pytest.raises(ResourceNotFoundError):
        records.get(GROUP_NAME, ZONE_NAME, "A", "kv-orders")


@pytest.mark.parametrize(("record_type", "rows"), OTHER_RECORDS, ids=[kind for kind, _ in OTHER_RECORDS])
def test_other_record_types_are_created_read_listed_and_deleted(
    sdk: Sdk, estate: Estate, record_type: str, rows: dict[str, Any]
) -> None:
    estate.zone()
    records = sdk.privatedns.record_sets
    records.create_or_update(GROUP_NAME, ZONE_NAME, record_type, "thing", {"properties": {"ttl": 60, **rows}})
    read = records.get(GROUP_NAME, ZONE_NAME, record_type, "thing")
    [member] = rows
    assert read.as_dict()["properties"][member] == rows[member]
    assert [row.name for row in records.list_by_type(GROUP_NAME, ZONE_NAME, record_type)] == ["thing"]
    records.delete(GROUP_NAME, ZONE_NAME, record_type, "thing")
    assert list(records.list_by_type(GROUP_NAME, ZONE_NAME, record_type)) == []


def test_creating_only_if_missing_refuses_an_existing_record(sdk: Sdk, estate: Estate) -> None:
    estate.zone()
    records = sdk.privatedns.record_sets

    def create(address: str) -> None:
        records.create_or_update(
            GROUP_NAME, ZONE_NAME, "A", "x", record_body(address), match_condition=MatchConditions.IfMissing
        )

    create("10.1.0.4")
    with pytest.raises(ResourceExistsError) as caught:
        create("10.1.0.5")
    assert caught.value.status_code == 412
    assert caught.value.error is not None
    assert caught.value.error.code == "PreconditionFailed"
    [row] = records.get(GROUP_NAME, ZONE_NAME, "A", "x").properties.a_records
    assert row.ipv4_address == "10.1.0.4"


def test_a_bare_etag_in_the_header_updates_only_what_was_read(sdk: Sdk, estate: Estate, azure: LocalAzure) -> None:
    azure.switches.strict_etag = True
    estate.zone()
    records = sdk.privatedns.record_sets
    etag = str(records.create_or_update(GROUP_NAME, ZONE_NAME, "A", "x", record_body("10.1.0.4")).etag)
    body = record_body("10.1.0.5")
    records.create_or_update(GROUP_NAME, ZONE_NAME, "A", "x", body, headers={"If-Match": etag})
    with pytest.raises(HttpResponseError) as caught:
        records.create_or_update(GROUP_NAME, ZONE_NAME, "A", "x", body, headers={"If-Match": etag})
    assert caught.value.status_code == 412


def test_the_quoted_etag_of_the_sdk_is_refused_only_in_strict_mode(sdk: Sdk, estate: Estate, azure: LocalAzure) -> None:
    estate.zone()
    records = sdk.privatedns.record_sets

    def update(etag: str) -> str:
        updated = records.create_or_update(
            GROUP_NAME,
            ZONE_NAME,
            "A",
            "x",
            record_body("10.1.0.5"),
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
        )
        return str(updated.etag)

    first = str(records.create_or_update(GROUP_NAME, ZONE_NAME, "A", "x", record_body("10.1.0.4")).etag)
    second = update(first)
    assert azure.log.writes()[-1].request_headers["if-match"] == f'"{first}"'
    azure.switches.strict_etag = True
    with pytest.raises(ResourceModifiedError):
        update(second)
    assert azure.log.writes()[-1].request_headers["if-match"] == f'"{second}"'
