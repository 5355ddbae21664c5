"""Messages of the queue ``kvguard-findings``: a finding is open, or it is cleared.

A message is JSON, described by ``docs/schemas/finding.v1.json``, and at most 48 KiB: Azure bounds a queue message at
64 KiB, which base64 fills from 48. What does not fit goes to a blob as a whole, and a small message names it.
Source: https://learn.microsoft.com/azure/storage/queues/scalability-targets
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from shared.domain.arm_id import ArmId
from shared.domain.change import Irreversible
from shared.domain.finding import Finding, Option
from shared.domain.rule import Blocker
from shared.reporting.snippets import snippets
from shared.reporting.text import plain, rfc3339

FINDING_VERSION: Final = 1
MOST_BYTES: Final = 48 * 1024
ID: Final = 2048
SENTENCE: Final = 1000
ADVICE: Final = 8000
ADVICE_TOO_LONG: Final = "The prepared command is too long to be shown whole, and a part of it would do something else."

Object = dict[str, Any]


class FixState(Enum):
    """Why a finding that kvguard could mend by itself is open all the same."""

    REFUSED = "refused"
    FAILED = "failed"
    SURVIVED = "survived"
    OVER_BUDGET = "over-budget"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Fix:
    """What became of a finding's own repair. ``detail`` is for people: a lock's name, a budget, the change planned."""

    state: FixState
    detail: str = ""


def open_message(finding: Finding, observed_at: datetime, fix: Fix | None = None) -> str:
    """The message that a finding is open as of ``observed_at``. It may be too large to send: see ``pack``."""
    body = {
        "version": FINDING_VERSION,
        "state": "open",
        "observed_at": rfc3339(observed_at),
        "vault": id_text(finding.vault),
        **finding_object(finding),
        "fix": None if fix is None else {"state": fix.state.value, "detail": plain(fix.detail, SENTENCE)},
        "evidence_blob": None,
    }
    return _text(body)


def cleared_message(vault: ArmId, rule: str, subject: ArmId, fingerprint: str, observed_at: datetime) -> str:
    """The message that a finding announced as open is no longer there. Always small enough to send."""
    body = {
        "version": FINDING_VERSION,
        "state": "cleared",
        "observed_at": rfc3339(observed_at),
        "vault": id_text(vault),
        "rule": rule,
        "subject": id_text(subject),
        "fingerprint": fingerprint,
    }
    return _text(body)


def fits(text: str) -> bool:
    """Whether a message is at most 48 KiB of UTF-8."""
    return len(text.encode()) <= MOST_BYTES


def pack(text: str, keep: Callable[[str], str]) -> str:
    """A message that fits: ``text`` itself, or its short form once ``keep`` has stored the whole of it.

    ``keep`` returns the name of the blob, which the short form carries as ``evidence_blob``.
    """
    return text if fits(text) else shorten(text, keep(text))


def shorten(text: str, blob: str) -> str:
    """The short form of an open message: identity, sentence and options, with evidence, facts and advice left out.

    Options keep what a decision is bound to, and no snippets; where even they are too many, the last ones are left out.
    """
    body: Object = json.loads(text)
    short_of: Object = {"blockers": [], "snippets": None}
    options = [{**option, **short_of, "warning": plain(option["warning"], 200)} for option in body["options"]]
    short: Object = {**body, "facts": {}, "evidence": [], "advice": "", "options": options, "evidence_blob": blob}
    while not fits(_text(short)) and options:
        options.pop()
    return _text(short)


def finding_object(finding: Finding) -> Object:
    """A finding as a JSON object, every text cleaned: the part that messages and audits have in common."""
    advice = plain(finding.advice, ADVICE + 1, multiline=True)
    return {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity.name.lower(),
        "subject": id_text(finding.subject),
        "message": plain(finding.message, SENTENCE),
        "facts": {name: _fact(finding.facts[name]) for name in sorted(finding.facts)},
        "fingerprint": finding.fingerprint,
        "doc_url": finding.doc_url,
        "options": [option_object(option) for option in finding.options],
        "evidence": [plain(line, SENTENCE) for line in finding.evidence],
        "advice": advice if len(advice) <= ADVICE else ADVICE_TOO_LONG,
    }


def option_object(option: Option) -> Object:
    """One prepared change as a JSON object. ``irreversible`` says what would be lost, null where it can be undone."""
    inverse, texts = option.change.inverse, snippets(option.change)
    return {
        "verb": option.change.verb,
        "target": id_text(option.change.target),
        "description": plain(option.change.description, SENTENCE),
        "digest": option.digest,
        "applicability": option.applicability.name.lower(),
        "blockers": [plain(_why_not(blocker), SENTENCE) for blocker in option.blockers],
        "warning": plain(option.warning, SENTENCE),
        "irreversible": plain(inverse.lost, SENTENCE) if isinstance(inverse, Irreversible) else None,
        "precondition": plain(option.change.precondition, SENTENCE),
        "snippets": {"az": texts.az, "bicep": texts.bicep, "terraform": texts.terraform},
    }


def id_text(resource: ArmId) -> str:
    """An id as it was read. A character that no name in Azure has is made visible; such a text is no id any more."""
    return plain(resource.text, ID)


def _why_not(blocker: Blocker) -> str:
    return blocker.why if blocker.unread is None else f"{blocker.why} ({blocker.unread})"


def _fact(value: object) -> object:
    if isinstance(value, str):
        return plain(value, SENTENCE)
    return [plain(entry, SENTENCE) for entry in value] if isinstance(value, list) else value


def _text(body: Object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
