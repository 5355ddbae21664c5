"""KVG606 broad-access-policy: somebody may do everything, or should not be there at all.

What it finds
-------------
An access policy with the permission ``all`` for keys, secrets, certificates or storage, or with every single permission
that ``all`` stands for; or one for a principal that the policy forbids (``forbidden_principals``). Access policies of a
vault that uses Azure roles have no effect and are not found.

Why it matters
--------------
An application that only reads one secret can then delete or replace all of them, and so can whoever takes it over.

Example
-------
A deployment gave its service principal ``all`` on secrets, "to be tightened later".

Remediation
-----------
Give the principal what it uses: for most applications ``get``, and ``list`` where they look for names. Remove the
access policy of a principal that is forbidden.

Remediation safety
------------------
Never by kvguard: which of the permissions a principal uses only its owner knows.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/assign-access-policy
https://learn.microsoft.com/azure/key-vault/general/best-practices
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import AccessPolicy

# What "all" stands for; it has never included "purge".
# https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/create-or-update#permissions
_EVERY_KEY: Final = frozenset(
    {
        "get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "decrypt",
        "encrypt", "unwrapkey", "wrapkey", "verify", "sign",
    }
)  # fmt: skip
_EVERY_SECRET: Final = frozenset(
    {
        "get", "list", "set", "delete", "recover", "backup", "restore",
    }
)  # fmt: skip
_EVERY_CERTIFICATE: Final = frozenset(
    {
        "get", "list", "update", "create", "import", "delete", "recover", "backup", "restore",
        "managecontacts", "manageissuers", "getissuers", "listissuers", "setissuers", "deleteissuers",
    }
)  # fmt: skip
_EVERY_STORAGE: Final = frozenset(
    {
        "get", "list", "delete", "set", "update", "regeneratekey", "recover", "backup", "restore", "listsas",
        "getsas", "setsas", "deletesas",
    }
)  # fmt: skip


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault when one of its access policies gives everything, or gives something to the wrong one."""
    vault = case.snapshot.vault
    if vault.settings.rbac:
        return
    forbidden = {principal.lower() for principal in case.policy.forbidden_principals}
    broad = sorted(
        {f"{known.principal.lower()}: {kinds}" for known in vault.settings.access_policies if (kinds := _broad(known))}
    )
    wrong = sorted({known.principal.lower() for known in vault.settings.access_policies} & forbidden)
    if not broad and not wrong:
        return
    said = [f"{entry.replace(': ', ' may do everything with ')}" for entry in broad]
    said += [f"{principal} is forbidden by policy" for principal in wrong]
    yield Violation(
        subject=vault.id,
        message=f"Access policies of vault {vault.name} are too broad: {'; '.join(said)}.",
        facts={"broad": broad, "forbidden": wrong},
        advice=_advice(broad, wrong),
    )


def _broad(policy: AccessPolicy) -> str:
    """The kinds of objects with which a principal may do everything, joined by commas; empty for none."""
    kinds = (
        ("keys", policy.keys, _EVERY_KEY),
        ("secrets", policy.secrets, _EVERY_SECRET),
        ("certificates", policy.certificates, _EVERY_CERTIFICATE),
        ("storage", policy.storage, _EVERY_STORAGE),
    )
    return ", ".join(name for name, given, every in kinds if _everything(given, every))


def _everything(given: frozenset[str], every: frozenset[str]) -> bool:
    permissions = {permission.lower() for permission in given}
    return "all" in permissions or every <= permissions


def _advice(broad: list[str], wrong: list[str]) -> str:
    steps = [f"Give {entry.partition(':')[0]} only what it uses, such as get." for entry in broad]
    steps += [f"Remove the access policy of {principal}." for principal in wrong]
    return " ".join(steps)


RULE = Rule(
    id="KVG606",
    name="broad-access-policy",
    title="An access policy gives too much, or to the wrong principal",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType(
        {
            "PSRule": ("Azure.KeyVault.AccessPolicy",),
            "CloudSploit": ("manageKeyAccessAndPermissions",),
            "Cloud Custodian": ("whitelist",),
            "Community Policy": (
                "audit-when-a-given-service-principal-is-assigned-to-the-key-vault-data-plane",
                "deny-creation-of-access-policies-with-certificate-authorities-roles",
            ),
        }
    ),
)
