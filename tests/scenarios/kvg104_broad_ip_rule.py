"""A rule of the firewall lets a large part of the internet in."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate, closed_acls
from tests.scenarios.scenario import Remedy, Scenario, Write


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(
        GROUP_NAME,
        NAME,
        {
            "properties": {
                "publicNetworkAccess": "Enabled",
                "networkAcls": closed_acls(ipRules=[{"value": "20.0.0.0/8"}]),
            }
        },
    )
    return VAULT


SCENARIO = Scenario(
    "a whole /8",
    "KVG104",
    make,
    (Remedy("set-network-acl", Applicability.APPROVAL, (Write("PATCH", VAULT),)),),
    companions=frozenset({"KVG103", "KVG106", "KVG108"}),
)
