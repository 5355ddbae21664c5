"""Trusted services come through the firewall though the policy forbids it."""

from __future__ import annotations

from shared.domain.grades import Applicability, TrustedServices
from tests.scenarios.estate import GROUP_NAME, NAME, VAULT, Estate, closed_acls
from tests.scenarios.scenario import Remedy, Scenario, Write


def prepare(estate: Estate) -> None:
    estate.usual()
    estate.vault(networkAcls=closed_acls(bypass="None"))


def make(estate: Estate) -> str:
    estate.sdk.keyvault.vaults.update(GROUP_NAME, NAME, {"properties": {"networkAcls": closed_acls()}})
    return VAULT


SCENARIO = Scenario(
    "forbidden",
    "KVG105",
    make,
    (Remedy("set-network-acl", Applicability.APPROVAL, (Write("PATCH", VAULT),)),),
    prepare=prepare,
    policy=lambda estate: estate.policy(trusted_services=TrustedServices.FORBID),
)
