"""Run one function: decode with the library's converters, call it, encode what it returned, send its outputs.

Sync functions run in a thread pool, async functions on the host's event loop, as the worker does
(https://learn.microsoft.com/azure/azure-functions/python-scale-performance-reference).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

from emulator.host.index import (
    EventGridTrigger,
    FunctionSpec,
    HttpTrigger,
    QueueOutput,
    QueueTrigger,
    TimerTrigger,
    Trigger,
)
from emulator.host.invocations import InvocationLog
from emulator.host.queueoutput import QueueSender, encode_output

_log = logging.getLogger("emulator.host")
_thread_local = threading.local()


class FunctionError(Exception):
    """The function broke the contract of the programming model, for example by a value without a return
    binding."""


class _Out(func.Out[Any]):
    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


@dataclass(frozen=True)
class _TraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _RetryContext:
    """No retry policy is served: it would be for timers only, of what this host serves."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


class _Context(func.Context):
    def __init__(self, spec: FunctionSpec, invocation_id: str) -> None:
        self._spec = spec
        self._invocation_id = invocation_id

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        return _thread_local

    @property
    def function_name(self) -> str:
        return self._spec.name

    @property
    def function_directory(self) -> str:
        return self._spec.directory

    @property
    def trace_context(self) -> Any:
        return _TraceContext()

    @property
    def retry_context(self) -> Any:
        return _RetryContext()


@dataclass(frozen=True)
class InvocationResult:
    """`returned` is the datum of the http return binding, where there is one and the function succeeded."""

    invocation_id: str
    error: BaseException | None
    returned: Datum | None

    @property
    def succeeded(self) -> bool:
        return self.error is None


def converter_name(trigger: Trigger) -> str:
    """The library's name of the binding type."""
    match trigger:
        case HttpTrigger():
            return "httpTrigger"
        case EventGridTrigger():
            return "eventGridTrigger"
        case QueueTrigger():
            return "queueTrigger"
        case TimerTrigger():
            return "timerTrigger"


class Invoker:
    """Runs functions. `functions` is the pool of sync functions, `io` the pool of storage calls: a function
    that blocks must not keep the host from renewing messages."""

    def __init__(self, *, sender: QueueSender, log: InvocationLog, functions: Executor, io: Executor) -> None:
        self._sender = sender
        self._log = log
        self._functions = functions
        self._io = io
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def invoke(
        self,
        spec: FunctionSpec,
        data: Datum,
        metadata: Mapping[str, Datum],
        cause: Mapping[str, str],
    ) -> InvocationResult:
        """Run `spec` once. Never raises for what the function does: the failure is in the result and in the
        log."""
        invocation_id = str(uuid.uuid4())
        started, tick = time.time(), time.perf_counter()
        self._log.begin(invocation_id=invocation_id, function=spec.name, started=started, cause=cause)
        error: BaseException | None = None
        returned: Datum | None = None
        self._running += 1
        self._idle.clear()
        try:
            returned = await self._run(spec, data, metadata, invocation_id)
        except (Exception, SystemExit) as caught:  # noqa: BLE001  Whatever the function raises is its failure.
            error = caught
            _log.error("Function '%s' failed (Id=%s)", spec.name, invocation_id, exc_info=caught)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
        self._log.add(
            invocation_id=invocation_id,
            function=spec.name,
            started=started,
            duration=time.perf_counter() - tick,
            error=error,
            cause=cause,
        )
        return InvocationResult(invocation_id, error, returned)

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing runs, at most `seconds`."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _run(
        self, spec: FunctionSpec, data: Datum, metadata: Mapping[str, Datum], invocation_id: str
    ) -> Datum | None:
        loop = asyncio.get_running_loop()
        converter = func.get_binding_registry().get(converter_name(spec.trigger))
        arguments: dict[str, Any] = {spec.trigger.parameter: converter.decode(data, trigger_metadata=metadata)}
        outs: list[tuple[QueueOutput, _Out]] = [(output, _Out()) for output in spec.outputs]
        arguments.update({output.parameter: out for output, out in outs})
        if spec.wants_context:
            arguments["context"] = _Context(spec, invocation_id)
        if spec.is_async:
            result = await spec.call(**arguments)
        else:
            result = await loop.run_in_executor(self._functions, _call_sync, spec.call, arguments, invocation_id)
        if result is not None and not spec.returns_http:
            raise FunctionError(f"function '{spec.name}' without a $return binding returned a non-None value")
        values = [(output, encode_output(output, out.get())) for output, out in outs if out.get() is not None]
        returned = _encode_response(result) if spec.returns_http else None
        if values:
            await loop.run_in_executor(self._io, self._sender.send, values)
        return returned


def _call_sync(call: Callable[..., Any], arguments: Mapping[str, Any], invocation_id: str) -> Any:
    _thread_local.invocation_id = invocation_id
    try:
        return call(**arguments)
    finally:
        _thread_local.invocation_id = None


def _encode_response(result: Any) -> Datum:
    try:
        datum: Datum = func.get_binding_registry().get("http").encode(result, expected_type=None)
    except NotImplementedError:
        raise FunctionError(f"an http function must return HttpResponse or str, not {type(result).__name__}") from None
    return datum
