"""KVG417 conflicting-record-type: another kind of record stands where the vault's A record belongs.

What it finds
-------------
A private zone holds a CNAME under the vault's own name. A name with a CNAME can have no A record.

Why it matters
--------------
Clients follow the CNAME to wherever it leads, and neither kvguard nor a zone group can write the vault's address:
Azure refuses an A record beside a CNAME.

Example
-------
``contoso`` in ``privatelink.vaultcore.azure.net`` is a CNAME for ``proxy.corp.example``.

Remediation
-----------
Ask the owner of the CNAME what it is for, delete it, and create the A record with the endpoint's address.

Remediation safety
------------------
Never by kvguard: somebody may have put a proxy in front of the vault on purpose, and between deletion and creation the
name is NXDOMAIN in every linked network. kvguard holds no right to write records other than A.

Links
-----
https://learn.microsoft.com/azure/dns/dns-private-records
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault_records import VaultRecord, not_searched, vault_records


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the places of the vault's record that a CNAME takes."""
    yield from not_searched(case.snapshot)
    for entry in vault_records(case.snapshot):
        if isinstance(entry.found, Unread):
            yield Unknown(entry.id, entry.found)
            continue
        target = entry.zone.alias(entry.name)
        if isinstance(target, Unread):
            yield Unknown(entry.id, target)
        elif target is not None:
            yield _violation(case, entry, target)


def _violation(case: Case, entry: VaultRecord, target: str) -> Violation:
    vault, zone = case.snapshot.vault, entry.zone
    right = case.snapshot.effective_addresses()
    addresses = "" if isinstance(right, Unread) else ", ".join(sorted(right))
    return Violation(
        subject=entry.id,
        message=(
            f"Zone {zone.name} has a CNAME {entry.name} -> {target} where the A record of vault {vault.name} belongs; "
            f"an A record cannot stand beside it."
        ),
        facts={
            "zone": zone.id.key,
            "target": target.lower().rstrip("."),
            "endpoint_addresses": "unread" if isinstance(right, Unread) else sorted(right),
        },
        advice=(
            f"Find out what {target} is for, delete CNAME {entry.name} from zone {zone.name} (resource group "
            f"{zone.id.resource_group}) and create A record {entry.name}"
            + (f" with {addresses}." if addresses else " with the address of the vault's private endpoint.")
        ),
    )


RULE = Rule(
    id="KVG417",
    name="conflicting-record-type",
    title="A CNAME takes the place of the vault's A record",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    group="record",
    rank=10,
    at_events=False,
)
