"""kvguard may not read a part of the private path."""

from __future__ import annotations

from tests.scenarios.estate import VAULT, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    estate.deny("Microsoft.Network/privateDnsZones/virtualNetworkLinks/read")
    return VAULT


SCENARIO = Scenario("links of the zone", "KVG901", make)
