"""Public access is on, and only a firewall without rules keeps everybody out."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate
from tests.scenarios.scenario import Remedy, Scenario, Write


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": {"publicNetworkAccess": "Enabled"}})
    return VAULT


SCENARIO = Scenario(
    "no rule at all", "KVG108", make, (Remedy("set-public-access", Applicability.APPROVAL, (Write("PATCH", VAULT),)),)
)
