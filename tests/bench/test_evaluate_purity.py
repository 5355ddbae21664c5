"""Judging and planning do no I/O: seen by the interpreter's own audit events, in a process of its own.

An audit hook cannot be taken away again, so it needs a fresh interpreter.
Source of the events: https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# What Python raises for plain computing; everything else touches something outside: open, import, socket.*, os.*,
# subprocess.*, time.sleep, _thread.*, ctypes.* ...
# Waiting and threads raise no event in Python 3.11, so their functions are replaced before anything takes them.
WATCHED: Final = """
import sys, time, _thread
seen, watching = set(), False

def watched(event, original):
    def call(*arguments):
        watch(event, arguments)
        return original(*arguments)
    return call

def watch(event, arguments):
    if watching and event not in ("builtins.id", "object.__getattr__", "sys._getframe"):
        seen.add(f"{event} {arguments}"[:200])

time.sleep = watched("time.sleep", time.sleep)
_thread.start_new_thread = watched("_thread.start_new_thread", _thread.start_new_thread)
from bench.estate import Estate
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.rules.registry import RULES
from tests.engine.corpus import focused

cases = [(case.snapshot, case.estate.policy) for case in focused()]
estate = Estate(1_000)
cases += [(estate.snapshot(number), estate.policy) for number in range(0, 1_000, 7)]
sys.addaudithook(watch)
watching = True
EXTRA
planned = findings = 0
for snapshot, policy in cases:
    findings += len(evaluate(snapshot, policy, RULES).findings)
    planned += len(plan(snapshot, policy, RULES).apply)
watching = False
print(f"{len(cases)} cases, {findings} findings, {planned} changes")
print("\\n".join(sorted(seen)))
"""


def run(script: str) -> list[str]:
    """The lines that a script prints in a fresh interpreter that has the project on its path."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_judging_and_planning_touch_nothing_outside() -> None:
    summary, *events = run(WATCHED.replace("EXTRA", ""))

    cases, findings, changes = (int(part.split()[0]) for part in summary.split(", "))
    assert cases > 200
    assert findings > cases
    assert changes > 20
    assert [event for event in events if event] == []


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        ("open('pyproject.toml').close()", "open"),
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("import os; os.listdir('.')", "os.listdir"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
        ("import xml.dom.minidom", "import"),
        ("import time; time.sleep(0)", "time.sleep"),
        ("import _thread; _thread.start_new_thread(int, ())", "_thread.start_new_thread"),
    ],
)
def test_the_watch_sees_what_it_is_for(deed: str, event: str) -> None:
    script = WATCHED.replace("EXTRA", deed).replace("cases = [", "cases = [] and [").replace("cases +=", "ignored =")
    _, *events = run(script.replace("from tests.engine.corpus import focused", "focused = list"))

    assert any(seen.startswith(f"{event} ") for seen in events), events


IMPORTED: Final = """
import sys
import shared.engine.evaluate, shared.engine.plan, shared.rules.registry
print("\\n".join(sorted(sys.modules)))
"""
# What reads or writes the world, or waits for it. Python itself has imported os, io and time by then.
WORLDLY: Final = frozenset(
    {
        "asyncio",
        "azure",
        "concurrent",
        "ctypes",
        "http",
        "logging",
        "msgspec",
        "multiprocessing",
        "requests",
        "selectors",
    }
    | {"socket", "_socket", "ssl", "sqlite3", "subprocess", "tempfile", "threading", "urllib3", "yaml"}
)


def test_the_engine_and_the_rules_import_nothing_that_could() -> None:
    modules = run(IMPORTED)

    assert "shared.rules.registry" in modules
    assert {name.partition(".")[0] for name in modules} & WORLDLY == set()
    ours = {name for name in modules if name.startswith("shared.")}
    layers = ("shared.domain", "shared.engine", "shared.rules")
    assert {name for name in ours if not name.startswith(layers)} == set()
