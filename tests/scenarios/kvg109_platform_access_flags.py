"""Virtual machines may take certificates from the vault though none needs to."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": {"enabledForDeployment": True}})
    return VAULT


SCENARIO = Scenario("for deployment", "KVG109", make)
