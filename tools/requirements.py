"""Compiles the hashed requirement files from pyproject.toml: one line in FILES per file that is committed.

The files name no package index and no path of a machine, so that they install from whatever index a machine
has.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from tools.bootstrap import StepError, provide_uv, run, say


@dataclass(frozen=True)
class RequirementFile:
    """One compiled file: the dependency groups in it and the oldest Python it has to serve."""

    name: str
    groups: tuple[str, ...]
    python: str
    with_project: bool = True


FILES = (
    RequirementFile("requirements.txt", (), "3.11"),
    RequirementFile("requirements-dev.txt", ("dev",), "3.11"),
    RequirementFile("requirements-worker.txt", ("worker",), "3.13"),
    RequirementFile("requirements-installer.txt", ("installer",), "3.11", with_project=False),
)


def compile_command(file: RequirementFile) -> list[str]:
    """Arguments of ``uv`` for one file, https://docs.astral.sh/uv/reference/cli/#uv-pip-compile."""
    command = ["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-emit-find-links", "--custom-compile-command", "make requirements"]
    command += ["--python-version", file.python, "--output-file", file.name]
    if file.with_project:
        command.append("pyproject.toml")
    for group in file.groups:
        command += ["--group", group]
    return command


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.requirements", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions where pyproject.toml allows them")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    try:
        uv = provide_uv()
        for file in FILES:
            say(f"compiling {file.name}")
            run([uv, *compile_command(file), *upgrade], mend="check the network and pyproject.toml")
    except StepError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
