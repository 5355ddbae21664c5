"""KVG207 stranded-endpoint: it costs money, and no vault lets it in any more.

What it finds
-------------
A private endpoint that names the vault and is linked to nothing else, and either every connection of it is Rejected or
Disconnected, or the vault has no connection of it, or the vault is gone. A vault that is soft-deleted or was moved is
not gone, and an endpoint on which an operation is under way is not judged.

Why it matters
--------------
It costs money and holds an address, and its record sends clients into a time-out. An endpoint whose connection is dead
never works again: a new one is needed.

Example
-------
``pe-old`` names vault ``contoso``, which was purged; or the vault lists its connection as Disconnected.

Remediation
-----------
Delete the private endpoint, which leads nowhere any more.

Remediation safety
------------------
Never by itself: the endpoint and its address cannot be brought back. Azure deletes the records of its zone groups with
it, so nothing is offered while one of these zones holds an address of another endpoint under the vault's name, nor
while that is not known, nor where the endpoint itself says that it is connected, nor for another owner's endpoint.

Links
-----
https://learn.microsoft.com/azure/private-link/manage-private-endpoint
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.attachment import is_gone
from shared.domain.change import DeleteEndpoint
from shared.domain.endpoint import EndpointLink, PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Gone, Unread, UnreadReason, is_transient
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import Connection, Existence

_ASK: Final = Blocker("the endpoint and its address cannot be brought back")
_LOST: Final = "Irreversible: a new endpoint gets another address and needs a new approval."

# Why the endpoint must not be deleted: a reason for people, or the part that is not known.
_Objection = str | Unread


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every private endpoint of the vault that leads nowhere."""
    snapshot = case.snapshot
    if snapshot.vault.existence is Existence.DELETED and snapshot.moved_to is not None:
        return
    for endpoint_id in _dead_ends(case):
        yield from _judge(case, endpoint_id, _why_dead(case, endpoint_id))
    if isinstance(snapshot.claimants, Unread):
        yield Unknown(snapshot.vault.id, snapshot.claimants)
        return
    connected = {connection.endpoint for connection in _connections(case)}
    for endpoint_id in sorted(set(snapshot.claimants) - connected):
        nameless = _nameless(case)
        if nameless is not None:
            yield Unknown(endpoint_id, nameless)
        else:
            yield from _judge(case, endpoint_id, _why_gone(case))


def _connections(case: Case) -> tuple[Connection, ...]:
    """A vault that is gone has none, whatever was last read of it."""
    return () if case.snapshot.vault.existence is Existence.DELETED else case.snapshot.vault.connections


def _dead_ends(case: Case) -> list[ArmId]:
    """Endpoints with dead connections only: one that was made anew under its name has a living one beside."""
    living = {connection.endpoint for connection in _connections(case) if not connection.status.dead}
    dead = {c.endpoint for c in _connections(case) if c.status.dead and c.endpoint is not None}
    return sorted(dead - living)


def _nameless(case: Case) -> Unread | None:
    """A living connection that names no endpoint could be anybody's."""
    for connection in _connections(case):
        if connection.endpoint is None and not connection.status.dead:
            return Unread(UnreadReason.UNSUPPORTED, f"connection {connection.id.name} names no private endpoint")
    return None


def _why_dead(case: Case, endpoint_id: ArmId) -> str:
    states = sorted({c.status.value for c in _connections(case) if c.endpoint == endpoint_id})
    return f"its connection to vault {case.snapshot.vault.name} is {' and '.join(states)}"


def _why_gone(case: Case) -> str:
    vault = case.snapshot.vault
    if vault.existence is Existence.DELETED:
        return f"vault {vault.name} does not exist any more"
    return f"vault {vault.name} has no connection of it"


def _judge(case: Case, endpoint_id: ArmId, why: str) -> Iterator[Violation | Unknown]:
    missing = Unread(UnreadReason.UNSUPPORTED, f"private endpoint {endpoint_id.name} was not read")
    endpoint = case.snapshot.endpoints.get(endpoint_id, missing)
    if isinstance(endpoint, Gone):
        return
    if isinstance(endpoint, Unread):
        yield Unknown(endpoint_id, endpoint)
        return
    link = endpoint.link_to(case.snapshot.vault.id)
    if link is None or _serves_others(case, endpoint) or _moving(case, endpoint):
        return
    objections = list(_objections(case, endpoint, link))
    yield from (Unknown(endpoint.id, objection) for objection in objections if isinstance(objection, Unread))
    change = DeleteEndpoint(endpoint)
    yield Violation(
        subject=endpoint.id,
        message=f"Private endpoint {endpoint.id.name} leads nowhere: {why}.",
        facts={
            "why": why,
            "link": link.status.value,
            "addresses": "unread" if isinstance(endpoint.addresses, Unread) else sorted(endpoint.addresses),
            "zones": _zones(endpoint),
        },
        proposals=() if objections else (Proposal(change, (_ASK,), Applicability.APPROVAL, _LOST),),
        evidence=tuple(f"No deletion is offered: {objection}." for objection in objections),
        advice=(
            f"Delete private endpoint {endpoint.id.name} in resource group {endpoint.id.resource_group}, after making "
            "sure that no record of another endpoint goes with it."
        ),
    )


