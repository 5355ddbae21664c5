"""Edges over HTTP for questions about one vault: would this caller get in, and what does its name resolve to."""

from __future__ import annotations

import azure.functions as func

from functions.replies import response
from shared import bootstrap

blueprint = func.Blueprint()


@blueprint.function_name("explain_access")
@blueprint.route(
    route="vaults/{subscription}/{group}/{name}/explain", methods=["GET"], auth_level=func.AuthLevel.FUNCTION
)
def explain_access(req: func.HttpRequest) -> func.HttpResponse:
    """Every gate between a caller and the vault, the first that fails, and the smallest change. Read-only."""
    parts, desk = req.route_params, bootstrap.guard().questions
    return response(desk.explain(parts["subscription"], parts["group"], parts["name"], dict(req.params)))


@blueprint.function_name("resolve_name")
@blueprint.route(
    route="vaults/{subscription}/{group}/{name}/resolve", methods=["GET"], auth_level=func.AuthLevel.FUNCTION
)
def resolve_name(req: func.HttpRequest) -> func.HttpResponse:
    """What the vault's name resolves to in each network, why, and what would be right. Read-only."""
    parts, desk = req.route_params, bootstrap.guard().questions
    return response(desk.resolve(parts["subscription"], parts["group"], parts["name"], dict(req.params)))
