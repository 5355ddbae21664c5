"""The terminal: ``kvguard``. Data on stdout, progress on stderr; exit 0 clean, 1 something is left, 2 not completed."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from typing import Final, NoReturn

import typer

from cli import endpoints, explain, peers, policy, replay, resolve, rules

app = typer.Typer(
    name="kvguard", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command(name="endpoints", short_help="List what a client behind a firewall must reach.")(endpoints.endpoints)
app.command(name="replay", short_help="Show what kvguard gave up, and put it back to work.")(replay.replay)
app.command(name="rules", short_help="List every rule with its severity, ceiling, default and page.")(rules.rules)
app.command(name="explain", short_help="Say whether a caller gets into a vault, and why.")(explain.explain)
app.command(name="resolve", short_help="Say what a vault's name resolves to, and why.")(resolve.resolve)
app.command(name="peers", short_help="Say what other tools would say about a vault, and why.")(peers.peers)
app.add_typer(policy.policy)


_ESCAPED: Final = "kvguard-escaped"


@app.callback()
def kvguard() -> None:
    """Keep the private path of Azure Key Vaults working."""


def main() -> None:
    """Run the command line. Output that cannot be written ends with 2, as everything that could not be completed."""
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)
    before = sys.stdout
    try:
        app()
    except OSError as error:
        _unwritten(error)
    except SystemExit:
        # Click puts something else in its place when nobody reads on, and ends with 1, which would be a verdict.
        if sys.stdout is not before:
            os._exit(2)
        try:
            sys.stdout.flush()
        except OSError as error:
            _unwritten(error)
        raise


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Characters that the terminal's encoding lacks, as JSON writes them, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _unwritten(error: OSError) -> NoReturn:
    """Say why the output could not be written, and leave what is still in the buffer."""
    typer.echo(f"the output could not be written: {error.strerror or type(error).__name__}", err=True)
    sys.stderr.flush()
    os._exit(2)
