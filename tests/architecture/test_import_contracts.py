"""Each import contract is proved by breaking it: a bad import in a copy of the tree fails it alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "functions", "cli", "emulator", "tools", "bench")


@dataclass(frozen=True)
class BadImport:
    """A file that gets one more line, and the contract (its id) that this has to break."""

    contract: str
    file: str
    line: str


BAD_IMPORTS = (
    BadImport("layers", "shared/domain/seeded.py", "import shared.rules"),
    BadImport("layers", "shared/rules/seeded.py", "import shared.engine"),
    BadImport("layers", "shared/engine/seeded.py", "import shared.rules"),
    BadImport("layers", "shared/engine/seeded.py", "import shared.reporting"),
    BadImport("layers", "shared/reporting/seeded.py", "import shared.service"),
    BadImport("layers", "shared/service/seeded.py", "import shared.adapters"),
    BadImport("layers", "shared/adapters/seeded.py", "import shared.bootstrap"),
    BadImport("layers", "shared/bootstrap.py", "import functions"),
    BadImport("layers", "functions/seeded.py", "import cli"),
    BadImport("settings", "shared/service/seeded.py", "import shared.settings"),
    BadImport("settings", "functions/seeded.py", "import shared.settings"),
    BadImport("settings-imports", "shared/settings.py", "import shared.adapters"),
    BadImport("pure", "shared/domain/seeded.py", "import azure.core"),
    BadImport("pure", "shared/domain/seeded.py", "import msgspec"),
    BadImport("pure", "shared/rules/kvg000_seeded.py", "import os.path"),
    BadImport("pure", "shared/rules/kvg000_seeded.py", "from logging import getLogger"),
    BadImport("pure", "shared/rules/kvg000_seeded.py", "import yaml"),
    BadImport("pure", "shared/engine/seeded.py", "from time import sleep"),
    BadImport("rules-independent", "shared/rules/kvg000_seeded.py", "import shared.rules.kvg999_seeded"),
    BadImport("edges", "functions/seeded.py", "from shared.adapters import seeded"),
    BadImport("edges", "cli/seeded.py", "import shared.adapters.seeded"),
    BadImport("edges-management", "functions/seeded.py", "from azure.mgmt.network import NetworkManagementClient"),
    BadImport("edges-management", "cli/seeded.py", "from azure import (\n    functions,\n    mgmt,\n)"),
    BadImport("product-alone", "shared/adapters/seeded.py", "import emulator"),
    BadImport("product-alone", "functions/seeded.py", "import tests.seeded"),
    BadImport("product-alone", "cli/seeded.py", "import tools.bootstrap"),
    BadImport("emulator-alone", "emulator/seeded.py", "import shared.domain"),
    BadImport("emulator-alone", "emulator/seeded.py", "import function_app"),
    BadImport("emulator-alone", "emulator/seeded.py", "import functions"),
)


def contracts() -> dict[str, str]:
    """Ids and names of the project's contracts."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {one["id"]: one["name"] for one in settings["tool"]["importlinter"]["contracts"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages with empty modules for the bad imports to stand in and point at."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in (
        "shared/adapters/seeded.py",
        "shared/rules/kvg000_seeded.py",
        "shared/rules/kvg999_seeded.py",
    ):
        (tmp_path / name).touch()
    return tmp_path


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    # Run as a module's function: the console script would look for the packages beside itself.
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())",
    ]
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)


def broken_contracts(output: str) -> set[str]:
    """Ids of the contracts that the tool reports as broken, one line `<name> BROKEN` each."""
    return {
        contract
        for contract, name in contracts().items()
        if any(line.startswith(f"{name} BROKEN") for line in output.splitlines())
    }


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    done = lint_imports(tree)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(contracts())} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("bad", BAD_IMPORTS, ids=lambda bad: f"{bad.contract}: {bad.file}: {bad.line.split()[1]}")
def test_a_bad_import_breaks_its_contract(tree: Path, bad: BadImport) -> None:
    with (tree / bad.file).open("a", encoding="utf-8") as file:
        file.write(f"\n{bad.line}\n")

    done = lint_imports(tree)

    assert done.returncode == 1, done.stdout + done.stderr
    assert broken_contracts(done.stdout) == {bad.contract}, done.stdout


def test_every_contract_has_a_bad_import() -> None:
    assert {bad.contract for bad in BAD_IMPORTS} == set(contracts())
