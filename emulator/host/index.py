"""Load a function app by path and index it: one `FunctionSpec` per function, or one clear error.

The checks are those of the worker that runs the app in Azure (PyPI azure-functions-runtime, loader.py and
functions.py): one app object, parameters equal to bindings, annotations that the library's converters accept.
A failure here is the failure of the whole app there.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import azure.functions as func

SCRIPT = "function_app.py"
_MODULE = "function_app"
_RETURN = "$return"


class IndexingError(Exception):
    """The app cannot be indexed; Azure would start none of its functions."""


class AuthLevel(Enum):
    """Which key a request must carry:
    https://learn.microsoft.com/azure/azure-functions/function-keys-how-to"""

    ANONYMOUS = "ANONYMOUS"
    FUNCTION = "FUNCTION"
    ADMIN = "ADMIN"


@dataclass(frozen=True)
class HttpTrigger:
    """`methods` is empty for all; `route` has no prefix and no leading slash."""

    parameter: str
    route: str
    methods: tuple[str, ...]
    auth_level: AuthLevel


@dataclass(frozen=True)
class EventGridTrigger:
    parameter: str


@dataclass(frozen=True)
class QueueTrigger:
    parameter: str
    queue: str
    connection: str


@dataclass(frozen=True)
class TimerTrigger:
    """`schedule` is an NCRONTAB expression of five or six fields."""

    parameter: str
    schedule: str
    run_on_startup: bool
    use_monitor: bool


Trigger = HttpTrigger | EventGridTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True)
class QueueOutput:
    """`generic` is true for `Out[str]` and `Out[bytes]`, which the worker encodes without the queue
    converter."""

    parameter: str
    queue: str
    connection: str
    generic: bool


@dataclass(frozen=True)
class FunctionSpec:
    """A function as indexed. `call` is the user's function."""

    name: str
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]
    call: Callable[..., Any]
    is_async: bool
    wants_context: bool
    returns_http: bool
    directory: str


