"""The resolver simulation: what does a vault's host name resolve to in a network, and why.

A vault with an Approved connection has the public alias ``<vault>.privatelink.<zone>``. Azure-provided DNS of a
network walks the aliases and asks, at each name, the private zone with the longest matching name that is linked to
the network; a name that this zone lacks is NXDOMAIN unless the link falls back to public DNS.
Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.answer import Answer, AnswerKind, Harm
from shared.domain.arm_id import ArmId
from shared.domain.network import Network, PeeringState
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.snapshot import Neighbour, VaultSnapshot
from shared.domain.vault import Vault
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink


class ResolverSimulation:
    """Pure functions over a snapshot, bundled as the value that rules receive."""

    def resolving_networks(self, snapshot: VaultSnapshot, network: ArmId) -> tuple[ArmId, ...] | Unread:
        """The networks whose view clients of ``network`` get.

        The network itself with Azure-provided DNS and no matching forwarding rule; otherwise the networks that hold
        the servers asked. Unread when a server's address lies in no readable network.
        """
        here = snapshot.network(network)
        if isinstance(here, Gone):
            return Unread(UnreadReason.UNSUPPORTED, f"virtual network {network.name} does not exist")
        if isinstance(here, Unread):
            return here
        servers: Iterable[str] = here.dns_servers
        if not here.dns_servers:
            diverted = self._forwarding_targets(snapshot, here)
            if isinstance(diverted, Unread):
                return diverted
            if diverted is None:
                return (network,)
            servers = diverted
        found: list[ArmId] = []
        for server in servers:
            holder = _holder(snapshot, here, server)
            if holder is None:
                return Unread(UnreadReason.UNSUPPORTED, f"DNS server {server} lies in no readable virtual network")
            if holder not in found:
                found.append(holder)
        if not found:
            return Unread(UnreadReason.UNSUPPORTED, f"a forwarding rule of network {network.name} names no server")
        return tuple(sorted(found))

    def askers(self, snapshot: VaultSnapshot, network: ArmId) -> tuple[ArmId, ...] | Unread:
        """The network itself and each Connected peer whose DNS servers stand in it; a peer that was not read counts."""
        here = snapshot.network(network)
        if isinstance(here, Unread):
            return here
        found = {network}
        for peering in here.peerings if isinstance(here, Network) else ():
            peer = snapshot.network(peering.remote)
            if peering.state is not PeeringState.CONNECTED or isinstance(peer, Gone):
                continue
            if isinstance(peer, Unread) or isinstance(peer.forwarding, Unread):
                found.add(peering.remote)
                continue
            asked = peer.dns_servers or tuple(target for rule in peer.forwarding for target in rule.targets)
            if isinstance(here, Network) and any(here.contains(server) for server in asked):
                found.add(peering.remote)
        return tuple(sorted(found))

    def view(self, snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
        """The answer of Azure-provided DNS inside ``network`` for the vault's host name."""
        host = snapshot.cloud.vault_host(vault.name)
        names = [host, snapshot.cloud.alias_host(vault.name)] if vault.has_alias else [host]
        chain: list[str] = []
        for position, name in enumerate(names):
            if position:
                chain.append(f"{names[position - 1]} is an alias for {name}.")
            step = self._ask_private_zone(snapshot, network, name, tuple(chain))
            if step is not None:
                return step
        if snapshot.zones_unread:
            return Answer(AnswerKind.UNKNOWN, tuple(chain), str(snapshot.zones_unread[0]))
        reason = (
            f"no private zone linked to {network.name} answers"
            if vault.has_alias
            else "the vault has no Approved connection and so no privatelink alias"
        )
        return Answer(AnswerKind.PUBLIC, (*chain, f"{names[-1]} continues to a public address"), reason)

    def answer(self, snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
        """What clients of ``network`` get. Unknown where the servers asked do not agree or cannot be known."""
        asked = self.resolving_networks(snapshot, network)
        if isinstance(asked, Unread):
            return Answer(AnswerKind.UNKNOWN, (), str(asked))
        answers = [self.view(snapshot, resolving, vault) for resolving in asked]
        first = answers[0]
        if any((other.kind, other.addresses) != (first.kind, first.addresses) for other in answers[1:]):
            return Answer(AnswerKind.UNKNOWN, first.chain, f"the DNS servers of {network.name} do not agree")
        return first

    def harms(self, before: VaultSnapshot, after: VaultSnapshot) -> tuple[Harm, ...] | Unread:
        """Names of known vaults that work in a network before and would not after the change.

        An answer that is not known before counts as working, one not known after as broken.
        """
        if isinstance(before.neighbours, Unread):
            return before.neighbours
        found: list[Harm] = []
        views = _affected_networks(before, after)
        neighbours = before.neighbours if isinstance(after.neighbours, Unread) else after.neighbours
        subjects: list[tuple[Vault, Vault, Neighbour | None]] = [(before.vault, after.vault, None)]
        subjects += [(neighbour.vault, neighbour.vault, neighbour) for neighbour in neighbours]
        for old_vault, new_vault, neighbour in subjects:
            for view in views:
                old, new = self.view(before, view, old_vault), self.view(after, view, new_vault)
                unknown = AnswerKind.UNKNOWN in (old.kind, new.kind)
                if not unknown and (old.kind, old.addresses) == (new.kind, new.addresses):
                    continue
                askers = self.askers(before, view)
                for network in (view,) if isinstance(askers, Unread) else askers:
                    if self._works(before, network, old, neighbour) is False:
                        continue
                    if isinstance(askers, Unread) or self._works(after, network, new, neighbour) is not True:
                        found.append(Harm(old_vault.id, network, old, new))
        return tuple(found)

    def _works(
        self, snapshot: VaultSnapshot, network: ArmId, answer: Answer, neighbour: Neighbour | None
    ) -> bool | None:
        """Whether an answer leads somewhere from this network; None when that is not known."""
        if answer.kind is AnswerKind.PUBLIC:
            return True
        if answer.kind is AnswerKind.NXDOMAIN:
            return False
        if answer.kind is AnswerKind.UNKNOWN:
            return None
        homes = _homes(snapshot, neighbour)
        if isinstance(homes, Unread):
            return None
        verdicts: list[bool | None] = []
        for address in answer.addresses:
            reached = [snapshot.reaches(network, home) for home in homes.get(address, ())]
            unread = any(isinstance(reach, Unread) for reach in reached)
            verdicts.append(True if True in reached else None if unread else False)
        if False in verdicts or not verdicts:
            return False
        return None if None in verdicts else True

    def _ask_private_zone(
        self, snapshot: VaultSnapshot, network: ArmId, name: str, chain: tuple[str, ...]
    ) -> Answer | None:
        """The answer of the linked zone with the longest matching name; None when the walk goes on."""
        unread_links = next((z for z in snapshot.zones if isinstance(z.links, Unread) and _covers(z.name, name)), None)
        if unread_links is not None:
            return Answer(AnswerKind.UNKNOWN, chain, f"links of zone {unread_links.name}: {unread_links.links}")
        linked = [
            (zone, link)
            for zone in snapshot.zones
            if _covers(zone.name, name) and (link := zone.link_of(network)) is not None
        ]
        if not linked:
            return None
        zone, link = max(linked, key=lambda pair: (len(pair[0].name), pair[0].id.key))
        if not link.completed:
            return Answer(AnswerKind.UNKNOWN, chain, f"link {link.id.name} of zone {zone.name} is not completed")
        relative = name[: -len(zone.name) - 1] if name != zone.name else "@"
        record = zone.lookup(relative)
        if isinstance(record, Unread):
            return Answer(AnswerKind.UNKNOWN, chain, f"record {relative} of zone {zone.name}: {record}")
        return _zone_answer(zone, link, name, record, chain)

    def _forwarding_targets(self, snapshot: VaultSnapshot, network: Network) -> tuple[str, ...] | Unread | None:
        if isinstance(network.forwarding, Unread):
            return network.forwarding
        host = snapshot.cloud.vault_host(snapshot.vault.name)
        alias = snapshot.cloud.alias_host(snapshot.vault.name)
        matching = [
            rule
            for rule in network.forwarding
            if any(_covers(rule.domain.strip(".").lower(), name) for name in (host, alias))
        ]
        if not matching:
            return None
        return max(matching, key=lambda rule: len(rule.domain)).targets


def _zone_answer(
    zone: Zone, link: ZoneLink, name: str, record: RecordSet | None, chain: tuple[str, ...]
) -> Answer | None:
    if record is not None and record.addresses:
        lines = tuple(f"{name} has address {address}" for address in record.addresses)
        reason = f"A record in zone {zone.name}"
        addresses = tuple(sorted(record.addresses))
        return Answer(AnswerKind.PRIVATE_RECORD, (*chain, *lines), reason, addresses, zone.id)
    if link.resolution_policy is ResolutionPolicy.DEFAULT:
        reason = f"zone {zone.name} is linked and has no such record"
        return Answer(AnswerKind.NXDOMAIN, (*chain, f"Host {name} not found: 3(NXDOMAIN)"), reason, (), zone.id)
    if link.resolution_policy is ResolutionPolicy.NXDOMAIN_REDIRECT and record is None:
        return None
    return Answer(AnswerKind.UNKNOWN, chain, f"link {link.id.name} has an unclear resolution policy", (), zone.id)


def _covers(zone_name: str, name: str) -> bool:
    return not zone_name or name == zone_name or name.endswith("." + zone_name)


def _holder(snapshot: VaultSnapshot, network: Network, address: str) -> ArmId | None:
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


def _affected_networks(before: VaultSnapshot, after: VaultSnapshot) -> tuple[ArmId, ...]:
    """The networks whose link differs, all linked ones where records differ or the vault's alias changes."""
    alias_changed = before.vault.has_alias != after.vault.has_alias
    found: set[ArmId] = set()
    for old, new in zip(before.zones, after.zones, strict=True):
        then, now = _links(old), _links(new)
        everywhere = alias_changed or (old.records, old.complete) != (new.records, new.complete)
        found.update(link.network for link in (then | now if everywhere else then ^ now))
    return tuple(sorted(found))


def _links(zone: Zone) -> frozenset[ZoneLink]:
    return frozenset() if isinstance(zone.links, Unread) else frozenset(zone.links)


def _homes(snapshot: VaultSnapshot, neighbour: Neighbour | None) -> Mapping[str, list[ArmId]] | Unread:
    """Address -> networks of the effective endpoints of the vault that was asked for; ranges may repeat."""
    homes: dict[str, list[ArmId]] = {}
    if neighbour is not None:
        if isinstance(neighbour.endpoints, Unread):
            return neighbour.endpoints
        for known in neighbour.endpoints:
            for address in known.addresses:
                homes.setdefault(address, []).append(known.network)
        return homes
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        return endpoints
    for endpoint in endpoints:
        if isinstance(endpoint.addresses, Unread):
            return endpoint.addresses
        for address in endpoint.addresses:
            homes.setdefault(address, []).append(endpoint.network)
    return homes
