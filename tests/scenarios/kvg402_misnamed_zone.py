"""A zone whose name only looks like the vault zone's."""

from __future__ import annotations

from tests.scenarios.estate import DNS_GROUP, DNS_GROUP_NAME, LOCATION, NETWORK, Estate, link_body
from tests.scenarios.scenario import Expect, Scenario

ZONES = f"{DNS_GROUP}/providers/Microsoft.Network/privateDnsZones"


def make_zone(estate: Estate, name: str) -> str:
    dns = estate.sdk.privatedns
    dns.private_zones.begin_create_or_update(DNS_GROUP_NAME, name, {"location": "global"}).result()
    links = dns.virtual_network_links
    links.begin_create_or_update(DNS_GROUP_NAME, name, "to-vnet-app", link_body(NETWORK)).result()
    return f"{ZONES}/{name}"


def make(estate: Estate) -> str:
    return make_zone(estate, "privatelink.vault.azure.net")


def make_hijack(estate: Estate) -> str:
    return make_zone(estate, "vault.azure.net")


def make_apex(estate: Estate) -> str:
    """A zone for this vault alone, its address at the apex: legitimate."""
    zone = make_zone(estate, "kv-orders.vault.azure.net")
    estate.record(f"{zone}/A/@", estate.address())
    return zone


def make_unrelated(estate: Estate) -> str:
    return make_zone(estate, f"app.{LOCATION}.example.com")


ASIDE = frozenset({"KVG407", "KVG411", "KVG416"})
SCENARIO = Scenario("privatelink.vault.azure.net", "KVG402", make, companions=ASIDE)
TRAPS = (
    Scenario("vault.azure.net", "KVG402", make_hijack, companions=ASIDE),
    Scenario("a zone for this vault alone", "KVG402", make_apex, expect=Expect.SILENT),
    Scenario("an unrelated zone", "KVG402", make_unrelated, expect=Expect.SILENT),
)
