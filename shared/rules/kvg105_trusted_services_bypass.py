"""KVG105 trusted-services-bypass: its ``bypass`` differs from the policy's ``trusted_services``.

What it finds
-------------
The firewall's ``bypass`` differs from the policy's ``trusted_services``: ``require`` wants ``AzureServices``,
``forbid`` wants ``None``, ``ignore`` (the default) wants nothing. Profile ``trusted-services`` always requires it. An
absent firewall counts as ``AzureServices``.

Why it matters
--------------
The bypass also works while public network access is Disabled. Without it disk encryption, backup and template
deployments fail; with it every trusted service of Azure is let in, of any subscription whose identity has rights.
Scanners contradict each other here: one demands it, another forbids it.

Example
-------
A ``trusted-services`` vault whose firewall has ``bypass`` ``None``.

Remediation
-----------
Set ``bypass`` to what policy wants; default action and rules stay.

Remediation safety
------------------
Never by itself. To forbid the bypass cuts off services that show in no configuration of the vault; to require it admits
new callers. The review names the ``enabledFor*`` flags and what reads the vault through them.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.firewall_edit import with_bypass
from shared.domain.grades import Applicability, Mode, Profile, Severity, TrustedServices
from shared.domain.policy import Policy
from shared.domain.public_door import firewall, trusted_services_pass
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import DefaultAction, PerimeterMode, PublicAccess, Vault

_ASK = Blocker("which trusted services use the vault cannot be read from its configuration")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault whose bypass is not what policy wants, or an Unknown for a value that nobody knows."""
    vault = case.snapshot.vault
    wanted = _wanted(case.policy, vault)
    if wanted is TrustedServices.IGNORE:
        return
    passes = trusted_services_pass(vault)
    if passes is None:
        yield Unknown(vault.id, Unread(UnreadReason.UNSUPPORTED, "networkAcls.bypass has an unknown value"))
        return
    required = wanted is TrustedServices.REQUIRE
    if passes is required:
        return
    change = with_bypass(vault, "AzureServices" if required else "None")
    proposals = () if change is None else (Proposal(change, (_ASK,), Applicability.APPROVAL, _WARNING[wanted]),)
    flags = dict(_flags(vault))
    yield Violation(
        subject=vault.id,
        message=(
            f"The firewall of vault {vault.name} has bypass {firewall(vault).bypass}, "
            f"and its policy is to {wanted.value} the bypass for trusted services."
        ),
        facts={
            "bypass": firewall(vault).bypass.casefold(),
            "wanted": wanted.value,
            "public_access": vault.public_access.value,
            "default_action": firewall(vault).default_action.value,
            "flags": sorted(flags),
        },
        proposals=proposals,
        evidence=(*(f"{flag} is on: {reader} reads the vault." for flag, reader in flags.items()), *_idle(vault)),
    )


_WARNING = {
    TrustedServices.REQUIRE: (
        "Every trusted service of Azure reaches the vault afterwards, also with public access off; it still needs an "
        "identity with rights on the vault."
    ),
    TrustedServices.FORBID: (
        "Azure services that read the vault without a private endpoint get 403 ForbiddenByFirewall, among them disk "
        "encryption, backup and template deployments."
    ),
}


def _wanted(policy: Policy, vault: Vault) -> TrustedServices:
    if policy.profile_of(vault) is Profile.TRUSTED_SERVICES:
        return TrustedServices.REQUIRE
    return policy.trusted_services


def _flags(vault: Vault) -> Iterator[tuple[str, str]]:
    """The flags that are on, each with what reads the vault through it."""
    settings = vault.settings
    if settings.deployment:
        yield "enabledForDeployment", "the deployment of virtual machines"
    if settings.disk_encryption:
        yield "enabledForDiskEncryption", "Azure Disk Encryption"
    if settings.template_deployment:
        yield "enabledForTemplateDeployment", "the deployment of ARM templates"


def _idle(vault: Vault) -> Iterator[str]:
    """Why the bypass makes no difference today."""
    if isinstance(vault.perimeters, tuple) and PerimeterMode.ENFORCED in vault.perimeters:
        yield "An enforced network security perimeter decides today, not the bypass."
    elif vault.public_access is PublicAccess.ENABLED and firewall(vault).default_action is DefaultAction.ALLOW:
        yield "The bypass makes no difference today: the firewall allows everybody."


RULE = Rule(
    id="KVG105",
    name="trusted-services-bypass",
    title="The firewall treats trusted services otherwise than policy wants",
    severity=Severity.MEDIUM,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType(
        {
            "CloudSploit": ("trustedServicesEnabled",),
            "Community Policy": ("prevent-key-vault-access-to-trusted-services",),
            "Cloud Custodian": ("firewall-bypass",),
        }
    ),
)
