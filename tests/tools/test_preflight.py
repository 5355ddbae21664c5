"""`tools/preflight.sh` on machines that lack something: PATH holds only what each test puts there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELL = shutil.which("sh") or "/bin/sh"


class Machine:
    """A folder that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!{SHELL}\n{script}\n")
        path.chmod(0o755)

    def check(self) -> subprocess.CompletedProcess[str]:
        command = [SHELL, str(ROOT / "tools" / "preflight.sh")]
        env = {"PATH": str(self.folder)}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=20)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with everything."""
    complete = Machine(tmp_path)
    complete.install("python3", f'exec "{sys.executable}" "$@"')
    complete.install("node", "echo 20")
    complete.install("npm", "exit 0")
    return complete


def test_a_complete_machine_gets_the_path_of_its_python(machine: Machine) -> None:
    done = machine.check()

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == sys.executable


def test_an_empty_machine_hears_everything_at_once(tmp_path: Path) -> None:
    done = Machine(tmp_path).check()

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(" is missing")[0] for line in lines] == [
        "kvguard: Python 3.11 or newer",
        "kvguard: Node.js 20 or newer",
        "kvguard: npm",
    ]
    assert all("apt-get install" in line or "https://" in line for line in lines)


def test_a_shim_that_does_not_run_is_no_python_but_a_later_name_is_found(machine: Machine) -> None:
    machine.install("python3", "exit 127")
    machine.install("python3.12", f'exec "{sys.executable}" "$@"')

    done = machine.check()

    assert done.returncode == 0
    assert done.stdout.strip() == sys.executable


def test_an_old_python_is_as_good_as_none(machine: Machine) -> None:
    machine.install("python3", "exit 1")

    done = machine.check()

    assert done.returncode == 1
    assert "Python 3.11 or newer is missing" in done.stderr


def test_a_python_without_venv_is_named(machine: Machine) -> None:
    machine.install("python3", 'case "$2" in *ensurepip*) exit 1;; esac')

    done = machine.check()

    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_an_old_node_is_named_with_its_version(machine: Machine) -> None:
    machine.install("node", "echo 18")

    done = machine.check()

    assert done.returncode == 1
    assert "Node.js 18 is too old" in done.stderr
