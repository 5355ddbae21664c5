"""Two networks with an endpoint each share one zone, and the record can only name one of them."""

from __future__ import annotations

from tests.scenarios.estate import (
    ENDPOINT,
    GROUP_NAME,
    NETWORK,
    RECORD,
    VAULT,
    ZONE,
    Estate,
    endpoint_body,
    zone_group_body,
)
from tests.scenarios.scenario import Scenario

OTHER = NETWORK.replace("vnet-app", "vnet-far")


def prepare(estate: Estate) -> None:
    """A second network, linked to the same zone, without an endpoint of this vault."""
    estate.with_zone_group()
    estate.network(OTHER, "10.7.0.0/16", "10.7.0.0/24")
    estate.link(f"{ZONE}/virtualNetworkLinks/to-vnet-far", OTHER)


def make(estate: Estate) -> str:
    """The second endpoint's zone group overwrites the record of the first."""
    network = estate.sdk.network
    body = endpoint_body(VAULT, f"{OTHER}/subnets/endpoints")
    network.private_endpoints.begin_create_or_update(GROUP_NAME, "pe-far", body).result()
    groups = network.private_dns_zone_groups
    groups.begin_create_or_update(GROUP_NAME, "pe-far", "default", zone_group_body(ZONE)).result()
    [row] = estate.get(RECORD)["properties"]["aRecords"]
    assert row["ipv4Address"] == "10.7.0.4" != estate.address(ENDPOINT)
    return RECORD


SCENARIO = Scenario("the second endpoint overwrites the record", "KVG416", make, prepare=prepare)
