"""The endpoint tells another address than its network interface has."""

from __future__ import annotations

from emulator.arm.resources import Endpoint
from tests.scenarios.estate import ENDPOINT, NAME, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    """Nobody can ask for this: Azure's own record of the address is stale."""
    found = estate.azure.service.world.store.find(ENDPOINT, Endpoint)
    assert found is not None
    found.custom_dns_configs = [{"fqdn": f"{NAME}.vault.azure.net", "ipAddresses": ["10.1.0.77"]}]
    return ENDPOINT


SCENARIO = Scenario("a stale address", "KVG303", make)
