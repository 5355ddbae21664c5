"""KVG106 profile-contradiction: what the vault is for and what its network lets through do not fit.

What it finds
-------------
A ``saas-pipeline`` vault that its pipeline cannot reach: public network access is Disabled, or the firewall denies by
default without an IP rule. A ``private`` vault that an allow-list of its firewall lets callers in to. A tag
``kvguard-profile`` that names no profile, or one that policy does not let the vault choose there.

Why it matters
--------------
One of the two is wrong, and which one decides what else is a finding: with the wrong profile kvguard closes what is
needed or leaves open what is not. Until then the stricter holds: a tag that is not allowed changes nothing.

Example
-------
Profile ``saas-pipeline``, federated identities and no IP rules: federation does not bypass the firewall, so the runner
gets 403.

Remediation
-----------
Give the vault the profile that fits in policy, or change its network so that it fits the profile.

Remediation safety
------------------
Never by kvguard: only the owner knows which of the two is meant.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/network-security
https://learn.microsoft.com/azure/key-vault/general/authentication
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.policy import PROFILE_TAG, Policy
from shared.domain.public_door import (
    allow_list_in_force,
    firewall,
    perimeter_decides,
    rule_count,
    rules_in_words,
    unknown_value,
)
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import DefaultAction, PublicAccess, Vault


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """What does not fit, and what to do about it."""

    what: str
    advice: str


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault once with everything that contradicts, or an Unknown where a perimeter decides that."""
    vault, policy = case.snapshot.vault, case.policy
    profile = policy.profile_of(vault)
    found = list(_tag(vault, policy, profile))
    network = _by_network(vault, profile)
    if isinstance(network, Unread):
        yield Unknown(vault.id, network)
    elif network is not None:
        decides = perimeter_decides(vault)
        if isinstance(decides, Unread):
            yield Unknown(vault.id, decides)
        elif not decides:
            found.append(network)
    if not found:
        return
    yield Violation(
        subject=vault.id,
        message=f"Vault {vault.name}: {'; '.join(entry.what for entry in found)}.",
        facts={
            "profile": profile.value,
            "tag": vault.settings.tag(PROFILE_TAG),
            "public_access": vault.public_access.value,
            "default_action": firewall(vault).default_action.value,
            "ip_rules": sorted(firewall(vault).ip_rules),
            "network_rules": sorted(rule.key for rule in firewall(vault).network_rules),
            "contradictions": sorted(entry.what for entry in found),
        },
        advice=" ".join(entry.advice for entry in found),
    )


def _tag(vault: Vault, policy: Policy, profile: Profile) -> Iterator[_Contradiction]:
    """A tag that does not choose the profile in force."""
    asked = vault.settings.tag(PROFILE_TAG)
    if asked is None or asked.casefold() == profile.value:
        return
    allowed = ", ".join(sorted(choice.value for choice in policy.tag_choices(vault.id))) or "none"
    known = any(asked.casefold() == choice.value for choice in Profile)
    why = "policy does not let it choose that" if known else "there is no such profile"
    yield _Contradiction(
        f"its tag {PROFILE_TAG} asks for profile {asked}, {why}, so {profile.value} holds",
        f"Remove the tag {PROFILE_TAG}, set it to one that policy allows here ({allowed}), or allow it in policy.",
    )


def _by_network(vault: Vault, profile: Profile) -> _Contradiction | Unread | None:
    """What public access and firewall contradict; Unread where a value that nobody knows decides that."""
    if profile is Profile.SAAS_PIPELINE:
        return _pipeline_shut_out(vault)
    if profile is Profile.PRIVATE:
        return _reached_by_allow_list(vault)
    return None


def _pipeline_shut_out(vault: Vault) -> _Contradiction | Unread | None:
    if vault.public_access is PublicAccess.DISABLED:
        return _Contradiction(
            "its profile is saas-pipeline and public access is off, so hosted runners cannot reach it",
            f"Set public network access of {vault.name} to Enabled with default action Deny and the pipeline's ranges, "
            "or give it profile self-hosted-pipeline and run the pipeline inside the network.",
        )
    unknown = unknown_value(vault)
    if unknown is not None:
        return unknown
    acl = firewall(vault)
    if acl.default_action is DefaultAction.DENY and not acl.ip_rules:
        return _Contradiction(
            "its profile is saas-pipeline and no IP rule admits the pipeline, whose federated identity does not bypass "
            "the firewall",
            f"Add the pipeline's IPv4 ranges to the firewall of {vault.name}, or give it profile self-hosted-pipeline.",
        )
    return None


def _reached_by_allow_list(vault: Vault) -> _Contradiction | Unread | None:
    if vault.public_access is PublicAccess.DISABLED or not rule_count(firewall(vault)):
        return None
    unknown = unknown_value(vault)
    if unknown is not None:
        return unknown
    if not allow_list_in_force(vault):
        return None
    return _Contradiction(
        f"its profile is private and its firewall has {rules_in_words(firewall(vault))} for callers from outside",
        f"Remove the rules of {vault.name} and disable public network access once its clients use the private "
        "endpoint, or give it the profile that fits, such as saas-pipeline.",
    )


RULE = Rule(
    id="KVG106",
    name="profile-contradiction",
    title="The vault's profile and its network contradict each other",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
