"""What would admit a caller who is kept out: the smallest change at the gate that fails, and whom else it lets in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from shared.domain.access import AccessExplanation, Admission, CallerKind
from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink, CreateRecord, SetNetworkAcl
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.ip_ranges import is_private, parse_range
from shared.domain.network import Network, Subnet
from shared.domain.public_door import firewall
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.trusted_services import find_service
from shared.domain.vault import DefaultAction, PublicAccess
from shared.domain.zone import RecordSet, Zone
from shared.engine.permissions import permission_admission

# https://learn.microsoft.com/azure/key-vault/general/network-security
_MOST_RULES: Final = 1000
_TTL: Final = 60


def admissions(snapshot: VaultSnapshot, found: AccessExplanation, subnet: Subnet | None) -> tuple[Admission, ...]:
    """The smallest changes that open the gate which fails, the one that admits the fewest others first."""
    gate = found.failing
    if gate is None:
        return ()
    if gate.name == "permission":
        return (permission_admission(snapshot.vault, found.caller),)
    if gate.name in ("name resolution", "door"):
        return tuple(_by_name(snapshot, found))
    network = found.caller.network
    private = () if network is None else tuple(_by_private_link(snapshot, network))
    return (*private, *_by_public_door(snapshot, found, subnet))


def _by_name(snapshot: VaultSnapshot, found: AccessExplanation) -> Iterator[Admission]:
    network, answer = found.caller.network, found.answer
    if network is None or answer is None:
        return
    reachable = _reachable(snapshot, network)
    zone = None if answer.zone is None else snapshot.zone(answer.zone)
    if not reachable:
        yield _new_endpoint(snapshot, network)
    elif zone is not None and len(reachable) == 1 and answer.kind is AnswerKind.NXDOMAIN:
        addresses = _addresses(reachable[0])
        record = CreateRecord(zone.id, _relative(snapshot, zone), addresses, _TTL)
        yield Admission(record.description, _everyone_linked(zone), record)
    else:
        ends = ", ".join(address for endpoint in reachable for address in _addresses(endpoint))
        where = (
            "the zone that answers" if zone is None else f"zone {zone.name} in resource group {zone.id.resource_group}"
        )
        yield Admission(
            f"put {ends} into the vault's record of {where}", "every network that gets its answer from there"
        )


def _by_private_link(snapshot: VaultSnapshot, network: ArmId) -> Iterator[Admission]:
    """A way in that opens no public door: link the zone that has the right record, else an endpoint of its own."""
    reachable = _reachable(snapshot, network)
    ends = {address for endpoint in reachable for address in _addresses(endpoint)}
    for zone in snapshot.named_zones() if ends else ():
        record = zone.lookup(snapshot.vault.record_name)
        right = isinstance(record, RecordSet) and bool(record.addresses) and set(record.addresses) <= ends
        if right and not isinstance(zone.links, Unread) and zone.link_of(network) is None:
            link = CreateLink(zone.id, network)
            also = "nobody to this vault; the zone then answers in that network for every vault, also those it lacks"
            yield Admission(link.description, also, link)
            return
    if not ends:
        yield _new_endpoint(snapshot, network)


def _by_public_door(snapshot: VaultSnapshot, found: AccessExplanation, subnet: Subnet | None) -> Iterator[Admission]:
    vault, caller = snapshot.vault, found.caller
    acl, closed = firewall(vault), vault.public_access is PublicAccess.DISABLED
    deny = replace(acl, default_action=DefaultAction.DENY)
    first = "set the firewall to Deny, switch public network access on, and " if closed else ""
    if caller.kind is CallerKind.SERVICE and caller.network is None:
        service = find_service(caller.service)
        if service is not None and service.trusted:
            change = SetNetworkAcl(vault.id, vault.acl, replace(acl, bypass="AzureServices"))
            also = "every service of Azure's list of trusted services, each with a token of its own"
            yield Admission("let trusted services bypass the firewall", also, change)
        elif service is not None:
            yield Admission(service.scope, "whoever shares that address")
        return
    if subnet is not None or (caller.subnet is not None and caller.network is not None):
        yield _subnet_rule(snapshot, found, subnet, first)
        return
    address = parse_range(caller.address) if caller.address else None
    if caller.kind is CallerKind.CLOUD_SHELL:
        yield Admission("start Cloud Shell in a virtual network that reaches the vault privately", "")
    elif address is None or is_private(address) or len(acl.ip_rules) >= _MOST_RULES:
        yield Admission(f"{first}name the public address that the request comes from in a rule", "whoever shares it")
    else:
        also = f"whoever else comes from {caller.address}, such as all clients behind the same NAT device"
        change = SetNetworkAcl(vault.id, vault.acl, replace(deny, ip_rules=(*acl.ip_rules, caller.address)))
        yield Admission(f"{first}add IP rule {caller.address}", also, None if closed else change)


def _subnet_rule(snapshot: VaultSnapshot, found: AccessExplanation, subnet: Subnet | None, first: str) -> Admission:
    vault, acl = snapshot.vault, firewall(snapshot.vault)
    wanted = subnet.id if subnet is not None else found.caller.subnet
    assert wanted is not None
    also = f"every client in subnet {wanted.name}"
    if subnet is None:
        how = f"{first}enable the service endpoint Microsoft.KeyVault on subnet {wanted.name} and add a rule for it"
        return Admission(how, also)
    rules = replace(acl, default_action=DefaultAction.DENY, network_rules=(*acl.network_rules, wanted))
    change = None if first else SetNetworkAcl(vault.id, vault.acl, rules)
    return Admission(f"{first}add a rule for subnet {wanted.name}", also, change)


def _new_endpoint(snapshot: VaultSnapshot, network: ArmId) -> Admission:
    known = snapshot.network(network)
    peers = "or a network peered with it" if isinstance(known, Network) and known.peerings else "of its own"
    what = f"create a private endpoint for vault {snapshot.vault.name} in network {network.name} ({peers}), with its record"
    return Admission(what, "every client that reaches that endpoint")


def _everyone_linked(zone: Zone) -> str:
    if isinstance(zone.links, Unread):
        return "every network that is linked to the zone"
    names = sorted(link.network.name for link in zone.links)
    return f"every client of the linked networks: {', '.join(names)}"


def _reachable(snapshot: VaultSnapshot, network: ArmId) -> tuple[PrivateEndpoint, ...]:
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        return ()
    return tuple(e for e in endpoints if _addresses(e) and snapshot.reaches(network, e.network) is True)


def _addresses(endpoint: PrivateEndpoint) -> tuple[str, ...]:
    return () if isinstance(endpoint.addresses, Unread) else tuple(sorted(endpoint.addresses))


def _relative(snapshot: VaultSnapshot, zone: Zone) -> str:
    alias = snapshot.cloud.alias_host(snapshot.vault.name)
    return "@" if alias == zone.name else snapshot.vault.record_name
