"""The record names an address that is none of the vault's endpoints'."""

from __future__ import annotations

from shared.domain.arm_id import ArmId
from shared.domain.change import CHANGE_ID, MANAGED_BY, OWNER
from shared.domain.grades import Applicability, Mode
from shared.domain.history import History, WrittenRecord
from shared.domain.snapshot import VaultSnapshot
from tests.scenarios.estate import DNS_GROUP_NAME, NAME, RECORD, ZONE_NAME, Estate, record_body
from tests.scenarios.scenario import Remedy, Scenario, Under, Write

WRONG = "10.1.0.200"
UPDATED = (Write("PUT", RECORD, Under.ETAG),)


def make(estate: Estate) -> str:
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, record_body(WRONG))
    return RECORD


def make_own(estate: Estate) -> str:
    marks = {MANAGED_BY: OWNER, CHANGE_ID: "c1"}
    body = record_body(WRONG, metadata=marks)
    estate.sdk.privatedns.record_sets.create_or_update(DNS_GROUP_NAME, ZONE_NAME, "A", NAME, body)
    return RECORD


def written_by_kvguard(snapshot: VaultSnapshot) -> History:
    return History(written={ArmId.parse(RECORD): WrittenRecord("c1", (WRONG,), 60, snapshot.read_at)})


SCENARIO = Scenario(
    "another address",
    "KVG412",
    make,
    (Remedy("update-record", Applicability.APPROVAL, UPDATED),),
)
TRAPS = (
    Scenario(
        "kvguard's own record",
        "KVG412",
        make_own,
        (Remedy("update-record", Applicability.SAFE, UPDATED),),
        policy=lambda estate: estate.policy(modes={"KVG412": Mode.FIX}),
        history=written_by_kvguard,
    ),
)
