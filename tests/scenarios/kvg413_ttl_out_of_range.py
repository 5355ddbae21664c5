"""The record is kept in caches for an hour: a change of the endpoint would be seen late."""

from __future__ import annotations

from shared.domain.grades import Applicability, Writer
from tests.scenarios.estate import DNS_GROUP_NAME, NAME, RECORD, ZONE_NAME, Estate, record_body
from tests.scenarios.scenario import Expect, Remedy, Scenario, Under, Write

UPDATED = (Write("PUT", RECORD, Under.ETAG),)


def _write(estate: Estate, ttl: int) -> str:
    body = record_body(estate.address(), ttl=ttl, metadata={"team": "dns"})
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, body)
    return RECORD


def make(estate: Estate) -> str:
    return _write(estate, 3600)


SCENARIO = Scenario("an hour", "KVG413", make, (Remedy("update-record", Applicability.SAFE, UPDATED),))
TRAPS = (
    Scenario(
        "one second",
        "KVG413",
        lambda estate: _write(estate, 1),
        (Remedy("update-record", Applicability.SAFE, UPDATED),),
    ),
    Scenario(
        "somebody else's zone",
        "KVG413",
        make,
        (Remedy("update-record", Applicability.APPROVAL, UPDATED),),
        policy=lambda estate: estate.policy(Writer.OTHER),
    ),
    Scenario("the upper bound itself", "KVG413", lambda estate: _write(estate, 600), expect=Expect.SILENT),
    Scenario("what a zone group writes", "KVG413", lambda estate: _write(estate, 10), expect=Expect.SILENT),
)
