"""Telling people: findings that are open or cleared, each said once as long as it says the same.

What is about to be said is claimed in the vault's row first. Of two workers that see the same, one loses the row and
says nothing; a crash between claim and message leads to one repeated message, never to a lost one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from shared.domain.arm_id import A_RECORD, ArmId
from shared.domain.finding import Finding
from shared.domain.policy import Policy
from shared.domain.snapshot import VaultSnapshot
from shared.reporting.findings import Fix, cleared_message, open_message, pack
from shared.service.judge import Judgement
from shared.service.ports import Inbox, VaultRow
from shared.service.settle import settled

_UNSAID = "unsaid:"


def announce(
    row: VaultRow,
    findings: tuple[Finding, ...],
    fixes: Mapping[str, Fix],
    judged: Judgement,
    policy: Policy,
    inbox: Inbox,
    save: Callable[[VaultRow], VaultRow],
) -> VaultRow:
    """Send what is newly open or has changed, and what is cleared; return the row that remembers it.

    A finding is told once it has settled. It is cleared only by a reading in which its rule
    was judged completely: what was not read is not mended. ``save`` stores a row and raises LedgerConflict.
    """
    told = dict(row.told)
    ripe = [f for f in findings if f.fingerprint in told or settled(row, f, None, judged.snapshot, policy)]
    messages = [*_opened(told, ripe, fixes, judged, inbox), *_cleared(told, row, findings, judged)]
    return _say(row, told, messages, inbox, save)


def announce_moving(
    row: VaultRow,
    judged: Judgement,
    of_moving: frozenset[str],
    inbox: Inbox,
    save: Callable[[VaultRow], VaultRow],
) -> VaultRow:
    """Tell what does not come to rest, by the rules ``of_moving``, from a reading that is not quiet.

    They have waited by themselves, so nothing settles. Whatever else such a reading shows is neither told nor cleared,
    and a finding with something to decide waits until all is quiet.
    """
    findings = [finding for finding in judged.assessment.findings if finding.rule in of_moving and not finding.options]
    told = dict(row.told)
    messages = [*_opened(told, findings, {}, judged, inbox)]
    messages += _cleared(told, row, findings, judged, of_moving)
    return _say(row, told, messages, inbox, save)


def announce_gone(
    row: VaultRow, now: datetime, kept: frozenset[str], inbox: Inbox, save: Callable[[VaultRow], VaultRow]
) -> VaultRow:
    """Clear what was open on a vault that no longer exists, except what the rules ``kept`` have found."""
    messages, told = [], dict(row.told)
    for fingerprint, note in row.told.items():
        rule, subject = _about(note)
        if rule not in kept:
            messages.append(cleared_message(row.vault, rule, subject, fingerprint, now))
            del told[fingerprint]
    seen = {key: at for key, at in row.first_seen.items() if key.split(" ", 1)[0] in kept}
    row = _say(row, told, messages, inbox, save)
    return replace(row, first_seen=MappingProxyType(seen))


def _opened(
    told: dict[str, str], findings: Iterable[Finding], fixes: Mapping[str, Fix], judged: Judgement, inbox: Inbox
) -> list[str]:
    """The messages on what is newly open or has changed; ``told`` notes them."""
    messages = []
    for finding in findings:
        fix = fixes.get(finding.fingerprint)
        note = f"{_content(finding, fix)} {finding.rule} {finding.subject.text}"
        if told.get(finding.fingerprint) != note:
            messages.append(pack(open_message(finding, judged.assessment.read_at, fix), inbox.keep))
            told[finding.fingerprint] = note
    return messages


def _cleared(
    told: dict[str, str],
    row: VaultRow,
    findings: Iterable[Finding],
    judged: Judgement,
    only: frozenset[str] | None = None,
) -> list[str]:
    """The messages on what is no longer open, of the rules ``only`` if any are given; ``told`` forgets them."""
    assessment, messages = judged.assessment, []
    present = {finding.fingerprint for finding in (*findings, *assessment.findings)}
    unjudged = {missing.rule for missing in assessment.not_evaluated}
    for fingerprint, note in row.told.items():
        rule, subject = _about(note)
        if fingerprint in present or rule in unjudged or _out_of_sight(judged.snapshot, subject):
            continue
        if only is None or rule in only:
            messages.append(cleared_message(row.vault, rule, subject, fingerprint, assessment.read_at))
            del told[fingerprint]
    return messages


def _say(
    row: VaultRow, told: dict[str, str], messages: list[str], inbox: Inbox, save: Callable[[VaultRow], VaultRow]
) -> VaultRow:
    """Claim what is about to be said, say it, and return the row that remembers it."""
    if not messages:
        return row
    row = save(replace(row, told=MappingProxyType(_claims(row.told, told))))
    inbox.tell(messages)
    return replace(row, told=MappingProxyType(told))


def _claims(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """What the row says between claim and message: changed notes count as not yet said, cleared ones as still open."""
    changed = {key: f"{_UNSAID}{note}" for key, note in after.items() if before.get(key) != note}
    return {**before, **after, **changed}


def _about(note: str) -> tuple[str, ArmId]:
    """Rule and subject of a note."""
    _, rule, subject = note.split(" ", 2)
    return rule, ArmId.parse(subject)


def _out_of_sight(snapshot: VaultSnapshot, subject: ArmId) -> bool:
    """Whether a record's zone is missing from a reading that could not look everywhere for zones."""
    return bool(snapshot.zones_unread) and subject.is_a(A_RECORD) and snapshot.zone(subject.parent) is None


def _content(finding: Finding, fix: Fix | None) -> str:
    """A hash of what a person decides on; evidence and the reasons against a change may move without a new message.

    They do void an approval that was given before: the digest of an option holds the known ones.
    """
    options = sorted(f"{option.change.key} {option.applicability.name}" for option in finding.options)
    # Facts of what nobody is asked about are not read as deep every time.
    relied_on = finding.facts if options else {}
    facts = {name: sorted(fact) if isinstance(fact, list) else fact for name, fact in relied_on.items()}
    state = "" if fix is None else f"{fix.state.value} {fix.detail}"
    material = json.dumps([finding.severity.name, finding.message, options, facts, state], sort_keys=True)
    return hashlib.sha256(material.encode()).hexdigest()[:16]
