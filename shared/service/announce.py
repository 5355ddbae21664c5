"""Telling people: findings that are open or cleared, each said once as long as it says the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from shared.domain.arm_id import A_RECORD, ArmId
from shared.domain.finding import Finding
from shared.domain.policy import Policy
from shared.domain.snapshot import VaultSnapshot
from shared.reporting.findings import Fix, cleared_message, open_message, pack
from shared.service.judge import Judgement
from shared.service.memory import settled
from shared.service.ports import Inbox, VaultRow


def announce(
    row: VaultRow,
    findings: tuple[Finding, ...],
    fixes: Mapping[str, Fix],
    judged: Judgement,
    policy: Policy,
    inbox: Inbox,
) -> VaultRow:
    """Send what is newly open or has changed, and what is cleared; return the row that remembers it.

    A finding is told once it has been seen twice, ``settle`` apart. It is cleared only by a reading in which its rule
    was judged completely: what was not read is not mended.
    """
    assessment = judged.assessment
    now, told = assessment.read_at, dict(row.told)
    messages: list[str] = []
    for finding in findings:
        fix = fixes.get(finding.fingerprint)
        note = f"{_content(finding, fix)} {finding.rule} {finding.subject.text}"
        known = told.get(finding.fingerprint)
        if known == note or (known is None and not settled(row, finding.fingerprint, now, policy.timing.settle)):
            continue
        messages.append(pack(open_message(finding, now, fix), inbox.keep))
        told[finding.fingerprint] = note
    present = {finding.fingerprint for finding in (*findings, *assessment.findings)}
    unjudged = {missing.rule for missing in assessment.not_evaluated}
    for fingerprint, note in row.told.items():
        _, rule, subject = note.split(" ", 2)
        if fingerprint in present or rule in unjudged or _out_of_sight(judged.snapshot, ArmId.parse(subject)):
            continue
        messages.append(cleared_message(row.vault, rule, ArmId.parse(subject), fingerprint, now))
        del told[fingerprint]
    if messages:
        inbox.tell(messages)
    return replace(row, told=MappingProxyType(told))


def announce_gone(row: VaultRow, now: datetime, inbox: Inbox) -> VaultRow:
    """Clear everything that was open on a vault that no longer exists."""
    messages = []
    for fingerprint, note in row.told.items():
        _, rule, subject = note.split(" ", 2)
        messages.append(cleared_message(row.vault, rule, ArmId.parse(subject), fingerprint, now))
    if messages:
        inbox.tell(messages)
    return replace(row, told=MappingProxyType({}), first_seen=MappingProxyType({}), look_at=None)


def _out_of_sight(snapshot: VaultSnapshot, subject: ArmId) -> bool:
    """Whether a record's zone is missing from a reading that could not look everywhere for zones."""
    return bool(snapshot.zones_unread) and subject.is_a(A_RECORD) and snapshot.zone(subject.parent) is None


def _content(finding: Finding, fix: Fix | None) -> str:
    """A hash of what a person decides on; evidence and the reasons against a change may move without a new message."""
    options = sorted(f"{option.digest} {option.applicability.name}" for option in finding.options)
    state = "" if fix is None else f"{fix.state.value} {fix.detail}"
    material = json.dumps([finding.severity.name, finding.message, options, state])
    return hashlib.sha256(material.encode()).hexdigest()[:16]
