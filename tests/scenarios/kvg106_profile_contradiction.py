"""A pipeline of a service outside needs the public endpoint, and it is off."""

from __future__ import annotations

from shared.domain.grades import Profile
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate, closed_acls
from tests.scenarios.scenario import Scenario


def prepare(estate: Estate) -> None:
    estate.usual()
    rules = closed_acls(ipRules=[{"value": "203.0.113.0/24"}])
    estate.vault(publicNetworkAccess="Enabled", networkAcls=rules)


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": {"publicNetworkAccess": "Disabled"}})
    return VAULT


SCENARIO = Scenario(
    "the pipeline is locked out",
    "KVG106",
    make,
    prepare=prepare,
    companions=frozenset({"KVG103"}),
    policy=lambda estate: estate.policy(default_profile=Profile.SAAS_PIPELINE, pipeline_ranges=("203.0.113.0/24",)),
)
