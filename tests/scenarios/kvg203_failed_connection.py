"""An approved connection whose provisioning has failed."""

from __future__ import annotations

from emulator.arm.resources import Connection, State
from shared.domain.grades import Applicability
from tests.scenarios.estate import Estate
from tests.scenarios.scenario import Remedy, Scenario, Write

CONNECTION = "*/privateEndpointConnections/pe-orders*"


def make(estate: Estate) -> str:
    """Nobody can ask for a failure: Azure's own work fails."""
    subject = estate.connection()
    found = estate.azure.service.world.store.find(subject, Connection)
    assert found is not None
    found.state = State.FAILED
    return subject


SCENARIO = Scenario(
    "provisioning failed",
    "KVG203",
    make,
    (
        Remedy("approve-connection", Applicability.APPROVAL, (Write("PUT", CONNECTION),), irreversible=True),
        Remedy("delete-connection", Applicability.APPROVAL, (Write("DELETE", CONNECTION),), irreversible=True),
    ),
    companions=frozenset({"KVG102", "KVG204", "KVG412", "KVG414", "KVG419", "KVG420"}),
)
