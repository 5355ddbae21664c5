"""The firewall admits a subnet whose traffic it can never recognise: no service endpoint is on it."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP_NAME, NAME, SUBNET, VAULT, Estate, closed_acls
from tests.scenarios.scenario import Remedy, Scenario, Write


def make(estate: Estate) -> str:
    rules = closed_acls(virtualNetworkRules=[{"id": SUBNET}])
    properties = {"publicNetworkAccess": "Enabled", "networkAcls": rules}
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": properties})
    return VAULT


SCENARIO = Scenario(
    "no service endpoint",
    "KVG110",
    make,
    (Remedy("set-network-acl", Applicability.APPROVAL, (Write("PATCH", VAULT),)),),
    companions=frozenset({"KVG103", "KVG106"}),
)
