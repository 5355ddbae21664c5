"""Several instances of one app: processes that share a port, a storage account and one file of invocations."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from emulator.host.process import HostProcess


class HostFleet:
    """`count` processes of `emulator.host` behind one URL; a context manager.

    The kernel spreads new connections over the instances that live, so a client that opens a connection per request
    reaches all of them. Keys are shared through the storage account that `AzureWebJobsStorage` in `env` names, and so
    one URL with its key is good for every instance. `start` raises `HostFailedError`.
    """

    def __init__(
        self,
        app_dir: Path | str,
        env: Mapping[str, str],
        count: int,
        *,
        scale: float = 1.0,
        log_json: Path | None = None,
        start_timeout: float = 120.0,
    ) -> None:
        self._undo = ExitStack()
        # Held, and never listening, so that the port stays ours while no instance lives.
        self._reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self.instances = tuple(
            HostProcess(
                app_dir,
                env,
                port=self.port,
                share_port=True,
                scale=scale,
                log_json=log_json,
                start_timeout=start_timeout,
            )
            for _ in range(count)
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def eventgrid_url(self, function: str) -> str:
        """The endpoint to give to an event subscription: any instance answers it."""
        return self.instances[0].eventgrid_url(function)

    def start(self) -> HostFleet:
        """Start all instances at once and wait until they are ready."""
        self._undo.callback(self._reserved.close)
        for instance in self.instances:
            self._undo.callback(instance.stop)
        try:
            with ThreadPoolExecutor(len(self.instances)) as pool:
                list(pool.map(HostProcess.start, self.instances))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all instances in the ordinary way."""
        with ThreadPoolExecutor(len(self.instances)) as pool:
            list(pool.map(HostProcess.stop, self.instances))
        self._undo.close()

    def __enter__(self) -> HostFleet:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
