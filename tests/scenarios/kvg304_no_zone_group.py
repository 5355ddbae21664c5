"""Nothing keeps the endpoint's record: its zone group is gone."""

from __future__ import annotations

from shared.domain.grades import Applicability, DnsMode, Writer
from tests.scenarios.estate import ENDPOINT, GROUP_NAME, Estate
from tests.scenarios.scenario import Expect, Remedy, Scenario, Write


def make(estate: Estate) -> str:
    groups = estate.sdk.network.private_dns_zone_groups
    groups.begin_delete(GROUP_NAME, "pe-orders", "default").result()
    return ENDPOINT


SCENARIO = Scenario(
    "zone group deleted",
    "KVG304",
    make,
    (Remedy("create-zone-group", Applicability.APPROVAL, (Write("PUT", f"{ENDPOINT}/privateDnsZoneGroups/default"),)),),
    prepare=Estate.with_zone_group,
    policy=lambda estate: estate.policy(Writer.ZONE_GROUP),
    companions=frozenset({"KVG411"}),
)
TRAPS = (
    Scenario(
        "records come from outside Azure",
        "KVG304",
        make,
        expect=Expect.SILENT,
        prepare=Estate.with_zone_group,
        policy=lambda estate: estate.policy(dns_mode=DnsMode.EXTERNAL),
    ),
)
