"""The gate is tried from outside: a real pytest run over a file of throw-away tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skip_gate import read_allowed

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = """
import pytest

def test_that_runs():
    assert True

@pytest.mark.skip(reason="no browser here")
def test_with_a_mark():
    assert False

def test_that_skips_inside():
    pytest.skip("no network here")

@pytest.mark.xfail(reason="known bug", strict=False)
def test_expected_to_fail():
    assert False
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "tests.skip_gate", "-p", "no:cacheprovider"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [*command, "--rootdir", ".", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("processes", ["0", "2"])
def test_each_kind_of_skip_fails_the_run(tmp_path: Path, processes: str) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)

    done = run_pytest(tmp_path, "-n", processes)

    assert done.returncode == 1
    # A mark skips while the test is set up, which pytest counts as an error.
    assert "2 failed, 1 passed, 1 error" in done.stdout
    assert "test_with_a_mark was skipped" in done.stdout
    assert "no network here" in done.stdout
    assert "known bug" in done.stdout


def test_a_whole_file_that_skips_itself_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text("import pytest\npytest.importorskip('no_such_module_anywhere')\n")

    done = run_pytest(tmp_path, "-n", "2")

    assert done.returncode != 0
    assert "test_sample.py was skipped" in done.stdout


def test_a_skip_that_is_listed_with_its_reason_stays_a_skip(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text("import pytest\n\ndef test_one():\n    pytest.skip('why not')\n")
    (tmp_path / "listed.txt").write_text("# comment\n\ntest_sample.py::test_one  # only on Windows\n")

    done = run_pytest(tmp_path, "--allowed-skips", "listed.txt")

    assert done.returncode == 0
    assert "1 skipped" in done.stdout


def test_a_listed_skip_needs_a_reason(tmp_path: Path) -> None:
    listed = tmp_path / "listed.txt"
    listed.write_text("tests/test_x.py::test_one\n")

    with pytest.raises(ValueError, match="line 1: a skip needs a reason"):
        read_allowed(listed)


def test_this_very_run_has_the_gate(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.hasplugin("tests.skip_gate")
