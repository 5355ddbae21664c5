"""KVG414 stale-a-record: the record outlived the endpoint or the vault it was made for.

What it finds
-------------
A vault's A record in a private zone whose addresses no private endpoint of the vault has, while the endpoint it was
made for, or the vault itself, is proven to be deleted.

Why it matters
--------------
The address can be given to anything else in the network. A vault of the same name that is created later gets the old
record, and its clients talk to a stranger.

Example
-------
The vault ``contoso`` was deleted and purged, its endpoint too; ``privatelink.vaultcore.azure.net`` still says
``contoso`` is 10.1.0.4.

Remediation
-----------
Delete the record. Where another endpoint of the vault is effective by now, give the record its address instead.

Remediation safety
------------------
Never by kvguard alone. It is found only when every connection's endpoint and every private endpoint that names the
vault in the readable subscriptions were read, and when a vault that is gone is neither soft-deleted, so recoverable,
nor moved to another resource group. A record that Azure registered for a machine is left alone. Azure itself deletes
what a zone group wrote when the endpoint goes. Undo creates the record again with its addresses and TTL.

Links
-----
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import Existence
from shared.domain.vault_records import (
    VaultRecord,
    correction,
    known_addresses,
    not_searched,
    record_facts,
    removal,
    vault_records,
)
from shared.domain.zone import RecordSet


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the records of the vault that name addresses which nothing of the vault has any more."""
    if _exists_elsewhere(case):
        return
    yield from not_searched(case.snapshot)
    for entry in vault_records(case.snapshot):
        record = entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
        elif record is not None and record.addresses and not _registered(record):
            yield from _judge(case, entry, record)


def _exists_elsewhere(case: Case) -> bool:
    """A vault that was moved keeps its name, and with it the record."""
    return case.snapshot.moved_to is not None


def _registered(record: RecordSet) -> bool:
    """A record that Azure registered belongs to a machine of that name, whose interface is not read."""
    return record.auto_registered


def _judge(case: Case, entry: VaultRecord, record: RecordSet) -> Iterator[Violation | Unknown]:
    snapshot, zone = case.snapshot, entry.zone
    endpoints = known_addresses(snapshot)
    if isinstance(endpoints, Unread):
        yield Unknown(entry.id, endpoints)
        return
    if any(addresses & set(record.addresses) for addresses in endpoints.values()):
        return
    gone = snapshot.vault.existence is Existence.DELETED
    because = (
        f"vault {snapshot.vault.name} was deleted and cannot be recovered"
        if gone
        else f"no private endpoint of vault {snapshot.vault.name} has it any more"
    )
    yield Violation(
        subject=entry.id,
        message=f"Record {entry.name} in zone {zone.name} still gives {', '.join(record.addresses)}, but {because}.",
        facts={
            **record_facts(case, zone, record),
            "vault": snapshot.vault.existence.value,
            "endpoints": sorted(f"{endpoint.key}={','.join(sorted(found))}" for endpoint, found in endpoints.items()),
        },
        proposals=correction(case, zone, record) or removal(case, zone, record),
        evidence=(f"Private endpoints of the vault that were read: {len(endpoints)}, none with this address.",),
    )


RULE = Rule(
    id="KVG414",
    name="stale-a-record",
    title="The record of a deleted endpoint or vault is still there",
    severity=Severity.MEDIUM,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    group="record",
    rank=60,
    at_events=False,
    judges=frozenset({Existence.EXISTS, Existence.DELETED}),
)
