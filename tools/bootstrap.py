"""Puts a fresh machine into the state that ``make demo`` and ``make test`` need.

Runs on the system's Python before anything is installed, so it uses the standard library only.
``tools/preflight.sh`` has already refused machines without Python, Node.js or npm; what is fetched here is
said before it is fetched. Each step keeps a stamp with a hash of what it was made from, so a second run
does nothing and takes a moment.

Everything lands in ``.venv``, ``.venv-worker``, ``.tools`` and ``node_modules``; what was found for the
tests is written to ``.tools/env.json`` (keys ``python313`` and ``chromium``, absolute paths), which the
tests read.
"""

from __future__ import annotations

import argparse
import enum
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import Chromium, Missing, find_chromium, find_python313, uv_is_usable

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
STAMPS = TOOLS / "stamps"
DISCOVERED = TOOLS / "env.json"
VENV = ROOT / ".venv"
WORKER_VENV = ROOT / ".venv-worker"
INSTALLER_VENV = TOOLS / "uv"
MEND_CHROMIUM = "apt-get install chromium (as root), or .venv/bin/playwright install --with-deps chromium"
# Raise when a step below changes what it makes from the same inputs.
RECIPE = "1"


class Goal(enum.Enum):
    """What the machine is set up for."""

    DEMO = "demo"
    TEST = "test"


class StepError(Exception):
    """A step that could not be done; the message is one line and holds the command that mends it."""


@dataclass(frozen=True)
class Stamp:
    """What a step was made from: ``inputs`` are files, ``facts`` anything else that decides the result."""

    name: str
    inputs: tuple[Path, ...]
    facts: tuple[str, ...]
    product: Path

    @property
    def path(self) -> Path:
        return STAMPS / self.name

    def digest(self) -> str:
        summed = hashlib.sha256(RECIPE.encode())
        for fact in self.facts:
            summed.update(fact.encode() + b"\0")
        for source in self.inputs:
            summed.update(source.read_bytes() + b"\0")
        return summed.hexdigest()

    def holds(self) -> bool:
        return self.product.exists() and self.path.exists() and self.path.read_text() == self.digest()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.digest())


def say(text: str) -> None:
    print(f"kvguard: {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], mend: str, env: dict[str, str] | None = None) -> str:
    """Runs a command and returns its output; StepError with ``mend`` if it fails, after the output's tail."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        raise StepError(f"cannot run {words[0]} ({error.strerror}); mend with: {mend}") from error
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        print(tail, file=sys.stderr)
        raise StepError(f"`{' '.join(words[:4])} ...` failed; mend with: {mend}")
    return done.stdout


def once(stamp: Stamp, saying: str, make: Callable[[], None]) -> None:
    """Does a step unless its stamp says that it was done from the same inputs."""
    if stamp.holds():
        return
    say(saying)
    stamp.path.unlink(missing_ok=True)
    make()
    stamp.write()


def trust_of_uv(environment: Mapping[str, str], bundle: str | None, folder: str | None) -> dict[str, str]:
    """What uv needs to trust the authorities of this machine, such as that of a company's proxy, as pip does.

    ``bundle`` and ``folder`` are where OpenSSL finds them, None for what does not exist. Empty where the environment
    says already whom to trust, or where the machine has no authorities of its own.
    Source: https://docs.astral.sh/uv/concepts/authentication/certificates/
    """
    if any(environment.get(name) for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "SSL_CERT_FILE", "SSL_CERT_DIR")):
        return {}
    has_own = bundle is not None or (folder is not None and any(Path(folder).iterdir()))
    return {"UV_SYSTEM_CERTS": "1"} if has_own else {}


def interpreter(environment: Path) -> Path:
    return environment / "bin" / "python"


def is_made_with(environment: Path, python: Path) -> bool:
    """Whether an environment exists and stands on this interpreter (``home`` of its pyvenv.cfg, PEP 405)."""
    config = environment / "pyvenv.cfg"
    if not interpreter(environment).exists() or not config.exists():
        return False
    lines = [line.partition("=") for line in config.read_text().splitlines()]
    homes = [value.strip() for key, _, value in lines if key.strip() == "home"]
    return homes == [str(python.parent)]


def provide_uv() -> Path:
    """The project's own uv, else a usable one on PATH, else one from pip with its hashes checked."""
    own = INSTALLER_VENV / "bin" / "uv"
    requirements = ROOT / "requirements-installer.txt"
    stamp = Stamp("uv", (requirements,), (sys.version,), own)
    if stamp.holds():
        return own
    found = shutil.which("uv")
    if found and uv_is_usable(found):
        return Path(found)

    def install() -> None:
        venv.create(INSTALLER_VENV, with_pip=True, clear=True)
        run(
            [
                interpreter(INSTALLER_VENV),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "-r",
                requirements,
            ],
            mend="install uv (https://docs.astral.sh/uv/getting-started/installation/), then run make again",
        )

    once(stamp, "fetching uv", install)
    return own


def provide_environment(uv: Path, environment: Path, python: Path, requirements: Path) -> None:
    """An environment that holds exactly the compiled, hashed requirements."""
    stamp = Stamp(f"venv{environment.name}", (requirements,), (str(python),), interpreter(environment))

    def install() -> None:
        mend = "check the network and the package index of uv (UV_DEFAULT_INDEX), then run make again"
        if not is_made_with(environment, python):
            run([uv, "venv", "--quiet", "--clear", "--python", python, environment], mend)
        run(
            [
                uv,
                "pip",
                "sync",
                "--quiet",
                "--require-hashes",
                "--python",
                interpreter(environment),
                requirements,
            ],
            mend,
        )

    once(stamp, f"installing {requirements.name} into {environment.name}", install)


def provide_node_modules() -> None:
    """Azurite from the committed lock file."""
    lock = ROOT / "package-lock.json"
    if not lock.exists():
        return
    stamp = Stamp("node", (ROOT / "package.json", lock), (), ROOT / "node_modules" / ".package-lock.json")

    def install() -> None:
        run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            mend="check the network and the registry of npm (npm config get registry), then run make again",
        )

    once(stamp, "installing node_modules (Azurite)", install)


