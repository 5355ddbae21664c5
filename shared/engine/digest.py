"""Digests and fingerprints: what an approval is bound to, and what makes two findings the same."""

from __future__ import annotations

import hashlib
import json

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, Facts
from shared.domain.grades import Mode
from shared.domain.rule import Rule

DIGEST_VERSION = 1


def fingerprint(rule_id: str, subject: ArmId) -> str:
    """32 hex digits that stay the same for one rule and one subject, whatever the casing of the id."""
    return hashlib.sha256(f"{rule_id}|{subject.key}".encode()).hexdigest()[:32]


def digest(rule: Rule, mode: Mode, change: Change, facts: Facts) -> str:
    """64 hex digits over everything an approval of this change relies on.

    In it: digest version, rule and revision, verb, casefolded target, arguments, the facts the rule relied on and the
    effective mode. Not in it: tags, etags, times, descriptions and the order of lists.
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
    }
    text = json.dumps(material, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(facts: Facts) -> dict[str, object]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in facts.items()}
