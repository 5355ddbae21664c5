"""The virtual networks of endpoints: what resolves names there, and the peers that hold the DNS servers asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from shared.adapters.arm_crew import Crew, Started
from shared.adapters.arm_parts import Parts, Ruleset
from shared.adapters.arm_zones import covers
from shared.domain.arm_id import ArmId
from shared.domain.network import ForwardingRule, Network, PeeringState
from shared.domain.reading import Gone, Unread


class NetworkReading:
    """The networks of one snapshot: started one by one as endpoints become known, collected at the end.

    Rulesets are looked for in the networks' own subscriptions and in ``places``: a ruleset of a hub may be linked to a
    network of another subscription. ``names`` are the host names whose forwarding matters.
    """

    def __init__(self, parts: Parts, crew: Crew, places: Iterable[str], names: tuple[str, ...]) -> None:
        self._parts = parts
        self._crew = crew
        self._places = tuple(places)
        self._names = names
        self._networks: dict[ArmId, Started[Network | Gone | Unread]] = {}
        self._rulesets: dict[str, Started[tuple[Ruleset, ...] | Unread]] = {}

    def start(self, network: ArmId) -> None:
        """Start reading a network and what forwards its queries."""
        if network in self._networks:
            return
        self._networks[network] = self._crew.start(partial(self._parts.network, network))
        for place in (network.subscription.lower(), *self._places):
            self._start_rulesets(place)

    def collect(self) -> Mapping[ArmId, Network | Gone | Unread]:
        """Wait for what was started, and read the peers that hold a DNS server of theirs."""
        rulesets = [future.result() for future in self._rulesets.values()]
        found: dict[ArmId, Network | Gone | Unread] = {}
        for key, started in self._networks.items():
            network = started.result()
            if isinstance(network, Network):
                network = replace(network, forwarding=_forwarding(network.id, rulesets))
            found[key] = network
        peers = {
            remote: self._crew.start(partial(self._parts.network, remote))
            for network in tuple(found.values())
            if isinstance(network, Network)
            for remote in self._holders(network)
            if remote not in found
        }
        for key in peers:
            self._start_rulesets(key.subscription.lower())
        around = [future.result() for future in self._rulesets.values()] if peers else rulesets
        for key, future in peers.items():
            peer = future.result()
            # A server there asks Azure in the name of its network, so what is linked to that counts as well.
            if isinstance(peer, Network):
                peer = replace(peer, forwarding=_forwarding(key, around))
            found[key] = peer
        return found

    def _start_rulesets(self, place: str) -> None:
        if place not in self._rulesets:
            self._rulesets[place] = self._crew.start(partial(self._parts.rulesets, place))

    def _holders(self, network: Network) -> Iterator[ArmId]:
        """The Connected peers that may hold a DNS server which the network asks."""
        asked = [server for server in self._servers(network) if not network.contains(server)]
        for peering in network.peerings:
            if asked and peering.state is PeeringState.CONNECTED:
                remote = Network(peering.remote, peering.remote_prefixes)
                if not remote.prefixes or any(remote.contains(server) for server in asked):
                    yield peering.remote

    def _servers(self, network: Network) -> Iterator[str]:
        if network.dns_servers:
            yield from network.dns_servers
        elif not isinstance(network.forwarding, Unread):
            for rule in network.forwarding:
                if any(_forwards(rule, name) for name in self._names):
                    yield from rule.targets


def _forwards(rule: ForwardingRule, name: str) -> bool:
    """Whether a rule is for a name; the rule ``.`` is for all."""
    domain = rule.domain.strip(".").lower()
    return not domain or covers(domain, name)


def _forwarding(
    network: ArmId, rulesets: Iterable[tuple[Ruleset, ...] | Unread]
) -> tuple[ForwardingRule, ...] | Unread:
    rules: list[ForwardingRule] = []
    for found in rulesets:
        if isinstance(found, Unread):
            return found
        rules.extend(rule for ruleset in found if network in ruleset.networks for rule in ruleset.rules)
    return tuple(rules)
