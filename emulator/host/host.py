"""The development host: one app, its listeners and its HTTP server, on an event loop in a thread of their
own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from azure.core.exceptions import AzureError

from emulator.host.index import FunctionSpec, QueueTrigger, TimerTrigger, describe, import_app, index_app
from emulator.host.invocations import InvocationLog
from emulator.host.invoke import Invoker
from emulator.host.keyblobs import shared_keys
from emulator.host.keys import HostKeys
from emulator.host.queueoutput import QueueSender
from emulator.host.queuetrigger import INVISIBILITY, QueueListener
from emulator.host.routes import RouteTable
from emulator.host.settings import HostSettings, apply_local_settings, read_host_settings
from emulator.host.storage import ConnectionMissingError, Connections
from emulator.host.timers import SystemClock, TimerClock, TimerListener, monitor_for, schedule_of
from emulator.host.web import HostWeb
from emulator.host.webhook import EventGridWebhook

_log = logging.getLogger("emulator.host")
_HOST_ID = "AzureFunctionsWebHost__hostid"
_STOP_SECONDS = 10.0
_THREAD_COUNT = "PYTHON_THREADPOOL_THREAD_COUNT"


class FunctionsHost:
    """A running function app; a context manager. Development only: plain HTTP, on 127.0.0.1.

    `env` and the values of the settings file are put into os.environ before the app is imported and taken
    back at the end, so only one host can run in a process at a time. `start` raises `IndexingError`,
    `HostSettingsError` or `ConnectionMissingError` when Azure would not start the app either.

    Several hosts, in processes of their own, can run one app on one storage account: they share keys, queues and
    timers as instances in Azure do, and with `share_port` one port, over which the kernel spreads connections.
    `scale` shortens the host's waits: how long a received message is hidden (or `invisibility`, exactly), the wait
    after a failed attempt, the longest polling interval, the lock of timers. Storage counts in whole seconds, so
    none that hides a message gets below one.
    """

    def __init__(
        self,
        app_dir: Path | str,
        env: Mapping[str, str] | None = None,
        *,
        settings: Path | str | None = None,
        port: int = 0,
        function_key: str | None = None,
        log: InvocationLog | None = None,
        clock: TimerClock | None = None,
        scale: float = 1.0,
        invisibility: timedelta | None = None,
        share_port: bool = False,
        stop_seconds: float = _STOP_SECONDS,
    ) -> None:
        self._app_dir = Path(app_dir).resolve()
        self._env = dict(env or {})
        self._settings_file = Path(settings) if settings is not None else None
        self._port = port
        self._function_key = function_key
        self._clock: TimerClock = clock or SystemClock()
        self._scale = scale
        self._invisibility = invisibility or INVISIBILITY * scale
        self._share_port = share_port
        self._host_id = ""
        self._stop_seconds = stop_seconds
        self._undo = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._queue_listeners: list[QueueListener] = []
        self._timer_listeners: list[TimerListener] = []
        self.log = log or InvocationLog()
        self.url = ""
        self.keys = HostKeys({})
        self.specs: dict[str, FunctionSpec] = {}
        self.settings = HostSettings()

    @property
    def function_keys(self) -> dict[str, str]:
        """Key of each function, for `x-functions-key` or `?code=`."""
        return dict(self.keys.functions)

    @property
    def eventgrid_key(self) -> str:
        """The system key `eventgrid_extension`."""
        return self.keys.eventgrid

    def eventgrid_url(self, function: str) -> str:
        """The endpoint to give to an event subscription."""
        return f"{self.url}/runtime/webhooks/EventGrid?functionName={function}&code={self.eventgrid_key}"

    def start(self) -> FunctionsHost:
        """Index the app, open the port, start all listeners."""
        try:
            self._apply_environment()
            self._host_id = os.environ.get(_HOST_ID, "")
            self.settings = read_host_settings(self._app_dir, os.environ)
            module = self._undo.enter_context(import_app(self._app_dir))
            self.specs = {spec.name: spec for spec in index_app(module, os.environ)}
            self.settings = replace(self.settings, queues=self.settings.queues.scaled(self._scale))
            self.keys = self._keys()
            routes = RouteTable(list(self.specs.values()), self.settings.route_prefix)
            listening = self._listen()
            thread = threading.Thread(target=self._run_loop, args=(listening, routes), name="functions-host")
            thread.start()
            self._undo.callback(thread.join)
            self._started.wait()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            self._undo.close()
            raise
        return self

    def close(self) -> None:
        """Stop polling, let running functions finish (bounded), close the port, restore the environment."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._stop.set)
        self._undo.close()

    def __enter__(self) -> FunctionsHost:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def describe(self) -> list[str]:
        """One line per function with its URL or trigger."""
        return [describe(spec, self.url, self.settings.route_prefix) for spec in self.specs.values()]

    def ready_document(self) -> dict[str, Any]:
        """What other processes need to reach this host."""
        return {
            "url": self.url,
            "function_keys": self.function_keys,
            "host_key": self.keys.default,
            "master_key": self.keys.master,
            "eventgrid_key": self.eventgrid_key,
            "pid": os.getpid(),
        }

    def write_ready(self, path: Path) -> None:
        """Write `ready_document` to `path` in one step, so that a reader never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self.ready_document(), file)
        Path(name).replace(path)

    def _apply_environment(self) -> None:
        before = dict(os.environ)

        def restore() -> None:
            os.environ.clear()
            os.environ.update(before)

        self._undo.callback(restore)
        os.environ.update(self._env)
        if self._settings_file is not None:
            apply_local_settings(self._settings_file, os.environ)

    def _keys(self) -> HostKeys:
        """The keys that this app's storage holds, or new ones without such a storage."""
        try:
            service = Connections(os.environ).blobs()
        except ConnectionMissingError:
            return HostKeys.create(self.specs, self._function_key)
        with service:
            try:
                return shared_keys(service, self.host_id, self.specs, self._function_key)
            except AzureError as error:
                _log.warning("Keys of this instance only, the shared ones cannot be read: %s", error)
                return HostKeys.create(self.specs, self._function_key)

    def _listen(self) -> socket.socket:
        # asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it an answer takes 40 ms.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._undo.callback(listening.close)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._share_port:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Bound only: while the app starts, connections go to the instances that already serve the port.
        listening.bind(("127.0.0.1", self._port))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        return listening

    def _run_loop(self, listening: socket.socket, routes: RouteTable) -> None:
        try:
            asyncio.run(self._serve(listening, routes))
        except BaseException as error:  # noqa: BLE001  Carried to the caller's thread and raised there.
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self, listening: socket.socket, routes: RouteTable) -> None:
        self._loop = asyncio.get_running_loop()
        threads = os.environ.get(_THREAD_COUNT)
        connections = Connections(os.environ)
        # Storage calls have threads of their own: a function that blocks must not keep its message from
        # renewal.
        with (
            ThreadPoolExecutor(int(threads) if threads else None, "function") as functions,
            ThreadPoolExecutor(16, "storage") as io,
        ):
            sender = QueueSender(connections, self.settings.queues.message_encoding, self._on_sent)
            invoker = Invoker(sender=sender, log=self.log, functions=functions, io=io)
            self._make_listeners(connections, invoker, io)
            await asyncio.gather(*(timer.load() for timer in self._timer_listeners))
            web = HostWeb(
                specs=self.specs,
                routes=routes,
                keys=self.keys,
                invoker=invoker,
                webhook=EventGridWebhook(self.specs, invoker),
                log=self.log,
            )
            server = uvicorn.Server(
                uvicorn.Config(
                    web.application(),
                    log_config=None,
                    access_log=False,
                    lifespan="off",
                    timeout_graceful_shutdown=max(1, int(self._stop_seconds)),
                )
            )
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            tasks = [asyncio.create_task(listener.run()) for listener in self._queue_listeners]
            tasks += [asyncio.create_task(timer.run()) for timer in self._timer_listeners]
            # uvicorn has no event for this, only an attribute.
            while not server.started and not serving.done():  # noqa: ASYNC110  See above.
                await asyncio.sleep(0.005)
            self._started.set()
            await self._stop.wait()
            await self._finish(tasks, invoker)
            server.should_exit = True
            await serving
        connections.close()

    def _make_listeners(self, connections: Connections, invoker: Invoker, io: ThreadPoolExecutor) -> None:
        timers = [
            (spec, spec.trigger, schedule_of(spec, spec.trigger))
            for spec in self.specs.values()
            if isinstance(spec.trigger, TimerTrigger)
        ]
        monitor = monitor_for(connections, self.host_id) if timers else None
        self._timer_listeners = [
            TimerListener(
                spec,
                trigger,
                schedule=schedule,
                invoker=invoker,
                monitor=monitor,
                lock=None if monitor is None else monitor.lock(spec.name, self._scale),
                io=io,
                clock=self._clock,
            )
            for spec, trigger, schedule in timers
        ]
        self._queue_listeners = [
            QueueListener(
                spec,
                spec.trigger,
                connections=connections,
                settings=self.settings.queues,
                invoker=invoker,
                io=io,
                invisibility=self._invisibility,
            )
            for spec in self.specs.values()
            if isinstance(spec.trigger, QueueTrigger)
        ]

    async def _finish(self, tasks: list[asyncio.Task[None]], invoker: Invoker) -> None:
        for listener in self._queue_listeners:
            listener.stop()
        for timer in self._timer_listeners:
            timer.stop()
        deadline = time.monotonic() + self._stop_seconds
        # The loops first: a poll that is under way may still bring messages, which then are in work.
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._stop_seconds)
            for task in late:
                task.cancel()
        for listener in self._queue_listeners:
            await listener.finish(max(deadline - time.monotonic(), 0.0))
        await invoker.drained(max(deadline - time.monotonic(), 0.0))

    def _on_sent(self, queue_url: str) -> None:
        loop = self._loop
        for listener in self._queue_listeners:
            if loop is not None and listener.url == queue_url:
                loop.call_soon_threadsafe(listener.wake)

    @property
    def host_id(self) -> str:
        """Names this app's state in the host's storage. At most 32 characters, as in Azure; made of the app's
        folder, so that a restart finds its timers, unless the app setting for it says otherwise
        (https://learn.microsoft.com/azure/azure-functions/functions-app-settings#azurefunctionswebhost__hostid)."""
        return self._host_id or hashlib.sha256(str(self._app_dir).encode()).hexdigest()[:32]
