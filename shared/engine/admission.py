"""What would admit a caller who is kept out: the smallest change at the gate that fails, and its side effects. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from shared.domain.access import AccessExplanation, Admission, CallerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import (
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.ip_ranges import holds_no_client, is_private, parse_range
from shared.domain.network import Subnet
from shared.domain.public_door import firewall, rule_count
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.trusted_services import TrustedService, find_service
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.domain.zone import RecordSet, Zone
from shared.engine.approach import DOOR, NAME
from shared.engine.permissions import PERMISSION, permission_admission
from shared.engine.resolver import ResolverSimulation

# https://learn.microsoft.com/azure/key-vault/general/network-security
MOST_IP_RULES: Final = 1000
MOST_NETWORK_RULES: Final = 200
_TTL: Final = 60
_RESOLVER = ResolverSimulation()


def admissions(snapshot: VaultSnapshot, found: AccessExplanation, subnet: Subnet | None) -> tuple[Admission, ...]:
    """The smallest changes that open the gate which fails, the one that admits the fewest others first."""
    gate = found.failing
    if gate is None:
        return ()
    if gate.name == PERMISSION:
        return (permission_admission(snapshot.vault, found.caller),)
    if gate.name in (NAME, DOOR):
        return tuple(_by_name(snapshot, found))
    network = found.caller.network
    private = () if network is None else tuple(_by_private_link(snapshot, network))
    return (*private, *_by_public_door(snapshot, found, subnet))


# -- over private link


def _by_name(snapshot: VaultSnapshot, found: AccessExplanation) -> Iterator[Admission]:
    network, answer = found.caller.network, found.answer
    if network is None or answer is None:
        return
    reachable = _reachable(snapshot, network)
    if not reachable:
        yield from _by_approval(snapshot, network)
        yield _new_endpoint(snapshot, network)
        return
    ends = tuple(sorted({address for endpoint in reachable for address in _addresses(endpoint)}))
    zone = None if answer.zone is None else snapshot.zone(answer.zone)
    change = None if zone is None or len(reachable) > 1 else _mended(snapshot, zone, ends)
    if zone is not None and change is not None:
        yield Admission(change.description, _everyone_linked(zone), (change,))
        return
    where = "the zone that answers" if zone is None else f"zone {zone.name} in resource group {zone.id.resource_group}"
    what = f"put {' or '.join(ends)} into the vault's record of {where}"
    yield Admission(what, "every network that gets its answer from there")


def _mended(snapshot: VaultSnapshot, zone: Zone, addresses: tuple[str, ...]) -> Change | None:
    """The record as it should be: made, or with other addresses; None for one that only Azure may write."""
    apex = snapshot.cloud.alias_host(snapshot.vault.name) == zone.name
    name = "@" if apex else snapshot.vault.record_name
    if not apex and zone.name != snapshot.cloud.private_zone:
        return None
    record = zone.lookup(name)
    if isinstance(record, Unread) or isinstance(zone.alias(name), str):
        return None
    if record is None:
        return CreateRecord(zone.id, name, addresses, _TTL)
    return None if record.auto_registered else UpdateRecord(record, addresses, record.ttl, adopt=False)


def _by_private_link(snapshot: VaultSnapshot, network: ArmId) -> Iterator[Admission]:
    """A way in that opens no public door: link the zone that has the right record, else an endpoint of its own."""
    reachable = _reachable(snapshot, network)
    ends = {address for endpoint in reachable for address in _addresses(endpoint)}
    if not ends:
        yield from _by_approval(snapshot, network)
        yield _new_endpoint(snapshot, network)
        return
    asked = _RESOLVER.resolving_networks(snapshot, network)
    for zone in snapshot.named_zones() if not isinstance(asked, Unread) else ():
        record = zone.lookup(snapshot.vault.record_name)
        right = isinstance(record, RecordSet) and bool(record.addresses) and set(record.addresses) <= ends
        if right and not isinstance(zone.links, Unread) and not isinstance(asked, Unread):
            missing = tuple(CreateLink(zone.id, each) for each in asked if zone.link_of(each) is None)
            if any(_taken(snapshot, link.network) for link in missing):
                continue
            what = ", and ".join(link.description for link in missing)
            also = "nobody to this vault; the zone then answers there for every vault, with NXDOMAIN for those it lacks"
            if missing:
                yield Admission(what, also, missing)
                return


def _taken(snapshot: VaultSnapshot, network: ArmId) -> bool:
    """Whether a zone of the same name is linked to the network: Azure refuses a second one."""
    return any(zone.link_of(network) is not None for zone in snapshot.named_zones())


def _by_approval(snapshot: VaultSnapshot, network: ArmId) -> Iterator[Admission]:
    """The connections that wait for approval and whose endpoint the network reaches."""
    for connection in snapshot.vault.connections:
        endpoint = snapshot.endpoint_of(connection)
        if connection.status is not ConnectionStatus.PENDING or not isinstance(endpoint, PrivateEndpoint):
            continue
        if snapshot.reaches(network, endpoint.network) is not True:
            continue
        what = f"approve the pending connection {connection.id.name} of private endpoint {endpoint.id.name}"
        also = "every client that reaches that endpoint"
        if not any(other.status is ConnectionStatus.APPROVED for other in snapshot.vault.connections):
            also += "; the first approval also changes the vault's public name, see KVG201"
        yield Admission(what, also, (ApproveConnection(connection),))


def _new_endpoint(snapshot: VaultSnapshot, network: ArmId) -> Admission:
    where = f"in network {network.name} or in one that is peered with it"
    what = f"create a private endpoint for vault {snapshot.vault.name} {where}"
    return Admission(
        f"{what}, with its record in the zone that answers there", "every client that reaches that endpoint"
    )


def _everyone_linked(zone: Zone) -> str:
    if isinstance(zone.links, Unread):
        return "every network that is linked to the zone"
    names = sorted(link.network.name for link in zone.links)
    return f"every client of the linked networks ({', '.join(names)}) that reaches that address"


def _reachable(snapshot: VaultSnapshot, network: ArmId) -> tuple[PrivateEndpoint, ...]:
    return tuple(
        end
        for _, end in snapshot.private_ends()
        if isinstance(end, PrivateEndpoint) and _addresses(end) and snapshot.reaches(network, end.network) is True
    )


def _addresses(endpoint: PrivateEndpoint) -> tuple[str, ...]:
    return () if isinstance(endpoint.addresses, Unread) else tuple(sorted(endpoint.addresses))


# -- over the public endpoint


def _by_public_door(snapshot: VaultSnapshot, found: AccessExplanation, subnet: Subnet | None) -> Iterator[Admission]:
    caller = found.caller
    wanted = subnet.id if subnet is not None else caller.subnet
    if caller.kind is CallerKind.SERVICE and caller.network is None:
        known = find_service(caller.service)
        yield from _for_service(snapshot, known)
        if caller.address and (known is None or not known.trusted):
            yield _address_rule(snapshot, caller.address)
    elif wanted is not None:
        yield _subnet_rule(snapshot, wanted, ready=subnet is not None)
    elif caller.kind is CallerKind.CLOUD_SHELL and caller.network is None:
        yield Admission("start Cloud Shell in a virtual network that reaches the vault privately", "")
    else:
        yield _address_rule(snapshot, caller.address)


def _for_service(snapshot: VaultSnapshot, service: TrustedService | None) -> Iterator[Admission]:
    vault = snapshot.vault
    if service is None:
        yield Admission("let the service call from a virtual network that reaches the vault privately", "")
    elif not service.trusted:
        yield Admission(service.scope, f"whoever shares that address{_waking(snapshot)}")
    else:
        change = SetNetworkAcl(vault.id, vault.acl, replace(firewall(vault), bypass="AzureServices"))
        also = "every service of Azure's list of trusted services, each with a token of its own"
        yield Admission(f"let trusted services bypass the firewall (for: {service.scope})", also, (change,))


def _address_rule(snapshot: VaultSnapshot, text: str) -> Admission:
    acl = firewall(snapshot.vault)
    address = parse_range(text) if text else None
    outside = address is not None and not is_private(address) and not holds_no_client(address)
    if not outside or len(acl.ip_rules) >= MOST_IP_RULES:
        what = "name the public address that the request comes from in a rule"
        also = f"whoever shares it, such as all clients behind the same NAT device{_waking(snapshot)}"
        return Admission(f"{_first(snapshot)}{what}", also)
    also = f"whoever else comes from {text}, such as all clients behind the same NAT device{_waking(snapshot)}"
    rules = replace(acl, ip_rules=(*acl.ip_rules, text))
    return Admission(f"{_first(snapshot)}add IP rule {text}", also, _opened(snapshot, rules))


def _subnet_rule(snapshot: VaultSnapshot, wanted: ArmId, *, ready: bool) -> Admission:
    """A rule for a subnet; one that is not ``ready`` needs a service endpoint first, which kvguard does not change."""
    acl, also = firewall(snapshot.vault), f"every client in subnet {wanted.name}{_waking(snapshot)}"
    if not ready:
        what = f"enable the service endpoint Microsoft.KeyVault on subnet {wanted.name} and add a rule for it"
        return Admission(f"{_first(snapshot)}{what}", also)
    if len(acl.network_rules) >= MOST_NETWORK_RULES:
        return Admission(f"free one of the {MOST_NETWORK_RULES} subnet rules and add one for {wanted.name}", also)
    rules = replace(acl, network_rules=(*acl.network_rules, wanted))
    return Admission(f"{_first(snapshot)}add a rule for subnet {wanted.name}", also, _opened(snapshot, rules))


def _first(snapshot: VaultSnapshot) -> str:
    """What comes before a rule where public access is off: the firewall denies first, so that nobody slips in."""
    closed = snapshot.vault.public_access is PublicAccess.DISABLED
    return "set the firewall to Deny, switch public network access on, and " if closed else ""


def _waking(snapshot: VaultSnapshot) -> str:
    """Whom the rules let in that have no effect while public access is off, and get it back with it."""
    acl = firewall(snapshot.vault)
    if snapshot.vault.public_access is not PublicAccess.DISABLED or not rule_count(acl):
        return ""
    named = [*acl.ip_rules, *(f"subnet {subnet.name}" for subnet in acl.network_rules)]
    shown = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    return f"; and whoever comes from {shown}, which the firewall already names without effect"


def _opened(snapshot: VaultSnapshot, rules: NetworkAcl) -> tuple[Change, ...]:
    vault = snapshot.vault
    narrowed = SetNetworkAcl(vault.id, vault.acl, replace(rules, default_action=DefaultAction.DENY))
    if vault.public_access is not PublicAccess.DISABLED:
        return (narrowed,)
    return (narrowed, SetPublicAccess(vault.id, vault.public_access, PublicAccess.ENABLED))
