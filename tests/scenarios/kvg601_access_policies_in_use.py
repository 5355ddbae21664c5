"""Access policies decide who may read secrets, and nobody sees them in Azure RBAC."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": {"enableRbacAuthorization": False}})
    return VAULT


SCENARIO = Scenario("RBAC switched off", "KVG601", make)
