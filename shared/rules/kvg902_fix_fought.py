"""KVG902 fix-fought: a repair was made twice within a day and is needed again.

What it finds
-------------
A repair that kvguard made twice within a day and that was needed again: kvguard leaves the subject alone for a day.

Why it matters
--------------
A fight helps nobody. As long as another writer wants it otherwise, what was to be repaired stays broken, however often
kvguard repairs it.

Example
-------
Each run of a Terraform pipeline deletes the A record that kvguard created, because the record is not in its state.

Remediation
-----------
Find the other writer: the finding names the principals that events of this vault named. Put the repair into that
writer's code, or name it as the zone's writer in kvguard's policy, or set the rule to ``audit``. The finding closes a
day after the fight; if the repair is taken back again then, it opens again.

Remediation safety
------------------
Never by kvguard: which of two writers is right is a person's decision.

Links
-----
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.history import Hold, by_subject
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each subject with a repair that is taken back again and again, as long as the hold on it lasts."""
    vault, history, now = case.snapshot.vault, case.snapshot.history, case.snapshot.read_at
    if isinstance(history, Unread):
        yield Unknown(vault.id, history)
        return
    fought = (hold for hold in history.holds if hold.by_fight and now < hold.until)
    yield from map(_violation, by_subject(fought))


def _violation(holds: tuple[Hold, ...]) -> Violation:
    hold = holds[0]
    reasons = list(dict.fromkeys(f"{held.rule}: {held.why}" for held in holds))
    until = max(held.until for held in holds)
    return Violation(
        subject=hold.subject,
        message=(
            f"Somebody takes back kvguard's repair of {hold.subject.name}. {'; '.join(reasons)}. "
            f"kvguard leaves it alone until {until:%Y-%m-%d %H:%M} UTC."
        ),
        facts={"fights": reasons},
        advice="Put the repair into the other writer's code, or name that writer in kvguard's policy.",
    )


RULE = Rule(
    id="KVG902",
    name="fix-fought",
    title="Somebody takes back what kvguard repairs",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
