"""The JSON Schema of the policy file, for editors and for ``kvguard policy schema``.

It says what a schema can: members, bounds, the modes that each rule's ceiling allows, the form of ids and times. The
reader is stricter: an id that names nothing Azure allows, a scope that is listed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shared.adapters.policy_document import PolicyDocument
from shared.domain.grades import Mode
from shared.domain.policy import exemptable
from shared.domain.rule import Rule

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def policy_schema(rules: Sequence[Rule]) -> dict[str, Any]:
    """The schema for a product with these rules."""
    shape = msgspec.json.schema(PolicyDocument)
    definitions = shape["$defs"]
    modes = {
        "type": "object",
        "properties": {rule.id: {"enum": [mode.value for mode in allowed_modes(rule)]} for rule in rules},
        "additionalProperties": False,
    }
    definitions["PolicyDocument"]["properties"]["rules"] = {"$ref": "#/$defs/Modes"}
    definitions["ScopeRules"]["properties"]["rules"] = {"$ref": "#/$defs/Modes"}
    definitions["ExemptionEntry"]["properties"]["rule"] = {"enum": [rule.id for rule in rules if exemptable(rule.id)]}
    return {
        "$schema": DIALECT,
        "$id": "urn:kvguard:policy.v1",
        "title": "kvguard policy.v1",
        "description": "The policy file, docs/policy.md.",
        "$ref": shape["$ref"],
        "$defs": {**definitions, "Modes": modes},
    }


def allowed_modes(rule: Rule) -> list[Mode]:
    """The modes that do not exceed a rule's ceiling."""
    return [mode for mode in Mode if mode.cap <= rule.ceiling]
