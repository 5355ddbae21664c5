"""Public access is off and the only endpoint is gone: nobody can reach the vault."""

from __future__ import annotations

from shared.domain.grades import Profile
from tests.scenarios.estate import GROUP_NAME, VAULT, Estate
from tests.scenarios.scenario import Expect, Scenario


def make(estate: Estate) -> str:
    estate.sdk.network.private_endpoints.begin_delete(GROUP_NAME, "pe-orders").result()
    return VAULT


AFTERWARDS = frozenset({"KVG202", "KVG204", "KVG412", "KVG414", "KVG415", "KVG419", "KVG420"})
SCENARIO = Scenario("its only endpoint deleted", "KVG102", make, companions=AFTERWARDS)
TRAPS = (
    Scenario(
        "closed to all but trusted services",
        "KVG102",
        make,
        expect=Expect.SILENT,
        policy=lambda estate: estate.policy(default_profile=Profile.TRUSTED_SERVICES),
    ),
)
