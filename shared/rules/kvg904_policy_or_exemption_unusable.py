"""KVG904 policy-or-exemption-unusable: kvguard runs without the policy that was configured.

What it finds
-------------
The configured policy could not be read, is no valid YAML, or breaks its schema.

Why it matters
--------------
A policy says what kvguard must leave alone. Without it every repair would be a guess, so kvguard only looks.

Example
-------
``KVGUARD_POLICY`` names a file with ``writer: kvgaurd``.

Remediation
-----------
Correct the policy; the finding quotes the first error with its place. The next look uses it.

Remediation safety
------------------
Never by kvguard. While the policy is unusable no rule changes anything or offers a change, in any mode.

Links
-----
https://learn.microsoft.com/azure/azure-functions/functions-app-settings
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault while the policy that governs it is unusable."""
    if not case.policy.unusable:
        return
    vault = case.snapshot.vault
    yield Violation(
        subject=vault.id,
        message=f"The policy is unusable, so nothing is changed at vault {vault.name}: {case.policy.unusable}",
        facts={"reason": case.policy.unusable},
    )


RULE = Rule(
    id="KVG904",
    name="policy-or-exemption-unusable",
    title="The policy cannot be used",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
