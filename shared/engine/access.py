"""The access explanation: would this caller get in, which gate stops him, and what is the smallest change. Pure.

The gates in Key Vault's order: name resolution, the door that the answer leads to, public access with the perimeter,
the firewall, the token, the permission. What was not read gives *unknown*, never a verdict.
Source: https://learn.microsoft.com/azure/key-vault/general/authentication
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from typing import Final

from shared.domain.access import AccessExplanation, Admission, Caller, Door, Gate, Verdict
from shared.domain.ip_ranges import parse_range, within
from shared.domain.public_door import firewall, perimeter_decides, rule_count, trusted_services_pass, unknown_value
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.trusted_services import AS_OF, TrustedService
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from shared.engine.admission import admissions
from shared.engine.approach import Approach, approach
from shared.engine.permissions import permission_gate

PUBLIC_ACCESS: Final = "public access"
FIREWALL: Final = "firewall"

_BY_CONNECTION: Final = "403 Forbidden (ForbiddenByConnection)"
_BY_FIREWALL: Final = "403 Forbidden (ForbiddenByFirewall)"


def explain(snapshot: VaultSnapshot, caller: Caller) -> AccessExplanation:
    """Every gate for one caller, and what would open the first that fails.

    A private path passes the firewall whatever its rules say.
    """
    way = approach(snapshot, caller)
    found = _explanation(snapshot, caller, way)
    proposed = admissions(snapshot, found, way.subnet)
    return replace(found, admissions=tuple(_proved(snapshot, found, admission) for admission in proposed))


def _explanation(snapshot: VaultSnapshot, caller: Caller, way: Approach) -> AccessExplanation:
    gates = list(way.gates)
    if way.door is Door.PUBLIC:
        gates += [_public_access(snapshot, way), _firewall(snapshot, way)]
    elif way.door is Door.PRIVATE:
        why = "a request over private link needs neither public access nor a firewall rule"
        gates += [Gate(name, Verdict.PASS, why) for name in (PUBLIC_ACCESS, FIREWALL)]
    else:
        gates += [Gate(name, Verdict.UNKNOWN, "which door is used is not known") for name in (PUBLIC_ACCESS, FIREWALL)]
    gates.append(_token(snapshot))
    gates.append(permission_gate(snapshot.vault, caller))
    host = snapshot.cloud.vault_host(snapshot.vault.name)
    return AccessExplanation(caller, host, way.door, way.answer, tuple(_until_the_first_failure(gates)))


def _until_the_first_failure(gates: list[Gate]) -> Iterator[Gate]:
    failed = False
    for gate in gates:
        yield Gate(gate.name, Verdict.NOT_REACHED, "an earlier gate keeps the caller out") if failed else gate
        failed = failed or gate.verdict is Verdict.FAIL


def _proved(snapshot: VaultSnapshot, found: AccessExplanation, admission: Admission) -> Admission:
    """The admission with its changes only if they open the gate, and how far the caller gets then."""
    if not admission.changes:
        return admission
    after = reduce(lambda before, change: change.simulate(before), admission.changes, snapshot)
    then = _explanation(after, found.caller, approach(after, found.caller))
    stopped, failing = then.failing, found.failing
    if stopped is not None and failing is not None and stopped.name == failing.name:
        return replace(admission, changes=())
    if stopped is not None:
        return replace(admission, then=f"then {stopped.name} fails: {stopped.reason}")
    unknown = next((gate for gate in then.gates if gate.verdict is Verdict.UNKNOWN), None)
    if unknown is not None:
        return replace(admission, then=f"then {unknown.name} is not known: {unknown.reason}")
    return replace(admission, then=f"then the caller is in, over {then.door.value}")


def _public_access(snapshot: VaultSnapshot, way: Approach) -> Gate:
    name, vault = PUBLIC_ACCESS, snapshot.vault
    strange = unknown_value(vault)
    if strange is not None:
        return Gate(name, Verdict.UNKNOWN, strange.detail)
    governed = _governed(snapshot, name)
    if governed is not None:
        return governed
    if vault.public_access is not PublicAccess.DISABLED:
        return Gate(name, Verdict.PASS, "public network access is on")
    if way.service is not None and way.answer is not None:
        why = "public network access is off and the request is not over private link"
        return _inside(snapshot, way.service, Gate(name, Verdict.FAIL, why, _BY_CONNECTION))
    if way.service is not None and trusted_services_pass(vault) is not False:
        return _bypass(snapshot, way.service, name, "public network access is off", _BY_CONNECTION, another_way=False)
    why = "public network access is off and the request is not over private link"
    if way.service is not None and way.service.trusted:
        why = "public network access is off, and so is bypass for trusted services"
    return Gate(name, Verdict.FAIL, why, _BY_CONNECTION)


def _governed(snapshot: VaultSnapshot, name: str) -> Gate | None:
    """Why a network security perimeter leaves the gate unknown; None when none decides."""
    decides = perimeter_decides(snapshot.vault)
    if isinstance(decides, Unread):
        why = f"a network security perimeter may decide ({decides})"
        return Gate(name, Verdict.UNKNOWN, why, unread=decides)
    if decides:
        why = "an enforced network security perimeter decides, and its access rules are not read"
        return Gate(name, Verdict.UNKNOWN, why)
    return None


def _firewall(snapshot: VaultSnapshot, way: Approach) -> Gate:
    """The firewall's criteria; one that is met is enough. Private link, the fourth, does not come to this door."""
    name, vault = FIREWALL, snapshot.vault
    acl = firewall(vault)
    if acl.default_action is DefaultAction.UNKNOWN:
        return Gate(name, Verdict.UNKNOWN, "defaultAction has an unknown value")
    governed = _governed(snapshot, name)
    if governed is not None:
        return governed
    if vault.public_access is PublicAccess.DISABLED:
        return Gate(name, Verdict.PASS, "bypass for trusted services holds while public access is off")
    if acl.default_action is DefaultAction.ALLOW:
        return Gate(name, Verdict.PASS, "the firewall is disabled: every network may connect")
    listed = _by_rules(acl, way)
    if way.service is None or listed.verdict is Verdict.PASS:
        return listed
    if way.answer is not None:
        return _inside(snapshot, way.service, listed)
    another_way = listed.verdict is Verdict.UNKNOWN
    return _bypass(snapshot, way.service, name, "the firewall denies by default", _BY_FIREWALL, another_way=another_way)


