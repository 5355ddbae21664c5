"""KVG103 leftover-network-rules: firewall rules that admit nobody, or nobody who still needs them.

What it finds
-------------
IP or virtual network rules that have no effect (public network access is Disabled, an enforced network security
perimeter decides, or the profile is ``public`` and everybody is allowed), or that the profile no longer needs: the
vault is meant to be reached privately and has an effective connection, or is meant for trusted services only. Silent
while KVG101 is open on the vault, whose review names the idle rules.

Why it matters
--------------
Private link needs no firewall rule. A rule that stays is a door that a later switch of public access opens again, for
addresses that may belong to somebody else by then.

Example
-------
A ``private`` vault with an approved private endpoint whose firewall still lists an office address.

Remediation
-----------
Remove the rules; default action and bypass stay as they are.

Remediation safety
------------------
Never by itself. Configuration does not tell who still comes through a rule that is in force, and rules that are idle
today may be somebody's way back. The change keeps the complete firewall for undo.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.firewall_edit import what_removal_does, without_rules
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.public_door import firewall, perimeter_decides, rule_count, rules_in_words, unknown_value
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import DefaultAction, PublicAccess, Vault

_ASK = Blocker("there is no evidence of who uses the rules")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault once with all its leftover rules, or an Unknown where a perimeter decides whether they are."""
    vault = case.snapshot.vault
    acl = firewall(vault)
    if not rule_count(acl):
        return
    profile = case.policy.profile_of(vault)
    why = _why(vault, profile)
    if isinstance(why, Unread):
        yield Unknown(vault.id, why)
        return
    if not why:
        return
    change = without_rules(vault, acl.ip_rules, acl.network_rules)
    proposals = (
        () if change is None else (Proposal(change, (_ASK,), Applicability.APPROVAL, what_removal_does(vault, change)),)
    )
    yield Violation(
        subject=vault.id,
        message=f"The firewall of vault {vault.name} has {rules_in_words(acl)} left over: {why}.",
        facts={
            "public_access": vault.public_access.value,
            "default_action": acl.default_action.value,
            "ip_rules": sorted(acl.ip_rules),
            "network_rules": sorted(rule.key for rule in acl.network_rules),
            "profile": profile.value,
            "why": why,
        },
        proposals=proposals,
        evidence=("No evidence of who uses them: no access log was asked.",),
    )


def _why(vault: Vault, profile: Profile) -> str | Unread:
    """Why the rules are left over, empty where they are not."""
    if vault.public_access is PublicAccess.DISABLED:
        return "public access is off, so none has any effect"
    unknown = unknown_value(vault)
    if unknown is not None:
        return unknown
    if firewall(vault).default_action is DefaultAction.ALLOW and profile is Profile.PUBLIC:
        return "everybody is allowed, so none has any effect"
    if vault.public_access is PublicAccess.ENABLED and firewall(vault).default_action is DefaultAction.DENY:
        if _reached_privately(vault, profile):
            return f"profile {profile.value} is served by an effective private endpoint connection"
        if profile is Profile.TRUSTED_SERVICES:
            return "profile trusted-services lets in nobody who needs one"
    decides = perimeter_decides(vault)
    if isinstance(decides, Unread):
        return decides
    return "an enforced network security perimeter decides instead" if decides else ""


def _reached_privately(vault: Vault, profile: Profile) -> bool:
    return profile.needs_private_path and bool(vault.effective_connections)


RULE = Rule(
    id="KVG103",
    name="leftover-network-rules",
    title="The vault's firewall has rules that nobody needs",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    at_events=False,
    controls=MappingProxyType({"Community Policy": ("enforce-key-vault-firewall-blocking-public-access",)}),
)
