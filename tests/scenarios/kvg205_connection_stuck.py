"""A connection that has been Updating for an hour."""

from __future__ import annotations

from datetime import timedelta

from emulator.arm.resources import Connection, State
from shared.domain.history import History, Sighting
from shared.domain.snapshot import VaultSnapshot
from tests.scenarios.estate import Estate
from tests.scenarios.scenario import Expect, Scenario


def make(estate: Estate) -> str:
    """Nobody can ask for this: Azure's own work does not end."""
    subject = estate.connection()
    found = estate.azure.service.world.store.find(subject, Connection)
    assert found is not None
    found.state = State.UPDATING
    return subject


def moving_for(minutes: int, snapshot: VaultSnapshot) -> History:
    since = snapshot.read_at - timedelta(minutes=minutes)
    return History({each.id: Sighting(each.status, since, moving_since=since) for each in snapshot.vault.connections})


AFTERWARDS = frozenset({"KVG102", "KVG204", "KVG412", "KVG414", "KVG419", "KVG420"})
SCENARIO = Scenario(
    "for an hour", "KVG205", make, history=lambda snapshot: moving_for(60, snapshot), companions=AFTERWARDS
)
TRAPS = (
    Scenario(
        "for a minute",
        "KVG205",
        make,
        expect=Expect.SILENT,
        history=lambda snapshot: moving_for(1, snapshot),
    ),
)
