"""A vault that anybody on the internet may knock at."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate
from tests.scenarios.scenario import Remedy, Scenario, Write


def make(estate: Estate) -> str:
    acls = {"defaultAction": "Allow", "bypass": "AzureServices", "ipRules": [{"value": "203.0.113.0/24"}]}
    properties = {"publicNetworkAccess": "Enabled", "networkAcls": acls}
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": properties})
    return VAULT


SCENARIO = Scenario(
    "open to the internet",
    "KVG101",
    make,
    (
        Remedy("set-public-access", Applicability.APPROVAL, (Write("PATCH", VAULT),)),
        Remedy("set-network-acl", Applicability.APPROVAL, (Write("PATCH", VAULT),)),
    ),
)
