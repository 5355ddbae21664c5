"""KVG903 fix-refused: a lock, a policy or a missing right stands in the way, and only a person can remove it.

What it finds
-------------
A repair that kvguard would make by itself and that Azure refused: a lock, an assignment of Azure Policy, a deny
assignment, a right that kvguard's identity lacks, or a request that Azure did not accept.

Why it matters
--------------
What was to be repaired stays broken, and it stays so until a person acts: a lock or a denial does not go away by trying
again, so kvguard leaves that repair alone for a day.

Example
-------
The zone ``privatelink.vaultcore.azure.net`` carries a ReadOnly lock, so the missing A record of the vault cannot be
created: 409 ``ScopeLocked``.

Remediation
-----------
The finding names the lock, the policy, the deny assignment or the action. Make the repair yourself, or let kvguard make
it: remove the lock, exempt the resource from the policy, grant the action. Where the refusal is meant, name the zone's
real writer in kvguard's policy, or set the rule to ``audit``. The finding closes a day after the refusal; if the repair
is still due then and Azure refuses it again, the finding opens again.

Remediation safety
------------------
Never by kvguard: a lock or a denial is somebody's decision, and kvguard must not widen its own rights.

Links
-----
https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
https://learn.microsoft.com/azure/governance/policy/troubleshoot/general
https://learn.microsoft.com/azure/role-based-access-control/deny-assignments
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.history import Hold, by_subject
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each subject with a repair that Azure refused, as long as the hold on it lasts."""
    vault, history, now = case.snapshot.vault, case.snapshot.history, case.snapshot.read_at
    if isinstance(history, Unread):
        yield Unknown(vault.id, history)
        return
    refused = (hold for hold in history.holds if hold.by_azure and now < hold.until)
    yield from map(_violation, by_subject(refused))


def _violation(holds: tuple[Hold, ...]) -> Violation:
    hold = holds[0]
    reasons = list(dict.fromkeys(f"{held.rule}: {held.why}" for held in holds))
    until = max(held.until for held in holds)
    return Violation(
        subject=hold.subject,
        message=(
            f"Azure refused kvguard's repair of {hold.subject.name}. {'; '.join(reasons)}. "
            f"kvguard leaves it alone until {until:%Y-%m-%d %H:%M} UTC."
        ),
        facts={"refusals": reasons},
    )


RULE = Rule(
    id="KVG903",
    name="fix-refused",
    title="Azure refuses a repair that kvguard would make",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
