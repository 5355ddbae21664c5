"""``kvguard peers``: what each scanner would say about a vault, and why kvguard agrees or differs."""

from __future__ import annotations

import typer

from cli.subject import Format, FormatOption, VaultArgument, answering, gone, open_inquiry
from shared.domain.reading import Gone
from shared.reporting.peers import peers_json, peers_text


def peers(vault: VaultArgument, form: FormatOption = Format.TEXT) -> None:
    """Print what other tools would say about the vault beside what kvguard says, and why they differ.

    The verdicts of the others are kvguard's own reading of their rules; none of them is run. Azure is read with your
    own login; nothing is changed. Exit 0: it is printed; 2: it could not be asked.
    """
    with answering():
        inquiry, wanted = open_inquiry(vault)
        rows = inquiry.peers(wanted)
    if isinstance(rows, Gone):
        gone(wanted)
    typer.echo(peers_json(wanted, rows) if form is Format.JSON else peers_text(wanted, rows))
