"""What lies near a vault, kept in the index so that a hint about it leads back to the vault.

The index is a shortcut for routing and never the truth: what it says too much costs a look, what it says too little
costs an event. So a resource keeps its row for two days after it was last seen near the vault, longer than Event Grid
delivers a late or doubled delete (24 h, https://learn.microsoft.com/azure/event-grid/delivery-and-retry), and every
row is written anew on the first look of a day, so that one that got lost is not lost for long.

A hint can be routed while a look that will index its resource is still reading, perhaps from before the event. Both
sides therefore write first and read second: the router notes the hint and then asks the index, a look writes the index
and then asks for notes. Whichever comes second sees the other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.network import Network, PeeringState
from shared.domain.snapshot import VaultSnapshot
from shared.service.ports import Ledger, VaultRow

KEPT = timedelta(days=2)
_MOST_PEERS = 64
# How long before a reading a hint may have come whose event that reading missed: reads lag writes by up to 15 s, and
# the clocks of two workers differ.
_MISSED = timedelta(seconds=30)


def near(snapshot: VaultSnapshot) -> frozenset[ArmId]:
    """The resources whose changes concern the vault: its endpoints, the networks and zones that matter, its records.

    A network matters when an endpoint is in it or when it answers DNS for one that has. Of a peering only one side
    raises an event when that side changes, and the vault may be near the other one. While both are Connected, nothing
    follows from the far side until it is deleted, which turns the near side (``deletes_in``); before that, the far side
    is what is missing, and its network is near too.
    """
    endpoints = [endpoint for endpoint in snapshot.endpoints.values() if isinstance(endpoint, PrivateEndpoint)]
    homes = {endpoint.network for endpoint in endpoints}
    networks = homes | _resolving(snapshot, homes)
    peerings = [
        peering
        for endpoint in endpoints
        if isinstance(network := snapshot.network(endpoint.network), Network)
        for peering in network.peerings
    ]
    peers = {peering.remote for peering in peerings if peering.state is not PeeringState.CONNECTED}
    cut_off_by = {*networks, *sorted({peering.remote for peering in peerings})[:_MOST_PEERS]}
    records = {zone.id.child("A", snapshot.vault.record_name) for zone in snapshot.named_zones()}
    zones = {zone.id for zone in snapshot.zones}
    ends = {deletes_in(network) for network in cut_off_by}
    return frozenset({*snapshot.endpoints, *networks, *sorted(peers)[:_MOST_PEERS], *ends, *zones, *records})


def _resolving(snapshot: VaultSnapshot, homes: set[ArmId]) -> set[ArmId]:
    """The networks that answer DNS for the endpoints' own, or may; what else was read, only a rule wanted to see."""
    found: set[ArmId] = set()
    for home in homes:
        network = snapshot.network(home)
        if not isinstance(network, Network):
            continue
        rules = network.forwarding if isinstance(network.forwarding, tuple) else ()
        asked = (*network.dns_servers, *(target for rule in rules for target in rule.targets))
        for key, known in snapshot.networks.items():
            if asked and (not isinstance(known, Network) or any(known.contains(server) for server in asked)):
                found.add(key)
    return found


def deletes_in(network: ArmId) -> ArmId:
    """The index entry of those that the delete of a network, or of any of its peerings, concerns.

    It is an entry of its own because a hub is written whenever a spoke is added, which is nothing to the vaults in the
    other spokes. When the far side of a peering goes, the near one becomes Disconnected without an event.
    https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
    """
    return network.child("virtualNetworkPeerings", "deletes")


def keep_index(row: VaultRow, resources: frozenset[ArmId], now: datetime, ledger: Ledger) -> VaultRow:
    """The row once the index says what is near the vault; ``now`` is when the reading that says so began.

    When a hint about a resource that is new here was routed since, it was routed past this vault: then the row's
    newest event is that hint, and the vault is looked at again. Raises LedgerUnavailable.
    """
    known = {resource: min(at, now) for resource, at in row.indexed.items()}
    old = frozenset(resource for resource, at in known.items() if resource not in resources and now - at >= KEPT)
    new = resources - known.keys()
    stale = {resource for resource in resources & known.keys() if known[resource].date() != now.date()}
    if new or stale:
        ledger.index(row.vault, new | stale)
    if old:
        ledger.unindex(row.vault, old)
    missed = ledger.last_hint(new) if new else None
    if missed is not None and missed >= now - _MISSED:
        row = replace(row, newest_event=missed if row.newest_event is None else max(missed, row.newest_event))
    indexed = {resource: at for resource, at in known.items() if resource not in old} | dict.fromkeys(resources, now)
    return replace(row, indexed=MappingProxyType(indexed))
