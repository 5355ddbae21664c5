"""KVG601 access-policies-in-use: who may read secrets is decided inside the vault.

What it finds
-------------
A vault whose permission model is not Azure role-based access control. ``enableRbacAuthorization`` that is null on an
existing vault means access policies.

Why it matters
--------------
Whoever may write the vault may give himself an access policy, and with it every secret. Access policies have no scope
below the vault, no deny, no just-in-time activation, and no one place that shows who may do what.

Example
-------
A vault from before 2023 with three access policies and ``enableRbacAuthorization`` never set.

Remediation
-----------
Give each principal of an access policy the Key Vault role that fits (such as Key Vault Secrets User), then switch the
permission model. In the other order everybody is locked out at once.

Remediation safety
------------------
Never by kvguard: the switch makes all access policies ineffective, and which roles replace them is a person's decision.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/rbac-migration
https://learn.microsoft.com/azure/key-vault/general/rbac-guide
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import Vault


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault when access policies decide who may do what in it."""
    vault = case.snapshot.vault
    settings = vault.settings
    if settings.rbac:
        return
    principals = sorted({policy.principal.lower() for policy in settings.access_policies})
    count = "1 principal" if len(principals) == 1 else f"{len(principals)} principals"
    yield Violation(
        subject=vault.id,
        message=f"Access to vault {vault.name} is given by access policies (to {count}), not by Azure roles.",
        facts={"rbac": False, "principals": principals},
        evidence=tuple(f"Access policy for {principal}." for principal in principals),
        advice=f"Assign roles to these principals first, then: {_command(vault)}",
    )


def _command(vault: Vault) -> str:
    """An az command line, each value quoted for a POSIX shell."""
    return shlex.join(
        [
            "az", "keyvault", "update", "--subscription", vault.id.subscription,
            "--resource-group", vault.id.resource_group, "--name", vault.name, "--enable-rbac-authorization", "true",
        ]
    )  # fmt: skip


RULE = Rule(
    id="KVG601",
    name="access-policies-in-use",
    title="Access policies decide who may use the vault",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType(
        {
            "Azure Policy": ("12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5",),
            "CIS Azure 4.0": ("9.3.6",),
            "CIS Azure 5.0": ("8.3.6",),
            "CIS Azure 6.0": ("8.3.6",),
            "MCSB": ("PA-7",),
            "Prowler": ("keyvault_rbac_enabled",),
            "ScoutSuite": ("keyvault-rbac-authorization-disabled",),
            "PSRule": ("Azure.KeyVault.RBAC",),
            "Steampipe": ("keyvault_rbac_enabled",),
            "Azure Landing Zones": ("Deny-KV-without-ArmRbac",),
        }
    ),
)
