"""One access policy allows everything."""

from __future__ import annotations

from tests.scenarios.azure import TENANT
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate
from tests.scenarios.scenario import Scenario

EVERYTHING = {
    "tenantId": TENANT,
    "objectId": "00000000-0000-4000-8000-00000000000a",
    "permissions": {"secrets": ["all"], "keys": ["get"]},
}


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(
        GROUP_NAME, NAME, {"properties": {"enableRbacAuthorization": False, "accessPolicies": [EVERYTHING]}}
    )
    return VAULT


SCENARIO = Scenario("all permissions", "KVG606", make, companions=frozenset({"KVG601"}))
