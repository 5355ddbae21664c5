"""Error bodies, their statuses and headers, and preconditions."""

from typing import Any

import pytest

from emulator.azure import SUBSCRIPTION, LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    SUBNET,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_NAME,
    Estate,
    endpoint_body,
    link_body,
    network_body,
    record_body,
    vault_body,
    zone_group_body,
)
from tests.emulator.conftest import HeldAzure


def _code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_absent_resource_is_not_found_by_the_gateway(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    answer = arm.get(VAULT)
    assert _code(answer) == (404, "ResourceNotFound")
    assert answer.headers["x-ms-failure-cause"] == "gateway"
    message = "The Resource 'Microsoft.KeyVault/vaults/Kv-Orders' under resource group 'Rg-Kv-Prod' was not found."
    assert answer.json()["error"]["message"].startswith(message)


def test_an_absent_group_comes_before_an_absent_resource_even_for_delete(arm: ArmClient) -> None:
    assert _code(arm.get(VAULT)) == (404, "ResourceGroupNotFound")
    assert _code(arm.put(VAULT, vault_body())) == (404, "ResourceGroupNotFound")
    assert _code(arm.delete(ENDPOINT)) == (404, "ResourceGroupNotFound")


def test_an_unknown_subscription_is_not_found(arm: ArmClient) -> None:
    path = VAULT.replace(SUBSCRIPTION, "99999999-0000-4000-8000-000000000000")
    assert _code(arm.get(path)) == (404, "SubscriptionNotFound")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RECORD, record_body("10.1.0.4")),
        (LINK, link_body()),
        (SUBNET, {"properties": {"addressPrefix": "10.1.0.0/24"}}),
        (ZONE_GROUP, zone_group_body()),
    ],
)
def test_a_child_without_its_parent_names_the_parent(
    arm: ArmClient, estate: Estate, path: str, body: dict[str, Any]
) -> None:
    estate.group()
    for answer in (arm.get(path), arm.put(path, body)):
        assert _code(answer) == (404, "ParentResourceNotFound")
        assert f"'{path.rsplit('/', 2)[0]}'" in answer.json()["error"]["message"]


