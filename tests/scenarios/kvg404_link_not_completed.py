"""A link of the zone that does not come to an end."""

from __future__ import annotations

from datetime import timedelta

from emulator.arm.resources import Link
from shared.domain.arm_id import ArmId
from shared.domain.history import History
from shared.domain.snapshot import VaultSnapshot
from tests.scenarios.estate import LINK, Estate
from tests.scenarios.scenario import Expect, Scenario


def make(estate: Estate) -> str:
    """Nobody can ask for this: Azure's own work does not end."""
    found = estate.azure.service.world.store.find(LINK, Link)
    assert found is not None
    found.link_state = "InProgress"
    return LINK


def moving_for(minutes: int, snapshot: VaultSnapshot) -> History:
    return History(links_moving_since={ArmId.parse(LINK): snapshot.read_at - timedelta(minutes=minutes)})


SCENARIO = Scenario("for an hour", "KVG404", make, history=lambda snapshot: moving_for(60, snapshot))
TRAPS = (
    Scenario("for a minute", "KVG404", make, expect=Expect.SILENT, history=lambda snapshot: moving_for(1, snapshot)),
)
