"""Drives a function app through `azure-functions-runtime`, which Azure itself runs from Python 3.13 on.

Each `WorkerHarness` is one child process of `.venv-worker` (a process imports `function_app` once), to
which the harness plays the Functions host: initialise, list, load, invoke. What a trigger hands over
follows the host, see https://learn.microsoft.com/azure/azure-functions/functions-reference-python and the
host's conversion of HTTP requests.
"""

from __future__ import annotations

import base64
import enum
import json
import os
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parents[3]
WORKER_PYTHON = ROOT / ".venv-worker" / "bin" / "python"
DRIVER = "tests.functions.worker.driver"
ANSWER_SECONDS = 60.0


class WorkerError(Exception):
    """The child process is missing, did not answer in time, or ended; holds the end of its standard error."""


class Kind(enum.Enum):
    """The kinds of TypedData that pass between host and worker here."""

    STRING = "string"
    JSON = "json"
    BYTES = "bytes"
    HTTP = "http"
    INT = "int"
    DOUBLE = "double"


class Status(enum.Enum):
    """Result of a handler, as StatusResult.Status names it."""

    SUCCESS = "Success"
    FAILURE = "Failure"
    CANCELLED = "Cancelled"


@dataclass(frozen=True)
class HttpCall:
    """An HTTP request as it reaches the host; ``params`` are the values of the route's placeholders."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class HttpReply:
    """What an HTTP function answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Typed:
    """One TypedData: ``value`` is text for STRING and JSON, bytes, a call going in or a reply coming out."""

    kind: Kind
    value: str | bytes | int | float | HttpCall | HttpReply

    @classmethod
    def string(cls, value: str) -> Self:
        return cls(Kind.STRING, value)

    @classmethod
    def json(cls, value: object) -> Self:
        return cls(Kind.JSON, json.dumps(value))

    def parsed(self) -> Any:
        """The JSON value of a STRING or JSON datum."""
        if not isinstance(self.value, str):
            raise TypeError(f"{self.kind} holds no JSON text")
        return json.loads(self.value)


@dataclass(frozen=True)
class Binding:
    """A binding as the host learns it: ``settings`` is the raw binding, as function.json would hold it."""

    name: str
    type: str
    direction: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """One function as the worker describes it to the host (``described``, needed again to load it)."""

    name: str
    function_id: str
    script_file: str
    bindings: tuple[Binding, ...]
    described: Mapping[str, Any]

    @property
    def trigger(self) -> Binding:
        return next(binding for binding in self.bindings if binding.type.lower().endswith("trigger"))

    @property
    def is_http(self) -> bool:
        return self.trigger.type == "httpTrigger"


@dataclass(frozen=True)
class LogLine:
    """A line that the app logged, without the platform's own loggers."""

    logger: str
    level: str
    message: str


@dataclass(frozen=True)
class Answer:
    """The outcome of one handler; ``message`` and ``stack_trace`` are set on failure."""

    status: Status
    message: str
    stack_trace: str
    logs: tuple[LogLine, ...]
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Invocation(Answer):
    """The outcome of one invocation: ``outputs`` by binding name, ``return_value`` of ``$return``."""

    invocation_id: str = ""
    return_value: Typed | None = None
    outputs: Mapping[str, Typed] = field(default_factory=dict)

    @property
    def reply(self) -> HttpReply:
        """The HTTP reply, a 200 for plain text; WorkerError with the function's failure if there is none."""
        value = None if self.return_value is None else self.return_value.value
        if isinstance(value, HttpReply):
            return value
        if isinstance(value, str):
            return HttpReply(200, {}, value.encode())
        raise WorkerError(f"no HTTP reply: {self.message}\n{self.stack_trace}")


def to_wire(typed: Typed) -> dict[str, Any]:
    value = typed.value
    if isinstance(value, HttpCall):
        # As the host does: names of headers in lower case, empty query values dropped, the body last.
        query = {name: text for name, text in parse_qsl(urlsplit(value.url).query) if text}
        content: Any = {
            "method": value.method,
            "url": value.url,
            "headers": {name.lower(): text for name, text in value.headers.items()},
            "params": dict(value.params),
            "query": query,
            "body": base64.b64encode(value.body).decode(),
        }
    else:
        content = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return {"kind": typed.kind.value, "value": content}


def from_wire(plain: Mapping[str, Any] | None) -> Typed | None:
    if plain is None:
        return None
    kind, value = Kind(plain["kind"]), plain["value"]
    if kind is Kind.HTTP:
        return Typed(kind, HttpReply(value["status"], value["headers"], base64.b64decode(value["body"])))
    return Typed(kind, base64.b64decode(value) if kind is Kind.BYTES else value)


def log_lines(plain: Sequence[Mapping[str, str]]) -> tuple[LogLine, ...]:
    return tuple(LogLine(line["logger"], line["level"], line["message"]) for line in plain)


def to_function(described: Mapping[str, Any]) -> Function:
    raw = [json.loads(text) for text in described.get("raw_bindings", [])]
    bindings = tuple(Binding(one["name"], one["type"], str(one["direction"]).lower(), one) for one in raw)
    return Function(described["name"], described["function_id"], described["script_file"], bindings, described)


