"""KVG905 exemption-expiring: an exemption that covers the vault ends within 14 days.

What it finds
-------------
An exemption of the policy whose scope holds the vault, lies in it, or holds a part of its private path, and that ends
within the next 14 days. One that has ended is no longer found: what it silenced is reported again instead.

Why it matters
--------------
When the exemption ends, kvguard reports what it silenced and, where the rule's mode allows it, repairs it. Whoever
asked for the exemption should not learn of it from the repair.

Example
-------
``KVG101`` is exempt for the resource group ``rg-build`` until 2026-12-01, and it is 2026-11-20.

Remediation
-----------
Mend what is exempt before the day. Where it has to stay longer, let the owner give a new reason and date in the policy;
an exemption lasts at most 366 days.

Remediation safety
------------------
Never by kvguard: an exemption is its owner's word, and nobody else may prolong it.

Links
-----
https://learn.microsoft.com/azure/governance/policy/concepts/exemption-structure
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import A_RECORD, ENDPOINT, VAULT, ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.policy import Exemption
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot

SOON: Final = timedelta(days=14)


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault with its exemptions that end soon. Whether others cover a part that was not read is unknown."""
    snapshot, now = case.snapshot, case.snapshot.read_at
    soon = [entry for entry in case.policy.exemptions if now < entry.expires <= now + SOON]
    path = _private_path(case) if soon else ()
    covering = sorted(_line(entry) for entry in soon if _covers(entry, path))
    if covering:
        yield Violation(
            subject=snapshot.vault.id,
            message=f"Exemptions of vault {snapshot.vault.name} end within {SOON.days} days: {'; '.join(covering)}.",
            facts={"exemptions": covering},
            advice="Mend what is exempt, or let the owner give a new reason and date in the policy.",
        )
    unread = _unread(snapshot)
    if unread is not None and any(not _covers(entry, path) and not _of_vaults(entry) for entry in soon):
        yield Unknown(snapshot.vault.id, unread)


def _covers(exemption: Exemption, path: tuple[ArmId, ...]) -> bool:
    """Whether the scope holds a part of the path, or lies in the vault or in one of its endpoints.

    A zone holds the records of other vaults as well, so a scope that lies in it says nothing.
    """
    scope = exemption.scope.casefold()
    below = (resource.key + "/" for resource in path if resource.is_a(VAULT) or resource.is_a(ENDPOINT))
    return any(resource.within(scope) for resource in path) or scope.startswith(tuple(below))


def _of_vaults(exemption: Exemption) -> bool:
    """Whether the scope is a vault or in one, so that no endpoint, network or zone lies in it."""
    return f"/providers/{VAULT}/".casefold() in exemption.scope.casefold()


def _private_path(case: Case) -> tuple[ArmId, ...]:
    """The vault and everything that findings about it may be about, as far as it is known."""
    snapshot, vault = case.snapshot, case.snapshot.vault
    zones = {zone.id for zone in snapshot.zones} | {zone.id for zone in case.policy.zones}
    endpoints = {connection.endpoint for connection in vault.connections if connection.endpoint is not None}
    found = [vault.id, *(connection.id for connection in vault.connections), *endpoints, *snapshot.endpoints]
    found += [*snapshot.networks, *zones]
    found += [ArmId.of(z.subscription, z.resource_group, A_RECORD, z.name, vault.record_name) for z in zones]
    for zone in snapshot.zones:
        found += [] if isinstance(zone.links, Unread) else [link.id for link in zone.links]
    for endpoint in snapshot.endpoints.values():
        if isinstance(endpoint, PrivateEndpoint):
            found += [endpoint.network, endpoint.subnet]
    return tuple(dict.fromkeys(found))


def _unread(snapshot: VaultSnapshot) -> Unread | None:
    """A part of the private path that was not read, None when all of it was."""
    endpoints = (endpoint for endpoint in snapshot.endpoints.values() if isinstance(endpoint, Unread))
    links = (zone.links for zone in snapshot.zones if isinstance(zone.links, Unread))
    return next((part for parts in (endpoints, snapshot.zones_unread, links) for part in parts), None)


def _line(exemption: Exemption) -> str:
    return f"{exemption.rule} in {exemption.scope} until {exemption.expires:%Y-%m-%d %H:%M} UTC ({exemption.owner})"


RULE = Rule(
    id="KVG905",
    name="exemption-expiring",
    title="An exemption ends soon",
    severity=Severity.LOW,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
    at_events=False,
)
