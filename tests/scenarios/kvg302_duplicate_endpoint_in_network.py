"""A second endpoint of the vault in the same network."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NETWORK, SUBNET, VAULT, Estate, endpoint_body
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    body = endpoint_body(VAULT, SUBNET)
    estate.sdk.network.private_endpoints.begin_create_or_update(GROUP_NAME, "pe-second", body).result()
    return NETWORK


SCENARIO = Scenario("two in one network", "KVG302", make, companions=frozenset({"KVG304"}))
