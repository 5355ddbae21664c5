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
from shared.domain.access import CallerKind, Door, Verdict
from shared.domain.answer import AnswerKind
from shared.domain.change import Change
from shared.domain.grades import Applicability, Severity
from shared.domain.message import MESSAGE_VERSION
from shared.domain.reading import UnreadReason
from shared.engine.permissions import operations
from shared.reporting.access import EXPLANATION_VERSION
from shared.reporting.assessment import ASSESSMENT_VERSION
from shared.reporting.findings import ADVICE, FINDING_VERSION, ID, SENTENCE, FixState
from shared.reporting.resolution import RESOLUTION_VERSION
from shared.reporting.snippets import MOST_CHARACTERS
from shared.rules.registry import RULES

Schema = dict[str, Any]

RULE_ID = {"type": "string", "pattern": "^KVG[0-9]{3}$"}
VALUE = {"type": ["string", "integer", "boolean", "null", "array"], "items": {"type": "string"}}
TIME = {"type": "string", "format": "date-time", "pattern": "Z$"}


def schemas() -> dict[str, str]:
    """File name -> text of each schema."""
    built = {
        "finding.v1.json": finding(),
        "assessment.v1.json": assessment(),
        "reconcile.v1.json": reconcile(),
        "policy.v1.json": policy_schema(RULES),
        "explanation.v1.json": explanation(),
        "resolution.v1.json": resolution(),
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


def explanation() -> Schema:
    """The answer of ``explain_access``."""
    sentence, addressed = text(SENTENCE), nullable(text(15, "IPv4"))
    caller = {
        "from": one_of(CallerKind),
        "address": addressed,
        "network": nullable(resource("the caller's virtual network")),
        "subnet": nullable(resource("the caller's subnet")),
        "service": nullable(sentence),
        "principal": nullable(text(36, "object id")),
        "operation": nullable({"enum": list(operations())}),
    }
    gate = {"gate": sentence, "verdict": one_of(Verdict), "reason": sentence, "error": nullable(sentence)}
    change = {
        "verb": {"enum": verbs()},
        "target": resource("what would change"),
        "description": sentence,
        "precondition": sentence,
        "arguments": {"type": "object", "additionalProperties": VALUE},
    }
    admission = {
        "what": sentence,
        "also_admits": nullable(sentence),
        "changes": array(record(change)),
        "then": nullable(sentence),
    }
    verdicts = [verdict.value for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)]
    members = {
        "version": {"const": EXPLANATION_VERSION},
        "vault": resource("vault"),
        "read_at": TIME,
        "caller": record(caller),
        "verdict": {"enum": verdicts},
        "door": one_of(Door),
        "gates": array(record(gate)),
        "failing": nullable(sentence),
        "error": nullable(sentence),
        "answer": nullable({"$ref": "#/$defs/answer"}),
        "admissions": array(record(admission)),
        "not_known": array({"$ref": "#/$defs/not_known"}),
    }
    return document("explanation.v1", "Whether a caller gets into a vault, and why.", record(members), answered())


def resolution() -> Schema:
    """The answer of ``resolve_name``."""
    network = {
        "network": resource("virtual network"),
        "answer": {"$ref": "#/$defs/answer"},
        "resolving_networks": nullable(array(resource("virtual network whose DNS view counts"))),
        "right": nullable(array(text(15, "IPv4"))),
        "agrees": {"type": ["boolean", "null"]},
        "why": text(SENTENCE),
    }
    members = {
        "version": {"const": RESOLUTION_VERSION},
        "vault": resource("vault"),
        "read_at": TIME,
        "networks": array(record(network)),
        "left_out": array(resource("virtual network that was not looked at")),
        "not_known": array({"$ref": "#/$defs/not_known"}),
    }
    return document("resolution.v1", "What a vault's name resolves to, and why.", record(members), answered())


def answered() -> Schema:
    """What the answers to questions have in common."""
    answer = {
        "host": text(SENTENCE),
        "kind": one_of(AnswerKind),
        "addresses": array(text(15, "IPv4")),
        "reason": text(SENTENCE),
        "chain": array(text(ID, "a line as host prints it")),
        "nslookup": array(text(ID, "a line as nslookup prints it")),
        "zone": nullable(resource("zone that answers")),
    }
    missing = {
        "rule": RULE_ID,
        "subject": resource("what could not be judged"),
        "reason": one_of(UnreadReason),
        "because": text(SENTENCE, "the missing right, or what was not read"),
    }
    return {"answer": record(answer), "not_known": record(missing)}


def finding_members() -> Schema:
    """The members that a finding has in messages and in reports."""
    return {
        "rule": RULE_ID,
        "name": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "severity": {"enum": [severity.name.lower() for severity in Severity]},
        "subject": resource("what the finding is about"),
        "message": text(SENTENCE),
        "facts": {"type": "object", "additionalProperties": VALUE},
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
        "snippets": nullable(record(dict.fromkeys(("az", "bicep", "terraform"), text(MOST_CHARACTERS)))),
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
