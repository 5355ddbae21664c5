"""KVG418 extra-addresses: beside the right address the record has one that leads nowhere.

What it finds
-------------
The vault's A record in a private zone has an address of an effective endpoint of the vault, and another one that no
effective endpoint has.

Why it matters
--------------
Clients take the addresses in turn: some requests work, some time out, and no retry policy makes that look like DNS.

Example
-------
The endpoint was recreated, somebody added its new address 10.1.0.4 and left 10.1.0.9 in the record.

Remediation
-----------
Leave only the addresses of effective endpoints in the record.

Remediation safety
------------------
Never by kvguard alone: the other address may be a proxy that somebody put there on purpose. The update keeps TTL and
metadata, carries the etag that was read, and its inverse puts all addresses back.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault_records import VaultRecord, correction, record_facts, vault_records
from shared.domain.zone import RecordSet


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the records of the vault that mix right addresses with others."""
    for entry in vault_records(case.snapshot):
        record = entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
        elif record is not None and len(record.addresses) > 1:
            yield from _judge(case, entry, record)


def _judge(case: Case, entry: VaultRecord, record: RecordSet) -> Iterator[Violation | Unknown]:
    right = case.snapshot.effective_addresses()
    if isinstance(right, Unread):
        yield Unknown(entry.id, right)
        return
    good = sorted(set(record.addresses) & right)
    extra = sorted(set(record.addresses) - right)
    if not good or not extra:
        return
    yield Violation(
        subject=entry.id,
        message=(
            f"Record {entry.name} in zone {entry.zone.name} gives {', '.join(extra)} beside {', '.join(good)}; only "
            f"the latter is an effective private endpoint of vault {case.snapshot.vault.name}."
        ),
        facts={**record_facts(case, entry.zone, record), "extra": extra},
        proposals=correction(case, entry.zone, record),
    )


RULE = Rule(
    id="KVG418",
    name="extra-addresses",
    title="The vault's record has addresses beside the right one",
    severity=Severity.MEDIUM,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    group="record",
    rank=70,
)
