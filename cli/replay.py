"""``kvguard replay``: poison messages shown, put back to work, or discarded."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

import typer

from shared import bootstrap
from shared.bootstrap import SettingsError
from shared.reporting.text import plain, rfc3339
from shared.service.ports import LedgerUnavailable
from shared.service.replay import Poison, Replayed, Selection


def replay(
    everything: Annotated[bool, typer.Option("--all", help="Put every message back that can be read.")] = False,
    ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="Put this message back; may be repeated.")
    ] = None,
    discard: Annotated[
        list[str] | None, typer.Option("--discard", metavar="ID", help="Delete this message for good.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Show the work that kvguard gave up, and put it back on its queue with --all or --id.

    It uses the storage account in KvGuardStorage (or KvGuardStorage__queueServiceUri with your own login). Exit 0:
    nothing is left on the poison queue; 1: something is; 2: it could not be completed.
    """
    chosen = Selection(everything, frozenset(ids or ()), frozenset(discard or ()), dry_run)
    if everything and chosen.ids:
        _stop("--all and --id exclude each other")
    if chosen.ids & chosen.discard:
        _stop("a message cannot be put back and discarded")
    try:
        done = bootstrap.replayer(os.environ).run(chosen)
    except SettingsError as error:
        _stop("; ".join(error.problems))
    except LedgerUnavailable as error:
        _stop(f"storage is unavailable: {error}")
    if as_json:
        typer.echo(json.dumps(_document(done, dry_run), indent=2))
    else:
        _listing(done.seen)
    would = "would be " if dry_run else ""
    _progress("1 poison message" if len(done.seen) == 1 else f"{len(done.seen)} poison messages")
    _progress(f"{len(done.put_back)} {would}put back, {len(done.discarded)} {would}discarded")
    for name in done.unreadable:
        _progress(f"{plain(name, 80)} cannot be read and is kept; --discard {plain(name, 80)} deletes it")
    if done.unknown:
        _stop(f"no such message on the poison queue: {', '.join(plain(name, 80) for name in done.unknown)}")
    gone = 0 if dry_run else len(done.put_back) + len(done.discarded)
    raise typer.Exit(1 if len(done.seen) > gone else 0)


def _stop(problem: str) -> NoReturn:
    _progress(problem)
    raise typer.Exit(2)


def _progress(line: str) -> None:
    typer.echo(line, err=True)


def _document(done: Replayed, dry_run: bool) -> dict[str, Any]:
    return {
        "messages": [
            {
                "id": poison.id,
                "inserted_at": rfc3339(poison.inserted_at),
                "kind": poison.kind,
                "about": poison.about,
                "reason": poison.reason,
            }
            for poison in done.seen
        ],
        "dry_run": dry_run,
        "put_back": list(done.put_back),
        "discarded": list(done.discarded),
        "unreadable": list(done.unreadable),
        "unknown": [plain(name, 80) for name in done.unknown],
    }


def _listing(seen: Sequence[Poison]) -> None:
    """A block for each message: the id alone in front, so that it can be copied; no text is wrapped."""
    now = datetime.now(UTC)
    for poison in seen:
        typer.echo(f"{plain(poison.id, 80)}  {poison.kind}, {_age(now, poison.inserted_at)} old")
        typer.echo(f"  {plain(poison.about, 700)}")
        typer.echo(f"  {plain(poison.reason, 700)}")


def _age(now: datetime, then: datetime) -> str:
    minutes = max(0, int((now - then).total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    return f"{days}d {hours}h" if days else f"{hours}h {minutes % 60}m" if hours else f"{minutes}m"
