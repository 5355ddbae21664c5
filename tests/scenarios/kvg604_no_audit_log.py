"""Nobody writes down who reads the vault's secrets."""

from __future__ import annotations

from tests.scenarios.estate import VAULT, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    estate.delete(f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings/to-law")
    return VAULT


SCENARIO = Scenario("its diagnostic setting deleted", "KVG604", make)
