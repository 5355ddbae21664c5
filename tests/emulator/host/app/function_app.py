"""A toy function app. Each function shows one thing that a host must do; queue names carry a prefix per test."""

import json
import logging
import threading
import time
from typing import Any, List  # noqa: UP035  The library refuses Out[list[str]].

import azure.functions as func

app = func.FunctionApp()
_ANONYMOUS = func.AuthLevel.ANONYMOUS
_meeting = threading.Barrier(3)
_gate = threading.Event()


def _json(document: dict[str, Any]) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(document), mimetype="application/json")


@app.function_name("echo")
@app.route(route="echo/{group}/{name?}", methods=["GET", "POST"], auth_level=_ANONYMOUS)
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return _json(
        {
            "method": req.method,
            "url": req.url,
            "headers": dict(req.headers),
            "params": dict(req.params),
            "route_params": dict(req.route_params),
            "body": req.get_body().decode(),
            "invocation_id": context.invocation_id,
            "function_name": context.function_name,
        }
    )


@app.function_name("plain")
@app.route(auth_level=_ANONYMOUS)
def plain(req: func.HttpRequest) -> str:
    return f"plain {req.method}"


@app.function_name("literal")
@app.route(route="echo/literal", methods=["GET"], auth_level=_ANONYMOUS)
def literal(req: func.HttpRequest) -> str:
    return "literal"


@app.function_name("rest")
@app.route(route="files/{*path}", methods=["GET"], auth_level=_ANONYMOUS)
def rest(req: func.HttpRequest) -> str:
    return str(req.route_params.get("path", "nothing"))


@app.function_name("teapot")
@app.route(route="teapot", methods=["GET"], auth_level=_ANONYMOUS)
def teapot(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"X-Brew": "tea", "Set-Cookie": "pot=short; Path=/; HttpOnly"}
    return func.HttpResponse(b"\x00\x01", status_code=418, headers=headers, mimetype="application/octet-stream")


@app.function_name("wrong_return")
@app.route(route="wrong-return", methods=["GET"], auth_level=_ANONYMOUS)
def wrong_return(req: func.HttpRequest):  # type: ignore[no-untyped-def]  # No annotation: the worker must judge the value.
    return {"not": "a response"}


@app.function_name("raises")
@app.route(route="raises", methods=["GET"], auth_level=_ANONYMOUS)
def raises(req: func.HttpRequest) -> str:
    raise ValueError("secret detail")


@app.function_name("guarded")
@app.route(route="guarded", methods=["GET"])
def guarded(req: func.HttpRequest) -> str:
    return "opened"


@app.function_name("admin_only")
@app.route(route="admin-only", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def admin_only(req: func.HttpRequest) -> str:
    return "opened"


@app.function_name("thread_of_sync")
@app.route(route="thread/sync", methods=["GET"], auth_level=_ANONYMOUS)
def thread_of_sync(req: func.HttpRequest) -> str:
    return threading.current_thread().name


@app.function_name("thread_of_async")
@app.route(route="thread/async", methods=["GET"], auth_level=_ANONYMOUS)
async def thread_of_async(req: func.HttpRequest) -> str:
    return threading.current_thread().name


@app.function_name("sends")
@app.route(route="sends", methods=["POST"], auth_level=_ANONYMOUS)
@app.queue_output(arg_name="out", queue_name="%PREFIX%-sent", connection="Toy")
def sends(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set(req.get_body().decode())
    if req.params.get("then") == "raise":
        raise ValueError("after setting the output")
    return "set"


@app.function_name("sends_list")
@app.route(route="sends-list", methods=["POST"], auth_level=_ANONYMOUS)
@app.queue_output(arg_name="out", queue_name="%PREFIX%-sent", connection="Toy")
def sends_list(req: func.HttpRequest, out: func.Out[List[str]]) -> str:  # noqa: UP006  See the import.
    out.set(req.get_json())
    return "set"


@app.function_name("starts_work")
@app.route(route="starts-work", methods=["POST"], auth_level=_ANONYMOUS)
@app.queue_output(arg_name="out", queue_name="%PREFIX%-work", connection="Toy")
def starts_work(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set(req.get_body().decode())
    return "set"


@app.function_name("on_event")
@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="%PREFIX%-events", connection="Toy")
def on_event(event: func.EventGridEvent, out: func.Out[str]) -> None:
    if event.subject == "boom":
        raise ValueError("the event is bad")
    if event.subject == "exit":
        raise SystemExit(3)
    if event.subject == "meet":
        _meeting.wait(timeout=60)
    if event.subject == "wait":
        _gate.wait(timeout=60)
    kind = "cloud" if isinstance(event, func.CloudEvent) else "grid"
    out.set(json.dumps({"kind": kind, "id": event.id, "data": event.get_json()}))


@app.function_name("on_work")
@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-work", connection="Toy")
@app.queue_output(arg_name="out", queue_name="%PREFIX%-done", connection="Toy")
def on_work(message: func.QueueMessage, out: func.Out[str]) -> None:
    body = message.get_body().decode()
    if body == "fail":
        raise ValueError("told to fail")
    if body.startswith("sleep "):
        time.sleep(float(body.removeprefix("sleep ")))
    if body == "wait":
        _gate.wait(timeout=60)
    seen = {
        "body": body,
        "id": message.id,
        "dequeue_count": message.dequeue_count,
        "pop_receipt": message.pop_receipt,
        "inserted": str(message.insertion_time),
        "expires": str(message.expiration_time),
        "visible": str(message.time_next_visible),
    }
    out.set(json.dumps(seen))


@app.function_name("open_gate")
@app.route(route="open-gate", methods=["POST"], auth_level=_ANONYMOUS)
def open_gate(req: func.HttpRequest) -> str:
    _gate.set()
    return "open"


@app.function_name("on_stuck")
@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-stuck-poison", connection="Toy")
def on_stuck(message: func.QueueMessage) -> None:
    raise ValueError("a poison message fails again")


@app.function_name("on_returning")
@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-returning", connection="Toy")
def on_returning(message: func.QueueMessage) -> str:
    return "there is no binding for this"


@app.function_name("tick")
@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
@app.queue_output(arg_name="out", queue_name="%PREFIX%-ticks", connection="Toy")
def tick(timer: func.TimerRequest, out: func.Out[str]) -> None:
    logging.getLogger("toy").info("tick")
    out.set(json.dumps({"past_due": timer.past_due}))
