"""KVG108 closed-only-by-empty-rules: nothing but an empty list of rules keeps the public door shut.

What it finds
-------------
Public network access is Enabled, the firewall denies by default and has no rule. Profiles ``saas-pipeline`` and
``public`` need that door and are left alone, as are vaults for which an enforced network security perimeter decides.

Why it matters
--------------
The vault is closed today. Whoever adds one IP rule, often to try something, opens it without touching the setting that
everybody watches.

Example
-------
``publicNetworkAccess`` Enabled, ``defaultAction`` Deny, no IP and no virtual network rules.

Remediation
-----------
Disable public network access, so that rules have no effect at all.

Remediation safety
------------------
Never by itself, although nobody comes in that way today: trusted services keep the bypass, private endpoints are not
touched. A rule that somebody is about to add would have no effect, so a person decides. The inverse switches public
access on again.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.change import SetPublicAccess
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.public_door import closed_by_empty_rules, firewall, perimeter_decides
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import PublicAccess

_OPEN_BY_DESIGN = (Profile.SAAS_PIPELINE, Profile.PUBLIC)
_ASK = Blocker("the empty list may be on its way to be filled")
_WARNING = "Nobody comes in over the public endpoint today; rules that are added later have no effect any more."


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault that only an empty list of rules closes, or an Unknown where a perimeter may close it."""
    vault = case.snapshot.vault
    profile = case.policy.profile_of(vault)
    if profile in _OPEN_BY_DESIGN or not closed_by_empty_rules(vault):
        return
    decides = perimeter_decides(vault)
    if isinstance(decides, Unread):
        yield Unknown(vault.id, decides)
        return
    if decides:
        return
    change = SetPublicAccess(vault.id, vault.public_access, PublicAccess.DISABLED)
    yield Violation(
        subject=vault.id,
        message=(
            f"Vault {vault.name} is closed only because its firewall denies by default and has no rule; "
            "public access itself is on."
        ),
        facts={
            "public_access": vault.public_access.value,
            "default_action": firewall(vault).default_action.value,
            "rules": 0,
            "bypass": firewall(vault).bypass.casefold(),
            "profile": profile.value,
        },
        proposals=(Proposal(change, (_ASK,), Applicability.APPROVAL, _WARNING),),
    )


RULE = Rule(
    id="KVG108",
    name="closed-only-by-empty-rules",
    title="Only an empty list of firewall rules closes the vault",
    severity=Severity.LOW,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType({"Azure Policy": ("405c5871-3e91-4644-8a63-58e19d68ff5b",)}),
)
