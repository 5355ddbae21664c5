"""Whatever Azure answers to an audit over HTTP, the caller gets a problem document that quotes nothing of it."""

from __future__ import annotations

import json

import pytest

from shared.adapters.arm_errors import ArmError, ArmUndecodable, ArmUntrustedUrl
from shared.rules.registry import RULES
from shared.service.answer_http import AuditDesk
from shared.service.audit import Auditor
from shared.service.judge import Judge
from shared.service.ports import EstateError, EstateForbidden, EstateUnavailable
from tests.builders import SUBSCRIPTION, healthy
from tests.service.world import World

SECRET = "Bearer opaque-secret"
ERRORS = [
    EstateUnavailable(SECRET, 3.0),
    EstateForbidden(SECRET, "Microsoft.KeyVault/vaults/read"),
    ArmError("GET vault", 400, "Bad", SECRET),
    ArmUndecodable(SECRET),
    ArmUntrustedUrl(SECRET),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_failure_to_read_is_a_problem_document(error: EstateError) -> None:
    world = World(healthy())
    world.estate.errors = [error]
    auditor = Auditor(Judge(world.estate, RULES), world.ledger, world.policies, "observe")
    reply = AuditDesk(auditor, world.clock, frozenset({SUBSCRIPTION})).audit(SUBSCRIPTION, "rg-app", "contoso")
    assert reply.status in (502, 503)
    assert reply.content_type == "application/problem+json"
    assert "secret" not in reply.body.decode()
    assert json.loads(reply.body)["status"] == reply.status
