"""KVG506 peering-not-connected: the way to the endpoint has only one end.

What it finds
-------------
A peering of an effective endpoint's network that is Initiated or Disconnected, as the endpoint's network says or the
one on the other side. Peers of the endpoint's network are judged, and client networks of the policy. Networks without
any peering between them are not found: they may be joined over a hub.

Why it matters
--------------
A peering carries traffic only when both sides are Connected. Names still resolve to the private address, so clients
wait for a timeout instead of an error.

Example
-------
The spoke was deployed anew: the hub's peering to it is Disconnected until it is deleted and created again.

Remediation
-----------
Initiated: create the peering of the other side. Disconnected: delete the peering and create both sides again.

Remediation safety
------------------
Never by kvguard: a peering joins two networks with everything in them.

Links
-----
https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
https://learn.microsoft.com/azure/virtual-network/virtual-network-troubleshoot-peering-issues
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network, PeeringState
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation


@dataclass(frozen=True, slots=True)
class _Side:
    """What one network says of its peering to another."""

    owner: ArmId
    state: PeeringState


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each network whose peering with an endpoint's network carries nothing."""
    endpoints = case.snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        yield Unknown(case.snapshot.vault.id, endpoints)
        return
    for home in sorted({endpoint.network for endpoint in endpoints}):
        yield from _judge(case, home)


def _judge(case: Case, home: ArmId) -> Iterator[Violation | Unknown]:
    known = case.snapshot.network(home)
    if isinstance(known, Unread):
        yield Unknown(home, known)
    peers = {peering.remote for peering in known.peerings} if isinstance(known, Network) else set()
    clients = {entry.network for entry in case.policy.client_networks}
    for network in sorted((peers | clients) - {home}):
        sides = list(_sides(case, home, network))
        states = [side.state for side in sides if isinstance(side, _Side)]
        unread = next((side for side in sides if isinstance(side, Unread)), None)
        if any(state in (PeeringState.INITIATED, PeeringState.DISCONNECTED) for state in states):
            yield _violation(case, home, network, [side for side in sides if isinstance(side, _Side)])
        elif PeeringState.CONNECTED in states and PeeringState.UNKNOWN not in states:
            # Azure calls one side Connected only when the other one exists.
            continue
        elif states:
            said = Unread(UnreadReason.UNSUPPORTED, f"the state of the peering with {home.name} is not one of Azure's")
            yield Unknown(network, said)
        elif unread is not None:
            yield Unknown(network, unread)


def _sides(case: Case, home: ArmId, network: ArmId) -> Iterator[_Side | Unread]:
    """What the endpoint's network says of the peering, if it was read, and what the network on the other side says."""
    known = case.snapshot.network(home)
    if isinstance(known, Network):
        yield from _side(known, home, network)
    yield from _side(case.snapshot.around(network), network, home)


def _side(known: Network | Gone | Unread, owner: ArmId, other: ArmId) -> Iterator[_Side | Unread]:
    if isinstance(known, Unread):
        yield known
    elif isinstance(known, Network):
        for peering in known.peerings:
            if peering.remote == other:
                yield _Side(owner, peering.state)


def _violation(case: Case, home: ArmId, network: ArmId, sides: list[_Side]) -> Violation:
    said = sorted(f"{side.owner.name}: {side.state.value}" for side in sides)
    broken = any(side.state is PeeringState.DISCONNECTED for side in sides)
    return Violation(
        subject=network,
        message=(
            f"The peering between network {network.name} and network {home.name}, where the private endpoint of vault "
            f"{case.snapshot.vault.name} is, carries no traffic ({', '.join(said)})."
        ),
        facts={
            "endpoint_network": home.key,
            "sides": sorted(f"{side.owner.key}: {side.state.value}" for side in sides),
        },
        advice=(
            f"Delete the peering between {network.name} and {home.name} on both sides and create both again."
            if broken
            else f"Create the missing side of the peering between {network.name} and {home.name}."
        ),
    )


RULE = Rule(
    id="KVG506",
    name="peering-not-connected",
    title="A peering with the endpoint's network is not Connected",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({"PSRule": ("Azure.VNET.PeerState",)}),
    at_events=False,
)
