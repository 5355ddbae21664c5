"""The endpoint was replaced and its record stayed behind."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import (
    GROUP,
    GROUP_NAME,
    LOCATION,
    NAME,
    RECORD,
    SUBNET,
    VAULT,
    Estate,
    endpoint_body,
)
from tests.scenarios.scenario import Expect, Remedy, Scenario, Under, Write

SECOND = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-second"


def make_replaced(estate: Estate) -> str:
    """Another endpoint takes the place of the first, whose address nobody has any more."""
    endpoints = estate.sdk.network.private_endpoints
    endpoints.begin_create_or_update(GROUP_NAME, "pe-second", endpoint_body(VAULT, SUBNET)).result()
    endpoints.begin_delete(GROUP_NAME, "pe-orders").result()
    return RECORD


def prepare_unprotected(estate: Estate) -> None:
    estate.usual()
    estate.delete(VAULT)
    estate.azure.service.world.store.deleted_vaults.clear()
    estate.delete(GROUP + "/providers/Microsoft.Network/privateEndpoints/pe-orders")
    estate.vault(enablePurgeProtection=None)
    estate.endpoint()


def make_purged(estate: Estate) -> str:
    """The vault and its endpoint are gone for good."""
    vaults = estate.sdk.keyvault.vaults
    estate.sdk.network.private_endpoints.begin_delete(GROUP_NAME, "pe-orders").result()
    vaults.delete(GROUP_NAME, NAME)
    vaults.begin_purge_deleted(NAME, LOCATION).result()
    return RECORD


def make_soft_deleted(estate: Estate) -> str:
    """The vault can be recovered any day, and its record with it."""
    estate.sdk.network.private_endpoints.begin_delete(GROUP_NAME, "pe-orders").result()
    estate.sdk.keyvault.vaults.delete(GROUP_NAME, NAME)
    return RECORD


def make_moved(estate: Estate) -> str:
    """The vault lives on in another resource group."""
    make_purged(estate)
    estate.vault(VAULT.replace(GROUP_NAME, "Rg-New"))
    return RECORD


SCENARIO = Scenario(
    "the vault was purged",
    "KVG414",
    make_purged,
    (Remedy("delete-record", Applicability.APPROVAL, (Write("DELETE", RECORD, Under.ETAG),)),),
    prepare=prepare_unprotected,
    companions=frozenset({"KVG207"}),
)
TRAPS = (
    Scenario("the vault can be recovered", "KVG414", make_soft_deleted, expect=Expect.SILENT),
    Scenario("the vault was moved", "KVG414", make_moved, expect=Expect.SILENT, prepare=prepare_unprotected),
)
