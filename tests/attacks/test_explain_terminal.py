"""``kvguard explain`` and its like in terminals that are full, blind, closed or in another encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.azure import LocalAzure
from tests.emulator.arm.estate import VAULT, Estate

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "cli")
SHORT = "11111111-2222-4333-8444-555555555555/rg-app/kv-orders"
NAME = "Gr\u00f6\u00dfe \u540d \U0001f511"


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path_factory.mktemp("azure"), scale=0) as local:
        Estate(local).endpoint()
        yield local


def environment(azure: LocalAzure | None = None, **more: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.upper().startswith(("KVGUARD", "AZURE_", "IDENTITY_", "MSI_"))}
    at = (
        {} if azure is None else {"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": azure.url, **azure.env_for("dana")}
    )
    return {**kept, **at, **more}


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8"])
def test_json_is_json_in_every_encoding(estate: LocalAzure, encoding: str) -> None:
    question = ("explain", VAULT, "--from", "service", "--service", NAME)
    env = environment(estate, PYTHONIOENCODING=encoding)
    ran = run(*question, "--format", "json", env=env)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert json.loads(ran.stdout.decode(encoding))["caller"]["service"] == NAME
    text = run(*question, env=env)
    assert text.returncode == 0
    assert ("\u540d" if encoding == "utf-8" else "\\u540d") in text.stdout.decode(encoding)


@pytest.mark.parametrize("arguments", [("rules",), ("policy", "schema")])
def test_output_that_cannot_be_written_ends_with_2_and_a_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)
    assert b"could not be written" in ran.stderr


def test_a_reader_that_goes_away_sees_no_traceback() -> None:
    with subprocess.Popen(
        [*COMMAND, "policy", "schema"], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.close()
        said = ran.stderr.read()
        code = ran.wait(timeout=120)
    assert b"Traceback" not in said
    assert code == 2


@pytest.mark.parametrize("command", [("explain", SHORT, "--from", "internet"), ("resolve", SHORT), ("peers", SHORT)])
def test_without_a_login_there_is_one_line_that_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}
    ran = run(*command, env=env)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, b"", 1)
    assert b"log in first" in ran.stderr


def test_a_subscription_that_is_not_there_is_no_vault_that_is_not_there(estate: LocalAzure) -> None:
    for command in (("explain", SHORT, "--from", "internet"), ("resolve", SHORT), ("peers", SHORT)):
        ran = run(*command, env=environment(estate))
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, b"", 1)
        assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}, {"COLUMNS": "1"}])
def test_nothing_colours_the_output(more: dict[str, str]) -> None:
    for arguments in (("rules",), ("explain",), ("explain", "--help"), ("rules", "--format", "xml")):
        ran = run(*arguments, env=environment(None, **more))
        assert b"\x1b" not in ran.stdout + ran.stderr
        assert ran.returncode == (0 if arguments in (("rules",), ("explain", "--help")) else 2)
