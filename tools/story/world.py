"""One world of the story: Azurite, the local Azure and the app, each a process of its own, wired as a deployment does.

Whatever was started is ended again, by its process id, in whatever way the block is left.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from emulator.azurite import Azurite, AzuriteUnavailableError
from emulator.host.process import HostFailedError, HostProcess
from tools.story.azure import GUARD, WITNESS, Json, LocalAzure
from tools.story.scenario import Mode, Scenario
from tools.story.storage import Storage

_PROJECT: Final = Path(__file__).resolve().parents[2]
# Real seconds per second of Azure: an endpoint takes 0.4 s instead of 40.
_SCALE: Final = 0.01
_START_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 10.0
_AUDIT_SECONDS: Final = 30.0
_LAST_LINES: Final = 15
# What the app's event subscription lets through, by the beginning of the operation's name.
_OPERATIONS: Final = (
    "Microsoft.KeyVault/vaults/",
    "Microsoft.Network/privateEndpoints/",
    "Microsoft.Network/privateDnsZones/",
    "Microsoft.Network/virtualNetworks/",
)


class StartFailed(RuntimeError):
    """Something did not start; the text says what, and its last words."""


@dataclass(frozen=True, slots=True)
class Address:
    """How a person reaches the app of a world."""

    url: str
    function_key: str
    health_key: str


class World:
    """A running world; a context manager. ``say`` is told what is being started.

    ``switches`` are behaviours of the local Azure, as its command line takes them: ``name=value``.
    """

    def __init__(
        self,
        scenario: Scenario,
        policy: Path,
        mode: Mode,
        say: Callable[[str], None],
        switches: Sequence[str] = (),
    ) -> None:
        self._scenario = scenario
        self._policy = policy
        self._say = say
        self._switches = tuple(switches)
        self._stack = ExitStack()
        self._health_key = secrets.token_urlsafe(32)
        self.mode = mode

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def app(self) -> Address:
        """The app's URL, the key for its audits and the one for the details of its health."""
        return Address(self._host.url, self._host.address.function_keys["audit_vault"], self._health_key)

    def audit(self, vault: str) -> Json | None:
        """The app's own audit of a vault; None when it has none to give."""
        parts = vault.split("/")
        url = f"{self.app.url}/api/vaults/{parts[2]}/{parts[4]}/{parts[8]}"
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(url, headers={"x-functions-key": self.app.function_key}, timeout=_AUDIT_SECONDS)
        return dict(reply.json()) if reply.ok else None

    def seconds(self) -> float:
        """The time in this world, for measuring how long something takes."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let so many seconds pass in this world."""
        time.sleep(seconds)

    @property
    def app_output(self) -> str:
        """The last lines that the app printed."""
        return _last_lines(self._host.output)

    @property
    def failures(self) -> list[str]:
        """What went wrong in the app: invocations that failed, work that was given up."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self._host.url}/_emulator/invocations", timeout=_ANSWER_SECONDS)
        answer.raise_for_status()
        failed = [f"{ran['function']}: {ran['error']}" for ran in answer.json() if ran["status"] != "Succeeded"]
        return failed + [f"given up: {text}" for text in self.storage.poisoned()]

    def _start(self) -> None:
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kvguard-story-")))
        self._say("Azurite (queues, tables, blobs)")
        try:
            self.connection = self._stack.enter_context(Azurite()).connection_string
        except AzuriteUnavailableError as error:
            raise StartFailed(str(error)) from error
        self.storage = Storage(self.connection)
        self.storage.create()
        self._say("the local Azure (Resource Manager, identities, Event Grid)")
        self.azure = LocalAzure(self._start_azure(directory))
        self.azure.control("POST", "/_emulator/grant", {"principal": GUARD, "actions": list(self._scenario.rights)})
        self._say(f"the app, in {self.mode.value}")
        self._host = HostProcess(_PROJECT, self._settings())
        try:
            self._host.start()
        except HostFailedError as error:
            raise StartFailed(f"the app did not start:\n{_last_lines(str(error))}") from error
        self._stack.callback(self._host.stop)
        subscription = {
            "name": "kvguard",
            "endpoint": self._host.eventgrid_url("on_resource_change"),
            "operations": list(_OPERATIONS),
        }
        self.azure.control("POST", "/_emulator/eventgrid/subscriptions", subscription)

    def _start_azure(self, directory: Path) -> dict[str, object]:
        """Start the process and return its ready file."""
        arguments = [sys.executable, "-m", "emulator.azure", "--state", str(directory), "--scale", str(_SCALE)]
        arguments += ["--subscription", self._scenario.subscription]
        for principal in (GUARD, WITNESS, *self._scenario.people):
            arguments += ["--principal", principal]
        for switch in self._switches:
            arguments += ["--switch", switch]
        output = directory / "azure.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                arguments, cwd=_PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._stack.callback(_end, process)
        ready = directory / "ready.json"
        deadline = time.monotonic() + _START_SECONDS
        while not ready.is_file():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(f"the local Azure did not start:\n{_last_lines(output.read_text(errors='replace'))}")
            time.sleep(0.02)
        content = json.loads(ready.read_text(encoding="utf-8"))
        assert isinstance(content, dict)
        return content

    def _settings(self) -> dict[str, str]:
        """The app's settings, as its deployment sets them."""
        inherited = os.environ.get("NO_PROXY", "")
        return {
            **self.azure.environment(GUARD),
            "NO_PROXY": ",".join(filter(None, (inherited, "127.0.0.1"))),
            "AzureWebJobsStorage": self.connection,
            "KvGuardStorage": self.connection,
            "KvGuardFindings": self.connection,
            "KVGUARD_ROLE": "guard",
            "KVGUARD_MODE": self.mode.value,
            "KVGUARD_SUBSCRIPTIONS": self._scenario.subscription,
            "KVGUARD_TENANT": self.azure.tenant,
            "KVGUARD_CLOUD": "custom",
            "KVGUARD_ARM_ENDPOINT": self.azure.url,
            "KVGUARD_POLICY": str(self._policy.resolve()),
            "KVGUARD_HEALTH_KEY": self._health_key,
            # A queue is looked at every quarter of a second, as everything here is quicker than in Azure.
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2500000",
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_lines(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-_LAST_LINES:])
