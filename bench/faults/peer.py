"""Cloud Custodian's side: its published packages in an environment of their own, its own function, its own queue rules.

The function's folder is laid out as ``c7n_azure.function_package`` lays it out for a policy with the system-assigned
identity; messages are handed over as the host does: again after a failure, five times at most
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger).
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.faults.cases import Case
from bench.faults.result import Result
from bench.faults.stage import GUARD, stage
from emulator.arm.events import ArmEvent
from emulator.azure import SUBSCRIPTION, TENANT
from emulator.eventgrid.envelope import event_grid_event
from tools.bootstrap import TOOLS, Stamp, interpreter, once, provide_uv, run, trust_of_uv

PACKAGES: Final = ("c7n==0.9.53", "c7n-azure==0.7.52", "azure-functions==1.25.0")
PYTHON: Final = "3.11"
_ENVIRONMENT: Final = TOOLS / "peer"
_DRIVER: Final = Path(__file__).with_name("driver.py")
_MOST_DELIVERIES: Final = 5
_SOMEBODY: Final = "5f0d1c0e-3b7e-4d6a-9a51-0c8e2f6b7a10"
# What its event subscription filters by: `Data.OperationName`, see c7n_azure/azure_events.py (KeyVaultWrite).
_OPERATION: Final = "Microsoft.KeyVault/vaults/write"


RunCase = Callable[[Case], Result]


class PeerUnavailable(RuntimeError):
    """Cloud Custodian's function did not start; the text is the end of what it printed."""


def provide_peer() -> None:
    """Install the pinned packages into an environment of their own, once. Raises StepError."""
    paths = ssl.get_default_verify_paths()
    os.environ.update(trust_of_uv(os.environ, paths.cafile, paths.capath))
    uv = provide_uv()
    own = f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON
    python = str(Path(sys.executable).resolve()) if own else PYTHON

    def install() -> None:
        mend = "check the network and the package index of uv (UV_DEFAULT_INDEX)"
        run([uv, "venv", "--quiet", "--clear", "--python", python, _ENVIRONMENT], mend)
        run([uv, "pip", "install", "--quiet", "--python", interpreter(_ENVIRONMENT), *PACKAGES], mend)

    once(Stamp("peer", (), (*PACKAGES, python), interpreter(_ENVIRONMENT)), "installing Cloud Custodian", install)


def policy(case: Case, output: Path) -> dict[str, Any]:
    """A policy with a change that the local Azure serves: an access policy for vaults that have none.

    Nothing in Cloud Custodian changes a vault's networking; what is compared is the way to the change, not the change.
    """
    options: dict[str, Any] = {"output_dir": str(output)}
    if not case.writes:
        options["dryrun"] = True
    somebody = {"tenant-id": TENANT, "object-id": _SOMEBODY, "permissions": {"keys": ["Get"]}}
    return {
        "name": "vaults-without-access-policies",
        "resource": "azure.keyvault",
        "mode": {"type": "azure-event-grid", "events": ["KeyVaultWrite"], "execution-options": options},
        "filters": [{"type": "value", "key": "length(properties.accessPolicies)", "value": 0}],
        "actions": [{"type": "update-access-policy", "operation": "add", "access-policies": [somebody]}],
    }


class Function:
    """A function in a process of its own, which speaks as ``driver.py`` does."""

    def __init__(self, command: list[str], env: dict[str, str], log_file: Path) -> None:
        self._log = log_file
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._answer()

    def call(self, message: dict[str, Any], dequeue_count: int) -> dict[str, Any]:
        """One invocation; raises PeerUnavailable when the process ends."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"message": message, "dequeue_count": dequeue_count}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._answer())
        return answer

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise PeerUnavailable(self._log.read_text(errors="replace")[-2000:])
        return line

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def _deploy(case: Case, folder: Path) -> None:
    """The files of its package for one policy."""
    installed = next(_ENVIRONMENT.glob("lib/python*/site-packages/c7n_azure/function.py"))
    shutil.copy(installed, folder / "function.py")
    output = folder / "output"
    output.mkdir()
    (folder / "config.json").write_text(json.dumps({"policies": [policy(case, output)]}), encoding="utf-8")
    auth = {"use_msi": True, "subscription_id": SUBSCRIPTION, "tenant_id": TENANT}
    (folder / "auth.json").write_text(json.dumps(auth), encoding="utf-8")


def run_case(case: Case) -> Result:
    """Deliver the event to Cloud Custodian's function and see what becomes of it."""
    waiting: deque[dict[str, Any]] = deque()

    def on_change(event: ArmEvent) -> None:
        if event.operation_name.casefold() == _OPERATION.casefold():
            waiting.append(event_grid_event(event))

    with tempfile.TemporaryDirectory(prefix="peer-") as name, stage(case) as ready:
        folder = Path(name)
        _deploy(case, folder)
        ready.azure.service.world.events.subscribe(on_change)
        env = {"PATH": os.environ["PATH"], **ready.azure.env_for(GUARD)}
        command = [str(interpreter(_ENVIRONMENT)), str(_DRIVER), str(folder / "function.py"), ready.azure.url]
        function = Function(command, env, folder / "output.log")
        try:
            event = ready.envelope()
            ready.begin()
            waiting.extend([event] * case.copies)
            calls = []
            while waiting:
                calls += deliver(function, waiting.popleft())
            witness = ready.end()
        finally:
            function.close()
    return Result(_said(calls), witness, max(call["seconds"] for call in calls))


def deliver(function: Function, message: dict[str, Any]) -> list[dict[str, Any]]:
    """One message, again after each failure as long as the host would."""
    calls = []
    for count in range(1, _MOST_DELIVERIES + 1):
        calls.append(function.call(message, count))
        if not calls[-1]["raised"]:
            break
    return calls


def _said(calls: list[dict[str, Any]]) -> str:
    raised = [call["raised"].partition(":")[0] for call in calls if call["raised"]]
    logged = sum(bool(call["errors"]) for call in calls if not call["raised"])
    words = []
    if raised:
        words.append(f"raised {raised[0]} x{len(raised)}")
    succeeded = len(calls) - len(raised)
    words.append(f"success x{succeeded}" if succeeded > 1 else "success")
    if logged:
        words.append("error logged only")
    return ", ".join(words)
