"""The endpoint's subnet lets nobody in on port 443."""

from __future__ import annotations

from typing import Any

from tests.scenarios.estate import ENDPOINT, GROUP, GROUP_NAME, LOCATION, Estate
from tests.scenarios.scenario import Expect, Scenario

GROUP_ID = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg-endpoints"


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


def _filter(estate: Estate, policies: str) -> str:
    network = estate.sdk.network
    deny = {"name": "deny-https", "properties": rule("Inbound")}
    group = {"location": LOCATION, "properties": {"securityRules": [deny]}}
    network.network_security_groups.begin_create_or_update(GROUP_NAME, "nsg-endpoints", group).result()
    subnet = {
        "properties": {
            "addressPrefix": "10.1.0.0/24",
            "networkSecurityGroup": {"id": GROUP_ID},
            "privateEndpointNetworkPolicies": policies,
        }
    }
    network.subnets.begin_create_or_update(GROUP_NAME, "vnet-app", "endpoints", subnet).result()
    return ENDPOINT


def make(estate: Estate) -> str:
    return _filter(estate, "NetworkSecurityGroupEnabled")


def make_without_policies(estate: Estate) -> str:
    """The group is there, and endpoints are not subject to it."""
    return _filter(estate, "Disabled")


SCENARIO = Scenario("a rule forbids it", "KVG507", make)
TRAPS = (Scenario("policies are off", "KVG507", make_without_policies, expect=Expect.SILENT),)
