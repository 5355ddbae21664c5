"""A network asks DNS servers of its own."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NETWORK, SUBNET, Estate, network_body
from tests.scenarios.scenario import Scenario

HUB_NETWORK = NETWORK.replace("vnet-app", "vnet-hub")
RESOLVER = "10.9.0.4"


def prepare_hub(estate: Estate) -> None:
    """A spoke peered with a hub where a resolver stands."""
    estate.usual()
    estate.network(HUB_NETWORK, "10.9.0.0/16", "10.9.0.0/24")
    estate.peer(NETWORK, HUB_NETWORK)


def make(estate: Estate) -> str:
    body = network_body("10.1.0.0/16", {SUBNET.rpartition("/")[2]: "10.1.0.0/24"}, RESOLVER)
    estate.sdk.network.virtual_networks.begin_create_or_update(GROUP_NAME, "vnet-app", body).result()
    return NETWORK


ASIDE = frozenset({"KVG403", "KVG502", "KVG503"})
SCENARIO = Scenario("a resolver in the hub", "KVG501", make, prepare=prepare_hub, companions=ASIDE)
TRAPS = (Scenario("a resolver that nobody knows", "KVG501", make, companions=ASIDE),)
