"""KVG419 record-to-ineffective-endpoint: clients are sent where nobody answers them.

What it finds
-------------
The vault has its public alias, because some connection is Approved, and its A record in a private zone has the address
of a private endpoint whose connection is Pending, Rejected or Disconnected, or no longer exists.

Why it matters
--------------
The alias sends clients of linked networks to the record, and the endpoint there answers nothing: they time out, where
without the record they would at least get an error at once.

Example
-------
A second team created an endpoint with a zone group; its connection is still Pending, and the record already says
10.2.0.4 instead of the first team's 10.1.0.4.

Remediation
-----------
Give the record the address of the effective endpoint; without one, delete it. Or approve the connection, if its
endpoint is wanted.

Remediation safety
------------------
Never by kvguard alone: whether the endpoint should be approved or the record changed is a person's decision. A zone
group of that endpoint may write its address again. The write carries the etag that was read, and undo puts the record
back.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/private-link/private-endpoint-overview
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import ConnectionStatus
from shared.domain.vault_records import VaultRecord, correction, record_facts, removal, vault_records
from shared.domain.zone import RecordSet

_INEFFECTIVE = (ConnectionStatus.PENDING, ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED)


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the records of the vault with an address of an endpoint that is not let in."""
    if not case.snapshot.vault.has_alias:
        return
    for entry in vault_records(case.snapshot):
        record = entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
        elif record is not None and record.addresses:
            yield from _judge(case, entry, record)


def _judge(case: Case, entry: VaultRecord, record: RecordSet) -> Iterator[Violation | Unknown]:
    right = case.snapshot.effective_addresses()
    if isinstance(right, Unread):
        yield Unknown(entry.id, right)
        return
    strange = set(record.addresses) - right
    if not strange:
        return
    unread: Unread | None = None
    named: list[tuple[PrivateEndpoint, str, list[str]]] = []
    for endpoint, state in (*_connected(case), *_unconnected(case)):
        if isinstance(endpoint, Unread):
            unread = unread or endpoint
        elif isinstance(endpoint.addresses, Unread):
            unread = unread or endpoint.addresses
        elif strange & set(endpoint.addresses):
            named.append((endpoint, state, sorted(strange & set(endpoint.addresses))))
    if not named:
        if unread is not None:
            yield Unknown(entry.id, unread)
        return
    whom = "; ".join(f"{endpoint.id.name} ({state}, {', '.join(found)})" for endpoint, state, found in named)
    yield Violation(
        subject=entry.id,
        message=(
            f"Record {entry.name} in zone {entry.zone.name} leads to a private endpoint that vault "
            f"{case.snapshot.vault.name} does not let in: {whom}. Clients time out."
        ),
        facts={
            **record_facts(case, entry.zone, record),
            "named": sorted(f"{endpoint.id.key} {state} {','.join(found)}" for endpoint, state, found in named),
        },
        proposals=correction(case, entry.zone, record) or removal(case, entry.zone, record),
        advice=f"Approve the connection of {named[0][0].id.name} if it is wanted; otherwise correct the record.",
    )


def _connected(case: Case) -> Iterator[tuple[PrivateEndpoint | Unread, str]]:
    """The endpoints of connections that are not let in, each with its state."""
    for connection in case.snapshot.vault.connections:
        endpoint = case.snapshot.endpoint_of(connection)
        if connection.status in _INEFFECTIVE and not isinstance(endpoint, Gone):
            yield endpoint, connection.status.value


def _unconnected(case: Case) -> Iterator[tuple[PrivateEndpoint | Unread, str]]:
    """The endpoints that name the vault and for which it has no connection any more."""
    snapshot = case.snapshot
    if isinstance(snapshot.claimants, Unread):
        yield snapshot.claimants, ""
        return
    known = {connection.endpoint for connection in snapshot.vault.connections}
    for claimant in snapshot.claimants:
        later = Unread(UnreadReason.DEFERRED, f"private endpoint {claimant.name}", Part.CLAIMANTS)
        endpoint = snapshot.endpoints.get(claimant, later)
        if claimant not in known and not isinstance(endpoint, Gone):
            yield endpoint, "no connection"


RULE = Rule(
    id="KVG419",
    name="record-to-ineffective-endpoint",
    title="The vault's record leads to an endpoint that is not let in",
    severity=Severity.HIGH,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    group="record",
    rank=40,
    at_events=False,
)
