"""The vault is closed, and rules of former times are still there."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate, closed_acls
from tests.scenarios.scenario import Remedy, Scenario, Write


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(
        GROUP_NAME, NAME, {"properties": {"networkAcls": closed_acls(ipRules=[{"value": "203.0.113.7/32"}])}}
    )
    return VAULT


SCENARIO = Scenario(
    "rules behind a closed door",
    "KVG103",
    make,
    (Remedy("set-network-acl", Applicability.APPROVAL, (Write("PATCH", VAULT),)),),
)
