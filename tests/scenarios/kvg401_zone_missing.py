"""The zone that the policy designates is gone."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import DNS_GROUP_NAME, NETWORK, ZONE, ZONE_NAME, Estate
from tests.scenarios.scenario import Expect, Remedy, Scenario, Under, Write


def make(estate: Estate) -> str:
    dns = estate.sdk.privatedns
    dns.virtual_network_links.begin_delete(DNS_GROUP_NAME, ZONE_NAME, "to-vnet-app").result()
    dns.private_zones.begin_delete(DNS_GROUP_NAME, ZONE_NAME).result()
    return NETWORK


def make_unreadable(estate: Estate) -> str:
    make(estate)
    estate.deny("Microsoft.Network/privateDnsZones/read")
    return NETWORK


SCENARIO = Scenario(
    "zone deleted",
    "KVG401",
    make,
    (Remedy("create-zone", Applicability.APPROVAL, (Write("PUT", ZONE, Under.MISSING),)),),
)
TRAPS = (Scenario("a zone that nobody may read", "KVG401", make_unreadable, expect=Expect.NOT_EVALUATED),)
