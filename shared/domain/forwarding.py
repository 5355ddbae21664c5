"""Which DNS servers a network's queries for a vault go to: its own, or those of a forwarding ruleset."""

from __future__ import annotations

from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.clouds import Cloud
from shared.domain.network import ForwardingRule, Network
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Vault

# Azure-provided DNS has this address in every network.
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
AZURE_DNS: Final = "168.63.129.16"


def covers(zone_name: str, name: str) -> bool:
    """Whether a zone or a forwarding rule of this name (no dots around it) is for a name; the empty one is for all."""
    return not zone_name or name == zone_name or name.endswith("." + zone_name)


def names_of(cloud: Cloud, vault: Vault) -> tuple[str, ...]:
    """The names that a resolver asks for on the way to a vault: its host name, then its alias if it has one."""
    host = cloud.vault_host(vault.name)
    return (host, cloud.alias_host(vault.name)) if vault.has_alias else (host,)


def asks_azure(network: Network) -> bool:
    """Whether clients of a network ask Azure-provided DNS: by default, or because its DNS servers name it."""
    return not network.dns_servers or AZURE_DNS in network.dns_servers


def diverting(snapshot: VaultSnapshot, network: Network, vault: Vault) -> tuple[ForwardingRule, ...] | Unread:
    """The rules that send the vault's names elsewhere when Azure-provided DNS of ``network`` is asked; none mostly.

    Each name goes to a private zone linked to the network first, then to the rule with the longest domain. Several
    rules of one domain all count. Unread when the rulesets are, or when a zone that would answer first may be unread.
    Source: https://learn.microsoft.com/azure/dns/dns-private-resolver-overview
    """
    if isinstance(network.forwarding, Unread):
        return network.forwarding
    for name in names_of(snapshot.cloud, vault):
        matching = [rule for rule in network.forwarding if covers(_domain(rule), name)]
        zones = [zone for zone in snapshot.zones if covers(zone.name, name)]
        if any(zone.link_of(network.id) is not None for zone in zones):
            continue
        if not matching:
            continue
        unread = [zone.links for zone in zones if isinstance(zone.links, Unread)] + list(snapshot.zones_unread)
        if unread:
            return unread[0]
        longest = max(len(_domain(rule)) for rule in matching)
        return tuple(rule for rule in matching if len(_domain(rule)) == longest)
    return ()


def holder_of(snapshot: VaultSnapshot, network: Network, address: str) -> ArmId | None:
    """The network that holds a server's address as seen from ``network``: itself, else a Connected peer.

    Address ranges may repeat across networks that are not peered, so only reachable ones count.
    """
    if network.contains(address):
        return network.id
    for peering in network.peerings:
        remote = snapshot.network(peering.remote)
        if isinstance(remote, Network) and remote.contains(address) and snapshot.reaches(network.id, remote.id) is True:
            return remote.id
    return None


def _domain(rule: ForwardingRule) -> str:
    return rule.domain.strip(".").lower()
