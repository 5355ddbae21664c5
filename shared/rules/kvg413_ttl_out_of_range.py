"""KVG413 ttl-out-of-range: the record lives too long, or hardly at all, in resolvers' caches.

What it finds
-------------
The vault's A record in a private zone has a TTL below 10 or above 600 seconds (or the bounds of the policy).

Why it matters
--------------
After an address change clients keep the old one for a whole TTL; a TTL near zero makes every request wait for DNS.

Example
-------
A record with TTL 3600, the portal's habit.

Remediation
-----------
Set the TTL to the nearest bound; addresses and metadata stay.

Remediation safety
------------------
By itself only when all hold: policy names kvguard as the zone's writer; every address of the record belongs to an
effective endpoint of the vault; no networks with different endpoints contend for it; no zone group wrote it; kvguard
has not mended this record within a day (somebody sets it back, then a person decides). The write carries the etag that
was read and changes no answer, only how long it is kept.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import MappingProxyType

from shared.domain.change import UpdateRecord
from shared.domain.contest import contest
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import writer_blockers
from shared.domain.vault_records import not_searched, vault_records
from shared.domain.zone import RecordSet, Zone

_ONCE_PER = timedelta(days=1)


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault's record in every zone that answers for it whose TTL is out of bounds."""
    snapshot, bounds = case.snapshot, case.policy.ttl
    yield from not_searched(snapshot)
    for entry in vault_records(snapshot):
        zone, record = entry.zone, entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
            continue
        if record is None or not record.addresses or bounds.minimum <= record.ttl <= bounds.maximum:
            continue
        ttl = min(max(record.ttl, bounds.minimum), bounds.maximum)
        change = UpdateRecord(record, record.addresses, ttl, adopt=False)
        proposals = () if record.auto_registered else (Proposal(change, tuple(_blockers(case, zone, record))),)
        yield Violation(
            subject=entry.id,
            message=(
                f"Record {record.id.name} in zone {zone.name} has TTL {record.ttl} s, outside "
                f"{bounds.minimum} to {bounds.maximum} s."
            ),
            facts={"zone": zone.id.key, "ttl": record.ttl, "addresses": sorted(record.addresses)},
            proposals=proposals,
        )


def _blockers(case: Case, zone: Zone, record: RecordSet) -> Iterator[Blocker]:
    yield from writer_blockers(case.policy, zone.id)
    yield from _addresses(case, record)
    yield from _contest(case, zone, record)
    yield from _zone_group(record)
    yield from _mended_lately(case, record)


def _addresses(case: Case, record: RecordSet) -> Iterator[Blocker]:
    right = case.snapshot.effective_addresses()
    if isinstance(right, Unread):
        yield Blocker("whether the record's addresses are right is not known", right)
    elif not set(record.addresses) <= right:
        yield Blocker("not every address of the record is an effective endpoint of the vault")


def _contest(case: Case, zone: Zone, record: RecordSet) -> Iterator[Blocker]:
    found = contest(case, zone, record)
    if isinstance(found, Unread):
        yield Blocker("whether the record suits every network that gets it is not known", found)
    elif found is not None:
        yield Blocker("networks with different endpoints contend for the record")


def _zone_group(record: RecordSet) -> Iterator[Blocker]:
    if record.made_by_zone_group:
        yield Blocker("a zone group wrote the record")


def _mended_lately(case: Case, record: RecordSet) -> Iterator[Blocker]:
    history = case.snapshot.history
    mended = None if isinstance(history, Unread) else history.ttl_mended.get(record.id)
    if mended is not None and case.snapshot.read_at - mended < _ONCE_PER:
        yield Blocker("kvguard mended this TTL within the last day and somebody set it back")


RULE = Rule(
    id="KVG413",
    name="ttl-out-of-range",
    title="The TTL of the vault's record is out of range",
    severity=Severity.LOW,
    ceiling=Applicability.SAFE,
    default=Mode.FIX,
    check=check,
    group="record",
    rank=80,
    controls=MappingProxyType({}),
    at_events=False,
)
