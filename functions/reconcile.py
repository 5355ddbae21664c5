"""Edges of the loop: the reconcile queue and the sweep's timer."""

from __future__ import annotations

import logging

import azure.functions as func

from shared import bootstrap
from shared.service.messages import decode

blueprint = func.Blueprint()
_LOG = logging.getLogger("kvguard.reconcile")


@blueprint.function_name("reconcile_vault")
@blueprint.queue_trigger(arg_name="message", queue_name="kvguard-reconcile", connection="KvGuardStorage")
def reconcile_vault(message: func.QueueMessage) -> None:
    """Do one piece of work. A message that this release cannot read raises, so that the host keeps it as poison."""
    ended = bootstrap.guard().dispatcher.handle(decode(message.get_body().decode("utf-8", "replace")))
    _LOG.info("%s: %s", ended.result, ended.detail)


@blueprint.function_name("resync")
@blueprint.timer_trigger(arg_name="timer", schedule="0 17 */6 * * *", run_on_startup=False)
def resync(timer: func.TimerRequest) -> None:
    """Every six hours: look at every vault, because events get lost."""
    ended = bootstrap.guard().sweeper.sweep_all("a past-due sweep" if timer.past_due else "the sweep")
    _LOG.info("%s: %s", ended.result, ended.detail)
