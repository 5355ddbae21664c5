"""The states in which the local Resource Manager refuses a request: a body under tests/arm -> what brings it about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import (
    ENDPOINT,
    NETWORK,
    RECORD,
    SUBNET,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ZONE_NAME,
    endpoint_body,
    link_body,
    network_body,
    record_body,
    zone_group_body,
)
from tests.emulator.conftest import HeldAzure

DELETED = f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/Kv-Orders"
Producer = Callable[[HeldAzure], Any]


def _absent(path: str, *, group: bool = True) -> Producer:
    def produce(held: HeldAzure) -> Any:
        if group:
            held.estate.group()
        return held.arm.get(path).json()

    return produce


def _refused_record(headers: dict[str, str]) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.zone()
        held.estate.put(RECORD, record_body("10.1.0.4"))
        return held.arm.put(RECORD, record_body("10.1.0.5"), headers=headers).json()

    return produce


def _no_rights(held: HeldAzure) -> Any:
    held.estate.vault()
    held.azure.deny("guard", "Microsoft.KeyVault/")
    return ArmClient(held.azure, "guard").get(VAULT).json()


def _no_rights_on_linked(held: HeldAzure) -> Any:
    held.estate.endpoint()
    held.estate.put(ZONE, {"location": "global"})
    held.azure.deny("guard", "Microsoft.Network/privateDnsZones/join/action")
    return ArmClient(held.azure, "guard").put(ZONE_GROUP, zone_group_body()).json()


def _zone_with_links(held: HeldAzure) -> Any:
    held.estate.everything()
    return held.arm.delete(ZONE).json()


def _network_busy(held: HeldAzure) -> Any:
    held.estate.group()
    held.arm.put(NETWORK, network_body())
    return held.arm.put(NETWORK, network_body()).json()


def _subnet_busy(held: HeldAzure) -> Any:
    held.estate.vault()
    held.estate.network()
    held.arm.put(SUBNET, {"properties": {"addressPrefix": "10.1.0.0/24"}})
    return held.arm.put(ENDPOINT, endpoint_body()).json()


def _not_provisioned(held: HeldAzure) -> Any:
    held.estate.vault()
    held.estate.network()
    held.arm.put(ENDPOINT, endpoint_body())
    held.estate.zone()
    return held.arm.put(ZONE_GROUP, zone_group_body()).json()


def _invalid_reference(held: HeldAzure) -> Any:
    held.estate.vault()
    return held.arm.put(ENDPOINT, endpoint_body()).json()


def _subnet_in_use(held: HeldAzure) -> Any:
    held.estate.endpoint()
    return held.arm.delete(SUBNET).json()


def _overlapping(held: HeldAzure) -> Any:
    held.estate.everything()
    other = f"{SUBSCRIPTION_ID}/resourceGroups/rg-dns"
    held.estate.put(other, {"location": "westeurope"})
    zone = f"{other}/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"
    held.estate.put(zone, {"location": "global"})
    return held.arm.put(f"{zone}/virtualNetworkLinks/again", link_body()).json()


REFUSALS: dict[str, Producer] = {
    "error-deleted-vault-not-found": _absent(DELETED),
    "error-etag-mismatch-flat": _refused_record({"If-Match": "other"}),
    "error-group-not-found": _absent(VAULT, group=False),
    "error-invalid-reference": _invalid_reference,
    "error-network-busy": _network_busy,
    "error-no-rights": _no_rights,
    "error-no-rights-on-linked": _no_rights_on_linked,
    "error-overlapping-namespaces": _overlapping,
    "error-parent-not-found": _absent(RECORD),
    "error-record-exists-flat": _refused_record({"If-None-Match": "*"}),
    "error-resource-not-found": _absent(VAULT),
    "error-retryable-another-operation": _subnet_busy,
    "error-retryable-not-provisioned": _not_provisioned,
    "error-subnet-in-use": _subnet_in_use,
    "error-subscription-not-found": _absent("/subscriptions/99999999-0000-4000-8000-000000000000"),
    "error-zone-with-links": _zone_with_links,
}
