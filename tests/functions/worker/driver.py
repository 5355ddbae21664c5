"""The child process of `WorkerHarness`: plays the Functions host to `azure-functions-runtime`.

Reads one JSON request per line from standard input and answers one JSON line on the original standard
output; what the app prints goes to standard error. Runs on Python 3.13 in `.venv-worker`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sys
import uuid
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as worker
from google.protobuf import json_format

from tests.functions.worker.rpc_messages import build_messages

protos = build_messages()
HOST_VERSION = "4.1050.0"
# https://github.com/Azure/azure-functions-python-worker, logging.py: these loggers are the platform's, not
# the app's.
SYSTEM_LOGGERS = ("azure.functions", "azure_functions_worker", "azure_functions_runtime", "asyncio")


class Records(logging.Handler):
    """Keeps what the app logs while one request is handled."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not any(record.name == name or record.name.startswith(f"{name}.") for name in SYSTEM_LOGGERS):
            line = {"logger": record.name, "level": record.levelname, "message": record.getMessage()}
            self.lines.append(line)

    def take(self) -> list[dict[str, str]]:
        taken, self.lines = self.lines, []
        return taken


def over_the_wire(message: Any) -> Any:
    """The same message after serialisation, as it would leave a socket."""
    return type(message).FromString(message.SerializeToString())


def request_of(name: str, content: Any) -> SimpleNamespace:
    streaming = protos.StreamingMessage(request_id=str(uuid.uuid4()), **{name: content})
    return SimpleNamespace(request=over_the_wire(streaming), properties={"host": "127.0.0.1", "protos": protos})


def typed_data(value: dict[str, Any]) -> Any:
    """TypedData from ``{"kind": ..., "value": ...}``; bytes are base64."""
    kind, content = value["kind"], value["value"]
    if kind == "bytes":
        return protos.TypedData(bytes=base64.b64decode(content))
    if kind == "http":
        body = base64.b64decode(content["body"])
        http = protos.RpcHttp(
            method=content["method"],
            url=content["url"],
            headers=content["headers"],
            params=content["params"],
            query=content["query"],
        )
        # The host sends a body only if there is one, and as bytes since the worker says RawHttpBodyBytes.
        if body:
            http.body.CopyFrom(protos.TypedData(bytes=body))
        return protos.TypedData(http=http)
    return protos.TypedData(**{kind: content})


def plain(data: Any) -> dict[str, Any] | None:
    """The JSON form of a TypedData that came back, None if nothing is set."""
    kind = data.WhichOneof("data")
    if kind is None:
        return None
    value = getattr(data, kind)
    if kind == "http":
        body = plain(value.body)
        content = b"" if body is None else content_of(body)
        value = {
            "status": int(value.status_code),
            "headers": dict(value.headers),
            "body": base64.b64encode(content).decode(),
        }
    elif isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    return {"kind": kind, "value": value}


def content_of(body: dict[str, Any]) -> bytes:
    return base64.b64decode(body["value"]) if body["kind"] == "bytes" else str(body["value"]).encode()


def status_of(result: Any) -> dict[str, str]:
    names = {protos.StatusResult.Success: "Success", protos.StatusResult.Failure: "Failure"}
    return {
        "status": names.get(result.status, "Cancelled"),
        "message": result.exception.message,
        "stack_trace": result.exception.stack_trace,
    }


async def init(request: dict[str, Any]) -> dict[str, Any]:
    app = request["app"]
    worker.start_threadpool_executor()
    content = protos.WorkerInitRequest(
        host_version=HOST_VERSION,
        capabilities={"MultiStream": "10"},
        worker_directory=os.path.dirname(worker.__file__),
        function_app_directory=app,
    )
    reply = over_the_wire(await worker.worker_init_request(request_of("worker_init_request", content)))
    metadata = json_format.MessageToDict(reply.worker_metadata, preserving_proto_field_name=True)
    return {**status_of(reply.result), "capabilities": dict(reply.capabilities), "worker": metadata}


async def metadata(request: dict[str, Any]) -> dict[str, Any]:
    content = protos.FunctionsMetadataRequest(function_app_directory=request["app"])
    answer = await worker.functions_metadata_request(request_of("functions_metadata_request", content))
    reply = over_the_wire(answer)
    found = [
        json_format.MessageToDict(one, preserving_proto_field_name=True) for one in reply.function_metadata_results
    ]
    return {**status_of(reply.result), "functions": found}


async def load(request: dict[str, Any]) -> dict[str, Any]:
    described = json_format.ParseDict(request["metadata"], protos.RpcFunctionMetadata())
    content = protos.FunctionLoadRequest(function_id=described.function_id, metadata=described)
    reply = over_the_wire(await worker.function_load_request(request_of("function_load_request", content)))
    return {**status_of(reply.result), "function_id": reply.function_id}


async def invoke(request: dict[str, Any]) -> dict[str, Any]:
    content = protos.InvocationRequest(
        invocation_id=request["invocation_id"],
        function_id=request["function_id"],
        input_data=[
            protos.ParameterBinding(name=name, data=typed_data(value)) for name, value in request["inputs"].items()
        ],
        trigger_metadata={name: typed_data(value) for name, value in request["trigger_metadata"].items()},
        trace_context=protos.RpcTraceContext(trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"),
    )
    reply = over_the_wire(await worker.invocation_request(request_of("invocation_request", content)))
    outputs = {one.name: plain(one.data) for one in reply.output_data}
    return {
        **status_of(reply.result),
        "invocation_id": reply.invocation_id,
        "return_value": plain(reply.return_value),
        "outputs": outputs,
    }


async def reload_environment(request: dict[str, Any]) -> dict[str, Any]:
    content = protos.FunctionEnvironmentReloadRequest(
        environment_variables=request["environment"], function_app_directory=request["app"]
    )
    answer = await worker.function_environment_reload_request(
        request_of("function_environment_reload_request", content)
    )
    reply = over_the_wire(answer)
    return {**status_of(reply.result), "capabilities": dict(reply.capabilities)}


HANDLERS = {
    "init": init,
    "metadata": metadata,
    "load": load,
    "invoke": invoke,
    "reload_environment": reload_environment,
}


async def serve(answers: Any) -> None:
    records = Records()
    root = logging.getLogger()
    root.addHandler(records)
    root.setLevel(logging.INFO)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        answer = await HANDLERS[request["operation"]](request)
        answers.write(json.dumps({**answer, "logs": records.take()}) + "\n")
        answers.flush()


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    app = sys.argv[1]
    # As in Azure, the app's folder leads the path and is the working directory; the project's own folder,
    # from which this module came, must not lend its packages to another app.
    sys.path[0] = app
    os.chdir(app)
    asyncio.run(serve(answers))


if __name__ == "__main__":
    main()
