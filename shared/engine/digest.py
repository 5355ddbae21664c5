"""Digests and fingerprints: what an approval is bound to, and what makes two findings the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, Facts
from shared.domain.grades import Mode
from shared.domain.rule import Blocker, Rule

DIGEST_VERSION = 2


def fingerprint(rule_id: str, subject: ArmId) -> str:
    """32 hex digits that stay the same for one rule and one subject, whatever the casing of the id."""
    return hashlib.sha256(f"{rule_id}|{subject.key}".encode()).hexdigest()[:32]


def digest(
    rule: Rule, mode: Mode, change: Change, facts: Facts, blockers: Iterable[Blocker] = (), warning: str = ""
) -> str:
    """64 hex digits over everything an approval of this change relies on.

    In it: digest version, rule and revision, verb, casefolded target, arguments, the facts the rule relied on, the
    effective mode, the warning and the known reasons against the change, because a person has weighed them. Not in it:
    reasons that only time or an unread part gives or takes away, tags, etags, times, descriptions, the order of lists
    and the casing of names.
    """
    material = {
        "version": DIGEST_VERSION,
        "rule": rule.id,
        "revision": rule.revision,
        "mode": mode.value,
        "verb": change.verb,
        "target": change.target.key,
        "arguments": _canonical(change.arguments),
        "facts": _canonical(facts),
        "precondition": change.precondition,
        "against": sorted({why.why.casefold() for why in blockers if why.unread is None and why.until is None}),
        "warning": warning.casefold(),
    }
    text = json.dumps(material, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(facts: Facts) -> dict[str, object]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in facts.items()}
