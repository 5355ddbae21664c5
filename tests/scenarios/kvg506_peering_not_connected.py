"""One side of the peering between clients and endpoint was deleted."""

from __future__ import annotations

from tests.scenarios.estate import GROUP_NAME, NETWORK, ZONE, Estate
from tests.scenarios.scenario import Scenario

CLIENTS = NETWORK.replace("vnet-app", "vnet-clients")


def prepare(estate: Estate) -> None:
    estate.usual()
    estate.network(CLIENTS, "10.5.0.0/16", "10.5.0.0/24")
    estate.peer(NETWORK, CLIENTS)
    estate.link(f"{ZONE}/virtualNetworkLinks/to-vnet-clients", CLIENTS)


def make(estate: Estate) -> str:
    peerings = estate.sdk.network.virtual_network_peerings
    peerings.begin_delete(GROUP_NAME, "vnet-clients", "to-vnet-app").result()
    return CLIENTS


SCENARIO = Scenario("one side deleted", "KVG506", make, prepare=prepare)
