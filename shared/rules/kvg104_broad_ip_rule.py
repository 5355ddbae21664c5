"""KVG104 broad-ip-rule: an IP rule of the firewall admits more than policy lets it, or nobody at all.

What it finds
-------------
IP rules that open half the internet or more, alone or together (``0.0.0.0/0``, or ``0.0.0.0/1`` beside
``128.0.0.0/1``); that are wider than the policy's prefix; that touch a forbidden range or lie outside the allowed
ones; that name private or reserved addresses, which no caller from the internet has and Key Vault refuses; and text
that is no IPv4 range. For ``saas-pipeline`` the policy's pipeline ranges may be as wide as they are and are allowed.

Why it matters
--------------
A default action Deny with a rule for half the internet passes every scanner that looks at the default action only.

Example
-------
``defaultAction`` Deny and IP rules ``0.0.0.0/1`` and ``128.0.0.0/1``.

Remediation
-----------
Remove exactly the rules in question; the other rules, default action and bypass stay.

Remediation safety
------------------
Never by itself. Whoever comes through the rule is cut off, and configuration cannot tell who that is. Where no rule is
left, the warning says that the public endpoint admits nobody afterwards. The change keeps the complete firewall for
undo.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

from shared.domain.firewall_edit import what_removal_does, without_rules
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.ip_ranges import (
    Range,
    holds_no_client,
    is_private,
    open_the_internet,
    overlaps,
    parse_range,
    parse_ranges,
    within,
)
from shared.domain.policy import Policy
from shared.domain.public_door import firewall
from shared.domain.rule import Blocker, Case, Proposal, Rule, Violation
from shared.domain.vault import DefaultAction, PublicAccess, Vault

_ASK = Blocker("there is no evidence of who comes through the rule")


def check(case: Case) -> Iterator[Violation]:
    """Yield the vault once with every IP rule that should not be there."""
    vault = case.snapshot.vault
    rules = firewall(vault).ip_rules
    if not rules:
        return
    opening = _opening(rules)
    limits = _Limits(case.policy, vault)
    reasons = {
        rule: (*(("it opens the internet",) if rule in opening else ()), *limits.broken_by(rule)) for rule in rules
    }
    bad = sorted(rule for rule, why in reasons.items() if why)
    if not bad:
        return
    change = without_rules(vault, bad, ())
    proposals = (
        () if change is None else (Proposal(change, (_ASK,), Applicability.APPROVAL, what_removal_does(vault, change)),)
    )
    yield Violation(
        subject=vault.id,
        message=_message(vault, bad, reasons),
        facts={
            "public_access": vault.public_access.value,
            "default_action": firewall(vault).default_action.value,
            "bad_rules": [f"{rule}: {', '.join(reasons[rule])}" for rule in bad],
        },
        proposals=proposals,
        evidence=("No evidence of who comes through them: no access log was asked.", *_idle(vault)),
        severity=_severity(vault, bool(opening)),
    )


def _message(vault: Vault, bad: Sequence[str], reasons: dict[str, tuple[str, ...]]) -> str:
    named = "; ".join(f"{rule} ({', '.join(reasons[rule])})" for rule in bad[:_NAMED])
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return f"The firewall of vault {vault.name} has IP rules that should not be there: {named}{more}."


_NAMED = 5


def _severity(vault: Vault, opens: bool) -> Severity:
    if vault.public_access is PublicAccess.DISABLED:
        return Severity.LOW
    return Severity.CRITICAL if opens else Severity.HIGH


def _idle(vault: Vault) -> Iterator[str]:
    if vault.public_access is PublicAccess.DISABLED:
        yield "They have no effect while public access is off; one later switch puts them in force."
    elif firewall(vault).default_action is DefaultAction.ALLOW:
        yield "They have no effect while everybody is allowed; denying by default puts them in force."


def _opening(rules: Sequence[str]) -> frozenset[str]:
    """The rules of the widest prefixes whose removal leaves less than half the internet; none where they hold less."""
    parsed = [(rule, network) for rule in rules if (network := parse_range(rule)) is not None]
    found: set[str] = set()
    while parsed and open_the_internet(network for _, network in parsed):
        widest = min(network.prefixlen for _, network in parsed)
        found.update(rule for rule, network in parsed if network.prefixlen == widest)
        parsed = [entry for entry in parsed if entry[1].prefixlen != widest]
    return frozenset(found)


class _Limits:
    """What policy and Key Vault let an IP rule name, read once for all rules of a vault."""

    def __init__(self, policy: Policy, vault: Vault) -> None:
        pipeline = policy.pipeline_ranges if policy.profile_of(vault) is Profile.SAAS_PIPELINE else ()
        self._pipeline = parse_ranges(pipeline)
        self._allowed = parse_ranges(policy.ip_ranges.allowed)
        self._any_allowed = not policy.ip_ranges.allowed
        self._forbidden = parse_ranges(policy.ip_ranges.forbidden)
        self._widest = policy.ip_ranges.widest

    def broken_by(self, rule: str) -> Iterator[str]:
        """Why a rule should not be there, as phrases."""
        network = parse_range(rule)
        if network is None:
            yield "it is no IPv4 address or range"
            return
        ours = within(network, self._pipeline)
        yield from self._too_wide(network, ours)
        yield from self._forbidden_by_policy(network)
        yield from self._not_allowed(network, ours)
        yield from _useless(network)

    def _too_wide(self, network: Range, ours: bool) -> Iterator[str]:
        if network.prefixlen < self._widest and not ours:
            yield f"it is wider than /{self._widest}"

    def _forbidden_by_policy(self, network: Range) -> Iterator[str]:
        if overlaps(network, self._forbidden):
            yield "policy forbids addresses in it"

    def _not_allowed(self, network: Range, ours: bool) -> Iterator[str]:
        if not self._any_allowed and not ours and not within(network, self._allowed):
            yield "it is outside the policy's allowed ranges"


def _useless(network: Range) -> Iterator[str]:
    if is_private(network):
        yield "it names private addresses, which Key Vault refuses"
    elif holds_no_client(network):
        yield "it names reserved addresses, which no client has"


RULE = Rule(
    id="KVG104",
    name="broad-ip-rule",
    title="An IP rule of the vault's firewall admits too much",
    severity=Severity.HIGH,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType(
        {
            "Azure Policy": ("55615ac9-af46-4a59-874e-391cc3dfb490",),
            "CloudSploit": ("keyVaultPublicAccess",),
            "Cloud Custodian": ("firewall-rules",),
        }
    ),
)
