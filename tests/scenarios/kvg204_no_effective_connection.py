"""A vault that is meant to be reached privately has no endpoint that works."""

from __future__ import annotations

from shared.domain.grades import Profile
from tests.scenarios.estate import GROUP_NAME, LOCATION, NAME, VAULT, Estate
from tests.scenarios.scenario import Expect, Scenario


def make(estate: Estate) -> str:
    estate.sdk.network.private_endpoints.begin_delete(GROUP_NAME, "pe-orders").result()
    return VAULT


def make_recovered(estate: Estate) -> str:
    """A vault that comes back from deletion has lost its connections."""
    vaults = estate.sdk.keyvault.vaults
    vaults.delete(GROUP_NAME, NAME)
    recover = {"location": LOCATION, "properties": {"createMode": "recover"}}
    vaults.begin_create_or_update(GROUP_NAME, NAME, recover).result()
    return VAULT


AFTERWARDS = frozenset({"KVG102", "KVG202", "KVG412", "KVG414", "KVG415", "KVG419", "KVG420"})
SCENARIO = Scenario("its only endpoint deleted", "KVG204", make, companions=AFTERWARDS)
TRAPS = (
    Scenario("deleted and recovered", "KVG204", make_recovered, companions=AFTERWARDS | {"KVG207"}),
    Scenario(
        "trusted services need none",
        "KVG204",
        make,
        expect=Expect.SILENT,
        policy=lambda estate: estate.policy(default_profile=Profile.TRUSTED_SERVICES),
    ),
)