class WorkerHarness:
    """A worker process for the app in ``app_dir`` with only ``env`` (and PATH, HOME, LANG) around it.

    With ``placeholder`` the process starts without the app, as a warm Linux instance does before it is
    given one; ``reload_environment`` then brings app and settings. Use as a context manager, or call
    ``close``.
    """

    def __init__(self, app_dir: Path, env: Mapping[str, str], *, placeholder: bool = False) -> None:
        if not WORKER_PYTHON.exists():
            raise WorkerError("there is no .venv-worker; `make setup-test` makes it")
        self.app_dir = app_dir.resolve()
        self._scratch = tempfile.TemporaryDirectory(prefix="worker-")
        empty = Path(self._scratch.name) / "placeholder"
        empty.mkdir()
        self._folder = empty if placeholder else self.app_dir
        self._errors = Path(self._scratch.name) / "stderr"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env = {
            **kept,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            **env,
        }
        with self._errors.open("w") as errors:
            self._process = self._start(errors)
        self._functions: dict[str, Function] = {}

    def _start(self, errors: IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(WORKER_PYTHON), "-m", DRIVER, str(self._folder)],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._scratch.cleanup()

    def init(self) -> Answer:
        """WorkerInit: imports `function_app` and indexes it; the answer carries the worker's capabilities."""
        return self._answer(self._ask("init", app=str(self._folder)))

    def reload_environment(self, env: Mapping[str, str]) -> Answer:
        """Gives a placeholder its app and its settings."""
        answered = self._ask("reload_environment", app=str(self.app_dir), environment={**self.env, **env})
        return self._answer(answered)

    def metadata(self) -> list[Function]:
        """The functions of the app as the host learns them; WorkerError if the worker lists none."""
        answered = self._ask("metadata", app=str(self.app_dir))
        found = [to_function(described) for described in answered["functions"]]
        if not found:
            raise WorkerError("the worker lists no function")
        self._functions = {function.name: function for function in found}
        return found

    def load(self, name: str) -> Answer:
        """Loads one function, as the host does before its first invocation."""
        return self._answer(self._ask("load", metadata=dict(self.function(name).described)))

    def invoke(
        self, name: str, inputs: Mapping[str, Typed], trigger_metadata: Mapping[str, Typed] | None = None
    ) -> Invocation:
        """One invocation with exactly these inputs (by binding name) and trigger metadata."""
        answered = self._ask(
            "invoke",
            function_id=self.function(name).function_id,
            invocation_id=str(uuid.uuid4()),
            inputs={binding: to_wire(typed) for binding, typed in inputs.items()},
            trigger_metadata={key: to_wire(typed) for key, typed in (trigger_metadata or {}).items()},
        )
        outputs = {binding: from_wire(plain) for binding, plain in answered["outputs"].items()}
        return Invocation(
            status=Status(answered["status"]),
            message=answered["message"],
            stack_trace=answered["stack_trace"],
            logs=log_lines(answered["logs"]),
            invocation_id=answered["invocation_id"],
            return_value=from_wire(answered["return_value"]),
            outputs={binding: typed for binding, typed in outputs.items() if typed is not None},
        )

    def send_http(self, name: str, call: HttpCall) -> Invocation:
        """An HTTP request for the function."""
        return self.invoke(name, {self.function(name).trigger.name: Typed(Kind.HTTP, call)})

    def send_queue(self, name: str, text: str, *, dequeue_count: int = 1) -> Invocation:
        """A queue message, its text already decoded, with the metadata that the storage extension adds."""
        trigger = self.function(name).trigger
        metadata = {
            "Id": Typed.string(str(uuid.uuid4())),
            "PopReceipt": Typed.string("AgAAAAMAAAAAAAAA"),
            "DequeueCount": Typed.json(dequeue_count),
            "InsertionTime": Typed.json("2026-11-21T10:00:00+00:00"),
            "ExpirationTime": Typed.json("2026-11-28T10:00:00+00:00"),
            "NextVisibleTime": Typed.json("2026-11-21T10:10:00+00:00"),
            "QueueTrigger": Typed.string(text),
        }
        return self.invoke(name, {trigger.name: Typed.string(text)}, metadata)

    def send_event(self, name: str, event: Mapping[str, Any]) -> Invocation:
        """One Event Grid event or CloudEvent; the extension hands over the envelope as JSON."""
        trigger = self.function(name).trigger
        return self.invoke(name, {trigger.name: Typed.json(event)}, {"data": Typed.json(event.get("data"))})

    def send_timer(self, name: str, *, past_due: bool = False) -> Invocation:
        """One tick of a timer."""
        tick = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": "2026-11-21T10:00:00+00:00",
                "Next": "2026-11-21T11:00:00+00:00",
                "LastUpdated": "2026-11-21T10:00:00+00:00",
            },
            "IsPastDue": past_due,
        }
        return self.invoke(name, {self.function(name).trigger.name: Typed.json(tick)})

    def function(self, name: str) -> Function:
        """A function by name, listing them first if need be; WorkerError if the app has none of that name."""
        if not self._functions:
            self.metadata()
        if name not in self._functions:
            raise WorkerError(f"the app has no function {name}, only {', '.join(sorted(self._functions))}")
        return self._functions[name]

    def _answer(self, answered: Mapping[str, Any]) -> Answer:
        return Answer(
            status=Status(answered["status"]),
            message=answered["message"],
            stack_trace=answered["stack_trace"],
            logs=log_lines(answered["logs"]),
            capabilities=answered.get("capabilities", {}),
        )

    def _ask(self, operation: str, **content: object) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerError("the worker process has no pipes")
        watchdog = threading.Timer(ANSWER_SECONDS, self._process.kill)
        watchdog.start()
        try:
            stdin.write(json.dumps({"operation": operation, **content}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if not line:
            self._process.wait()
            errors = self._errors.read_text(encoding="utf-8", errors="replace")
            raise WorkerError(f"the worker ended during {operation}:\n{errors[-4000:]}")
        answered: dict[str, Any] = json.loads(line)
        return answered
