"""KVG605 not-recoverable: what is deleted may be gone for good.

What it finds
-------------
Soft delete or purge protection is off. A vault that says nothing of soft delete counts by its purge protection alone,
which cannot be had without soft delete.

Why it matters
--------------
Without soft delete a deleted vault takes every key with it. Without purge protection whoever may purge can do the same
in two steps, and data that was encrypted with those keys is lost.

Example
-------
A vault with soft delete, which Azure turns on for new ones, whose ``enablePurgeProtection`` was never set.

Remediation
-----------
Turn on both; neither can be turned off again, and with purge protection a deleted vault keeps its name until the
retention ends.

Remediation safety
------------------
Never by kvguard: the change cannot be undone, and deployments that recreate a vault under its name fail afterwards.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import Vault


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault when what is deleted in it may be gone for good."""
    vault = case.snapshot.vault
    settings = vault.settings
    missing = [
        *(("soft delete",) if settings.soft_delete is False else ()),
        *(() if settings.purge_protection else ("purge protection",)),
    ]
    if not missing:
        if settings.soft_delete is None:
            yield Unknown(
                vault.id, Unread(UnreadReason.UNSUPPORTED, f"vault {vault.name} does not say enableSoftDelete")
            )
        return
    days = settings.retention_days
    kept = f" for {days} days" if days is not None else ""
    yield Violation(
        subject=vault.id,
        message=f"Vault {vault.name} has no {' and no '.join(missing)}, so what is deleted may be gone for good.",
        facts={"missing": missing},
        evidence=(f"What is deleted can be recovered{kept} unless somebody purges it.",)
        if settings.soft_delete
        else ("Whether what is deleted can be recovered is not said.",)
        if settings.soft_delete is None
        else ("What is deleted cannot be recovered.",),
        advice=f"{_command(vault, soft_delete=settings.soft_delete is not False)} (this cannot be undone)",
    )


def _command(vault: Vault, *, soft_delete: bool) -> str:
    """An az command line, each value quoted for a POSIX shell."""
    words = [
        "az", "keyvault", "update", "--subscription", vault.id.subscription,
        "--resource-group", vault.id.resource_group, "--name", vault.name, "--enable-purge-protection", "true",
    ]  # fmt: skip
    return shlex.join(words if soft_delete else [*words, "--set", "properties.enableSoftDelete=true"])


RULE = Rule(
    id="KVG605",
    name="not-recoverable",
    title="The vault or what is in it cannot be recovered for certain",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType(
        {
            "Azure Policy": ("0b60c0b2-2dc2-4e1c-b5c9-abbed971de53", "1e66c121-a66a-4b1f-9b83-0fd99bf0fc2d"),
            "CIS Azure 4.0": ("9.3.5",),
            "CIS Azure 5.0": ("8.3.5",),
            "CIS Azure 6.0": ("8.3.5",),
            "Prowler": ("keyvault_recoverable",),
            "ScoutSuite": ("keyvault-not-recoverable",),
            "Checkov": ("CKV_AZURE_42", "CKV_AZURE_110", "CKV_AZURE_111"),
            "Trivy": ("AZU-0016",),
            "PSRule": ("Azure.KeyVault.SoftDelete", "Azure.KeyVault.PurgeProtect"),
            "Steampipe": (
                "keyvault_purge_protection_enabled",
                "keyvault_soft_delete_enabled",
                "keyvault_vault_recoverable",
            ),
            "CloudSploit": ("kvRecoveryEnabled",),
            "KICS": ("7c25f361-7c66-44bf-9b69-022acd5eb4bd",),
            "Community Policy": ("enable-soft-delete-and-purge-protection-on-key-vaults",),
        }
    ),
)