def _serves_others(case: Case, endpoint: PrivateEndpoint) -> bool:
    return any(link.target != case.snapshot.vault.id and not link.status.dead for link in endpoint.links)


def _moving(case: Case, endpoint: PrivateEndpoint) -> bool:
    mine = (c for c in _connections(case) if c.endpoint == endpoint.id)
    return is_transient(endpoint.provisioning_state) or any(is_transient(c.provisioning_state) for c in mine)


def _zones(endpoint: PrivateEndpoint) -> list[str]:
    if isinstance(endpoint.zone_groups, Unread):
        return ["unread"]
    return sorted({zone.key for group in endpoint.zone_groups for zone in group.zones})


def _objections(case: Case, endpoint: PrivateEndpoint, link: EndpointLink) -> Iterator[_Objection]:
    yield from _not_ours(case, endpoint)
    yield from _says_connected(case, endpoint, link)
    yield from _not_wholly_read(endpoint)
    yield from _maintains_another(case, endpoint)


def _not_ours(case: Case, endpoint: PrivateEndpoint) -> Iterator[_Objection]:
    if case.policy.is_foreign(endpoint.id):
        yield "it lies in a subscription that is not watched, so its owner decides"


def _says_connected(case: Case, endpoint: PrivateEndpoint, link: EndpointLink) -> Iterator[_Objection]:
    """Where the vault lists a dead connection, the endpoint has to agree; of a vault that is gone it cannot know."""
    if endpoint.id in _dead_ends(case) and not link.status.dead:
        yield f"the endpoint itself says {link.status.value}"


def _not_wholly_read(endpoint: PrivateEndpoint) -> Iterator[_Objection]:
    """What is deleted has to be known, so that it can be made again."""
    yield from (part for part in (endpoint.addresses, endpoint.zone_groups) if isinstance(part, Unread))


def _maintains_another(case: Case, endpoint: PrivateEndpoint) -> Iterator[_Objection]:
    if isinstance(endpoint.zone_groups, Unread) or isinstance(endpoint.addresses, Unread):
        return
    own = set(endpoint.addresses)
    for zone in sorted({zone for group in endpoint.zone_groups for zone in group.zones}):
        yield from _holds_another(case, endpoint, own, zone)


def _holds_another(case: Case, endpoint: PrivateEndpoint, own: set[str], zone_id: ArmId) -> Iterator[_Objection]:
    """Whether deleting the record of this zone would take away an address of another endpoint."""
    zone, name = case.snapshot.zone(zone_id), case.snapshot.vault.record_name
    if zone is None:
        gone = is_gone(case, zone_id)
        if isinstance(gone, Unread):
            yield gone
        return
    record = zone.lookup(name)
    if isinstance(record, Unread):
        yield record
    elif record is not None and record.addresses:
        others = _other_addresses(case, endpoint)
        if isinstance(others, Unread):
            yield others
        elif not set(record.addresses) <= own or set(record.addresses) & others:
            yield f"its zone group maintains {', '.join(sorted(record.addresses))} in zone {zone.name}"


def _other_addresses(case: Case, endpoint: PrivateEndpoint) -> frozenset[str] | Unread:
    """The addresses of all other endpoints that are known, the effective ones completely."""
    found: set[str] = set()
    for end in (end for _, end in case.snapshot.private_ends() if _connections(case)):
        if isinstance(end, Unread):
            return end
        if end.id != endpoint.id and isinstance(end.addresses, Unread):
            return end.addresses
    for other in case.snapshot.endpoints.values():
        if isinstance(other, PrivateEndpoint) and other.id != endpoint.id and not isinstance(other.addresses, Unread):
            found.update(other.addresses)
    return frozenset(found)


RULE = Rule(
    id="KVG207",
    name="stranded-endpoint",
    title="A private endpoint leads nowhere",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType({}),
    at_events=False,
    judges=frozenset({Existence.EXISTS, Existence.DELETED}),
)
