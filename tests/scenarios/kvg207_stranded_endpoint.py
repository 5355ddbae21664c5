"""An endpoint is left whose connection the vault has cut."""

from __future__ import annotations

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability
from tests.scenarios.estate import GROUP, GROUP_NAME, NAME, SUBNET, VAULT, Estate
from tests.scenarios.scenario import Remedy, Scenario, Write

SECOND = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-second"


def prepare(estate: Estate) -> None:
    estate.usual()
    estate.endpoint(SECOND, VAULT, SUBNET)


def make(estate: Estate) -> str:
    name = ArmId.parse(estate.connection(SECOND)).name
    estate.sdk.keyvault.private_endpoint_connections.begin_delete(GROUP_NAME, NAME, name).result()
    return SECOND


SCENARIO = Scenario(
    "cut by the vault",
    "KVG207",
    make,
    (Remedy("delete-endpoint", Applicability.APPROVAL, (Write("DELETE", SECOND),), irreversible=True),),
    prepare=prepare,
)
