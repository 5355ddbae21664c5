"""``python -m bench.faults [--write] [--only TEXT]``: the fault cases, side by side; needs .venv and npm's packages."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from bench.faults import guard, peer
from bench.faults.cases import CASES, Case
from bench.faults.result import Result
from bench.faults.table import Row, put_into, render
from emulator.azurite import AzuriteUnavailableError
from emulator.host.process import HostFailedError
from tools.bootstrap import StepError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "comparison.md"
# The cases mostly wait; more at once would make two cores the bottleneck.
_AT_ONCE = 4


def measure(cases: Sequence[Case]) -> list[Row]:
    """Both guards in every case, the longest outages first."""
    order = sorted(cases, key=lambda case: -(case.fault.seconds if case.fault is not None else 0.0))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        runs = {
            case.name: (
                pool.submit(_run, "Cloud Custodian", peer.run_case, case),
                pool.submit(_run, "kvguard", guard.run_case, case),
            )
            for case in order
        }
        return [Row(case, *(run.result() for run in runs[case.name])) for case in cases]


def _run(name: str, run_case: peer.RunCase, case: Case) -> Result:
    result = run_case(case)
    print(f"{name}, {case.name}: {result.said}", file=sys.stderr, flush=True)
    return result


def _circumstances() -> list[str]:
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return [
        f"measured {datetime.now(UTC):%Y-%m-%d} by `make bench-faults` on {machine}; {_AT_ONCE} cases at a time",
        f"Cloud Custodian: {', '.join(peer.PACKAGES)}, Python {peer.PYTHON}",
        f"kvguard: this tree, default policy but for `settle_seconds: {guard.SETTLE_SECONDS}`",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.faults", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/comparison.md")
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    options = parser.parse_args()
    cases = [case for case in CASES if options.only in case.name]
    if not cases or (options.write and options.only):
        parser.error("no case has such a name" if not cases else "--write is for all cases")
    try:
        peer.provide_peer()
        table = render(measure(cases), _circumstances())
    except (StepError, AzuriteUnavailableError, HostFailedError, peer.PeerUnavailable, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table)
    if options.write:
        put_into(PAGE, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
