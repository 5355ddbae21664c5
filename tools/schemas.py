"""JSON Schemas of what kvguard writes and of its policy file, built from the code's own enumerations and bounds.

Those of messages describe exactly what this release writes, so no member may be added without the schema; readers
accept the messages of the previous release too. https://json-schema.org/draft/2020-12/schema
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from typing import Any, get_args

from shared.adapters.policy_schema import DIALECT, policy_schema
from shared.domain.answer import AnswerKind
from shared.domain.change import Change
from shared.domain.grades import Applicability, Severity
from shared.domain.message import MESSAGE_VERSION
from shared.domain.reading import UnreadReason
from shared.reporting.assessment import ASSESSMENT_VERSION
from shared.reporting.findings import ADVICE, FINDING_VERSION, ID, SENTENCE, FixState
from shared.rules.registry import RULES

Schema = dict[str, Any]

RULE_ID = {"type": "string", "pattern": "^KVG[0-9]{3}$"}
TIME = {"type": "string", "format": "date-time", "pattern": "Z$"}


def schemas() -> dict[str, str]:
    """File name -> text of each schema."""
    built = {
        "finding.v1.json": finding(),
        "assessment.v1.json": assessment(),
        "reconcile.v1.json": reconcile(),
        "policy.v1.json": policy_schema(RULES),
    }
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in built.items()}


def finding() -> Schema:
    """A message of the queue ``kvguard-findings``."""
    version = {"const": FINDING_VERSION}
    opened = record(
        {
            "version": version,
            "state": {"const": "open"},
            "observed_at": TIME,
            "vault": resource("vault"),
            **finding_members(),
            "fix": nullable({"$ref": "#/$defs/fix"}),
            "evidence_blob": nullable(text(1024, "blob that holds the whole message where this one is its short form")),
        }
    )
    cleared = record(
        {
            "version": version,
            "state": {"const": "cleared"},
            "observed_at": TIME,
            "vault": resource("vault"),
            "rule": RULE_ID,
            "subject": resource("what the finding was about"),
            "fingerprint": hexadecimal(32),
        }
    )
    fix = record({"state": one_of(FixState), "detail": text(SENTENCE)})
    return document(
        "finding.v1",
        "A finding is open, or one that was announced as open is no longer there.",
        {"oneOf": [{"$ref": "#/$defs/open"}, {"$ref": "#/$defs/cleared"}]},
        {"open": opened, "cleared": cleared, "option": record(option_members()), "fix": fix},
    )


def assessment() -> Schema:
    """The report on one vault."""
    planned = {"rule": RULE_ID, "fingerprint": hexadecimal(32), "key": hexadecimal(32), **option_members()}
    fingerprints = array(hexadecimal(32))
    plan = {"apply": array({"$ref": "#/$defs/planned"}), "ask": fingerprints, "explain": fingerprints}
    members = {
        "version": {"const": ASSESSMENT_VERSION},
        "vault": resource("vault"),
        "read_at": TIME,
        "mode": {"enum": ["observe", "enforce"]},
        "findings": array({"$ref": "#/$defs/finding"}),
        "not_evaluated": array({"$ref": "#/$defs/not_evaluated"}),
        "plan": record(plan),
        "answers": array({"$ref": "#/$defs/answer"}),
        "evaluated": array(RULE_ID),
        "exempted": array({"$ref": "#/$defs/exempted"}),
    }
    exempted = {
        "finding": {"$ref": "#/$defs/finding"},
        "scope": resource("what the exemption covers"),
        "reason": text(SENTENCE),
        "owner": text(SENTENCE),
        "expires": TIME,
    }
    missing = {
        "rule": RULE_ID,
        "subject": resource("what could not be judged"),
        "reason": one_of(UnreadReason),
        "detail": text(SENTENCE),
    }
    answer = {
        "network": resource("virtual network"),
        "kind": one_of(AnswerKind),
        "addresses": array({"type": "string", "format": "ipv4"}),
        "chain": array(text(SENTENCE)),
        "reason": text(SENTENCE),
    }
    return document(
        "assessment.v1",
        "What one look at a vault found, and the plan that a run would follow.",
        record(members),
        {
            "finding": record(finding_members()),
            "option": record(option_members()),
            "planned": record({**planned, "after": array(hexadecimal(32))}),
            "not_evaluated": record(missing),
            "exempted": record(exempted),
            "answer": record(answer),
        },
    )


def reconcile() -> Schema:
    """A message of the queue ``kvguard-reconcile``."""
    version = {"const": MESSAGE_VERSION}
    trail = {"attempt": {"type": "integer", "minimum": 0}, "first": nullable(TIME)}
    subscription = {"type": "string", "format": "uuid"}
    kinds = {
        "hint": {
            "resource": resource("what changed"),
            "operation": {"type": "string"},
            "time": TIME,
            "initiator": {"type": "string"},
            "cursor": {"type": "string"},
            "again": {"type": "boolean"},
        },
        "look": {
            "vault": resource("vault"),
            "why": {"type": "string"},
            "event": nullable(TIME),
            "resource": nullable(resource("what changed")),
            "initiator": {"type": "string"},
            "promised": nullable(TIME),
            "thorough": {"type": "boolean"},
        },
        "sweep": {
            "subscription": subscription,
            "why": {"type": "string"},
            "cursor": {"type": "string"},
            "event": nullable(TIME),
        },
    }
    return document(
        "reconcile.v1",
        "A hint that a resource changed, a look at a vault, or a sweep over a subscription.",
        {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds]},
        {
            kind: record({"version": version, "kind": {"const": kind}, **members, **trail})
            for kind, members in kinds.items()
        },
    )


def finding_members() -> Schema:
    """The members that a finding has in messages and in reports."""
    value = {"type": ["string", "integer", "boolean", "null", "array"], "items": {"type": "string"}}
    return {
        "rule": RULE_ID,
        "name": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "severity": {"enum": [severity.name.lower() for severity in Severity]},
        "subject": resource("what the finding is about"),
        "message": text(SENTENCE),
        "facts": {"type": "object", "additionalProperties": value},
        "fingerprint": hexadecimal(32),
        "doc_url": {"type": "string", "format": "uri"},
        "options": array({"$ref": "#/$defs/option"}),
        "evidence": array(text(SENTENCE)),
        "advice": text(ADVICE),
    }


def option_members() -> Schema:
    """The members of one prepared change. A change that only a person may make has no option."""
    grades = [grade.name.lower() for grade in Applicability if grade is not Applicability.MANUAL]
    return {
        "verb": {"enum": verbs()},
        "target": resource("what would change"),
        "description": text(SENTENCE),
        "digest": hexadecimal(64),
        "applicability": {"enum": grades},
        "blockers": array(text(SENTENCE)),
        "warning": text(SENTENCE),
        "irreversible": nullable(text(SENTENCE, "what nobody can bring back")),
        "precondition": text(SENTENCE),
    }


def verbs() -> list[str]:
    """The verb of every member of the closed union ``Change``."""
    return [change.__dataclass_fields__["verb"].default for change in get_args(Change)]


def document(name: str, description: str, root: Schema, definitions: Schema) -> Schema:
    identity = {"$schema": DIALECT, "$id": f"urn:kvguard:{name}", "title": f"kvguard {name}"}
    return {**identity, "description": description, **root, "$defs": definitions}


def record(members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def text(limit: int, description: str = "") -> Schema:
    bounded = {"type": "string", "maxLength": limit}
    return {**bounded, "description": description} if description else bounded


def resource(description: str) -> Schema:
    return {"type": "string", "pattern": "^/[^/]+/", "maxLength": ID, "description": f"ARM id: {description}"}


def hexadecimal(digits: int) -> Schema:
    return {"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(values: Iterable[Enum]) -> Schema:
    return {"enum": [member.value for member in values]}
