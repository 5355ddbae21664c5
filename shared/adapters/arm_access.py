"""Around a vault: where its logs go, who has rights on it, and whether it was deleted."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from shared.adapters import arm_api as api
from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_bodies_access as access
from shared.adapters import arm_decode as decode
from shared.adapters import arm_decode_vault as decode_vault
from shared.adapters.arm_parts import Parts, attempt
from shared.domain.arm_id import ArmId
from shared.domain.reading import Unread
from shared.domain.vault import DiagnosticSetting, RoleAssignment

_DIAGNOSTICS: Final = decode.decoder(bodies.Listing[access.DiagnosticBody])
_ASSIGNMENTS: Final = decode.decoder(bodies.Listing[access.AssignmentBody])
_ROLE: Final = decode.decoder(access.RoleBody)
_DELETED: Final = decode.decoder(bodies.Listing[access.DeletedBody])


def diagnostics(parts: Parts, vault: ArmId) -> tuple[DiagnosticSetting, ...] | Unread:
    """The diagnostic settings of a vault."""
    pages = parts.pages(api.diagnostics_of(vault), api.DIAGNOSTICS_API)
    return attempt(lambda: tuple(decode_vault.diagnostic(row) for page in pages for row in _DIAGNOSTICS(page).value))


def roles(parts: Parts, vault: ArmId) -> tuple[RoleAssignment, ...] | Unread:
    """The role assignments at and above a vault, with what their roles allow on data (roles are cached)."""
    return attempt(lambda: _roles(parts, vault))


def _roles(parts: Parts, vault: ArmId) -> tuple[RoleAssignment, ...] | Unread:
    pages = parts.pages(api.assignments_of(vault), api.ROLES_API, api.AT_SCOPE)
    rows = [row for page in pages for row in _ASSIGNMENTS(page).value]
    known: dict[str, access.RoleBody] = {}
    for role in sorted({decode_vault.role_of(row) for row in rows}):
        found = parts.cached(f"role {vault.subscription.lower()} {role}", partial(_role, parts, vault, role))
        if isinstance(found, Unread):
            return found
        known[role] = found
    return tuple(
        assignment for row in rows for assignment in decode_vault.assignments(row, known[decode_vault.role_of(row)])
    )


def _role(parts: Parts, vault: ArmId, role: str) -> access.RoleBody:
    return _ROLE(parts.get(api.role_in(vault.subscription, role), api.ROLES_API))


def is_soft_deleted(parts: Parts, vault: ArmId) -> bool:
    """Whether a vault is among the soft-deleted ones of its subscription. Raises EstateError."""
    pages = parts.pages(api.deleted_vaults_of(vault.subscription), api.VAULTS_API)
    return any(decode_vault.deleted_vault(row) == vault for page in pages for row in _DELETED(page).value)


def namesake(parts: Parts, subscriptions: Iterable[str], vault: ArmId) -> ArmId | None:
    """The vault of the same name that exists in one of the subscriptions. Raises EstateError.

    The name of a vault is unique in its cloud, so there is one at most.
    Source: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
    """
    wanted = vault.name.casefold()
    for subscription in sorted(subscriptions):
        for body in parts.vaults(subscription):
            found = decode.arm_id(body.id)
            if found.name.casefold() == wanted:
                return found
    return None