def provide_python313(uv: Path) -> Path:
    """Python 3.13, which Azure runs and the worker library needs: found, or fetched by uv."""
    found = find_python313(uv)
    if found is None:
        say("fetching Python 3.13")
        run(
            [uv, "python", "install", "3.13"],
            mend="apt-get install python3.13, or pyenv install 3.13",
        )
        found = find_python313(uv)
    if found is None:
        raise StepError("Python 3.13 does not run; mend with: pyenv install 3.13")
    return found


def provide_chromium_from_system() -> Path | None:
    """A Chromium that is here and starts, else the system's package where this process may install it."""
    browser = find_chromium()
    if isinstance(browser, Missing) and os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing the system's chromium package")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        try:
            run(["apt-get", "update", "-qq"], MEND_CHROMIUM, env)
            run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], MEND_CHROMIUM, env)
        except StepError as error:
            # On Ubuntu the package is a stub for snap and may not install; Playwright's build still can.
            say(f"{error}; trying Playwright's")
        browser = find_chromium()
    return browser.executable if isinstance(browser, Chromium) else None


def provide_chromium_from_playwright() -> Path:
    """Playwright's own build, into its cache in the home directory."""
    say("fetching Playwright's Chromium")
    run([VENV / "bin" / "playwright", "install", "chromium"], MEND_CHROMIUM)
    browser = find_chromium()
    if isinstance(browser, Missing):
        raise StepError(f"no Chromium starts here ({browser.reason}); mend with: {MEND_CHROMIUM}")
    return browser.executable


def known_tool(name: str) -> Path | None:
    """What an earlier run has found, if it is still there."""
    known = json.loads(DISCOVERED.read_text()) if DISCOVERED.exists() else {}
    path = Path(known.get(name, ""))
    return path if path.is_file() and os.access(path, os.X_OK) else None


def bootstrap(goal: Goal) -> None:
    """All steps of a goal; first those that a machine may not be able to do, so that it says so before a long wait."""
    uv = provide_uv()
    python313, chromium = known_tool("python313"), known_tool("chromium")
    if goal is Goal.TEST:
        python313 = python313 or provide_python313(uv)
        chromium = chromium or provide_chromium_from_system()
    provide_environment(uv, VENV, Path(sys.executable).resolve(), ROOT / "requirements-dev.txt")
    provide_node_modules()
    if goal is Goal.TEST and python313 is not None:
        chromium = chromium or provide_chromium_from_playwright()
        provide_environment(uv, WORKER_VENV, python313, ROOT / "requirements-worker.txt")
        DISCOVERED.write_text(json.dumps({"python313": str(python313), "chromium": str(chromium)}, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.bootstrap", description="Set up this machine for a make target.")
    parser.add_argument("goal", choices=[goal.value for goal in Goal])
    paths = ssl.get_default_verify_paths()
    os.environ.update(trust_of_uv(os.environ, paths.cafile, paths.capath))
    try:
        bootstrap(Goal(parser.parse_args().goal))
    except StepError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
