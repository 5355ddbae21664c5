"""KVG415 public-address-in-record: the private zone sends clients to an address that no network of theirs has.

What it finds
-------------
The vault's A record in a private zone has an address outside the private ranges and outside every virtual network that
was read. Private are 10.0.0.0/8, 172.16.0.0/12 (which ends at 172.31.255.255), 192.168.0.0/16 and, in Azure,
100.64.0.0/10. A virtual network may use public ranges, so an address inside one is no finding. Addresses that no
virtual network can have, such as 127.0.0.1 or 169.254.1.1, are findings.

Why it matters
--------------
Clients leave the network for the vault, or reach a stranger. Often somebody pasted the vault's public address, which
Azure changes without notice.

Example
-------
``contoso`` in ``privatelink.vaultcore.azure.net`` has the address 20.61.10.4.

Remediation
-----------
Leave only addresses of effective private endpoints in the record. Without any effective connection, delete it.

Remediation safety
------------------
Never by kvguard alone: clients may depend on the address, as wrong as it is. Deletion is offered only when no
connection is effective and when every network linked to the zone gets the public address, or what it gets today,
without the record. The write carries the etag that was read; the inverse puts the old addresses back.

Links
-----
https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network, is_private
from shared.domain.reading import Gone, Unread
from shared.domain.rule import Case, Proposal, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault_records import VaultRecord, correction, not_searched, record_facts, removal, vault_records
from shared.domain.zone import RecordSet, Zone

# What Azure refuses as address space of a virtual network, and what no host can have.
_IMPOSSIBLE: Final = tuple(
    ipaddress.IPv4Network(block)
    for block in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "224.0.0.0/4", "240.0.0.0/4")
)


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the records of the vault with an address that is neither private nor in a virtual network."""
    yield from not_searched(case.snapshot)
    for entry in vault_records(case.snapshot):
        record = entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
        elif record is not None:
            yield from _judge(case, entry, record)


def _judge(case: Case, entry: VaultRecord, record: RecordSet) -> Iterator[Violation | Unknown]:
    outside = [address for address in sorted(record.addresses) if not is_private(address)]
    if not outside:
        return
    right = case.snapshot.effective_addresses()
    if isinstance(right, Unread):
        yield Unknown(entry.id, right)
        return
    unread: Unread | None = None
    public: list[str] = []
    for address in outside:
        held = _held(case, entry.zone, address)
        if address in right or held is True:
            continue
        if isinstance(held, Unread):
            unread = unread or held
        else:
            public.append(address)
    if not public:
        if unread is not None:
            yield Unknown(entry.id, unread)
        return
    yield Violation(
        subject=entry.id,
        message=(
            f"Record {entry.name} in zone {entry.zone.name} gives {', '.join(public)} for vault "
            f"{case.snapshot.vault.name}: {_kind(public)}."
        ),
        facts={**record_facts(case, entry.zone, record), "public": public},
        proposals=correction(case, entry.zone, record) or _removal(case, entry.zone, record),
        advice=(
            f"Give record {entry.name} the address of the private endpoint that the networks linked to zone "
            f"{entry.zone.name} are meant to use; without a private endpoint, delete the record."
        ),
    )


def _kind(addresses: list[str]) -> str:
    if all(_impossible(address) for address in addresses):
        return "an address that no virtual network can have"
    return "a public address, in no virtual network that could be read"


def _held(case: Case, zone: Zone, address: str) -> bool | Unread:
    """Whether a virtual network around the vault has the address in its space; Unread where one was not read."""
    if _impossible(address):
        return False
    snapshot = case.snapshot
    unread = zone.links if isinstance(zone.links, Unread) else None
    for network, known in sorted(_networks(snapshot, zone).items()):
        if isinstance(known, Unread):
            prefixes = _announced(case, network)
            if not prefixes:
                unread = unread or known
            elif Network(network, prefixes).contains(address):
                return True
        elif isinstance(known, Network) and known.contains(address):
            return True
    return unread if unread is not None else False


def _networks(snapshot: VaultSnapshot, zone: Zone) -> dict[ArmId, Network | Gone | Unread]:
    """The networks that were read, those of endpoints, those linked to the zone, and the peers of all these."""
    homes = {e.network for e in snapshot.endpoints.values() if isinstance(e, PrivateEndpoint)}
    linked = {link.network for link in (() if isinstance(zone.links, Unread) else zone.links)}
    return {
        **{network: snapshot.network(network) for network in _with_peers(snapshot, set(snapshot.networks))},
        **{network: snapshot.linked(network) for network in _with_peers(snapshot, linked)},
        **{network: snapshot.around(network) for network in _with_peers(snapshot, homes)},
    }


def _with_peers(snapshot: VaultSnapshot, networks: set[ArmId]) -> set[ArmId]:
    known = (snapshot.network(network) for network in networks)
    return networks | {peer.remote for network in known if isinstance(network, Network) for peer in network.peerings}


def _announced(case: Case, network: ArmId) -> tuple[str, ...]:
    """The address space of a network as its peers know it."""
    networks = (known for known in case.snapshot.networks.values() if isinstance(known, Network))
    return tuple(
        prefix
        for known in networks
        for peering in known.peerings
        if peering.remote == network
        for prefix in peering.remote_prefixes
    )


def _removal(case: Case, zone: Zone, record: RecordSet) -> tuple[Proposal, ...]:
    """The deletion, if no linked network loses an answer: a public address may work where the firewall lets it in."""
    offered = removal(case, zone, record)
    return tuple(proposal for proposal in offered if not _loses(case, zone, proposal))


def _loses(case: Case, zone: Zone, proposal: Proposal) -> bool:
    if isinstance(zone.links, Unread):
        return True
    snapshot = case.snapshot
    after = proposal.change.simulate(snapshot)
    for link in zone.links:
        then = case.resolver.view(snapshot, link.network, snapshot.vault)
        now = case.resolver.view(after, link.network, snapshot.vault)
        same = (then.kind, then.addresses) == (now.kind, now.addresses)
        if AnswerKind.UNKNOWN in (then.kind, now.kind) or (now.kind is not AnswerKind.PUBLIC and not same):
            return True
    return False


def _impossible(address: str) -> bool:
    try:
        known = ipaddress.IPv4Address(address)
    except ValueError:
        return True
    return any(known in block for block in _IMPOSSIBLE)


RULE = Rule(
    id="KVG415",
    name="public-address-in-record",
    title="The vault's record holds a public address",
    severity=Severity.CRITICAL,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    group="record",
    rank=20,
    at_events=False,
)
