"""Where the toy app is, and small apps written by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emulator.host import FunctionsHost

TOY = Path(__file__).parent / "app"
StartHost = Callable[..., FunctionsHost]
HOST_JSON = '{"version": "2.0"}'


def write_app(folder: Path, body: str, host_json: str = HOST_JSON) -> Path:
    """An app with `body` below the imports and `app = func.FunctionApp()`."""
    text = f"from typing import Any, List\nimport azure.functions as func\napp = func.FunctionApp()\n{body}\n"
    (folder / "function_app.py").write_text(text)
    (folder / "host.json").write_text(host_json)
    return folder
