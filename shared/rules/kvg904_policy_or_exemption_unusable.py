"""KVG904 policy-or-exemption-unusable: until it is corrected nothing is repaired and nothing is offered.

What it finds
-------------
The configured policy could not be read, is no valid YAML, breaks its schema, or holds an exemption that is wrong: for a
rule that does not exist or is about kvguard itself, in a scope that is no id, without a reason or an owner, without an
end or with one more than 366 days ahead. An exemption that has ended is not wrong; it silences nothing.

Why it matters
--------------
A policy says what kvguard must leave alone. Without it every repair would be a guess, so kvguard only looks. A wrong
exemption cannot be left out alone: what it was to silence might then be repaired.

Example
-------
``KVGUARD_POLICY`` names a file with ``writer: kvgaurd``.

Remediation
-----------
Correct the policy; the finding quotes the first errors with their places, and ``kvguard policy validate`` all of them.
The next look uses it.

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
