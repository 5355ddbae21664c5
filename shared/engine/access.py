"""The access explanation: would this caller get in, which gate stops him, and what is the smallest change. Pure.

The gates in Key Vault's order: name resolution, the door that the answer leads to, public access with the perimeter,
the firewall, the token, the permission. What was not read gives *unknown*, never a verdict.
Source: https://learn.microsoft.com/azure/key-vault/general/authentication
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.domain.access import AccessExplanation, Admission, Caller, CallerKind, Door, Gate, Verdict
from shared.domain.answer import Answer, AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.ip_ranges import is_private, parse_range, within
from shared.domain.network import Network, Subnet
from shared.domain.public_door import firewall, perimeter_decides, rule_count, trusted_services_pass, unknown_value
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.trusted_services import AS_OF, TrustedService, find_service
from shared.domain.vault import DefaultAction, PublicAccess
from shared.engine.admission import admissions
from shared.engine.permissions import permission_gate
from shared.engine.resolver import ResolverSimulation

_RESOLVER = ResolverSimulation()
_SERVICE_ENDPOINT = "microsoft.keyvault"
_NO_HOST = "the name is not found (NXDOMAIN)"
_TIMEOUT = "the connection times out"
_BY_CONNECTION = "403 Forbidden (ForbiddenByConnection)"
_BY_FIREWALL = "403 Forbidden (ForbiddenByFirewall)"


@dataclass(frozen=True, slots=True)
class Approach:
    """How the caller comes: the door with the answer that leads there, and as whom the public door sees him.

    ``subnet`` is set where a service endpoint shows it to the vault, ``service`` where a trusted one calls by itself.
    """

    door: Door
    answer: Answer | None
    gates: tuple[Gate, ...]
    address: str = ""
    subnet: Subnet | None = None
    service: TrustedService | None = None


def explain(snapshot: VaultSnapshot, caller: Caller) -> AccessExplanation:
    """Every gate for one caller. A private path passes the firewall whatever its rules say."""
    approach = _approach(snapshot, caller)
    gates = list(approach.gates)
    if approach.door is Door.PUBLIC:
        gates += [_public_access(snapshot, approach), _firewall(snapshot, approach)]
    elif approach.door is Door.PRIVATE:
        why = "a request over private link needs neither public access nor a firewall rule"
        gates += [Gate("public access", Verdict.PASS, why), Gate("firewall", Verdict.PASS, why)]
    else:
        gates += [
            Gate(name, Verdict.UNKNOWN, "which door is used is not known") for name in ("public access", "firewall")
        ]
    gates.append(_token(snapshot))
    gates.append(permission_gate(snapshot.vault, caller))
    found = AccessExplanation(caller, approach.door, approach.answer, tuple(_until_the_first_failure(gates)))
    return replace(found, admissions=admissions(snapshot, found, approach.subnet))


def _until_the_first_failure(gates: list[Gate]) -> Iterator[Gate]:
    failed = False
    for gate in gates:
        yield replace(gate, verdict=Verdict.NOT_REACHED, error="") if failed else gate
        failed = failed or gate.verdict is Verdict.FAIL


def _approach(snapshot: VaultSnapshot, caller: Caller) -> Approach:
    if caller.network is not None:
        return _from_network(snapshot, caller, caller.network)
    if caller.kind is CallerKind.SERVICE:
        return _service(caller)
    if caller.kind is CallerKind.CLOUD_SHELL:
        return _outside("Cloud Shell runs on a machine of Azure's choice, in no network of yours", "")
    address = parse_range(caller.address) if caller.address else None
    if address is not None and is_private(address):
        why = (
            f"{caller.address} is a private address of no network that was named: over VPN or ExpressRoute it reaches a "
            "private endpoint if the DNS server there says so, which is not read"
        )
        gates = (Gate("name resolution", Verdict.UNKNOWN, why), Gate("door", Verdict.UNKNOWN, why))
        return Approach(Door.UNKNOWN, None, gates)
    who = "the browser" if caller.kind is CallerKind.PORTAL else "a client on the internet"
    return _outside(f"{who} resolves the public address, whatever private zones say", caller.address)


def _outside(why: str, address: str) -> Approach:
    gates = (Gate("name resolution", Verdict.PASS, why), Gate("door", Verdict.PASS, "the vault's public endpoint"))
    return Approach(Door.PUBLIC, None, gates, address)


def _service(caller: Caller) -> Approach:
    known = find_service(caller.service)
    how = "an Azure service that calls by itself uses the public endpoint"
    gates = (Gate("name resolution", Verdict.PASS, how), Gate("door", Verdict.PASS, how))
    if known is None:
        known = TrustedService(caller.service, "", trusted=False)
        return Approach(Door.PUBLIC, None, gates, service=replace(known, scope="unknown"))
    return Approach(Door.PUBLIC, None, gates, service=known)


def _from_network(snapshot: VaultSnapshot, caller: Caller, network: ArmId) -> Approach:
    answer = _RESOLVER.answer(snapshot, network, snapshot.vault)
    if answer.kind is AnswerKind.UNKNOWN:
        unknown = Gate("name resolution", Verdict.UNKNOWN, answer.reason)
        return Approach(Door.UNKNOWN, answer, (unknown, Gate("door", Verdict.UNKNOWN, "the answer is not known")))
    if answer.kind is AnswerKind.NXDOMAIN:
        failed = Gate("name resolution", Verdict.FAIL, answer.reason, _NO_HOST)
        return Approach(Door.NONE, answer, (failed, Gate("door", Verdict.NOT_REACHED, "there is no address")))
    resolved = Gate("name resolution", Verdict.PASS, f"{answer.summary}: {answer.reason}")
    if answer.kind is AnswerKind.PUBLIC:
        return _publicly(snapshot, caller, network, answer, resolved)
    gate = _private_door(snapshot, network, answer)
    doors = {Verdict.PASS: Door.PRIVATE, Verdict.FAIL: Door.NONE}
    return Approach(doors.get(gate.verdict, Door.UNKNOWN), answer, (resolved, gate))


def _publicly(snapshot: VaultSnapshot, caller: Caller, network: ArmId, answer: Answer, resolved: Gate) -> Approach:
    """A client inside a network that gets the public address: the vault sees its subnet or its outbound address."""
    known = snapshot.network(network)
    subnet = known.subnet(caller.subnet) if isinstance(known, Network) and caller.subnet is not None else None
    if subnet is not None and _SERVICE_ENDPOINT in {name.split(".global")[0] for name in subnet.service_endpoints}:
        gate = Gate("door", Verdict.PASS, f"the public endpoint, over the service endpoint of subnet {subnet.id.name}")
        return Approach(Door.PUBLIC, answer, (resolved, gate), subnet=subnet)
    address = parse_range(caller.address) if caller.address else None
    outbound = caller.address if address is not None and not is_private(address) else ""
    gate = Gate("door", Verdict.PASS, "the public endpoint, from the outbound address of the network")
    return Approach(Door.PUBLIC, answer, (resolved, gate), outbound)


def _private_door(snapshot: VaultSnapshot, network: ArmId, answer: Answer) -> Gate:
    """Whether every address of the answer is an effective endpoint of this vault that the network reaches."""
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        return Gate("door", Verdict.UNKNOWN, f"the vault's private endpoints are not all read ({endpoints})")
    unknown = ""
    for address in answer.addresses:
        homes = [e for e in endpoints if not isinstance(e.addresses, Unread) and address in e.addresses]
        if not homes and any(isinstance(endpoint.addresses, Unread) for endpoint in endpoints):
            unknown = f"whether {address} belongs to the vault is not known"
            continue
        if not homes:
            why = f"{address} is the address of no effective private endpoint of this vault"
            return Gate("door", Verdict.FAIL, why, _TIMEOUT)
        reached = [snapshot.reaches(network, endpoint.network) for endpoint in homes]
        if True not in reached and any(isinstance(each, Unread) for each in reached):
            unknown = f"whether network {network.name} reaches {address} is not known"
        elif True not in reached:
            why = f"network {network.name} has no way to {address}: no connected peering with {homes[0].network.name}"
            return Gate("door", Verdict.FAIL, why, _TIMEOUT)
    if unknown:
        return Gate("door", Verdict.UNKNOWN, unknown)
    return Gate("door", Verdict.PASS, f"private link at {answer.summary}")


def _public_access(snapshot: VaultSnapshot, approach: Approach) -> Gate:
    name, vault = "public access", snapshot.vault
    strange = unknown_value(vault)
    if strange is not None:
        return Gate(name, Verdict.UNKNOWN, strange.detail)
    decides = perimeter_decides(vault)
    if isinstance(decides, Unread):
        if vault.public_access is not PublicAccess.DISABLED:
            return Gate(name, Verdict.UNKNOWN, f"a network security perimeter may decide ({decides})")
    elif decides:
        why = "an enforced network security perimeter decides, and its access rules are not read"
        return Gate(name, Verdict.UNKNOWN, why)
    if vault.public_access is not PublicAccess.DISABLED:
        return Gate(name, Verdict.PASS, "public network access is on")
    if approach.service is not None and approach.service.trusted:
        return _bypass(snapshot, approach.service, name, "public network access is off", _BY_CONNECTION)
    if approach.service is not None and approach.service.scope == "unknown":
        return Gate(name, Verdict.UNKNOWN, _unlisted(approach.service))
    return Gate(
        name, Verdict.FAIL, "public network access is off and the request is not over private link", _BY_CONNECTION
    )


def _firewall(snapshot: VaultSnapshot, approach: Approach) -> Gate:
    """The firewall's criteria; one that is met is enough. Private link, the fourth, does not come to this door."""
    name, vault = "firewall", snapshot.vault
    acl = firewall(vault)
    if acl.default_action is DefaultAction.UNKNOWN:
        return Gate(name, Verdict.UNKNOWN, "defaultAction has an unknown value")
    if vault.public_access is PublicAccess.DISABLED:
        return Gate(name, Verdict.PASS, "bypass for trusted services holds while public access is off")
    if acl.default_action is DefaultAction.ALLOW:
        return Gate(name, Verdict.PASS, "the firewall is disabled: every network may connect")
    if approach.service is not None:
        if approach.service.trusted:
            return _bypass(snapshot, approach.service, name, "the firewall denies by default", _BY_FIREWALL)
        if approach.service.scope == "unknown":
            return Gate(name, Verdict.UNKNOWN, _unlisted(approach.service))
        why = f"{approach.service.name} is no trusted service: {approach.service.scope}"
        return Gate(name, Verdict.FAIL if not rule_count(acl) else Verdict.UNKNOWN, why, _BY_FIREWALL)
    if approach.subnet is not None:
        if approach.subnet.id in acl.network_rules:
            return Gate(name, Verdict.PASS, f"a rule names subnet {approach.subnet.id.name}")
        why = f"no rule names subnet {approach.subnet.id.name}, from which the service endpoint lets the request come"
        return Gate(name, Verdict.FAIL, why, _BY_FIREWALL)
    if not approach.address:
        if not acl.ip_rules:
            return Gate(name, Verdict.FAIL, "the firewall denies by default and names no address", _BY_FIREWALL)
        return Gate(name, Verdict.UNKNOWN, "from which public address the request comes is not known")
    address = parse_range(approach.address)
    if address is None:
        return Gate(name, Verdict.UNKNOWN, f"{approach.address} is no IPv4 address")
    matching = next(
        (r for r in acl.ip_rules if (block := parse_range(r)) is not None and within(address, (block,))), None
    )
    if matching is not None:
        return Gate(name, Verdict.PASS, f"rule {matching} names {approach.address}")
    return Gate(name, Verdict.FAIL, f"no rule names {approach.address}", _BY_FIREWALL)


def _bypass(snapshot: VaultSnapshot, service: TrustedService, name: str, closed: str, error: str) -> Gate:
    passes = trusted_services_pass(snapshot.vault)
    if passes is None:
        return Gate(name, Verdict.UNKNOWN, f"bypass has an unknown value; {closed}")
    if not passes:
        return Gate(name, Verdict.FAIL, f"{closed} and bypass for trusted services is off", error)
    return Gate(name, Verdict.PASS, f"{service.name} is trusted for: {service.scope} (list of {AS_OF})")


def _unlisted(service: TrustedService) -> str:
    return f"{service.name or 'the service'} is not in the list of trusted services of {AS_OF}"


def _token(snapshot: VaultSnapshot) -> Gate:
    tenant = snapshot.vault.settings.tenant
    of = f" of tenant {tenant}" if tenant else ""
    why = (
        f"the client must bring a token{of} from {snapshot.cloud.authority}; kvguard does not see it (401 without one)"
    )
    return Gate("token", Verdict.ASSUMED, why)
