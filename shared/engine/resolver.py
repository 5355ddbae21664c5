"""The resolver simulation: what does a vault's host name resolve to in a network, and why.

Three questions: whose DNS do clients of a network ask (here), what does it answer (``resolver_walk``), and whose names
does a change break (``resolver_harm``).
Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.answer import Answer, AnswerKind, Harm
from shared.domain.arm_id import ArmId
from shared.domain.forwarding import AZURE_DNS, asks_azure, diverting, holder_of
from shared.domain.network import Network, PeeringState
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Vault
from shared.engine.resolver_harm import harms
from shared.engine.resolver_walk import walk


class ResolverSimulation:
    """Pure functions over a snapshot, bundled as the value that rules receive."""

    def resolving_networks(
        self, snapshot: VaultSnapshot, network: ArmId, vault: Vault | None = None
    ) -> tuple[ArmId, ...] | Unread:
        """The networks whose view clients of ``network`` get when they ask for ``vault`` (the snapshot's own).

        The network itself with Azure-provided DNS and no forwarding rule for the vault's names; otherwise the networks
        that hold the servers asked. Unread when a server's address lies in no readable network.
        """
        here = snapshot.network(network)
        if isinstance(here, Gone):
            return Unread(UnreadReason.UNSUPPORTED, f"virtual network {network.name} does not exist")
        if isinstance(here, Unread):
            return here
        servers = [server for server in here.dns_servers if server != AZURE_DNS]
        found: set[ArmId] = set()
        if asks_azure(here):
            rules = diverting(snapshot, here, vault or snapshot.vault)
            if isinstance(rules, Unread):
                return rules
            servers += [target for rule in rules for target in rule.targets]
            if not rules:
                found.add(network)
        for server in servers:
            holder = holder_of(snapshot, here, server)
            if holder is None:
                return Unread(UnreadReason.UNSUPPORTED, f"DNS server {server} lies in no readable virtual network")
            onward = self._onward(snapshot, holder, vault or snapshot.vault)
            if onward is not None:
                return onward
            found.add(holder)
        if not found:
            return Unread(UnreadReason.UNSUPPORTED, f"a forwarding rule of network {network.name} names no server")
        return tuple(sorted(found))

    def _onward(self, snapshot: VaultSnapshot, holder: ArmId, vault: Vault) -> Unread | None:
        """Why a DNS server in network ``holder`` may get another answer than the zones there give.

        It asks Azure in the name of its network, so the rulesets linked to that send its questions on, too.
        """
        home = snapshot.network(holder)
        rules = diverting(snapshot, home, vault) if isinstance(home, Network) else ()
        if isinstance(rules, Unread):
            return rules
        if not rules:
            return None
        return Unread(
            UnreadReason.UNSUPPORTED, f"a ruleset of network {holder.name} sends its DNS server's questions on"
        )

    def askers(self, snapshot: VaultSnapshot, network: ArmId) -> tuple[ArmId, ...] | Unread:
        """The network itself and each Connected peer whose DNS servers stand in it; a peer that was not read counts.

        Forwarding rules need no peering, because a resolver elsewhere forwards: each network that was read counts
        whose rules name a server in this one.
        Source: https://learn.microsoft.com/azure/dns/private-resolver-endpoints-rulesets
        """
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
            asked = [*peer.dns_servers]
            if asks_azure(peer):
                asked += [target for rule in peer.forwarding for target in rule.targets]
            if isinstance(here, Network) and any(here.contains(server) for server in asked):
                found.add(peering.remote)
        if isinstance(here, Network):
            found.update(_forwarders(snapshot, here))
        return tuple(sorted(found))

    def view(self, snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
        """The answer of Azure-provided DNS inside ``network`` for the vault's host name."""
        return walk(snapshot, network, vault)

    def answer(self, snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
        """What clients of ``network`` get. Unknown where the servers asked do not agree or cannot be known."""
        asked = self.resolving_networks(snapshot, network, vault)
        if isinstance(asked, Unread):
            return Answer(AnswerKind.UNKNOWN, (), str(asked), unread=asked)
        answers = [self.view(snapshot, resolving, vault) for resolving in asked]
        first = answers[0]
        unknown = next((other for other in answers if other.kind is AnswerKind.UNKNOWN), None)
        if unknown is not None:
            return unknown
        if any((other.kind, other.addresses) != (first.kind, first.addresses) for other in answers[1:]):
            return Answer(AnswerKind.UNKNOWN, first.chain, f"the DNS servers of {network.name} do not agree")
        return first

    def harms(self, before: VaultSnapshot, after: VaultSnapshot) -> tuple[Harm, ...] | Unread:
        """Names of known vaults that work in a network before and would not after the change."""
        return harms(before, after, self.askers)


def _forwarders(snapshot: VaultSnapshot, here: Network) -> Iterator[ArmId]:
    """The networks that were read whose forwarding rules name a server in this one."""
    for key, other in snapshot.networks.items():
        if not isinstance(other, Network) or isinstance(other.forwarding, Unread) or not other.forwarding:
            continue
        if asks_azure(other) and any(here.contains(target) for rule in other.forwarding for target in rule.targets):
            yield key
