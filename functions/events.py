"""Edge: Event Grid. One event in, at most one hint out; no I/O, so that Event Grid's 30 seconds are never near."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import azure.functions as func

from shared import bootstrap
from shared.service.events import Envelope, Ignored, to_hint
from shared.service.messages import encode

blueprint = func.Blueprint()
_LOG = logging.getLogger("kvguard.events")


@blueprint.function_name("on_resource_change")
@blueprint.event_grid_trigger(arg_name="event")
@blueprint.queue_output(arg_name="work", queue_name="kvguard-reconcile", connection="KvGuardStorage")
def on_resource_change(event: func.EventGridEvent, work: func.Out[str]) -> None:
    """Turn one resource event of either schema into a hint on ``kvguard-reconcile``, or count why not."""
    hint = to_hint(_envelope(event), bootstrap.settings().tenant, datetime.now(UTC))
    if isinstance(hint, Ignored):
        _LOG.info("event ignored: %s %s", hint.reason, hint.detail)
        return
    work.set(encode(hint))


def _envelope(event: func.EventGridEvent | func.CloudEvent) -> Envelope:
    """The common part of both schemas: azure-functions hands over a CloudEvent whatever the annotation says."""
    if isinstance(event, func.CloudEvent):
        return Envelope(event.type, event.subject, event.time, event.get_json())
    return Envelope(event.event_type, event.subject, event.event_time, event.get_json())
