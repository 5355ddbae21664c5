"""A forwarding ruleset sends the vault's names to a network that sees no zone of them."""

from __future__ import annotations

from tests.scenarios.estate import GROUP, LOCATION, NETWORK, ZONE, Estate
from tests.scenarios.scenario import Expect, Scenario

HUB_NETWORK = NETWORK.replace("vnet-app", "vnet-hub")
RULESET = f"{GROUP}/providers/Microsoft.Network/dnsForwardingRulesets/rules"
OUTBOUND = f"{GROUP}/providers/Microsoft.Network/dnsResolvers/resolver/outboundEndpoints/out"


def prepare(estate: Estate) -> None:
    """A spoke peered with a hub where a resolver could stand."""
    estate.usual()
    estate.network(HUB_NETWORK, "10.9.0.0/16", "10.9.0.0/24")
    estate.peer(NETWORK, HUB_NETWORK)


def make(estate: Estate) -> str:
    """The management SDKs at hand do not know rulesets: their bodies are sent as they are."""
    estate.put(RULESET, {"location": LOCATION, "properties": {"dnsResolverOutboundEndpoints": [{"id": OUTBOUND}]}})
    servers = [{"ipAddress": "10.9.0.4", "port": 53}]
    rule = {"domainName": "vault.azure.net.", "targetDnsServers": servers, "forwardingRuleState": "Enabled"}
    estate.put(f"{RULESET}/forwardingRules/vaults", {"properties": rule})
    estate.put(f"{RULESET}/virtualNetworkLinks/app", {"properties": {"virtualNetwork": {"id": NETWORK}}})
    return NETWORK


def make_seeing(estate: Estate) -> str:
    make(estate)
    estate.link(f"{ZONE}/virtualNetworkLinks/to-vnet-hub", HUB_NETWORK)
    return NETWORK


ASIDE = frozenset({"KVG403", "KVG411", "KVG502"})
SCENARIO = Scenario("to a hub that is not linked", "KVG508", make, prepare=prepare, companions=ASIDE)
TRAPS = (Scenario("to a hub that is linked", "KVG508", make_seeing, expect=Expect.SILENT, prepare=prepare),)
