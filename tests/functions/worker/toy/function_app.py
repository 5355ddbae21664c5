"""A small app with each kind of trigger, to prove the harness before it drives the real app."""

from __future__ import annotations

import json
import logging
import os
import sys

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("toy")


@app.function_name("greet")
@app.route("greetings/{name}", trigger_arg_name="request", methods=["GET", "POST"])
def greet(request: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": request.method,
        "name": request.route_params["name"],
        "query": dict(request.params),
        "header": request.headers.get("x-toy"),
        "body": request.get_body().decode(),
        "setting": os.environ.get("TOY_SETTING"),
        "folder": os.getcwd(),
        "path": sys.path[0],
    }
    print("what an app prints does not disturb the harness")
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json")


@app.function_name("forward")
@app.queue_trigger("message", "toy-in", "ToyStorage")
@app.queue_output("out", "toy-out", "ToyStorage")
def forward(message: func.QueueMessage, out: func.Out[str], context: func.Context) -> None:
    log.info("forwarding in %s", context.function_name)
    out.set(json.dumps({"text": message.get_body().decode(), "tries": message.dequeue_count}))
    if message.get_body() == b"fail":
        raise ValueError("told to fail")


@app.function_name("notice")
@app.event_grid_trigger("event")
@app.queue_output("out", "toy-out", "ToyStorage")
async def notice(event: func.EventGridEvent, out: func.Out[str]) -> None:
    out.set(json.dumps([{"subject": event.subject, "id": event.id}, event.get_json()]))


@app.function_name("tick")
@app.timer_trigger("timer", schedule="0 */5 * * * *")
def tick(timer: func.TimerRequest) -> None:
    log.warning("past due: %s", timer.past_due)
