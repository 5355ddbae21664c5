"""Clients in a peered network get the public address: the zone is not linked to it."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP_NAME, NETWORK, Estate
from tests.scenarios.scenario import Remedy, Scenario, Under, Write

CLIENTS = NETWORK.replace("vnet-app", "vnet-clients")


def prepare(estate: Estate) -> None:
    estate.usual()
    estate.network(CLIENTS, "10.5.0.0/16", "10.5.0.0/24")


def make(estate: Estate) -> str:
    peerings = estate.sdk.network.virtual_network_peerings
    for near, far in (("vnet-app", CLIENTS), ("vnet-clients", NETWORK)):
        body = {"properties": {"remoteVirtualNetwork": {"id": far}}}
        peerings.begin_create_or_update(GROUP_NAME, near, "to-peer", body).result()
    return CLIENTS


SCENARIO = Scenario(
    "peered and forgotten",
    "KVG502",
    make,
    (Remedy("create-link", Applicability.APPROVAL, (Write("PUT", "*/virtualNetworkLinks/*", Under.MISSING),)),),
    prepare=prepare,
)
