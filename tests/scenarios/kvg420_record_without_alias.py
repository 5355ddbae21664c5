"""The record is there, and the vault has no approved connection: nobody ever asks for it."""

from __future__ import annotations

from shared.domain.arm_id import ArmId
from tests.scenarios.estate import GROUP_NAME, NAME, RECORD, SUBNET, VAULT, Estate, endpoint_body
from tests.scenarios.scenario import Expect, Scenario


def prepare_bare(estate: Estate) -> None:
    """A vault that nobody has connected to, and the zone without a record of it."""
    estate.vault()
    estate.network()
    estate.zone()
    estate.link()


def make_early(estate: Estate) -> str:
    """The record is written before anybody has approved the endpoint."""
    body = endpoint_body(VAULT, SUBNET, manual=True)
    estate.sdk.network.private_endpoints.begin_create_or_update(GROUP_NAME, "pe-orders", body).result()
    return estate.record(RECORD, estate.address())


def make_approved(estate: Estate) -> str:
    make_early(estate)
    state = {"privateLinkServiceConnectionState": {"status": "Approved", "description": "Ours."}}
    name = ArmId.parse(estate.connection()).name
    estate.sdk.keyvault.private_endpoint_connections.put(GROUP_NAME, NAME, name, {"properties": state})
    return RECORD


ASIDE = frozenset({"KVG201", "KVG304"})
SCENARIO = Scenario("before the approval", "KVG420", make_early, prepare=prepare_bare, companions=ASIDE)
TRAPS = (Scenario("after the approval", "KVG420", make_approved, expect=Expect.SILENT, prepare=prepare_bare),)
