"""The vault can be purged: whoever deletes it can make it gone for good."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate, vault_body
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    """Purge protection never goes off; the protected vault is deleted, its retention ends, another takes its name."""
    vaults = estate.sdk.keyvault.vaults
    vaults.delete(GROUP_NAME, NAME)
    estate.azure.service.world.store.deleted_vaults.clear()
    vaults.begin_create_or_update(GROUP_NAME, NAME, vault_body(enablePurgeProtection=None)).result()
    return VAULT


AFTERWARDS = frozenset({"KVG102", "KVG204", "KVG207", "KVG412", "KVG414", "KVG419", "KVG420"})
SCENARIO = Scenario("made anew without purge protection", "KVG605", make, companions=AFTERWARDS)
