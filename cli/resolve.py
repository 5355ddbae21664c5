"""``kvguard resolve``: what the vault's name resolves to in its networks, why, and what would be right."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.subject import Format, FormatOption, VaultArgument, answering, gone, open_inquiry
from shared.domain.reading import Gone
from shared.reporting.resolution import resolution_json, resolution_text
from shared.service.question import networks_of


def resolve(
    vault: VaultArgument,
    network: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this virtual network; may be repeated.")
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Print the answer in each network of an endpoint or a link, the chain that leads there and the right answer.

    Azure is read with your own login; nothing is changed. Exit 0: every answer is as it should be; 1: one is not;
    2: one is not known, or it could not be asked.
    """
    with answering():
        networks = networks_of({"network": network or []})
        inquiry, wanted = open_inquiry(vault)
        found = inquiry.resolve(wanted, networks)
    if isinstance(found, Gone):
        gone(wanted)
    typer.echo(resolution_json(found) if form is Format.JSON else resolution_text(found))
    verdicts = {entry.agrees for entry in found.resolutions}
    raise typer.Exit(1 if False in verdicts else 2 if None in verdicts else 0)
