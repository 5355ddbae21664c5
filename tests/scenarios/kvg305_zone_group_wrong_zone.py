"""The zone group writes the record into a zone that nobody asks."""

from __future__ import annotations

from shared.domain.grades import Applicability, Writer
from tests.scenarios.estate import DNS_GROUP, ENDPOINT, GROUP_NAME, Estate, zone_group_body
from tests.scenarios.scenario import Remedy, Scenario, Write

WRONG = f"{DNS_GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.vault.azure.net"


def make(estate: Estate) -> str:
    estate.zone(WRONG)
    groups = estate.sdk.network.private_dns_zone_groups
    groups.begin_create_or_update(GROUP_NAME, "pe-orders", "default", zone_group_body(WRONG)).result()
    return ENDPOINT


SCENARIO = Scenario(
    "a zone of another name",
    "KVG305",
    make,
    (Remedy("point-zone-group", Applicability.APPROVAL, (Write("PUT", f"{ENDPOINT}/privateDnsZoneGroups/default"),)),),
    prepare=Estate.with_zone_group,
    policy=lambda estate: estate.policy(Writer.ZONE_GROUP),
    companions=frozenset({"KVG402", "KVG411"}),
)
