"""The vault says that a perimeter secures it, and no perimeter holds it."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": {"publicNetworkAccess": "SecuredByPerimeter"}})
    return VAULT


SCENARIO = Scenario("no perimeter", "KVG107", make, companions=frozenset({"KVG102", "KVG103", "KVG108"}))
