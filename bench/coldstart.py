"""What a cold start costs: importing the app against importing azure-functions alone, which no Python app
can avoid.

Both are imported in fresh processes that take turns (A B A B ...), so that a noisy minute of the machine
falls on both. Medians are compared; the first pair only warms the bytecode and the page cache.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 9
MAX_RATIO = 2.5
MAX_MEMORY_MIB = 50.0
BASELINE = "azure.functions"
APP = "function_app"
SETTINGS = {
    "KVGUARD_ROLE": "guard",
    "KVGUARD_SUBSCRIPTIONS": "00000000-0000-0000-0000-000000000001",
    "KVGUARD_TENANT": "00000000-0000-0000-0000-00000000000a",
    "KVGUARD_POLICY": "policy.yaml",
    "KVGUARD_MODE": "observe",
    "KVGUARD_EXECUTOR": "off",
    "KvGuardStorage": "UseDevelopmentStorage=true",
    "KvGuardFindings": "UseDevelopmentStorage=true",
}
# VmHWM and not ru_maxrss: on Linux the latter survives exec, so a child starts with the peak of its parent.
PROBE = """
import json, resource, sys, time
start = time.perf_counter()
__import__(sys.argv[1])
seconds = time.perf_counter() - start
try:
    status = open("/proc/self/status").read()
    kib = int(status.split("VmHWM:")[1].split()[0])
except OSError:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"seconds": seconds, "mib": kib / 1024, "modules": len(sys.modules)}))
"""


@dataclass(frozen=True)
class Sample:
    """One import in a fresh process: wall time in seconds, peak resident memory in MiB, modules loaded."""

    seconds: float
    mib: float
    modules: int


@dataclass(frozen=True)
class Comparison:
    """Medians of the baseline and of the app."""

    baseline: Sample
    app: Sample
    pairs: int

    @property
    def ratio(self) -> float:
        return self.app.seconds / self.baseline.seconds

    def excesses(self) -> list[str]:
        """The budgets that the app does not keep, one sentence each."""
        found = []
        if self.ratio > MAX_RATIO:
            found.append(f"the import takes {self.ratio:.2f} times the baseline, the budget is {MAX_RATIO}")
        if self.app.mib > MAX_MEMORY_MIB:
            found.append(f"the import needs {self.app.mib:.1f} MiB, the budget is {MAX_MEMORY_MIB:.0f} MiB")
        return found


class ImportFailedError(Exception):
    """A module that could not be imported; holds the end of the child's traceback."""


def sample(module: str, folder: Path) -> Sample:
    """Imports a module in a fresh process in ``folder``; ImportFailedError if that fails."""
    env = {**os.environ, **SETTINGS, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", PROBE, module]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImportFailedError(f"cannot import {module}:\n{done.stderr[-2000:]}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def median(samples: list[Sample]) -> Sample:
    return Sample(
        seconds=statistics.median(one.seconds for one in samples),
        mib=statistics.median(one.mib for one in samples),
        modules=round(statistics.median(one.modules for one in samples)),
    )


def compare(folder: Path = ROOT, *, baseline: str = BASELINE, app: str = APP, pairs: int = PAIRS) -> Comparison:
    """Interleaved imports of both modules from ``folder``, and the medians."""
    baselines: list[Sample] = []
    apps: list[Sample] = []
    for _ in range(pairs + 1):
        baselines.append(sample(baseline, folder))
        apps.append(sample(app, folder))
    return Comparison(median(baselines[1:]), median(apps[1:]), pairs)


def render(comparison: Comparison) -> str:
    """The table that `make bench` prints."""
    lines = [f"{'import':<20}{'ms':>8}{'MiB':>8}{'modules':>9}"]
    for name, one in ((BASELINE, comparison.baseline), (APP, comparison.app)):
        lines.append(f"{name:<20}{one.seconds * 1000:>8.0f}{one.mib:>8.1f}{one.modules:>9}")
    lines.append(f"{APP} / {BASELINE}: {comparison.ratio:.2f} (median of {comparison.pairs} interleaved pairs)")
    return "\n".join(lines)
