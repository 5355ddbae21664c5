"""Beside the right address the record has one that is no endpoint's."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import DNS_GROUP_NAME, NAME, RECORD, ZONE_NAME, Estate, record_body
from tests.scenarios.scenario import Remedy, Scenario, Under, Write


def make(estate: Estate) -> str:
    body = record_body(estate.address(), "10.1.0.200")
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, body)
    return RECORD


SCENARIO = Scenario(
    "one too many",
    "KVG418",
    make,
    (Remedy("update-record", Applicability.APPROVAL, (Write("PUT", RECORD, Under.ETAG),)),),
)
