"""KVG102 no-way-in: the public door is shut and no private one is open.

What it finds
-------------
Public network access is Disabled, or the firewall denies by default without any rule, and no private endpoint
connection is both Approved and Succeeded. Vaults of profile ``trusted-services`` need no other way in and are left
alone, as are vaults for which an enforced network security perimeter decides.

Why it matters
--------------
Every client gets 403, except Azure's trusted services while the firewall lets them pass. The vault looks locked down
in a list and is an outage.

Example
-------
``publicNetworkAccess`` Disabled and a single connection that is Rejected or still Pending.

Remediation
-----------
Create a private endpoint, or approve the connection that waits, or open the firewall for the callers that are meant.

Remediation safety
------------------
Never by kvguard: each way in admits somebody, and who that should be is the owner's decision.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.public_door import (
    closed_by_empty_rules,
    firewall,
    perimeter_decides,
    rule_count,
    trusted_services_pass,
    unknown_value,
)
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import ConnectionStatus, DefaultAction, PublicAccess, Vault


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault that nobody can reach, or an Unknown where a perimeter may let somebody in."""
    vault = case.snapshot.vault
    profile = case.policy.profile_of(vault)
    if profile is Profile.TRUSTED_SERVICES or vault.effective_connections or _public_way(vault):
        return
    decides = _unknown(vault) or perimeter_decides(vault)
    if isinstance(decides, Unread):
        yield Unknown(vault.id, decides)
        return
    if decides:
        return
    shut = "public access is off" if vault.public_access is PublicAccess.DISABLED else "the firewall has no rule"
    yield Violation(
        subject=vault.id,
        message=f"Nobody can reach vault {vault.name}: {shut}, and it has no effective private endpoint connection.",
        facts={
            "public_access": vault.public_access.value,
            "default_action": firewall(vault).default_action.value,
            "trusted_services": trusted_services_pass(vault),
            "connections": sorted(f"{c.status.value}/{c.provisioning_state.casefold()}" for c in vault.connections),
            "profile": profile.value,
        },
        evidence=tuple(_evidence(vault)),
        advice=_advice(vault, profile),
    )


def _public_way(vault: Vault) -> bool:
    """Whether somebody gets in over the public endpoint as far as public access and firewall go."""
    if vault.public_access is not PublicAccess.ENABLED:
        return False
    acl = firewall(vault)
    return acl.default_action is DefaultAction.ALLOW or rule_count(acl) > 0


def _unknown(vault: Vault) -> Unread | None:
    """An unknown value that decides; behind Disabled no default action does."""
    return None if vault.public_access is PublicAccess.DISABLED else unknown_value(vault)


def _evidence(vault: Vault) -> Iterator[str]:
    if trusted_services_pass(vault):
        yield "Azure's trusted services still pass: the firewall's bypass is AzureServices."
    if any(connection.status is ConnectionStatus.PENDING for connection in vault.connections):
        yield "A connection waits for approval."
    if any(connection.status is ConnectionStatus.APPROVED for connection in vault.connections):
        yield "A connection is Approved and not provisioned; its data path may still work."


def _advice(vault: Vault, profile: Profile) -> str:
    if profile is Profile.SAAS_PIPELINE:
        return (
            f"Set public network access of {vault.name} to Enabled with default action Deny and list the pipeline's "
            "IPv4 ranges: hosted runners cannot use a private endpoint, and federation does not bypass the firewall."
        )
    if profile is Profile.PUBLIC:
        return f"Set public network access of {vault.name} to Enabled; policy means this vault to be open."
    opened = "" if not closed_by_empty_rules(vault) else " An IP or virtual network rule would admit its callers, too."
    return (
        f"Create a private endpoint for {vault.id.text} with group id vault in the network of its clients and approve "
        "the connection. A partner or a client in another tenant does the same on its side, with a manual connection "
        "that you approve: the consumer makes the private endpoint, and no Private Link Service is involved. From "
        f"on-premises, reach the endpoint's network over VPN or ExpressRoute.{opened}"
    )


RULE = Rule(
    id="KVG102",
    name="no-way-in",
    title="Nobody can reach the vault",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
