"""Paging, the counters of requests left, and what every answer carries."""

import re

import pytest

from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import (
    GROUP,
    GROUP_NAME,
    RECORD,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    ZONE_NAME,
    Estate,
    record_body,
    vault_body,
)


def _vaults(estate: Estate, count: int) -> list[str]:
    estate.group()
    paths = [f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-{number:02}" for number in range(count)]
    for path in paths:
        estate.put(path, vault_body())
    return paths


def test_a_short_list_is_one_page(arm: ArmClient, estate: Estate) -> None:
    paths = _vaults(estate, 3)
    body = arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()
    assert [row["id"] for row in body["value"]] == paths
    assert body["nextLink"] is None
    assert all("sku" in row["properties"] for row in body["value"])
    assert "nextLink" not in arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.Network/virtualNetworks").json()


def test_pages_are_linked_absolutely_and_complete(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    paths = _vaults(estate, 5)
    azure.switches.page_size = 2
    seen, url = [], f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults"
    sizes = []
    while url:
        body = arm.get(url).json()
        seen += [row["id"] for row in body["value"]]
        sizes.append(len(body["value"]))
        assert len(sizes) <= 3
        url = body["nextLink"]
        if url:
            assert url.startswith(f"{azure.url}/subscriptions/")
            assert "$skiptoken=" in url
            assert "api-version=2024-06-01" in url
    assert (seen, sizes) == (paths, [2, 2, 1])


def test_rows_deleted_between_pages_shift_nothing(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    paths = _vaults(estate, 4)
    azure.switches.page_size = 2
    first = arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()
    arm.delete(paths[0])
    second = arm.get(first["nextLink"]).json()
    assert [row["id"] for row in second["value"]] == paths[2:]


def test_top_makes_pages_smaller_and_never_larger(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    _vaults(estate, 4)
    azure.switches.page_size = 3
    path = f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults"
    small = arm.get(f"{path}?$top=1").json()
    assert len(small["value"]) == 1
    assert len(arm.get(small["nextLink"]).json()["value"]) == 1
    assert len(arm.get(f"{path}?$top=50").json()["value"]) == 3
    assert arm.get(f"{path}?$top=none").status_code == 400


def test_a_full_last_page_can_be_followed_by_an_empty_one(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    _vaults(estate, 2)
    azure.switches.page_size = 2
    azure.switches.empty_last_page = True
    first = arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()
    assert arm.get(first["nextLink"]).json() == {"value": [], "nextLink": None}


def test_record_sets_come_a_hundred_at_a_time(arm: ArmClient, estate: Estate, sdk: Sdk) -> None:
    estate.zone()
    for number in range(120):
        estate.put(f"{ZONE}/A/host-{number:03}", record_body("10.1.0.4"))
    assert len(arm.get(f"{ZONE}/A").json()["value"]) == 100
    assert len(list(sdk.privatedns.record_sets.list_by_type(GROUP_NAME, ZONE_NAME, "A"))) == 120
    assert len(list(sdk.privatedns.record_sets.list(GROUP_NAME, ZONE_NAME))) == 121
    assert len(list(sdk.privatedns.record_sets.list(GROUP_NAME, ZONE_NAME, top=50))) == 121


def test_a_forged_skip_token_is_refused(arm: ArmClient, estate: Estate) -> None:
    _vaults(estate, 1)
    assert arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults?$skiptoken=%ff%fe").status_code == 400


def test_every_answer_counts_requests_and_names_itself(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    first, second = arm.get(VAULT), arm.get(VAULT, headers={"x-ms-correlation-request-id": "mine"})
    left = "x-ms-ratelimit-remaining-subscription-reads"
    assert int(second.headers[left]) <= int(first.headers[left]) <= 249
    assert int(first.headers["x-ms-ratelimit-remaining-subscription-global-reads"]) <= 3749
    assert first.headers["x-ms-request-id"] != second.headers["x-ms-request-id"]
    assert second.headers["x-ms-correlation-request-id"] == "mine"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", first.headers["Date"])
    assert first.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "x-ms-ratelimit-remaining-subscription-writes" in arm.patch(VAULT, {"tags": {}}).headers
    assert "x-ms-ratelimit-remaining-subscription-deletes" in arm.delete(VAULT).headers


def test_private_dns_shows_its_own_scarce_counter(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    estate.zone()
    left = "x-ms-ratelimit-remaining-subscription-resource-requests"
    read = arm.get(ZONE)
    assert read.headers[left] == "499"
    assert "x-ms-ratelimit-remaining-subscription-reads" not in read.headers
    assert arm.put(RECORD, record_body("10.1.0.4")).headers[left] == "11999"
    assert int(arm.get(RECORD).headers[left]) <= 499


@pytest.mark.parametrize("path", ["/subscriptions", SUBSCRIPTION_ID, f"{SUBSCRIPTION_ID}/resourceGroups", GROUP])
def test_subscriptions_and_groups_are_read(arm: ArmClient, estate: Estate, azure: LocalAzure, path: str) -> None:
    estate.group()
    body = arm.get(path).json()
    [found] = body.get("value", [body])
    assert found["id"] in (SUBSCRIPTION_ID, GROUP)
    if "tenantId" in found:
        assert found["tenantId"] == azure.tenant


def test_the_plain_list_of_resources_has_no_properties(arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    rows = arm.get(f"{SUBSCRIPTION_ID}/resources?$filter=resourceType eq 'Microsoft.KeyVault/vaults'").json()["value"]
    assert [set(row) for row in rows] == [{"id", "name", "type", "location", "tags"}]