def _by_rules(acl: NetworkAcl, way: Approach) -> Gate:
    """What the IP and virtual network rules say of a caller."""
    if way.subnet is not None:
        if way.subnet.id in acl.network_rules:
            return Gate(FIREWALL, Verdict.PASS, f"a rule names subnet {way.subnet.id.name}")
        why = f"no rule names subnet {way.subnet.id.name}, from which the service endpoint lets the request come"
        return Gate(FIREWALL, Verdict.FAIL, why, _BY_FIREWALL)
    home = way.from_subnet_of
    if home is not None and any(rule.within(home.text) for rule in acl.network_rules):
        why = f"rules name subnets of network {home.name}, and in which subnet the caller is is not known"
        return Gate(FIREWALL, Verdict.UNKNOWN, why)
    if not rule_count(acl):
        return Gate(FIREWALL, Verdict.FAIL, "the firewall denies by default and has no rule", _BY_FIREWALL)
    if not way.address:
        if not acl.ip_rules and way.service is None:
            return Gate(FIREWALL, Verdict.FAIL, "the firewall denies by default and names no address", _BY_FIREWALL)
        return Gate(FIREWALL, Verdict.UNKNOWN, "from which public address the request comes is not known")
    address = parse_range(way.address)
    if address is None:
        return Gate(FIREWALL, Verdict.UNKNOWN, f"{way.address} is no IPv4 address")
    for rule in acl.ip_rules:
        block = parse_range(rule)
        if block is not None and within(address, (block,)):
            if home is not None and way.may_be_endpoint:
                why = f"rule {rule} names {way.address}, but from a subnet with a service endpoint the request does not"
                return Gate(FIREWALL, Verdict.UNKNOWN, f"{why} come from it, and in which subnet he is is not known")
            return Gate(FIREWALL, Verdict.PASS, f"rule {rule} names {way.address}")
    return Gate(FIREWALL, Verdict.FAIL, f"no rule names {way.address}", _BY_FIREWALL)


def _inside(snapshot: VaultSnapshot, service: TrustedService, closed: Gate) -> Gate:
    """A gate that is closed to a network, for a service that has an instance in it.

    Code of customers that runs there is never trusted; what the service itself does may be, and from where it then
    calls is not in the configuration.
    """
    if closed.verdict is not Verdict.FAIL or service.runs_code or not service.trusted:
        return closed
    if trusted_services_pass(snapshot.vault) is False:
        return closed
    what = f"{service.name} is trusted for: {service.scope} (list of {AS_OF})"
    why = f"{closed.reason}; {what}, and whether this call is the service's own is not known"
    return Gate(closed.name, Verdict.UNKNOWN, why)


def _bypass(
    snapshot: VaultSnapshot, service: TrustedService, name: str, closed: str, error: str, *, another_way: bool
) -> Gate:
    """What bypass does for a service that calls by itself; ``another_way`` says that a rule may let it in."""
    passes, trusted = trusted_services_pass(snapshot.vault), service.trusted
    if trusted and passes is None:
        return Gate(name, Verdict.UNKNOWN, f"bypass has an unknown value; {closed}")
    if trusted and passes:
        what = f"{service.name} is trusted for: {service.scope} (list of {AS_OF})"
        if service.runs_code:
            why = f"{what}. Code that runs in it is not: ask for its own network or address"
            return Gate(name, Verdict.UNKNOWN, why)
        return Gate(name, Verdict.PASS, what)
    if not trusted and not service.scope and passes is not False:
        who = service.name or "the service"
        return Gate(name, Verdict.UNKNOWN, f"{who} is not in the list of trusted services of {AS_OF}; {closed}")
    why = f"{closed} and bypass for trusted services is off"
    if not trusted and service.scope:
        why = f"{closed}; {service.name} is no trusted service: {service.scope}"
    if another_way:
        return Gate(name, Verdict.UNKNOWN, f"{why}; whether a rule names its address is not known")
    return Gate(name, Verdict.FAIL, why, error)


def _token(snapshot: VaultSnapshot) -> Gate:
    tenant = snapshot.vault.settings.tenant
    of = f" of tenant {tenant}" if tenant else ""
    authority = snapshot.cloud.authority
    why = f"the client must bring a token{of} from {authority}; kvguard does not see it (401 without one)"
    return Gate("token", Verdict.ASSUMED, why)
