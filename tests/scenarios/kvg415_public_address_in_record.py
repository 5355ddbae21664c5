"""The private zone answers with a public address."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import DNS_GROUP_NAME, NAME, RECORD, ZONE_NAME, Estate, record_body
from tests.scenarios.scenario import Remedy, Scenario, Under, Write


def make(estate: Estate) -> str:
    body = record_body("20.50.60.70")
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, body)
    return RECORD


SCENARIO = Scenario(
    "a public address",
    "KVG415",
    make,
    (Remedy("update-record", Applicability.APPROVAL, (Write("PUT", RECORD, Under.ETAG),)),),
)
