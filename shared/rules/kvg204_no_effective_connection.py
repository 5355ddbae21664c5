"""KVG204 no-effective-connection: a vault that is meant to be private has no private way in.

What it finds
-------------
No connection of the vault is both Approved and Succeeded, and its profile needs a private path.

Why it matters
--------------
Rejected, Disconnected or Pending connections look like protection in a list and carry nothing.

Example
-------
A ``private`` vault without connections, or with a single Rejected one.

Remediation
-----------
Create a private endpoint for the group id ``vault``; the finding carries a ready command.

Remediation safety
------------------
Never by kvguard: which subnet and network the endpoint belongs to is a design decision.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-service
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.reading import is_transient
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import Vault


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault when its profile needs a private path and none is effective."""
    vault = case.snapshot.vault
    profile = case.policy.profile_of(vault)
    if vault.effective_connections or not profile.needs_private_path:
        return
    states = sorted(f"{c.status.value}/{c.provisioning_state}" for c in vault.connections)
    moving = any(is_transient(connection.provisioning_state) for connection in vault.connections)
    yield Violation(
        subject=vault.id,
        message=f"Vault {vault.name} has no effective private endpoint connection, its profile is {profile.value}.",
        facts={"connections": states, "profile": profile.value},
        evidence=(
            *(("A connection is still being set up.",) if moving else ()),
            *((_PARTNER,) if profile is Profile.PARTNER else ()),
        ),
        advice=_command(vault),
    )


_PARTNER = (
    "The partner makes the private endpoint on its side, with a manual connection that you approve; no Private Link "
    "Service is involved."
)


def _command(vault: Vault) -> str:
    """An az command line, each value quoted for a POSIX shell."""
    words = [
        "az", "network", "private-endpoint", "create",
        "--name", f"pe-{vault.name}", "--resource-group", vault.id.resource_group,
        "--connection-name", f"pe-{vault.name}", "--group-id", "vault",
        "--private-connection-resource-id", vault.id.text,
        "--vnet-name", "<virtual network>", "--subnet", "<subnet>",
    ]  # fmt: skip
    return shlex.join(words)


RULE = Rule(
    id="KVG204",
    name="no-effective-connection",
    title="The vault has no effective private endpoint connection",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType(
        {
            "Azure Policy": ("a6abeaec-4d90-4a02-805f-6b26c4d3fbe9",),
            "CIS Azure 5.0": ("8.3.8",),
            "MCSB": ("NS-2", "DP-8"),
            "Prowler": ("keyvault_private_endpoints",),
            "Checkov": ("CKV2_AZURE_32",),
            "Steampipe": ("keyvault_vault_private_link_used",),
            "CloudSploit": ("keyVaultsPrivateEndpoint",),
        }
    ),
)
