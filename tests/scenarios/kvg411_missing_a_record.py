"""The zone has no record of the vault, or an empty one: clients of its network get NXDOMAIN."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import DNS_GROUP_NAME, NAME, RECORD, ZONE_NAME, Estate, record_body
from tests.scenarios.scenario import Remedy, Scenario, Under, Write


def make(estate: Estate) -> str:
    estate.sdk.privatedns.record_sets.delete(DNS_GROUP_NAME, ZONE_NAME, "A", NAME)
    return RECORD


def make_empty(estate: Estate) -> str:
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, record_body())
    return RECORD


SCENARIO = Scenario(
    "record deleted",
    "KVG411",
    make,
    (Remedy("create-record", Applicability.SAFE, (Write("PUT", RECORD, Under.MISSING),)),),
)
TRAPS = (
    Scenario(
        "empty record set",
        "KVG411",
        make_empty,
        (Remedy("update-record", Applicability.SAFE, (Write("PUT", RECORD, Under.ETAG),)),),
    ),
)
