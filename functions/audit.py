"""Edges over HTTP: one vault's audit, and health."""

from __future__ import annotations

import azure.functions as func

from functions.replies import response
from shared import bootstrap

blueprint = func.Blueprint()


@blueprint.function_name("audit_vault")
@blueprint.route(route="vaults/{subscription}/{group}/{name}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
def audit_vault(req: func.HttpRequest) -> func.HttpResponse:
    """The verdict on one vault, now: findings, what was not evaluated, the plan, the answers of DNS. Read-only."""
    parts = req.route_params
    return response(bootstrap.guard().audits.audit(parts["subscription"], parts["group"], parts["name"]))


@blueprint.function_name("health")
@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether the app can work: the status alone for anybody, each dependency for who sends the key of health."""
    return response(bootstrap.healths().health(req.headers.get("x-kvguard-health-key", "")))