def test_deleting_a_record_of_a_vanished_zone_names_the_parent(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    assert _code(arm.delete(RECORD)) == (404, "ParentResourceNotFound")


def test_a_failed_precondition_has_a_flat_body(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    arm.put(RECORD, record_body("10.1.0.4"))
    exists = arm.put(RECORD, record_body("10.1.0.5"), headers={"If-None-Match": "*"})
    assert exists.status_code == 412
    assert exists.json() == {
        "code": "PreconditionFailed",
        "message": "The Record set kv-orders exists already and hence cannot be created again.",
    }
    moved = arm.put(RECORD, record_body("10.1.0.5"), headers={"If-Match": "00000000-0000-0000-0000-000000000000"})
    assert moved.status_code == 412
    assert moved.json()["message"] == "The Record set kv-orders has been modified (etag mismatch)."
    assert arm.get(RECORD).json()["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.4"}]


def test_preconditions_hold_for_deletes_zones_and_links_too(arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    wrong = {"If-Match": "other"}
    for path in (RECORD, LINK, ZONE):
        assert arm.delete(path, headers=wrong).status_code == 412
    for path, body in ((LINK, link_body()), (ZONE, {"location": "global"})):
        assert arm.put(path, body, headers={"If-None-Match": "*"}).status_code == 412
    etag = arm.get(LINK).json()["etag"]
    assert etag.startswith('"')
    assert arm.delete(LINK, headers={"If-Match": etag}).status_code == 202


def test_if_match_on_an_absent_record_fails(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    assert arm.put(RECORD, record_body("10.1.0.4"), headers={"If-Match": "*"}).status_code == 412
    assert arm.get(RECORD).status_code == 404


def test_a_network_cannot_be_linked_to_two_zones_of_one_name(arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    other_group = f"{SUBSCRIPTION_ID}/resourceGroups/rg-dns"
    estate.put(other_group, {"location": "westeurope"})
    other = f"{other_group}/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"
    estate.put(other, {"location": "global"})
    spelled_otherwise = NETWORK.replace("Vnet-Spoke", "VNET-SPOKE")
    answer = arm.put(f"{other}/virtualNetworkLinks/again", link_body(spelled_otherwise))
    assert _code(answer) == (400, "BadRequest")
    assert answer.json()["error"]["message"].startswith(
        "A virtual network cannot be linked to multiple zones with overlapping namespaces."
    )
    second = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Other"
    estate.put(second, network_body("10.2.0.0/16", "10.2.0.0/24"))
    assert arm.put(f"{other}/virtualNetworkLinks/fine", link_body(second)).status_code == 202


def test_a_network_registers_its_machines_in_one_zone_only(arm: ArmClient, estate: Estate) -> None:
    estate.network()
    for name in ("one.internal", "two.internal"):
        estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/{name}", {"location": "global"})
    first = f"{NETWORK_PROVIDER}/privateDnsZones/one.internal/virtualNetworkLinks/l"
    second = f"{NETWORK_PROVIDER}/privateDnsZones/two.internal/virtualNetworkLinks/l"
    assert arm.put(first, link_body(registrationEnabled=True)).status_code == 202
    assert arm.put(second, link_body(registrationEnabled=True)).status_code == 409
    zone = arm.get(f"{NETWORK_PROVIDER}/privateDnsZones/one.internal").json()["properties"]
    assert zone["numberOfVirtualNetworkLinksWithRegistration"] == 1


def test_a_zone_with_links_cannot_be_deleted(arm: ArmClient, estate: Estate) -> None:
    estate.everything()
    assert _code(arm.delete(ZONE)) == (409, "CannotDeleteResource")
    assert arm.get(ZONE).status_code == 200


def test_a_subnet_in_use_cannot_be_deleted(arm: ArmClient, estate: Estate) -> None:
    estate.endpoint()
    assert _code(arm.delete(SUBNET)) == (400, "InUseSubnetCannotBeDeleted")
    assert _code(arm.delete(NETWORK)) == (400, "InUseSubnetCannotBeDeleted")


def test_a_refused_network_leaves_no_part_behind(arm: ArmClient, estate: Estate) -> None:
    estate.network()
    bad = network_body(subnet="10.99.0.0/24")
    bad["properties"]["subnets"][0]["name"] = "Snet-Outside"
    assert _code(arm.put(NETWORK, bad)) == (400, "NetcfgInvalidSubnet")
    assert [row["id"] for row in arm.get(f"{NETWORK}/subnets").json()["value"]] == [SUBNET]
    assert arm.get(NETWORK).json()["properties"]["provisioningState"] == "Succeeded"


def test_references_to_nothing_are_refused(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    assert _code(arm.put(ENDPOINT, endpoint_body())) == (400, "InvalidResourceReference")
    estate.network()
    estate.put(ENDPOINT, endpoint_body())
    assert _code(arm.put(ZONE_GROUP, zone_group_body())) == (400, "InvalidResourceReference")


def test_a_busy_network_refuses_with_409_and_names_the_operation(held: HeldAzure) -> None:
    held.estate.group()
    held.arm.put(NETWORK, network_body())
    answer = held.arm.put(f"{NETWORK}/subnets/more", {"properties": {"addressPrefix": "10.1.2.0/24"}})
    assert _code(answer) == (409, "AnotherOperationInProgress")
    assert "/operations/" in answer.json()["error"]["message"]
    held.time.advance(4)
    assert held.arm.put(f"{NETWORK}/subnets/more", {"properties": {"addressPrefix": "10.1.2.0/24"}}).status_code == 201


def test_a_busy_dependency_is_a_429_that_is_no_throttling(held: HeldAzure) -> None:
    held.estate.vault()
    held.estate.network()
    held.arm.put(SUBNET, {"properties": {"addressPrefix": "10.1.0.0/24"}})
    busy = held.arm.put(ENDPOINT, endpoint_body())
    assert _code(busy) == (429, "RetryableError")
    assert busy.headers["Retry-After"] == "12"
    assert busy.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
    held.time.advance(4)
    assert held.arm.put(ENDPOINT, endpoint_body()).status_code == 201


def test_an_unprovisioned_endpoint_is_a_429_without_retry_after(held: HeldAzure) -> None:
    held.estate.vault()
    held.estate.network()
    held.estate.zone()
    held.arm.put(ENDPOINT, endpoint_body())
    early = held.arm.put(ZONE_GROUP, zone_group_body())
    assert _code(early) == (429, "RetryableError")
    assert early.json()["error"]["details"][0]["code"] == "ReferencedResourceNotProvisioned"
    assert "Retry-After" not in early.headers
    held.azure.switches.network_conflicts = False
    assert held.arm.put(ZONE_GROUP, zone_group_body()).status_code == 201


def test_a_vault_name_is_unique_and_well_formed(arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    other = f"{SUBSCRIPTION_ID}/resourceGroups/rg-other"
    estate.put(other, {"location": "westeurope"})
    vaults = f"{other}/providers/Microsoft.KeyVault/vaults"
    assert _code(arm.put(f"{vaults}/KV-ORDERS", vault_body())) == (409, "VaultAlreadyExists")
    assert _code(arm.put(f"{vaults}/a--b", vault_body())) == (400, "VaultNameNotValid")
    estate.delete(VAULT)
    assert _code(arm.put(VAULT, vault_body())) == (409, "ConflictError")
    assert arm.put(VAULT, vault_body(createMode="recover")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"properties": {"ttl": 0, "aRecords": []}},
        {"properties": {"aRecords": []}},
        record_body("10.1.0.400"),
        record_body(*[f"10.1.0.{number}" for number in range(1, 22)]),
    ],
    ids=["ttl zero", "no ttl", "no address", "21 addresses"],
)
def test_a_bad_record_is_refused(arm: ArmClient, estate: Estate, body: dict[str, Any]) -> None:
    estate.zone()
    assert _code(arm.put(RECORD, body)) == (400, "BadRequest")
    assert arm.get(RECORD).status_code == 404


def test_an_alias_stands_alone(arm: ArmClient, estate: Estate) -> None:
    estate.zone()
    arm.put(RECORD, record_body("10.1.0.4"))
    alias = {"properties": {"ttl": 60, "cnameRecord": {"cname": "elsewhere.example.com"}}}
    refused = arm.put(f"{ZONE}/CNAME/kv-orders", alias)
    assert refused.status_code == 409
    assert refused.json()["code"] == "Conflict"
    assert arm.get(f"{ZONE}/CNAME/kv-orders").status_code == 404
    assert arm.delete(RECORD).status_code == 200
    assert arm.put(f"{ZONE}/CNAME/kv-orders", alias).status_code == 201
    assert arm.put(RECORD, record_body("10.1.0.4")).status_code == 409
    assert arm.get(RECORD).status_code == 404


def test_requests_that_make_no_sense_are_refused(arm: ArmClient, estate: Estate) -> None:
    estate.group()
    assert _code(arm.get(VAULT, api=None)) == (400, "MissingApiVersionParameter")
    assert _code(arm.get(f"{GROUP}/providers/Microsoft.Nothing/things/x")) == (404, "InvalidResourceType")
    assert _code(arm.call("POST", VAULT)) == (405, "MethodNotAllowed")
    assert _code(arm.put(VAULT, ["no", "object"])) == (400, "InvalidRequestContent")
    assert _code(arm.put(VAULT, {"properties": {}})) == (400, "LocationRequired")
    assert _code(arm.put(VAULT, {"location": "westeurope", "properties": "text"})) == (400, "InvalidRequestContent")
    nonsense = network_body("no network")
    assert _code(arm.put(NETWORK, nonsense)) == (400, "InvalidRequestContent")
    assert arm.get(NETWORK).status_code == 404


def test_any_api_version_is_served(arm: ArmClient, estate: Estate, azure: LocalAzure) -> None:
    estate.vault()
    for version in ("2015-06-01", "2023-07-01", "2099-12-31-preview"):
        assert arm.get(VAULT, api=version).status_code == 200
        assert azure.log.since()[-1].api_version == version
