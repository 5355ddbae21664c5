"""The clients' subnet lets nothing out on port 443."""

from __future__ import annotations

from typing import Any

from shared.domain.arm_id import ArmId
from shared.domain.policy import ClientNetwork, Policy
from tests.scenarios.estate import GROUP, GROUP_NAME, LOCATION, NETWORK, Estate, network_body
from tests.scenarios.scenario import Expect, Scenario

CLIENTS = f"{NETWORK}/subnets/clients"
GROUP_ID = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg-clients"


def rule(direction: str) -> dict[str, Any]:
    """Nobody gets through on port 443."""
    return {
        "priority": 100,
        "access": "Deny",
        "direction": direction,
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
    }


def prepare(estate: Estate) -> None:
    """Clients and endpoint in one network."""
    estate.usual()
    estate.put(NETWORK, network_body("10.1.0.0/16", {"endpoints": "10.1.0.0/24", "clients": "10.1.1.0/24"}))


def make(estate: Estate) -> str:
    network = estate.sdk.network
    deny = {"name": "deny-https", "properties": rule("Outbound")}
    group = {"location": LOCATION, "properties": {"securityRules": [deny]}}
    network.network_security_groups.begin_create_or_update(GROUP_NAME, "nsg-clients", group).result()
    subnet = {"properties": {"addressPrefix": "10.1.1.0/24", "networkSecurityGroup": {"id": GROUP_ID}}}
    network.subnets.begin_create_or_update(GROUP_NAME, "vnet-app", "clients", subnet).result()
    return CLIENTS


def make_hidden(estate: Estate) -> str:
    make(estate)
    estate.deny("Microsoft.Network/networkSecurityGroups/read")
    return CLIENTS


def policy(estate: Estate) -> Policy:
    return estate.policy(client_networks=(ClientNetwork(ArmId.parse(NETWORK)),))


SCENARIO = Scenario("a rule forbids it", "KVG505", make, prepare=prepare, policy=policy)
TRAPS = (
    Scenario(
        "a group that nobody may read",
        "KVG505",
        make_hidden,
        expect=Expect.NOT_EVALUATED,
        prepare=prepare,
        policy=policy,
    ),
)
