"""How a caller comes to a vault: what the name resolves to for him, and which door that answer leads to. Pure.

What was not read gives *unknown*, never a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.access import Caller, CallerKind, Door, Gate, Verdict
from shared.domain.answer import Answer, AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.ip_ranges import holds_no_client, is_private, parse_range
from shared.domain.network import Network, PeeringState, Subnet
from shared.domain.reading import Gone, Unread, UnreadReason, is_transient
from shared.domain.snapshot import VaultSnapshot
from shared.domain.trusted_services import TrustedService, find_service
from shared.domain.vault import ConnectionStatus
from shared.engine.resolver import ResolverSimulation

NAME: Final = "name resolution"
DOOR: Final = "door"

_RESOLVER = ResolverSimulation()
_SERVICE_ENDPOINT: Final = frozenset({"microsoft.keyvault", "microsoft.keyvault.global"})
# A network with a gateway may reach what no peering shows.
# https://learn.microsoft.com/azure/vpn-gateway/vpn-gateway-about-vpn-gateway-settings#gwsub
_GATEWAY_SUBNET: Final = "gatewaysubnet"
_NO_HOST: Final = "the name is not found (NXDOMAIN)"
_TIMEOUT: Final = "the connection times out"


@dataclass(frozen=True, slots=True)
class Approach:
    """How the caller comes: the door with the answer that leads there, and as whom the public door sees him.

    ``address`` is a public IPv4 address, empty if unknown. ``subnet`` is set where a service endpoint shows it to the
    vault, ``service`` where an Azure service calls by itself. ``from_subnet_of`` is set where the caller is in a
    network and it is not known in which subnet; ``may_be_endpoint`` says that some subnets there have the endpoint.
    """

    door: Door
    answer: Answer | None
    gates: tuple[Gate, ...]
    address: str = ""
    subnet: Subnet | None = None
    service: TrustedService | None = None
    from_subnet_of: ArmId | None = None
    may_be_endpoint: bool = False


def approach(snapshot: VaultSnapshot, caller: Caller) -> Approach:
    """The way of one caller up to the door."""
    if caller.network is not None:
        return _from_network(snapshot, caller, caller.network)
    if caller.kind is CallerKind.NETWORK:
        return _nowhere("no network was named")
    if caller.kind is CallerKind.SERVICE:
        return _service(caller)
    if caller.kind is CallerKind.CLOUD_SHELL:
        return _outside("Cloud Shell runs on a machine of Azure's choice, in no network of yours", "")
    address = parse_range(caller.address) if caller.address else None
    if address is not None and (is_private(address) or holds_no_client(address)):
        return _nowhere(
            f"{caller.address} is a private address of no network that was named: over VPN or ExpressRoute it reaches "
            "a private endpoint if the DNS server there says so, which is not read"
        )
    if caller.kind is CallerKind.PORTAL:
        why = "the browser calls from its own machine, taken to be in no network that sees private zones: else name it"
        return _outside(why, caller.address)
    return _outside("a client on the internet resolves the public address, whatever private zones say", caller.address)


def _nowhere(why: str) -> Approach:
    return Approach(Door.UNKNOWN, None, (Gate(NAME, Verdict.UNKNOWN, why), Gate(DOOR, Verdict.UNKNOWN, why)))


def _outside(why: str, address: str) -> Approach:
    gates = (Gate(NAME, Verdict.PASS, why), Gate(DOOR, Verdict.PASS, "the vault's public endpoint"))
    return Approach(Door.PUBLIC, None, gates, address)


def _service(caller: Caller) -> Approach:
    how = "an Azure service that calls by itself uses the public endpoint"
    gates = (Gate(NAME, Verdict.PASS, how), Gate(DOOR, Verdict.PASS, how))
    known = find_service(caller.service) or TrustedService(caller.service, "", trusted=False)
    return Approach(Door.PUBLIC, None, gates, caller.address, service=known)


def _from_network(snapshot: VaultSnapshot, caller: Caller, network: ArmId) -> Approach:
    answer = _RESOLVER.answer(snapshot, network, snapshot.vault)
    if answer.kind is AnswerKind.UNKNOWN:
        unknown = Gate(NAME, Verdict.UNKNOWN, answer.reason, unread=answer.unread)
        return Approach(Door.UNKNOWN, answer, (unknown, Gate(DOOR, Verdict.UNKNOWN, "the answer is not known")))
    if snapshot.zones_unread:
        unread = snapshot.zones_unread[0]
        why = f"{answer.summary}, unless a zone in a place that is not read answers first ({unread})"
        gate = Gate(NAME, Verdict.UNKNOWN, why, unread=unread)
        return Approach(Door.UNKNOWN, answer, (gate, Gate(DOOR, Verdict.UNKNOWN, "the answer is not known")))
    if answer.kind is AnswerKind.NXDOMAIN:
        failed = Gate(NAME, Verdict.FAIL, answer.reason, _NO_HOST)
        return Approach(Door.NONE, answer, (failed, Gate(DOOR, Verdict.NOT_REACHED, "there is no address")))
    resolved = Gate(NAME, Verdict.PASS, f"{answer.summary}: {answer.reason}")
    if answer.kind is AnswerKind.PUBLIC:
        return _publicly(snapshot, caller, network, answer, resolved)
    gate = _private_door(snapshot, network, answer)
    doors = {Verdict.PASS: Door.PRIVATE, Verdict.FAIL: Door.NONE}
    return Approach(doors.get(gate.verdict, Door.UNKNOWN), answer, (resolved, gate))


def _publicly(snapshot: VaultSnapshot, caller: Caller, network: ArmId, answer: Answer, resolved: Gate) -> Approach:
    """A client inside a network that gets the public address: the vault sees its subnet or its outbound address."""
    known = snapshot.network(network)
    address = parse_range(caller.address) if caller.address else None
    if not isinstance(known, Network):
        gate = Gate(DOOR, Verdict.UNKNOWN, f"network {network.name} is not read")
        return Approach(Door.UNKNOWN, answer, (resolved, gate))
    # Azure allows carrier NAT and public ranges inside networks as well, and such an address is the caller's own.
    # https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
    inside = address is None or is_private(address) or holds_no_client(address) or known.contains(caller.address)
    inside = inside or any(subnet.contains(caller.address) for subnet in known.subnets)
    outbound = "" if inside else caller.address
    # What an Azure service does from inside a network may still count as the service's own call.
    service = find_service(caller.service) if caller.service else None
    subnet = _subnet_of(known, caller)
    if subnet is None and caller.subnet is not None:
        gate = Gate(DOOR, Verdict.UNKNOWN, f"network {network.name} has no subnet {caller.subnet.name}")
        return Approach(Door.UNKNOWN, answer, (resolved, gate))
    if subnet is not None and subnet.service_endpoints & _SERVICE_ENDPOINT:
        gate = Gate(DOOR, Verdict.PASS, f"the public endpoint, over the service endpoint of subnet {subnet.id.name}")
        return Approach(Door.PUBLIC, answer, (resolved, gate), subnet=subnet, service=service)
    gate = Gate(DOOR, Verdict.PASS, "the public endpoint, from the outbound address of the network")
    if subnet is not None:
        return Approach(Door.PUBLIC, answer, (resolved, gate), outbound, service=service)
    some = any(each.service_endpoints & _SERVICE_ENDPOINT for each in known.subnets)
    return Approach(
        Door.PUBLIC, answer, (resolved, gate), outbound, service=service, from_subnet_of=network, may_be_endpoint=some
    )


def _subnet_of(network: Network, caller: Caller) -> Subnet | None:
    """The caller's subnet: the one that was named, else the one that holds his address."""
    if caller.subnet is not None:
        return network.subnet(caller.subnet)
    return next((subnet for subnet in network.subnets if caller.address and subnet.contains(caller.address)), None)


