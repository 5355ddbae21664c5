"""The host as a process of its own, for callers that want the app isolated: tests, the demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

_PROJECT = Path(__file__).resolve().parents[2]


class HostFailedError(RuntimeError):
    """The process ended before it was ready; the text is what it printed."""


@dataclass(frozen=True)
class HostAddress:
    """The contents of ready.json: how to reach a host, and with which keys."""

    url: str
    function_keys: Mapping[str, str]
    host_key: str
    master_key: str
    eventgrid_key: str
    pid: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> HostAddress:
        return cls(
            url=str(document["url"]),
            function_keys={str(name): str(key) for name, key in document["function_keys"].items()},
            host_key=str(document["host_key"]),
            master_key=str(document["master_key"]),
            eventgrid_key=str(document["eventgrid_key"]),
            pid=int(document["pid"]),
        )


class HostProcess:
    """`python -m emulator.host` in a child process; a context manager.

    `env` is added to the child's environment. `start` raises `HostFailedError` if the app cannot be indexed
    or the host is not ready after `start_timeout` seconds. After `stop` or `kill` it can be started again.
    `port`, `share_port`, `scale`, `invisibility` (seconds) and `log_json` are the host's arguments of these names.
    """

    def __init__(
        self,
        app_dir: Path | str,
        env: Mapping[str, str] | None = None,
        *,
        settings: Path | str | None = None,
        port: int = 0,
        share_port: bool = False,
        scale: float = 1.0,
        invisibility: float | None = None,
        log_json: Path | None = None,
        python: str = sys.executable,
        start_timeout: float = 60.0,
    ) -> None:
        self._app_dir = Path(app_dir)
        self._env = dict(env or {})
        self._settings = settings
        self._options = ["--port", str(port), "--scale", f"{scale:g}"]
        self._options += ["--share-port"] if share_port else []
        self._options += [] if invisibility is None else ["--invisibility", f"{invisibility:g}"]
        self._options += [] if log_json is None else ["--log-json", str(log_json.absolute())]
        self._python = python
        self._start_timeout = start_timeout
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._output = ""
        self.address = HostAddress("", {}, "", "", "", 0)

    @property
    def url(self) -> str:
        return self.address.url

    def eventgrid_url(self, function: str) -> str:
        """The endpoint to give to an event subscription."""
        return f"{self.url}/runtime/webhooks/EventGrid?functionName={function}&code={self.address.eventgrid_key}"

    @property
    def output(self) -> str:
        """What the process printed so far, standard output and error together."""
        if self._directory is None:
            return self._output
        return (Path(self._directory.name) / "output.log").read_text(errors="replace")

    def start(self) -> HostProcess:
        """Start the process and wait until it is ready."""
        self._directory = tempfile.TemporaryDirectory(prefix="functions-host-")
        directory = Path(self._directory.name)
        ready = directory / "ready.json"
        arguments = [self._python, "-m", "emulator.host", "--app", str(self._app_dir.resolve())]
        arguments += [*self._options, "--ready", str(ready)]
        if self._settings is not None:
            arguments += ["--settings", str(Path(self._settings).resolve())]
        with (directory / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                arguments,
                cwd=_PROJECT,
                env={**os.environ, **self._env, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + self._start_timeout
        while not ready.is_file():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise HostFailedError(f"the host did not become ready:\n{self._output}")
            time.sleep(0.02)
        self.address = HostAddress.from_json(json.loads(ready.read_text(encoding="utf-8")))
        return self

    def stop(self, timeout: float = 30.0) -> int:
        """End the process in the ordinary way (SIGTERM) and return its exit code; kill it after `timeout`
        seconds."""
        process, self._process = self._process, None
        code = 0
        if process is not None:
            process.terminate()
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
        self._tidy()
        return code

    def kill(self) -> None:
        """End the process where it stands (SIGKILL): what it received stays hidden, what it holds stays held, until
        its time is over."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self._tidy()

    def _tidy(self) -> None:
        if self._directory is not None:
            self._output = self.output
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> HostProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
