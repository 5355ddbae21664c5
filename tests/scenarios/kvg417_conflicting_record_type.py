"""An alias stands under the vault's name, so that no A record can."""

from __future__ import annotations

from tests.scenarios.estate import DNS_GROUP_NAME, NAME, RECORD, ZONE_NAME, Estate
from tests.scenarios.scenario import Scenario


def make(estate: Estate) -> str:
    records = estate.sdk.privatedns.record_sets
    records.delete(DNS_GROUP_NAME, ZONE_NAME, "A", NAME)
    alias = {"properties": {"ttl": 60, "cnameRecord": {"cname": "elsewhere.example.com"}}}
    records.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "CNAME", NAME, alias)
    return RECORD


SCENARIO = Scenario("an alias instead of the record", "KVG417", make, companions=frozenset({"KVG411"}))
