"""The record names an endpoint whose connection was rejected, while another one works."""

from __future__ import annotations

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability
from tests.scenarios.estate import (
    DNS_GROUP_NAME,
    GROUP,
    GROUP_NAME,
    NAME,
    RECORD,
    SUBNET,
    VAULT,
    ZONE_NAME,
    Estate,
    record_body,
)
from tests.scenarios.scenario import Remedy, Scenario, Under, Write

SECOND = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-second"


def make(estate: Estate) -> str:
    estate.endpoint(SECOND, VAULT, SUBNET, manual=True)
    state = {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "Not ours."}}
    name = ArmId.parse(estate.connection(SECOND)).name
    estate.sdk.keyvault.private_endpoint_connections.put(GROUP_NAME, NAME, name, {"properties": state})
    body = record_body(estate.address(SECOND))
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, body)
    return RECORD


SCENARIO = Scenario(
    "a rejected endpoint",
    "KVG419",
    make,
    (Remedy("update-record", Applicability.APPROVAL, (Write("PUT", RECORD, Under.ETAG),)),),
    companions=frozenset({"KVG202", "KVG207", "KVG304"}),
)