@contextmanager
def import_app(app_dir: Path) -> Iterator[object]:
    """Import `app_dir`/function_app.py with `app_dir` first on sys.path, as the worker does, and yield the
    module.

    On leaving, what was imported for it (the module itself, not what it imported) and the path entry are
    taken back.
    """
    script = app_dir / SCRIPT
    if not script.is_file():
        raise IndexingError(f"{script} does not exist")
    spec = importlib.util.spec_from_file_location(_MODULE, script)
    if spec is None or spec.loader is None:
        raise IndexingError(f"{script} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    earlier = sys.modules.get(_MODULE)
    entry = str(app_dir)
    sys.path.insert(0, entry)
    sys.modules[_MODULE] = module
    try:
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise IndexingError(f"{script} cannot be imported: {type(error).__name__}: {error}") from error
        yield module
    finally:
        if earlier is None:
            sys.modules.pop(_MODULE, None)
        else:
            sys.modules[_MODULE] = earlier
        if entry in sys.path:
            sys.path.remove(entry)


def index_app(module: object, environ: Mapping[str, str]) -> tuple[FunctionSpec, ...]:
    """Find the app object in `module` and index its functions. `%NAME%` in bindings is taken from `environ`.

    Asks the app for its functions once: a second call would fail, the app object remembers their names.
    """
    apps = [value for name in dir(module) if isinstance(value := getattr(module, name, None), func.FunctionRegister)]
    if not apps:
        raise IndexingError(f"no top level FunctionApp in {SCRIPT}")
    if len(apps) > 1:
        raise IndexingError(f"more than one top level FunctionApp in {SCRIPT}")
    try:
        functions = apps[0].get_functions()
    except Exception as error:
        raise IndexingError(f"the functions cannot be indexed: {error}") from error
    if not functions:
        raise IndexingError(f"{SCRIPT} registers no function")
    return tuple(sorted((_index(function, environ) for function in functions), key=lambda spec: spec.name))


def _index(function: Any, environ: Mapping[str, str]) -> FunctionSpec:
    name = str(function.get_function_name())
    if function.get_setting("retry_policy") is not None:
        raise IndexingError(f"{name}: this host serves no retry policy")
    call = function.get_user_function()
    # The library's own function.json text, so that enums and defaults are spelled as the host would read
    # them.
    bindings = [typing.cast(dict[str, Any], json.loads(raw)) for raw in function.get_raw_bindings()]
    try:
        annotations = typing.get_type_hints(call)
    except (NameError, AttributeError, TypeError) as error:
        raise IndexingError(f"{name}: an annotation cannot be resolved at run time: {error}") from error
    trigger_type = str(function.get_trigger().type)
    trigger_binding = next(binding for binding in bindings if binding["type"] == trigger_type)
    outputs = [b for b in bindings if b["direction"] == "OUT" and b["name"] != _RETURN]
    inputs = [b for b in bindings if b["direction"] != "OUT" and b is not trigger_binding]
    if inputs:
        raise IndexingError(f"{name}: this host serves no input binding of type '{inputs[0]['type']}'")
    returned = [b for b in bindings if b["name"] == _RETURN]
    if any(b["type"] != "http" for b in returned):
        raise IndexingError(f"{name}: this host serves $return for http only")
    parameters = dict(inspect.signature(call).parameters)
    wants_context = _take_context(name, parameters, annotations)
    bound = [trigger_binding, *outputs]
    _check_parameters(name, set(parameters), {str(binding["name"]) for binding in bound})
    _check_input(name, trigger_binding, annotations)
    return FunctionSpec(
        name=name,
        trigger=_trigger(name, trigger_binding, environ),
        outputs=tuple(_output(name, binding, annotations, environ) for binding in outputs),
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        wants_context=wants_context,
        returns_http=bool(returned),
        directory=str(Path(inspect.getfile(call)).parent),
    )


def _take_context(name: str, parameters: dict[str, inspect.Parameter], annotations: Mapping[str, Any]) -> bool:
    if "context" not in parameters:
        return False
    del parameters["context"]
    annotation = annotations.get("context", func.Context)
    if getattr(annotation, "__name__", "") != "Context":
        raise IndexingError(f"{name}: the parameter 'context' must be azure.functions.Context, not {annotation!r}")
    return True


def _check_parameters(name: str, declared: set[str], bound: set[str]) -> None:
    if declared - bound:
        raise IndexingError(f"{name}: parameters without a binding: {', '.join(sorted(declared - bound))}")
    if bound - declared:
        raise IndexingError(f"{name}: bindings without a parameter: {', '.join(sorted(bound - declared))}")


def _check_input(name: str, binding: Mapping[str, Any], annotations: Mapping[str, Any]) -> None:
    annotation = annotations.get(binding["name"])
    converter = func.get_binding_registry().get(binding["type"])
    if converter is None:
        raise IndexingError(f"{name}: this host serves no trigger of type '{binding['type']}'")
    if annotation is None:
        return
    if not isinstance(annotation, type) or not converter.check_input_type_annotation(annotation):
        raise IndexingError(
            f"{name}: type of {binding['name']} binding '{binding['type']}'"
            f" does not match its annotation {annotation!r}"
        )


def _trigger(name: str, binding: Mapping[str, Any], environ: Mapping[str, str]) -> Trigger:
    parameter = str(binding["name"])
    match binding["type"]:
        case "httpTrigger":
            return HttpTrigger(
                parameter,
                route=_resolve(name, str(binding.get("route") or name), environ).strip("/"),
                methods=tuple(str(method).upper() for method in _list(binding.get("methods"))),
                auth_level=AuthLevel(str(binding.get("authLevel") or "FUNCTION").upper()),
            )
        case "eventGridTrigger":
            return EventGridTrigger(parameter)
        case "queueTrigger":
            return QueueTrigger(parameter, _resolve(name, str(binding["queueName"]), environ), _connection(binding))
        case "timerTrigger":
            return TimerTrigger(
                parameter,
                schedule=_resolve(name, str(binding["schedule"]), environ),
                run_on_startup=bool(binding.get("runOnStartup")),
                use_monitor=binding.get("useMonitor") is not False,
            )
        case other:
            raise IndexingError(f"{name}: this host serves no trigger of type '{other}'")


def _output(
    name: str, binding: Mapping[str, Any], annotations: Mapping[str, Any], environ: Mapping[str, str]
) -> QueueOutput:
    parameter = str(binding["name"])
    if binding["type"] != "queue":
        raise IndexingError(f"{name}: this host serves no output binding of type '{binding['type']}'")
    annotation = annotations.get(parameter)
    generic = False
    if annotation is not None:
        if typing.get_origin(annotation) is not func.Out:
            raise IndexingError(f"{name}: {parameter} is an output; its annotation must be func.Out[...]")
        (content,) = typing.get_args(annotation)
        generic = content in (str, bytes)
        converter = func.get_binding_registry().get("queue")
        if not generic and not converter.check_output_type_annotation(content):
            raise IndexingError(f"{name}: {parameter}: a queue output cannot hold {content!r}")
    return QueueOutput(parameter, _resolve(name, str(binding["queueName"]), environ), _connection(binding), generic)


def _connection(binding: Mapping[str, Any]) -> str:
    return str(binding.get("connection") or "AzureWebJobsStorage")


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _resolve(name: str, text: str, environ: Mapping[str, str]) -> str:
    """Replace `%SETTING%`, as binding expressions do."""

    def setting(match: re.Match[str]) -> str:
        value = environ.get(match.group(1))
        if value is None:
            raise IndexingError(f"{name}: '%{match.group(1)}%' does not resolve to a value: no such app setting")
        return value

    return re.sub(r"%([^%]+)%", setting, text)


def describe(spec: FunctionSpec, url: str, prefix: str) -> str:
    """One line for the start-up list."""
    match spec.trigger:
        case HttpTrigger(route=route, methods=methods):
            path = "/".join(part for part in (prefix, route) if part)
            return f"{spec.name}: [{','.join(methods) or 'ALL'}] {url}/{path}"
        case EventGridTrigger():
            return f"{spec.name}: eventGridTrigger {url}/runtime/webhooks/EventGrid?functionName={spec.name}"
        case QueueTrigger(queue=queue):
            return f"{spec.name}: queueTrigger {queue}"
        case TimerTrigger(schedule=schedule):
            return f"{spec.name}: timerTrigger {schedule}"
