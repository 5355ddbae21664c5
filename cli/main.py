"""The terminal: ``kvguard``. Data on stdout, progress on stderr; exit 0 clean, 1 something is left, 2 not completed."""

from __future__ import annotations

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


@app.callback()
def kvguard() -> None:
    """Keep the private path of Azure Key Vaults working."""


def main() -> None:
    """Run the command line."""
    app()
