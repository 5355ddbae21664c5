"""The JSON report on one vault: what ``audit_vault`` answers and ``kvguard audit --format json`` prints.

It shows the plan that a run would follow, because it is that plan: nothing is computed for the report alone.
``docs/schemas/assessment.v1.json`` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.answer import Answer
from shared.domain.arm_id import ArmId
from shared.domain.finding import Assessment, Exempted, NotEvaluated
from shared.domain.plan import ChangePlan, PlannedChange
from shared.reporting.findings import ID, SENTENCE, Object, finding_object, id_text, option_object
from shared.reporting.text import plain, rfc3339

ASSESSMENT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """What clients of one virtual network get for the vault's name, as the resolver simulation says it."""

    network: ArmId
    answer: Answer


def render(assessment: Assessment, plan: ChangePlan, answers: Sequence[NetworkAnswer], mode: str) -> str:
    """The report as JSON. ``mode`` is ``observe`` or ``enforce``: whether a run would carry the plan out."""
    body = {
        "version": ASSESSMENT_VERSION,
        "vault": id_text(assessment.vault),
        "read_at": rfc3339(assessment.read_at),
        "mode": mode,
        "findings": [finding_object(finding) for finding in assessment.findings],
        "not_evaluated": [_not_evaluated(entry) for entry in assessment.not_evaluated],
        "plan": {
            "apply": [_planned(planned) for planned in plan.apply],
            "ask": [finding.fingerprint for finding in plan.ask],
            "explain": [finding.fingerprint for finding in plan.explain],
        },
        "answers": [_answer(entry) for entry in sorted(answers, key=lambda entry: entry.network)],
        "evaluated": list(assessment.evaluated),
        "exempted": [_exempted(entry) for entry in assessment.exempted],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def _not_evaluated(entry: NotEvaluated) -> Object:
    return {
        "rule": entry.rule,
        "subject": id_text(entry.subject),
        "reason": entry.unread.reason.value,
        "detail": plain(entry.unread.detail, SENTENCE),
    }


def _exempted(entry: Exempted) -> Object:
    exemption = entry.exemption
    return {
        "finding": finding_object(entry.finding),
        "scope": plain(exemption.scope, ID),
        "reason": plain(exemption.reason, SENTENCE),
        "owner": plain(exemption.owner, SENTENCE),
        "expires": rfc3339(exemption.expires),
    }


def _planned(planned: PlannedChange) -> Object:
    return {
        "rule": planned.finding.rule,
        "fingerprint": planned.finding.fingerprint,
        "key": planned.change.key,
        **option_object(planned.option),
        "after": list(planned.after),
    }


def _answer(entry: NetworkAnswer) -> Object:
    return {
        "network": id_text(entry.network),
        "kind": entry.answer.kind.value,
        "addresses": list(entry.answer.addresses),
        "chain": [plain(line, SENTENCE) for line in entry.answer.chain],
        "reason": plain(entry.answer.reason, SENTENCE),
    }
