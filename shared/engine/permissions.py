"""The last gate: whether a principal may do an operation, by role assignments or by access policies. Pure.

Groups are not read: a right that somebody else has may reach the principal through a group, and then it is not known.
Source: https://learn.microsoft.com/azure/key-vault/general/rbac-guide
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from shared.domain.access import Admission, Caller, Gate, Verdict
from shared.domain.reading import Unread
from shared.domain.vault import AccessPolicy, RoleAssignment, Vault

PERMISSION: Final = "permission"
_PREFIX: Final = "microsoft.keyvault/vaults/"

# Operation -> data action, where the last part is not "<operation>/action".
_ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "secrets/get": "secrets/getsecret/action",
        "secrets/list": "secrets/readmetadata/action",
        "secrets/set": "secrets/setsecret/action",
        "secrets/delete": "secrets/delete",
        "keys/get": "keys/read",
        "keys/list": "keys/read",
        "keys/delete": "keys/delete",
        "keys/wrapkey": "keys/wrap/action",
        "keys/unwrapkey": "keys/unwrap/action",
        "certificates/get": "certificates/read",
        "certificates/list": "certificates/read",
        "certificates/delete": "certificates/delete",
    }
)
_EVERYWHERE: Final = frozenset({"get", "list", "delete", "backup", "restore", "recover", "purge"})
_CRYPTO: Final = frozenset({"encrypt", "decrypt", "wrapkey", "unwrapkey", "sign", "verify"})
_OPERATIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "keys": _EVERYWHERE | _CRYPTO | {"create", "update", "import", "rotate", "release"},
        "secrets": _EVERYWHERE | {"set"},
        "certificates": _EVERYWHERE | {"create", "update", "import"},
    }
)
# The narrowest built-in role: one that shows no secret where none is asked for, else one that writes the kind.
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security
_READER: Final = "Key Vault Reader"
_NARROW: Final[Mapping[str, str]] = MappingProxyType(
    {
        "secrets/get": "Key Vault Secrets User",
        "secrets/list": _READER,
        "keys/get": _READER,
        "keys/list": _READER,
        "certificates/get": _READER,
        "certificates/list": _READER,
        "keys/wrapkey": "Key Vault Crypto Service Encryption User",
        "keys/unwrapkey": "Key Vault Crypto Service Encryption User",
        "keys/release": "Key Vault Crypto Service Release User",
        **dict.fromkeys(
            ("keys/encrypt", "keys/decrypt", "keys/sign", "keys/verify", "keys/update", "keys/backup"),
            "Key Vault Crypto User",
        ),
    }
)
_WRITERS: Final = MappingProxyType(
    {
        "secrets": "Key Vault Secrets Officer",
        "certificates": "Key Vault Certificates Officer",
        "keys": "Key Vault Crypto Officer",
    }
)


def is_operation(text: str) -> bool:
    """Whether the text names an operation on keys, secrets or certificates, such as ``secrets/get``."""
    kind, _, verb = text.casefold().partition("/")
    return verb in _OPERATIONS.get(kind, frozenset())


def operations() -> tuple[str, ...]:
    """Every operation that can be asked about, sorted."""
    return tuple(sorted(f"{kind}/{verb}" for kind, verbs in _OPERATIONS.items() for verb in verbs))


def permission_gate(vault: Vault, caller: Caller) -> Gate:
    """What the vault's permission model says of the caller's principal and operation."""
    operation = caller.operation.casefold()
    if not caller.principal or not operation:
        return Gate(
            PERMISSION, Verdict.ASSUMED, "no principal and operation were named, so permission is taken for granted"
        )
    if not is_operation(operation):
        return Gate(PERMISSION, Verdict.UNKNOWN, f"{caller.operation} is no operation that is known here")
    return _by_roles(vault, caller, operation) if vault.settings.rbac else _by_policies(vault, caller, operation)


def permission_admission(vault: Vault, caller: Caller) -> Admission:
    """The smallest grant that lets the principal do the operation."""
    operation = caller.operation.casefold()
    kind, _, verb = operation.partition("/")
    if not vault.settings.rbac:
        return Admission(
            f"add {verb} to the {kind} permissions of principal {caller.principal} in the vault's access policies",
            f"the principal may {verb} all {kind} of the vault: access policies know no single object",
        )
    role = _NARROW.get(operation, _WRITERS[kind])
    what = f"assign role {role} to principal {caller.principal} at the scope of vault {vault.name}"
    also = "nobody else, or every member if it is a group; the principal gets all that the role allows on the vault"
    # What lists or makes objects is no right on one of them.
    alone = verb not in ("list", "create", "import", "restore")
    return Admission(f"{what}, or of one object in it" if alone else what, also)


def _by_roles(vault: Vault, caller: Caller, operation: str) -> Gate:
    if isinstance(vault.roles, Unread):
        why = f"role assignments are not read ({vault.roles})"
        return Gate(PERMISSION, Verdict.UNKNOWN, why, unread=vault.roles)
    action = _PREFIX + _ACTIONS.get(operation, f"{operation}/action")
    granting = [role for role in vault.roles if _allows(role, action)]
    own = [role for role in granting if role.principal.casefold() == caller.principal.casefold()]
    plain = next((role for role in own if not role.conditional), None)
    if plain is not None:
        why = f"role {plain.role} at {plain.scope} allows {action} (deny assignments are not read)"
        return Gate(PERMISSION, Verdict.PASS, why)
    if own:
        why = f"role {own[0].role} allows {action} under a condition that is not judged here"
        return Gate(PERMISSION, Verdict.UNKNOWN, why)
    if granting:
        others = ", ".join(sorted({role.principal for role in granting})[:3])
        why = f"no role of the principal itself allows {action}; {others} may, and whether that is a group"
        return Gate(PERMISSION, Verdict.UNKNOWN, f"{why} with the principal in it is not read")
    why = f"no role assignment at or above the vault allows {action} (those at single objects in it are not read)"
    return Gate(PERMISSION, Verdict.FAIL, why, "403 Forbidden (ForbiddenByRbac)")


def _by_policies(vault: Vault, caller: Caller, operation: str) -> Gate:
    kind, _, verb = operation.partition("/")
    granting = [entry for entry in vault.settings.access_policies if {verb, "all"} & _permissions(entry, kind)]
    own = [entry for entry in granting if entry.principal.casefold() == caller.principal.casefold()]
    if any(not entry.application for entry in own):
        return Gate(PERMISSION, Verdict.PASS, f"an access policy gives the principal {verb} on {kind}")
    if own:
        why = f"an access policy gives the principal {verb} on {kind} only through application {own[0].application}"
        return Gate(PERMISSION, Verdict.UNKNOWN, f"{why}, and through which one he calls is not known")
    if granting:
        why = f"no access policy gives the principal itself {verb} on {kind}; whether he is in a group that has it"
        return Gate(PERMISSION, Verdict.UNKNOWN, f"{why} is not read")
    why = f"no access policy gives anybody {verb} on {kind}"
    return Gate(PERMISSION, Verdict.FAIL, why, "403 Forbidden (AccessDenied)")


def _permissions(entry: AccessPolicy, kind: str) -> frozenset[str]:
    return {"keys": entry.keys, "secrets": entry.secrets, "certificates": entry.certificates}[kind]


def _allows(role: RoleAssignment, action: str) -> bool:
    allowed = any(_pattern(pattern).fullmatch(action) for pattern in role.data_actions)
    return allowed and not any(_pattern(pattern).fullmatch(action) for pattern in role.not_data_actions)


@lru_cache(maxsize=2048)
def _pattern(action: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in action.casefold().split("*")))
