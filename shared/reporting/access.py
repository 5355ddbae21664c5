"""The access explanation as JSON and as text: every gate, the first that fails, and what would admit the caller."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from shared.domain.access import AccessExplanation, Admission, Caller, Explained, Gate, Verdict
from shared.domain.answer import Answer
from shared.domain.change import Change, Json
from shared.domain.finding import NotEvaluated
from shared.reporting.findings import ID, SENTENCE, Object, id_text
from shared.reporting.lines import chain_lines, not_known_lines, nslookup_lines, wrapped
from shared.reporting.text import plain, rfc3339

EXPLANATION_VERSION: Final = 1
_WIDEST: Final = len("name resolution")
_IN_WORDS: Final[Mapping[Verdict, str]] = MappingProxyType(
    {Verdict.PASS: "Yes: the caller gets in.", Verdict.UNKNOWN: "Not known."}
)


def explanation_json(found: Explained) -> str:
    """Everything as one JSON object; ``docs/schemas/explanation.v1.json`` describes it."""
    explanation = found.explanation
    failing = explanation.failing
    body = {
        "version": EXPLANATION_VERSION,
        "vault": id_text(found.vault),
        "read_at": rfc3339(found.read_at),
        "caller": _caller(explanation.caller),
        "verdict": explanation.verdict.value,
        "door": explanation.door.value,
        "gates": [_gate(gate) for gate in explanation.gates],
        "failing": None if failing is None else failing.name,
        "error": None if failing is None else plain(failing.error, SENTENCE),
        "answer": None if explanation.answer is None else answer_object(explanation.host, explanation.answer),
        "admissions": [_admission(admission) for admission in explanation.admissions],
        "not_known": [not_known_object(entry) for entry in found.not_known],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def explanation_text(found: Explained) -> str:
    """The explanation for a person at a terminal."""
    return "\n".join(_lines(found))


def answer_object(host: str, answer: Answer) -> Object:
    """An answer with its chain as ``host`` and as ``nslookup`` print it."""
    return {
        "host": plain(host, SENTENCE),
        "kind": answer.kind.value,
        "addresses": list(answer.addresses),
        "reason": plain(answer.reason, SENTENCE),
        "chain": chain_lines(host, answer),
        "nslookup": nslookup_lines(host, answer),
        "zone": None if answer.zone is None else id_text(answer.zone),
    }


def not_known_object(entry: NotEvaluated) -> Object:
    """A rule that is not evaluated: the missing right, or what was not read."""
    return {
        "rule": entry.rule,
        "subject": id_text(entry.subject),
        "reason": entry.unread.reason.value,
        "because": plain(entry.unread.detail, SENTENCE),
    }


def _caller(caller: Caller) -> Object:
    return {
        "from": caller.kind.value,
        "address": caller.address or None,
        "network": None if caller.network is None else id_text(caller.network),
        "subnet": None if caller.subnet is None else id_text(caller.subnet),
        "service": plain(caller.service, SENTENCE) or None,
        "principal": caller.principal or None,
        "operation": caller.operation or None,
    }


def _gate(gate: Gate) -> Object:
    return {
        "gate": gate.name,
        "verdict": gate.verdict.value,
        "reason": plain(gate.reason, SENTENCE),
        "error": plain(gate.error, SENTENCE) or None,
    }


def _admission(admission: Admission) -> Object:
    return {
        "what": plain(admission.what, SENTENCE),
        "also_admits": plain(admission.also_admits, SENTENCE) or None,
        "changes": [_change(change) for change in admission.changes],
        "then": plain(admission.then, SENTENCE) or None,
    }


def _change(change: Change) -> Object:
    return {
        "verb": change.verb,
        "target": id_text(change.target),
        "description": plain(change.description, SENTENCE),
        "precondition": plain(change.precondition, SENTENCE),
        "arguments": _arguments(change),
    }


def _arguments(change: Change) -> Object:
    return {name: _plain(value) for name, value in change.arguments.items()}


def _plain(value: Json) -> Json:
    if isinstance(value, str):
        return plain(value, ID)
    return [plain(entry, ID) for entry in value] if isinstance(value, list) else value


def _lines(found: Explained) -> Iterator[str]:
    explanation = found.explanation
    yield from wrapped(f"Would this caller get into vault {found.vault.name}? {_verdict(explanation)}")
    yield from wrapped(_described(explanation.caller), "Caller: ")
    yield f"Read:   {rfc3339(found.read_at)}"
    yield ""
    for gate in explanation.gates:
        mark = gate.verdict.name if gate.verdict is Verdict.FAIL else gate.verdict.value
        head = f"  {mark:<11}  {gate.name:<{_WIDEST}}  "
        yield from wrapped(gate.reason, head)
        if gate.error:
            yield from wrapped(f"the client sees: {gate.error}", " " * len(head))
    if explanation.answer is not None:
        yield from ("", "As host prints it:")
        yield from (f"  {line}" for line in chain_lines(explanation.host, explanation.answer))
        yield from ("", "As nslookup prints it:")
        yield from (f"  {line}".rstrip() for line in nslookup_lines(explanation.host, explanation.answer))
    yield from _admission_lines(explanation)
    if found.not_known:
        yield from ("", "Rules of this vault that are not evaluated:")
        yield from not_known_lines(found.not_known)


def _verdict(explanation: AccessExplanation) -> str:
    failing = explanation.failing
    if failing is not None:
        return f"No: {failing.name} keeps it out."
    return _IN_WORDS[explanation.verdict]


def _described(caller: Caller) -> str:
    parts = [f"from {caller.kind.value}"]
    parts += [f"service {caller.service}"] if caller.service else []
    parts += [f"network {caller.network.name}"] if caller.network is not None else []
    parts += [f"subnet {caller.subnet.name}"] if caller.subnet is not None else []
    parts += [f"address {caller.address}"] if caller.address else []
    parts += [f"principal {caller.principal}", f"operation {caller.operation}"] if caller.principal else []
    return ", ".join(parts)


def _admission_lines(explanation: AccessExplanation) -> Iterator[str]:
    if not explanation.admissions:
        return
    yield from ("", "The smallest change that would admit it:")
    for number, admission in enumerate(explanation.admissions, start=1):
        yield from wrapped(admission.what, f"  {number}. ")
        yield from wrapped(f"it also admits: {admission.also_admits or 'nobody else'}", "     ")
        for change in admission.changes:
            yield from wrapped(f"{change.verb} {change.target.text}", "     change: ", "       ")
            yield from wrapped(f"if {change.precondition}", "       ")
            arguments = json.dumps(_arguments(change), ensure_ascii=False, sort_keys=True)
            yield from wrapped(arguments, "       with ", "       ")
        if admission.then:
            yield from wrapped(admission.then, "     ")
