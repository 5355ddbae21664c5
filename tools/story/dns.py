"""What a vault's name resolves to in a network, from the local Azure's state alone.

Written without a look at kvguard's own simulation, which it is a witness against: a name with an Approved connection
is an alias under ``privatelink``; of the private zones linked to the network, the one with the longest matching name
answers, and a name that it lacks does not exist.
Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.story.azure import Json, LocalAzure
from tools.story.scenario import HOST_SUFFIX, ZONE_NAME

PUBLIC = "public"
NXDOMAIN = "nxdomain"


@dataclass(frozen=True, slots=True)
class Lookup:
    """``answer`` is ``public``, ``nxdomain`` or the addresses; ``lines`` are what ``host`` would print."""

    answer: str
    lines: tuple[str, ...]


def look_up(azure: LocalAzure, subscription: str, vault: str, network: str) -> Lookup:
    """Ask for a vault's host name inside a network; both are resource ids."""
    name = vault.rsplit("/", 1)[1].lower()
    names = [f"{name}.{HOST_SUFFIX}"]
    connections = azure.rows(f"{vault}/privateEndpointConnections")
    if any(row["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved" for row in connections):
        names.append(f"{name}.{ZONE_NAME}")
    zones = _linked_zones(azure, subscription, network)
    lines: list[str] = []
    for position, asked in enumerate(names):
        if position:
            lines.append(f"{names[position - 1]} is an alias for {asked}.")
        matching = [zone for zone in zones if asked == zone[0] or asked.endswith(f".{zone[0]}")]
        if not matching:
            continue
        zone_name, zone_id, falls_back = max(matching, key=lambda zone: len(zone[0]))
        relative = asked.removesuffix(zone_name).rstrip(".") or "@"
        record = azure.read(f"{zone_id}/A/{relative}")
        addresses = _addresses(record)
        if addresses:
            lines += [f"{asked} has address {address}" for address in addresses]
            return Lookup(", ".join(addresses), tuple(lines))
        if not falls_back:
            lines.append(f"Host {asked} not found: 3(NXDOMAIN)")
            return Lookup(NXDOMAIN, tuple(lines))
    lines.append(f"{names[-1]} has a public address")
    return Lookup(PUBLIC, tuple(lines))


def _linked_zones(azure: LocalAzure, subscription: str, network: str) -> list[tuple[str, str, bool]]:
    """Name, id and fallback of each zone with a completed link to the network."""
    found = []
    for zone in azure.rows(f"/subscriptions/{subscription}/providers/Microsoft.Network/privateDnsZones"):
        zone_id = str(zone["id"])
        for link in azure.rows(f"{zone_id}/virtualNetworkLinks"):
            properties = link["properties"]
            here = str(properties["virtualNetwork"]["id"]).casefold() == network.casefold()
            if here and properties.get("virtualNetworkLinkState") == "Completed":
                redirects = properties.get("resolutionPolicy") == "NxDomainRedirect"
                found.append((str(zone["name"]).lower(), zone_id, redirects))
    return found


def _addresses(record: Json | None) -> list[str]:
    if record is None:
        return []
    return sorted(str(row["ipv4Address"]) for row in record["properties"].get("aRecords") or [])
