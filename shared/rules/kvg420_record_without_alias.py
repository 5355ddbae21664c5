"""KVG420 record-without-alias: a record that nobody asks for.

What it finds
-------------
A private zone has an A record for the vault, and the vault has no Approved connection. Public DNS then has no alias
for its name, so no client is ever sent to the zone.

Why it matters
--------------
It looks as if the private path were ready, and it is not: every client gets the public address. The record takes effect
at the moment when somebody approves a connection, whatever it says by then.

Example
-------
``contoso`` in ``privatelink.vaultcore.azure.net`` says 10.1.0.4, and the only connection of the vault is Pending.

Remediation
-----------
Approve the connection that the record is for, or delete the record.

Remediation safety
------------------
Never by kvguard: a record that is made before the approval is the right order, and one that is left over looks the
same. Before an approval the record must hold the address of that connection's endpoint.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import ConnectionStatus
from shared.domain.vault_records import VaultRecord, not_searched, record_facts, vault_records
from shared.domain.zone import RecordSet


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the records of a vault without alias that only the alias leads to."""
    snapshot = case.snapshot
    if snapshot.vault.has_alias:
        return
    yield from not_searched(snapshot)
    for entry in vault_records(snapshot):
        if _asked_without_alias(case, entry):
            continue
        record = entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
        elif record is not None and record.addresses:
            yield _violation(case, entry, record)


def _asked_without_alias(case: Case, entry: VaultRecord) -> bool:
    """A zone of the vault's public host name answers before any alias."""
    return entry.zone.name == case.snapshot.cloud.vault_host(case.snapshot.vault.name)


def _violation(case: Case, entry: VaultRecord, record: RecordSet) -> Violation:
    vault = case.snapshot.vault
    pending = sorted(c.id.name for c in vault.connections if c.status is ConnectionStatus.PENDING)
    first = f"Approve connection {' or '.join(pending)}, if the record is for it" if pending else "Connect an endpoint"
    return Violation(
        subject=entry.id,
        message=(
            f"Zone {entry.zone.name} has {', '.join(sorted(record.addresses))} for vault {vault.name}, which has no "
            f"Approved connection: its name has no alias and the record is never asked for."
        ),
        facts={
            **record_facts(case, entry.zone, record),
            "connections": sorted(f"{c.id.key} {c.status.value}" for c in vault.connections),
        },
        advice=(
            f"{first}; otherwise delete record {entry.name} from zone {entry.zone.name} (resource group "
            f"{entry.zone.id.resource_group})."
        ),
    )


RULE = Rule(
    id="KVG420",
    name="record-without-alias",
    title="The vault has a record and no alias that leads to it",
    severity=Severity.LOW,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    group="record",
    rank=90,
    at_events=False,
)
