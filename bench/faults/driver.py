"""Runs in the environment of Cloud Custodian: its function, as its own package deploys it, called as the host would.

``driver.py FUNCTION ARM`` reads one JSON line per call, ``{"message": ..., "dequeue_count": n}``, and answers each
with one, ``{"seconds": ..., "raised": ..., "errors": [...]}``. FUNCTION is the path of function.py in a folder with
config.json and auth.json. One thing is patched: the public cloud's Resource Manager is at ARM.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any


class _Errors(logging.Handler):
    """Keeps what Cloud Custodian logs as errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def _load(path: Path) -> Any:
    """function.py by its path, as the worker loads it: it imports nothing relative."""
    spec = importlib.util.spec_from_file_location("peer_function", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> int:
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    cloud = importlib.import_module("msrestazure.azure_cloud").AZURE_PUBLIC_CLOUD
    cloud.endpoints.resource_manager = sys.argv[2]
    function = _load(Path(sys.argv[1]))
    message_type = importlib.import_module("azure.functions.queue").QueueMessage
    print("ready", flush=True)
    for line in sys.stdin:
        call = json.loads(line)
        errors.texts.clear()
        message = message_type(
            id="1",
            body=json.dumps(call["message"]),
            dequeue_count=call["dequeue_count"],
            pop_receipt="1",
        )
        raised = ""
        started = time.monotonic()
        try:
            function.main(message)
        except (Exception, SystemExit) as error:  # noqa: BLE001  The host, too, takes whatever a function raises.
            raised = f"{type(error).__name__}: {error}"
        answer = {"seconds": time.monotonic() - started, "raised": raised, "errors": list(errors.texts)}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
