"""KVG107 perimeter-unclear: so it cannot be said whether the vault is open.

What it finds
-------------
``publicNetworkAccess`` has a value that kvguard does not know; it is ``SecuredByPerimeter`` without an association;
the vault's associations may not or could not be read; or one is in transition mode (``Learning``), only audits, is not
in force yet, or has an unknown mode.

Why it matters
--------------
An enforced perimeter overrides public access and firewall; one in transition mode blocks nobody. While it is unclear
which holds, the vault may be open or shut, and unknown is never compliant.

Example
-------
``publicNetworkAccess`` ``SecuredByPerimeter`` and an association whose access mode is still ``Learning``.

Remediation
-----------
Give kvguard the right to read the associations; enforce the perimeter once its logs show no refused caller that is
needed; or set public network access to Disabled.

Remediation safety
------------------
Never by kvguard: enforcing a perimeter can cut off whole groups of resources, and it is managed elsewhere.

Links
-----
https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import PerimeterMode, PublicAccess, Vault


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault once with everything unclear; an Unknown while its associations were not asked for."""
    vault = case.snapshot.vault
    perimeters = vault.perimeters
    if isinstance(perimeters, Unread) and perimeters.reason is UnreadReason.DEFERRED:
        yield Unknown(vault.id, perimeters)
    found = tuple(_unclear(vault))
    if not found:
        return
    yield Violation(
        subject=vault.id,
        message=f"Whether a perimeter guards vault {vault.name} is unclear: {'; '.join(found)}.",
        facts={
            "public_access": vault.public_access.value,
            "modes": sorted(_modes(vault)),
            "unclear": sorted(found),
        },
        advice=_advice(vault),
    )


def _unclear(vault: Vault) -> Iterator[str]:
    if vault.public_access is PublicAccess.UNKNOWN:
        yield "publicNetworkAccess has an unknown value"
    yield from _unread(vault)
    yield from _no_association(vault)
    yield from _not_enforced(vault)


def _unread(vault: Vault) -> Iterator[str]:
    if isinstance(vault.perimeters, Unread) and vault.perimeters.reason is not UnreadReason.DEFERRED:
        yield f"its perimeter associations could not be read ({vault.perimeters})"


def _no_association(vault: Vault) -> Iterator[str]:
    if vault.public_access is PublicAccess.SECURED_BY_PERIMETER and vault.perimeters == ():
        yield "publicNetworkAccess is SecuredByPerimeter and no perimeter is associated"


def _not_enforced(vault: Vault) -> Iterator[str]:
    modes = _modes(vault)
    if PerimeterMode.TRANSITION.value in modes:
        yield "an association is in transition mode (Learning), which blocks nobody"
    if PerimeterMode.AUDIT.value in modes:
        yield "an association only audits, which blocks nobody"
    if PerimeterMode.UNKNOWN.value in modes:
        yield "an association is not in force, or its access mode is unknown"


def _modes(vault: Vault) -> frozenset[str]:
    return frozenset() if isinstance(vault.perimeters, Unread) else frozenset(mode.value for mode in vault.perimeters)


def _advice(vault: Vault) -> str:
    if isinstance(vault.perimeters, Unread) and vault.perimeters.reason is UnreadReason.FORBIDDEN:
        return f"Grant kvguard {vault.perimeters.detail} on {vault.id.text}."
    if _modes(vault) & {PerimeterMode.TRANSITION.value, PerimeterMode.AUDIT.value}:
        return (
            f"Read the perimeter's access logs for {vault.name}, add the access rules that its callers need, then set "
            "the association's access mode to Enforced."
        )
    return f"Set public network access of {vault.name} to Disabled, or associate it with a perimeter that is enforced."


RULE = Rule(
    id="KVG107",
    name="perimeter-unclear",
    title="Whether a perimeter guards the vault is unclear",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    at_events=False,
    controls=MappingProxyType({}),
)
