"""Finds what the tests need and no environment can hold: Python 3.13 and a Chromium.

Being on PATH proves nothing (a version manager's shim, a snap stub), so a candidate counts only when it has
run. Standard library only: `tools.bootstrap` runs this before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST_UV = (0, 8)
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Chromium:
    """A browser executable that has answered with its version."""

    executable: Path


@dataclass(frozen=True)
class Missing:
    """Nothing usable was found; ``reason`` names what was tried."""

    reason: str


def answer(command: Sequence[str | Path]) -> str | None:
    """Standard output of a command that ended well within half a minute, else None."""
    try:
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def uv_is_usable(uv: str | Path) -> bool:
    """Whether this uv reads dependency groups and hashes the way the project's files need (0.8 and later)."""
    words = (answer([uv, "--version"]) or "").split()
    if len(words) < 2:
        return False
    parts = words[1].split(".")
    return len(parts) >= 2 and parts[0].isdigit() and parts[1].isdigit() and (int(parts[0]), int(parts[1])) >= OLDEST_UV


def python313_candidates(uv: str | Path) -> Iterator[Path]:
    """Where a Python 3.13 may be, the cheapest question first."""
    if sys.version_info[:2] == (3, 13):
        yield Path(sys.executable)
    on_path = shutil.which("python3.13")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/3.13*/bin/python"), reverse=True)
    managed = answer([uv, "python", "find", "--no-python-downloads", "3.13"])
    if managed:
        yield Path(managed)


def find_python313(uv: str | Path) -> Path | None:
    """The first Python 3.13 that runs, as the path that it gives itself."""
    for candidate in python313_candidates(uv):
        said = answer([candidate, "-c", "import sys; print(*sys.version_info[:2], sys.base_prefix, sep='\\n')"])
        if said is None:
            continue
        major, minor, prefix = said.split("\n", 2)
        if (major, minor) == ("3", "13"):
            real = Path(prefix) / "bin" / "python3.13"
            return real if real.exists() else candidate.resolve()
    return None


def chromium_candidates() -> Iterator[Path]:
    """Browsers on PATH, then what Playwright has downloaded (https://playwright.dev/python/docs/browsers)."""
    for name in BROWSER_NAMES:
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
    caches = [
        Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"),
        Path.home() / "Library" / "Caches" / "ms-playwright",
    ]
    for cache in caches:
        for pattern in (
            "chromium-*/chrome-linux*/chrome",
            "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
            "chromium-*/chrome-mac*/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing",
        ):
            yield from sorted(cache.glob(pattern), reverse=True)


def find_chromium() -> Chromium | Missing:
    """The first browser that starts and tells its version."""
    tried = []
    for candidate in chromium_candidates():
        if "Chrom" in (answer([candidate, "--version"]) or ""):
            return Chromium(candidate)
        tried.append(str(candidate))
    return Missing(f"tried {', '.join(tried)}" if tried else "none is installed")
