"""KVG101 public-access-open: anybody on the internet can knock at the vault.

What it finds
-------------
Public network access is not Disabled, no firewall denies by default, and no network security perimeter is enforced.
Vaults whose profile is ``public`` are meant to be open and are left alone.

Why it matters
--------------
A private endpoint adds a door and closes none: until public access is off, stolen credentials work from anywhere.

Example
-------
``publicNetworkAccess`` Enabled (or absent) and ``networkAcls`` absent or with ``defaultAction`` Allow.

Remediation
-----------
Disable public network access, or let the firewall deny by default; for ``saas-pipeline`` deny by default with the
ranges that policy lists for the pipeline.

Remediation safety
------------------
Never by itself. Closing the public door cuts off every client that still comes through it, and configuration cannot
tell who that is. A one-click change is offered only when the vault's name resolves to its own endpoint in at least
one network (or the profile needs no endpoint); otherwise the finding says that nobody would be left inside. Azure
offers no precondition on a vault, so the vault is read again right before the write.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from shared.domain.change import Facts, SetNetworkAcl, SetPublicAccess
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.ip_ranges import open_the_internet, parse_range, parse_ranges, touches_private
from shared.domain.public_door import (
    firewall,
    perimeter_decides,
    rule_count,
    rules_in_words,
    trusted_services_pass,
    unknown_value,
)
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import whole_private_paths
from shared.domain.vault import DefaultAction, PublicAccess, Vault

# https://learn.microsoft.com/azure/key-vault/general/network-security
_MOST_RULES = 1000
_WIDEST = 8
_ASK = Blocker("closing public access can cut clients off")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the open vault, or an Unknown where a perimeter may close it."""
    vault, policy = case.snapshot.vault, case.policy
    profile = policy.profile_of(vault)
    if profile is Profile.PUBLIC or vault.public_access is PublicAccess.DISABLED:
        return
    if firewall(vault).default_action is DefaultAction.DENY:
        return
    decides = unknown_value(vault) or perimeter_decides(vault)
    if isinstance(decides, Unread):
        yield Unknown(vault.id, decides)
        return
    if decides:
        return
    facts: Facts = {
        "public_access": vault.public_access.value,
        "default_action": None if vault.acl is None else vault.acl.default_action.value,
        "ip_rules": [] if vault.acl is None else sorted(vault.acl.ip_rules),
        "network_rules": [] if vault.acl is None else sorted(rule.key for rule in vault.acl.network_rules),
        "bypass": None if vault.acl is None else vault.acl.bypass.casefold(),
        "profile": profile.value,
        "effective_connections": sorted(connection.id.key for connection in vault.effective_connections),
    }
    proposals, evidence, paths = _proposals(case, profile)
    yield Violation(
        subject=vault.id,
        message=f"Vault {vault.name} accepts requests from every network: public access is on and nothing denies them.",
        facts={**facts, "private_paths": list(paths)},
        proposals=proposals,
        evidence=(*evidence, *_idle_rules(vault)),
        advice=_ADVICE.get(profile, ""),
    )


def _idle_rules(vault: Vault) -> Iterator[str]:
    """What becomes of the rules of a firewall that allows everybody."""
    acl = firewall(vault)
    if rule_count(acl):
        yield (
            f"The firewall has {rules_in_words(acl)} without effect while everybody is allowed; denying by default "
            "puts that in force."
        )


def _proposals(case: Case, profile: Profile) -> tuple[tuple[Proposal, ...], tuple[str, ...], tuple[str, ...]]:
    """The changes, the evidence, and the keys of the networks on whose private path the changes rely."""
    vault = case.snapshot.vault
    if profile is Profile.SAAS_PIPELINE:
        return _allow_list(case), (), ()
    evidence: tuple[str, ...] = ()
    relied: tuple[str, ...] = ()
    if profile is Profile.TRUSTED_SERVICES:
        if not trusted_services_pass(vault):
            why = "No one-click change: trusted services are not let past the firewall, so they would be locked out."
            return (), (why,), ()
    else:
        paths = whole_private_paths(case)
        if isinstance(paths, Unread):
            return (), (f"No one-click change: whether a private path works is not known ({paths}).",), ()
        if not paths:
            return (), ("No one-click change: no private path works, so every client would be locked out.",), ()
        relied = tuple(network.key for network in paths)
        names = ", ".join(network.name for network in paths)
        evidence = (f"The name resolves to the vault's own private endpoint in: {names}.",)
    warning = "Clients that still use the public endpoint get 403 ForbiddenByFirewall."
    disable = SetPublicAccess(vault.id, vault.public_access, PublicAccess.DISABLED)
    deny = SetNetworkAcl(vault.id, vault.acl, replace(firewall(vault), default_action=DefaultAction.DENY))
    changes = tuple(Proposal(change, (_ASK,), Applicability.APPROVAL, warning) for change in (disable, deny))
    return changes, evidence, relied


_ADVICE = {
    Profile.SAAS_PIPELINE: (
        "Let the firewall deny by default and list the pipeline's IPv4 ranges; the policy's pipeline ranges make that "
        "a prepared change. A federated identity replaces a secret, it does not bypass the firewall."
    )
}


def _allow_list(case: Case) -> tuple[Proposal, ...]:
    """Deny by default with the pipeline's ranges; nothing when policy names none or an unusable one."""
    vault, ranges = case.snapshot.vault, case.policy.pipeline_ranges
    if not 1 <= len(ranges) <= _MOST_RULES or not all(_is_public_range(entry) for entry in ranges):
        return ()
    if open_the_internet(parse_ranges(ranges)):
        return ()
    after = replace(firewall(vault), default_action=DefaultAction.DENY, ip_rules=tuple(sorted(ranges)))
    warning = "Only the listed pipeline ranges keep the public endpoint; federation does not bypass the firewall."
    return (Proposal(SetNetworkAcl(vault.id, vault.acl, after), (_ASK,), Applicability.APPROVAL, warning),)


def _is_public_range(entry: str) -> bool:
    network = parse_range(entry)
    return network is not None and network.prefixlen >= _WIDEST and not touches_private(network)


RULE = Rule(
    id="KVG101",
    name="public-access-open",
    title="The vault is open to every network",
    severity=Severity.CRITICAL,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType(
        {
            "Azure Policy": (
                "405c5871-3e91-4644-8a63-58e19d68ff5b",
                "55615ac9-af46-4a59-874e-391cc3dfb490",
                "ac673a9a-f77d-4846-b2d8-a57f8e1c01dc",
            ),
            "Azure Landing Zones": ("KvFirewallEnabled", "Modify-KV-Fw"),
            "Community Policy": ("key-vault-firewall-settings-audit", "key-vault-firewall-settings-deny"),
            "CIS Azure 4.0": ("9.3.7",),
            "CIS Azure 5.0": ("8.3.7",),
            "CIS Azure 6.0": ("8.3.7",),
            "MCSB": ("NS-2", "DP-8"),
            "Prowler": ("keyvault_access_only_through_private_endpoints",),
            "Checkov": ("CKV_AZURE_189", "CKV_AZURE_109"),
            "Trivy": ("AZU-0013",),
            "Semgrep": ("keyvault-specify-network-acl",),
            "PSRule": ("Azure.KeyVault.Firewall",),
            "Steampipe": ("keyvault_vault_public_network_access_disabled", "keyvault_firewall_enabled"),
            "CloudSploit": ("keyVaultPublicAccess", "restrictDefaultNetworkAccess"),
            "ScoutSuite": ("keyvault-public-traffic-allowed",),
            "Cloud Custodian": ("firewall-rules",),
        }
    ),
)
