"""The set-up's parts that decide whether a step is done again and what counts as found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import bootstrap
from tools.bootstrap import Stamp, StepError, is_made_with, once, run, trust_of_uv
from tools.toolchain import Chromium, Missing, find_chromium, find_python313, uv_is_usable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stamp:
    monkeypatch.setattr(bootstrap, "STAMPS", tmp_path / "stamps")
    (tmp_path / "input").write_text("one")
    return Stamp("step", (tmp_path / "input",), ("fact",), tmp_path / "product")


def made(stamp: Stamp) -> list[str]:
    """What `once` does with a step that makes its product: empty if it did nothing."""
    steps: list[str] = []

    def make() -> None:
        stamp.product.touch()
        steps.append("made")

    once(stamp, "making", make)
    return steps


def test_a_step_is_done_once(stamp: Stamp) -> None:
    assert made(stamp) == ["made"]
    assert made(stamp) == []


def test_a_step_is_done_again_when_an_input_changes(stamp: Stamp) -> None:
    made(stamp)
    stamp.inputs[0].write_text("two")

    assert made(stamp) == ["made"]


def test_a_step_is_done_again_when_a_fact_changes(stamp: Stamp) -> None:
    made(stamp)

    assert made(Stamp(stamp.name, stamp.inputs, ("other",), stamp.product)) == ["made"]


def test_a_step_is_done_again_when_its_product_is_gone(stamp: Stamp) -> None:
    made(stamp)
    stamp.product.unlink()

    assert made(stamp) == ["made"]


def test_a_step_that_failed_halfway_is_not_taken_for_done(stamp: Stamp) -> None:
    made(stamp)
    stamp.inputs[0].write_text("two")

    def fail() -> None:
        raise StepError("no network")

    with pytest.raises(StepError):
        once(stamp, "making", fail)
    stamp.inputs[0].write_text("one")

    assert made(stamp) == ["made"]


def test_a_command_that_fails_is_reported_with_its_remedy(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StepError, match="mend with: buy a disk"):
        run(["sh", "-c", "echo the disk is full; exit 3"], mend="buy a disk")

    assert "the disk is full" in capfd.readouterr().err


def test_a_command_that_is_not_there_is_reported_with_its_remedy() -> None:
    with pytest.raises(StepError, match=r"cannot run no-such-program.*mend with: install it"):
        run(["no-such-program"], mend="install it")


def test_uv_trusts_what_the_machine_trusts(tmp_path: Path) -> None:
    assert trust_of_uv({}, None, str(tmp_path)) == {}
    (tmp_path / "company.pem").touch()
    assert trust_of_uv({}, None, str(tmp_path)) == {"UV_SYSTEM_CERTS": "1"}
    assert trust_of_uv({}, str(tmp_path / "company.pem"), None) == {"UV_SYSTEM_CERTS": "1"}
    assert trust_of_uv({}, None, None) == {}


@pytest.mark.parametrize("name", ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_whom_to_trust_is_the_callers_choice(tmp_path: Path, name: str) -> None:
    assert trust_of_uv({name: "chosen"}, str(tmp_path / "company.pem"), None) == {}


def test_an_environment_of_another_python_is_made_anew(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    script(environment / "bin" / "python", "exit 0")
    (environment / "pyvenv.cfg").write_text("home = /opt/python/3.11/bin\nversion_info = 3.11.7\n")

    assert is_made_with(environment, Path("/opt/python/3.11/bin/python3.11"))
    assert not is_made_with(environment, Path("/opt/python/3.12/bin/python3.12"))
    assert not is_made_with(tmp_path / "none", Path("/opt/python/3.11/bin/python3.11"))


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("said", "usable"), [("uv 0.13.9 (x)", True), ("uv 0.8.0", True), ("uv 0.7.22", False), ("other", False)]
)
def test_an_old_uv_on_the_path_is_not_used(tmp_path: Path, said: str, usable: bool) -> None:
    assert uv_is_usable(script(tmp_path / "uv", f"echo '{said}'")) is usable


def test_a_browser_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    stub = script(tmp_path / "chromium", "exit 1")

    assert find_chromium() == Missing(f"tried {stub}")

    downloaded = tmp_path / "home" / ".cache" / "ms-playwright" / "chromium-1" / "chrome-linux" / "chrome"
    script(downloaded, "echo Chromium 140")
    assert find_chromium() == Chromium(downloaded)


def test_a_python_shim_without_a_python_behind_it_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "python3.13", "exit 127")
    found = script(tmp_path / "pyenv" / "versions" / "3.13.5" / "bin" / "python", f"printf '3\\n13\\n{tmp_path}\\n'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr("sys.version_info", (3, 11, 7))

    assert find_python313(script(tmp_path / "uv", "exit 2")) == found


def test_what_was_found_on_this_machine_runs() -> None:
    found = json.loads((ROOT / ".tools" / "env.json").read_text(encoding="utf-8"))

    assert set(found) == {"python313", "chromium"}
    assert run([found["python313"], "-c", "import sys; print(sys.version_info[:2])"], "").strip() == "(3, 13)"
    assert "Chrom" in run([found["chromium"], "--version"], "")
