"""A private endpoint from elsewhere waits for a decision."""

from __future__ import annotations

from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP, GROUP_NAME, RECORD, SUBNET, VAULT, Estate, endpoint_body
from tests.scenarios.scenario import Remedy, Scenario, Write

WAITING = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-waiting"
CONNECTION = f"{VAULT}/privateEndpointConnections/pe-waiting*"


def prepare(estate: Estate) -> None:
    """Everything but the endpoint, the record of the address that it will get included."""
    estate.vault()
    estate.network()
    estate.zone()
    estate.link()
    estate.record(RECORD, "10.1.0.4")


def prepare_without_record(estate: Estate) -> None:
    """The zone is linked and has no record: the first approval would make the name fail there."""
    prepare(estate)
    estate.delete(RECORD)


def make(estate: Estate) -> str:
    body = endpoint_body(VAULT, SUBNET, manual=True)
    estate.sdk.network.private_endpoints.begin_create_or_update(GROUP_NAME, "pe-waiting", body).result()
    return estate.connection(WAITING)


SCENARIO = Scenario(
    "a first connection waits",
    "KVG201",
    make,
    (
        Remedy("approve-connection", Applicability.APPROVAL, (Write("PUT", CONNECTION),), irreversible=True),
        Remedy("reject-connection", Applicability.APPROVAL, (Write("PUT", CONNECTION),), irreversible=True),
    ),
    prepare=prepare,
    companions=frozenset({"KVG304", "KVG420"}),
)
TRAPS = (
    Scenario(
        "a first approval would break a network",
        "KVG201",
        make,
        SCENARIO.remedies,
        prepare=prepare_without_record,
        companions=SCENARIO.companions,
    ),
)
