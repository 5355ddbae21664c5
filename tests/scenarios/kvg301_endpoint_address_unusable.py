"""The endpoint's address lies outside its subnet."""

from __future__ import annotations

from tests.scenarios.estate import ENDPOINT, GROUP_NAME, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    body = {"properties": {"addressPrefix": "10.1.9.0/24"}}
    estate.sdk.network.subnets.begin_create_or_update(GROUP_NAME, "vnet-app", "endpoints", body).result()
    return ENDPOINT


SCENARIO = Scenario("its subnet was moved", "KVG301", make)
