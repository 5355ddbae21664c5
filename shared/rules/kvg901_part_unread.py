"""KVG901 part-unread: a right is missing, so some rules cannot be evaluated.

What it finds
-------------
A part of the vault's private path that kvguard's identity may not read: an endpoint, a network with what filters it, a
zone with its links or records, a zone group, the perimeter associations, the diagnostic settings, the role assignments,
or the other vaults that share a zone.

Why it matters
--------------
What is unread makes its rules *not evaluated*. Without this finding, a missing right would look like a clean vault.

Example
-------
The hub's private DNS zone lies in a subscription where kvguard has no role: ``Microsoft.Network/privateDnsZones/read``.

Remediation
-----------
Grant the named actions to kvguard's identity, at the scope where the part lies; all of them are reads.

Remediation safety
------------------
Never by kvguard: it must not widen its own rights.

Links
-----
https://learn.microsoft.com/azure/role-based-access-control/custom-roles
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault once, with every action that was missing while it was read."""
    vault = case.snapshot.vault
    actions = sorted({part.detail for part in _parts(case.snapshot) if part.reason is UnreadReason.FORBIDDEN})
    if not actions:
        return
    yield Violation(
        subject=vault.id,
        message=(
            f"kvguard may not read all of the private path of vault {vault.name}, so some rules are not evaluated. "
            f"Missing: {', '.join(actions)}."
        ),
        facts={"actions": actions},
    )


def _parts(snapshot: VaultSnapshot) -> Iterator[Unread]:
    """Every part of a snapshot that has no value."""
    yield from (part for part in _members(snapshot) if isinstance(part, Unread))


def _members(snapshot: VaultSnapshot) -> Iterator[object]:
    """Everything in a snapshot that may be unread; what kvguard itself keeps (the history) is no right of Azure's."""
    vault = snapshot.vault
    yield from (vault.perimeters, vault.diagnostics, vault.roles, snapshot.claimants, *snapshot.zones_unread)
    for endpoint in snapshot.endpoints.values():
        yield endpoint
        if isinstance(endpoint, PrivateEndpoint):
            yield from (endpoint.addresses, endpoint.zone_groups)
    for network in snapshot.networks.values():
        yield network.forwarding if isinstance(network, Network) else network
    yield from snapshot.security_groups.values()
    yield from snapshot.route_tables.values()
    for zone in snapshot.zones:
        yield from (zone.links, zone.lookup(vault.record_name), zone.alias(vault.record_name))
        if not zone.complete:
            yield zone.records_unread
    yield snapshot.neighbours
    if isinstance(snapshot.neighbours, tuple):
        yield from (neighbour.endpoints for neighbour in snapshot.neighbours)


RULE = Rule(
    id="KVG901",
    name="part-unread",
    title="kvguard may not read a part of the vault's private path",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
