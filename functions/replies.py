"""Answers over HTTP as Functions wants them."""

from __future__ import annotations

import azure.functions as func

from shared.service.answer_http import Reply


def response(reply: Reply) -> func.HttpResponse:
    """The answer with the headers that every one has: no cache keeps it, no browser guesses what it is."""
    return func.HttpResponse(
        body=reply.body,
        status_code=reply.status,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **reply.headers},
        mimetype=reply.content_type,
    )
