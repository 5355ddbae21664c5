"""What travels on ``kvguard-reconcile`` keeps its schema; the schemas themselves are sound."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from shared.domain.change import Change
from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.service.messages import encode
from tests.reporting.samples import KEY_VAULT, NOW, SCHEMAS, SUBSCRIPTION, parsed, validator
from tools.schemas import verbs

WORK: tuple[Work, ...] = (
    Hint(KEY_VAULT, "Microsoft.KeyVault/vaults/write", NOW, "someone", 2, NOW),
    Hint(KEY_VAULT, "Microsoft.KeyVault/vaults/delete", NOW),
    Look(KEY_VAULT, "resync", 1, NOW, NOW),
    Look(KEY_VAULT, "audit"),
    SweepRequest(SUBSCRIPTION, "unroutable"),
)


@pytest.mark.parametrize("work", WORK, ids=lambda work: f"{type(work).__name__}-{work.attempt}")
def test_work_keeps_the_schema_and_each_member_is_needed(work: Work) -> None:
    check = validator("reconcile.v1.json")
    body = parsed(encode(work))

    assert [error.message for error in check.iter_errors(body)] == []
    for name in body:
        assert not check.is_valid({key: value for key, value in body.items() if key != name}), name


def test_every_kind_of_work_is_tried_and_in_the_schema() -> None:
    assert {type(work) for work in WORK} == set(get_args(Work))
    schema = parsed((SCHEMAS / "reconcile.v1.json").read_text(encoding="utf-8"))
    assert {parsed(encode(work))["kind"] for work in WORK} == set(schema["$defs"])


def test_the_verbs_of_the_schemas_are_those_of_the_changes() -> None:
    assert len(set(verbs())) == len(get_args(Change))
    assert "create-record" in verbs()


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_each_schema_is_a_schema_of_the_version_its_name_says(path: Path) -> None:
    body = parsed(path.read_text(encoding="utf-8"))

    Draft202012Validator.check_schema(body)
    assert body["$id"] == f"urn:kvguard:{path.stem}"