def _private_door(snapshot: VaultSnapshot, network: ArmId, answer: Answer) -> Gate:
    """Whether every address of the answer is an effective endpoint of this vault that the network reaches."""
    gates = [_at(snapshot, network, address) for address in answer.addresses]
    unknown = next((gate for gate in gates if gate.verdict is Verdict.UNKNOWN), None)
    failed = next((gate for gate in gates if gate.verdict is Verdict.FAIL), None)
    works = next((gate for gate in gates if gate.verdict is Verdict.PASS), None)
    if failed is None:
        return unknown or Gate(DOOR, Verdict.PASS, f"private link at {answer.summary}")
    if works is None and unknown is None:
        return failed
    better = works.reason if works is not None else "another address may work"
    why = f"{failed.reason}; {better}: it depends on which address the client takes, so remove the wrong one"
    return Gate(DOOR, Verdict.UNKNOWN, why, unread=None if unknown is None else unknown.unread)


def _at(snapshot: VaultSnapshot, network: ArmId, address: str) -> Gate:
    ends = [end for _, end in snapshot.private_ends()]
    homes = [end for end in ends if isinstance(end, PrivateEndpoint) and _has(end, address)]
    if not homes:
        return _of_no_endpoint(snapshot, address, ends)
    reached = [snapshot.reaches(network, endpoint.network) for endpoint in homes]
    if True in reached:
        return Gate(DOOR, Verdict.PASS, f"private link at {address}")
    unread = next((each for each in reached if isinstance(each, Unread)), None)
    if unread is not None:
        why = f"whether network {network.name} reaches {address} is not known"
        return Gate(DOOR, Verdict.UNKNOWN, why, unread=unread)
    if isolated(snapshot, network) is True:
        why = f"network {network.name} has no connected peering and no gateway, so no way to {homes[0].network.name}"
        return Gate(DOOR, Verdict.FAIL, f"{why}, where {address} is", _TIMEOUT)
    why = f"network {network.name} is not peered with {homes[0].network.name}, where {address} is; a way over a hub, "
    return Gate(DOOR, Verdict.UNKNOWN, f"{why}a gateway or an appliance is not seen")


