"""A second zone of the vault zone's name, which the policy does not know."""

from __future__ import annotations

from tests.scenarios.estate import GROUP, GROUP_NAME, ZONE_NAME, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    zones = estate.sdk.privatedns.private_zones
    zones.begin_create_or_update(GROUP_NAME, ZONE_NAME, {"location": "global"}).result()
    return f"{GROUP}/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"


SCENARIO = Scenario("in the application's group", "KVG407", make)
