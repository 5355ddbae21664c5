"""Azurite, Microsoft's storage emulator, on ports of its own for the time of a test or a demo.

Azurite comes from npm (`package.json` pins it) and is started with `--skipApiVersionCheck`, because each
release of the storage SDKs asks for an API version that the installed Azurite has not heard of yet
(https://github.com/Azure/Azurite/issues/2623).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_ACCOUNT = "devstoreaccount1"
# The published key of the emulator's account, not a secret:
# https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
_WELL_KNOWN_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PROJECT = Path(__file__).resolve().parent.parent
_SCRIPT = Path("node_modules", "azurite", "dist", "src", "azurite.js")


class AzuriteUnavailableError(RuntimeError):
    """Azurite is not installed, or ended before its ports answered."""


@dataclass(frozen=True)
class AzuritePorts:
    """Loopback ports of the three services."""

    blob: int
    queue: int
    table: int


def _free_ports() -> AzuritePorts:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(3)]
    try:
        for candidate in sockets:
            candidate.bind(("127.0.0.1", 0))
        blob, queue, table = (int(candidate.getsockname()[1]) for candidate in sockets)
        return AzuritePorts(blob, queue, table)
    finally:
        for candidate in sockets:
            candidate.close()


class Azurite:
    """One running Azurite; a context manager. State is in memory and ends with it.

    Raises `AzuriteUnavailableError` from `start` when node or the package is missing, or the ports do not
    answer in `start_timeout` seconds.
    """

    def __init__(self, *, project: Path = _PROJECT, start_timeout: float = 60.0) -> None:
        self._project = project
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self.ports = AzuritePorts(0, 0, 0)

    @property
    def connection_string(self) -> str:
        """Full connection string; `UseDevelopmentStorage=true` would mean the fixed ports 10000 to 10002."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_WELL_KNOWN_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{self.ports.blob}/{_ACCOUNT};"
            f"QueueEndpoint=http://127.0.0.1:{self.ports.queue}/{_ACCOUNT};"
            f"TableEndpoint=http://127.0.0.1:{self.ports.table}/{_ACCOUNT};"
        )

    def start(self) -> Azurite:
        """Start and wait until all three ports accept connections. A port lost to another process is tried
        anew."""
        node = shutil.which("node")
        script = self._project / _SCRIPT
        if node is None or not script.is_file():
            raise AzuriteUnavailableError("Azurite is not installed: run `npm ci` in the project (Node 20 or newer)")
        self._directory = tempfile.TemporaryDirectory(prefix="azurite-")
        deadline = time.monotonic() + self._start_timeout
        failure = ""
        for _ in range(3):
            self.ports = _free_ports()
            self._process = self._launch(node, script, Path(self._directory.name))
            if self._answers(deadline):
                return self
            failure = self._output()
            self._end_process()
        self.close()
        raise AzuriteUnavailableError(f"Azurite did not answer on 127.0.0.1: {failure.strip() or 'no output'}")

    def close(self) -> None:
        """End the process and drop its working directory."""
        self._end_process()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def __enter__(self) -> Azurite:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _launch(self, node: str, script: Path, directory: Path) -> subprocess.Popen[bytes]:
        arguments = [node, str(script), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        arguments += ["--inMemoryPersistence"]
        for service, port in (
            ("blob", self.ports.blob),
            ("queue", self.ports.queue),
            ("table", self.ports.table),
        ):
            arguments += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        with (directory / "output.log").open("wb") as output:
            return subprocess.Popen(
                arguments, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def _answers(self, deadline: float) -> bool:
        waiting = [self.ports.blob, self.ports.queue, self.ports.table]
        while waiting and time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return False
            try:
                socket.create_connection(("127.0.0.1", waiting[0]), timeout=1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                waiting.pop(0)
        return not waiting

    def _output(self) -> str:
        if self._directory is None:
            return ""
        return (Path(self._directory.name) / "output.log").read_text(errors="replace")

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
