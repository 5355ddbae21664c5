"""KVG416 contested-record: one record for networks that need different answers.

What it finds
-------------
The vault has effective endpoints in several virtual networks, and one zone answers for more than one of them; or it
answers in a network that cannot reach the record's endpoint and does reach another one. Networks count that ask the
zone through a peer's DNS servers, too.

Why it matters
--------------
A record set gives every network the same addresses. The endpoint that was created last overwrites the record, and the
clients of the other network time out, or take a way through a peering that nobody planned.

Example
-------
Endpoint ``pe-1`` in ``vnet-1`` and ``pe-2`` in ``vnet-2``, both networks linked to the same
``privatelink.vaultcore.azure.net``: its record says 10.2.0.4, which ``vnet-1`` cannot reach.

Remediation
-----------
Give each network its own zone of the same name, in another resource group, with the record of its own endpoint.

Remediation safety
------------------
Never by kvguard: whose network keeps the zone, and which other vaults each zone must hold, is for the owners of the
networks to say. Remove a network's link only after its new zone has all its records, for a network without link
resolves every vault publicly.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.arm_id import ArmId
from shared.domain.contest import Contest, Party, contest
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault_records import VaultRecord, record_facts, vault_records
from shared.domain.zone import RecordSet

_MOST_NAMES = 10


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the records of the vault for which networks with different endpoints contend."""
    for entry in vault_records(case.snapshot):
        record = entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
        elif record is not None and record.addresses:
            found = contest(case, entry.zone, record)
            if isinstance(found, Unread):
                yield Unknown(entry.id, found)
            elif found is not None:
                yield _violation(case, entry, record, found)


def _violation(case: Case, entry: VaultRecord, record: RecordSet, found: Contest) -> Violation:
    vault = case.snapshot.vault
    names = _some([f"{party.network.name} ({_address(party.endpoint)})" for party in found.parties])
    lost = _some([network.name for network in found.cut_off])
    foreign = _nobodys(case, record)
    return Violation(
        subject=entry.id,
        message=(
            f"Record {entry.name} in zone {entry.zone.name} gives {', '.join(sorted(record.addresses))} to networks "
            f"with different endpoints of vault {vault.name}: {names}."
            + (f" Clients in {lost} cannot reach it." if lost else "")
            + (" None of these endpoints has the address." if foreign else "")
        ),
        facts={
            **record_facts(case, entry.zone, record),
            "parties": sorted(f"{p.network.key}={p.endpoint.id.key} via {p.through.key}" for p in found.parties),
            "cut_off": sorted(network.key for network in found.cut_off),
        },
        advice=_split(entry, record, found),
        # A record that leads to no endpoint at all is as bad as it is where nobody contends for it.
        severity=Severity.CRITICAL if foreign else None,
    )


def _nobodys(case: Case, record: RecordSet) -> bool:
    right = case.snapshot.effective_addresses()
    return not isinstance(right, Unread) and not right & set(record.addresses)


def _split(entry: VaultRecord, record: RecordSet, found: Contest) -> str:
    """Which zone for which networks: the present one stays with the endpoint that it names."""
    sides: dict[ArmId, list[Party]] = {}
    for party in found.parties:
        sides.setdefault(party.endpoint.id, []).append(party)
    ordered = sorted(sides.values(), key=lambda side: (not _named(side[0], record), side[0].endpoint.id))
    stays, *others = ordered
    kept = stays[0].endpoint
    place = f"zone {entry.zone.name} (resource group {entry.zone.id.resource_group})"
    right = f"{entry.name} = {_address(kept)} (private endpoint {kept.id.name})"
    steps = [f"Keep {place} for {_networks(stays)} with {right}."]
    for side in others:
        endpoint = side[0].endpoint
        steps.append(
            f"For {_networks(side)}: create a second zone {entry.zone.name} in another resource group with "
            f"{entry.name} = {_address(endpoint)} (private endpoint {endpoint.id.name}) and the records of every other "
            f"vault these networks use, let the zone group of {endpoint.id.name} point to it, then move the link of "
            f"{_some(sorted({party.through.name for party in side}))} to it."
        )
    shared = {party.through for party in stays} & {party.through for side in others for party in side}
    for through in sorted(shared):
        steps.append(
            f"Both sides ask through {through.name}, and a network has one zone of a name: let one side use "
            f"Azure-provided DNS, or a resolver in its own network, and link its zone there."
        )
    return " ".join(steps)


def _named(party: Party, record: RecordSet) -> bool:
    addresses = party.endpoint.addresses
    return not isinstance(addresses, Unread) and bool(set(addresses) & set(record.addresses))


def _networks(side: list[Party]) -> str:
    return _some(sorted({party.network.name for party in side}))


def _some(names: list[str]) -> str:
    """The first names of a list; a zone may be linked to a thousand networks."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _address(endpoint: PrivateEndpoint) -> str:
    return "unread" if isinstance(endpoint.addresses, Unread) else ", ".join(sorted(endpoint.addresses)) or "none"


RULE = Rule(
    id="KVG416",
    name="contested-record",
    title="Networks with different endpoints share one record",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    group="record",
    rank=30,
    at_events=False,
)