def _of_no_endpoint(snapshot: VaultSnapshot, address: str, ends: list[PrivateEndpoint | Unread]) -> Gate:
    for end in ends:
        unread = end if isinstance(end, Unread) else end.addresses
        if isinstance(unread, Unread):
            why = f"whether {address} belongs to the vault is not known ({unread})"
            return Gate(DOOR, Verdict.UNKNOWN, why, unread=unread)
    why = f"{address} is the address of no effective private endpoint of this vault"
    block = parse_range(address)
    if block is not None and not is_private(block) and not holds_no_client(block):
        public = "but a public one, which may be the vault's own: what answers there is not read"
        return Gate(DOOR, Verdict.UNKNOWN, f"{why} {public}")
    for connection in snapshot.vault.connections:
        if connection.effective or connection.status is not ConnectionStatus.APPROVED:
            continue
        state = (
            f"connection {connection.id.name} is Approved and {connection.provisioning_state or 'in no known state'}"
        )
        if is_transient(connection.provisioning_state) or not connection.provisioning_state:
            return Gate(DOOR, Verdict.UNKNOWN, f"{why} yet: {state}")
        why = f"{why}: {state}"
    return Gate(DOOR, Verdict.FAIL, why, _TIMEOUT)


def isolated(snapshot: VaultSnapshot, network: ArmId) -> bool | Unread:
    """Whether a network has neither a Connected peering nor a gateway, so that nothing but itself is reached."""
    known = snapshot.network(network)
    if isinstance(known, Gone):
        return Unread(UnreadReason.UNSUPPORTED, f"virtual network {network.name} does not exist")
    if isinstance(known, Unread):
        return known
    peered = any(peering.state is PeeringState.CONNECTED for peering in known.peerings)
    return not peered and not any(subnet.id.name.casefold() == _GATEWAY_SUBNET for subnet in known.subnets)


def _has(endpoint: PrivateEndpoint, address: str) -> bool:
    return not isinstance(endpoint.addresses, Unread) and address in endpoint.addresses
