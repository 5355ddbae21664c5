"""`python -m emulator.host --app DIR`: run a function app on this machine until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from emulator.host.host import FunctionsHost
from emulator.host.index import IndexingError
from emulator.host.invocations import console_log
from emulator.host.records import InvocationLines
from emulator.host.settings import HostSettingsError
from emulator.host.storage import ConnectionMissingError

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL,
}


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, value


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0 and up to 1")
    return scale


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulator.host",
        description="Development host for a function app. Listens on 127.0.0.1 only, without TLS.",
    )
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--share-port", action="store_true", help="let several instances serve that port")
    parser.add_argument(
        "--scale",
        type=_scale,
        default=1.0,
        help="shortens the host's waits: ten minutes for which a received message is hidden, host.json's queue"
        " timings, the lock of timers",
    )
    parser.add_argument(
        "--invisibility", type=float, metavar="SECONDS", help="hide a received message exactly this long, at least 1"
    )
    parser.add_argument("--log-json", type=Path, help="file to append a JSON line to when an invocation begins or ends")
    parser.add_argument("--settings", type=Path, help="a local.settings.json")
    parser.add_argument("--ready", type=Path, help="file to write URL and keys to when ready")
    parser.add_argument("--function-key", help="key of all functions; a new one for each by default")
    parser.add_argument(
        "--env",
        type=_variable,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="app settings",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal. Exit code 0 after an orderly end, 1 if the app cannot be started."""
    options = _arguments(arguments)
    # Blocked here and so in every thread started later: a signal that comes while starting waits for sigwait.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for noisy in ("azure", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    app_dir = options.app.resolve()
    log_json = None if options.log_json is None else options.log_json.absolute()
    if app_dir.is_dir():
        os.chdir(app_dir)
    host = FunctionsHost(
        app_dir,
        dict(options.env),
        settings=options.settings,
        port=options.port,
        function_key=options.function_key,
        scale=options.scale,
        invisibility=None if options.invisibility is None else timedelta(seconds=max(options.invisibility, 1.0)),
        share_port=options.share_port,
        log=console_log(None if log_json is None else InvocationLines(log_json)),
    )
    try:
        host.start()
    except (IndexingError, HostSettingsError, ConnectionMissingError, OSError) as error:
        print(f"The host cannot start: {error}", file=sys.stderr)
        return 1
    logging.getLogger().setLevel(_LEVELS.get(host.settings.log_level.lower(), logging.INFO))
    try:
        print(f"Functions of {app_dir} on {host.url}:")
        for line in host.describe():
            print(f"  {line}")
        sys.stdout.flush()
        if options.ready is not None:
            host.write_ready(options.ready)
        signal.sigwait(signals)
        print("Stopping.", flush=True)
    finally:
        host.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
