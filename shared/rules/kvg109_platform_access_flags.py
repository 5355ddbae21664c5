"""KVG109 platform-access-flags: a switch lets a part of Azure itself read the vault.

What it finds
-------------
``enabledForDeployment``, ``enabledForDiskEncryption`` or ``enabledForTemplateDeployment`` is on. Profile
``trusted-services`` needs them and is left alone.

Why it matters
--------------
Each flag is a way to secrets beside roles and access policies: whoever may deploy a machine or a template in the
subscription can have the platform fetch them. They are often left on by an old template.

Example
-------
``enabledForTemplateDeployment`` true on a vault that no template refers to.

Remediation
-----------
Set the flag to false where nothing uses it.

Remediation safety
------------------
Never by kvguard: whether a deployment or a disk still reads the vault this way shows in no configuration of the vault.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
https://learn.microsoft.com/azure/azure-resource-manager/templates/key-vault-parameter
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.public_door import trusted_services_pass
from shared.domain.rule import Case, Rule, Violation
from shared.domain.vault import Vault


def check(case: Case) -> Iterator[Violation]:
    """Yield the vault once with the flags that are on."""
    vault = case.snapshot.vault
    profile = case.policy.profile_of(vault)
    flags = tuple(_flags(vault))
    if not flags or profile is Profile.TRUSTED_SERVICES:
        return
    passes = trusted_services_pass(vault)
    yield Violation(
        subject=vault.id,
        message=f"Azure itself may read vault {vault.name}: {', '.join(name for name, _, _ in flags)}.",
        facts={"flags": sorted(name for name, _, _ in flags), "profile": profile.value, "trusted_services": passes},
        evidence=(
            *(f"{name} lets {reader} read the vault." for name, reader, _ in flags),
            *(
                ()
                if passes
                else ("The firewall's bypass does not let trusted services pass, so the flags may be idle.",)
            ),
        ),
        advice=f"Where nothing uses them: {_command(vault, tuple(option for _, _, option in flags))}",
    )


def _flags(vault: Vault) -> Iterator[tuple[str, str, str]]:
    """The flags that are on, with what reads the vault through them and the option of ``az keyvault update``."""
    settings = vault.settings
    if settings.deployment:
        yield "enabledForDeployment", "the deployment of virtual machines", "--enabled-for-deployment"
    if settings.disk_encryption:
        yield "enabledForDiskEncryption", "Azure Disk Encryption", "--enabled-for-disk-encryption"
    if settings.template_deployment:
        yield "enabledForTemplateDeployment", "the deployment of ARM templates", "--enabled-for-template-deployment"


def _command(vault: Vault, options: tuple[str, ...]) -> str:
    """An az command line, each value quoted for a POSIX shell."""
    words = ["az", "keyvault", "update", "--name", vault.name, "--resource-group", vault.id.resource_group]
    return shlex.join([*words, *(word for option in options for word in (option, "false"))])


RULE = Rule(
    id="KVG109",
    name="platform-access-flags",
    title="Flags let parts of Azure read the vault",
    severity=Severity.LOW,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType(
        {
            "Community Policy": (
                "deny-kv-resourceaccess-arm-template-deployment",
                "deny-kv-resourceaccess-disk-encryption",
                "deny-kv-resourceaccess-virtual-machine-deployment",
                "deny-deployment-with-access-to-specific-services-vm",
                "deny-deployment-with-access-to-specific-services-arm",
                "deny-deployment-with-access-to-specific-services-ade",
            ),
            "PSRule": ("Azure.KeyVault.Firewall",),
        }
    ),
)
