"""``kvguard explain``: would this caller get into the vault, and if not, what is the smallest change."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.subject import Format, FormatOption, VaultArgument, answering, gone, open_inquiry
from shared.domain.access import Verdict
from shared.domain.reading import Gone
from shared.reporting.access import explanation_json, explanation_text
from shared.service.question import caller_of

_EXIT = {Verdict.PASS: 0, Verdict.FAIL: 1}


def explain(
    vault: VaultArgument,
    source: Annotated[
        str, typer.Option("--from", metavar="WHERE", help="internet, network, service, portal or cloud-shell.")
    ] = "",
    address: Annotated[str, typer.Option(metavar="IPV4", help="The caller's address.")] = "",
    network: Annotated[str, typer.Option(metavar="ID", help="The virtual network that the caller is in.")] = "",
    subnet: Annotated[str, typer.Option(metavar="ID", help="Its subnet: id, or name beside --network.")] = "",
    service: Annotated[str, typer.Option(metavar="NAME", help="The Azure service that calls by itself.")] = "",
    principal: Annotated[str, typer.Option(metavar="GUID", help="Object id of who signs in.")] = "",
    operation: Annotated[str, typer.Option(metavar="OPERATION", help="What is done, such as secrets/get.")] = "",
    form: FormatOption = Format.TEXT,
) -> None:
    """Print every gate between a caller and the vault with verdict and reason, and what would admit it.

    Azure is read with your own login; nothing is changed. Exit 0: it gets in; 1: it is kept out; 2: that is
    not known, or could not be asked.
    """
    given = {"from": source, "address": address, "network": network, "subnet": subnet, "service": service}
    with answering():
        caller = caller_of({**given, "principal": principal, "operation": operation})
        inquiry, wanted = open_inquiry(vault)
        found = inquiry.explain(wanted, caller)
    if isinstance(found, Gone):
        gone(wanted)
    typer.echo(explanation_json(found) if form is Format.JSON else explanation_text(found))
    raise typer.Exit(_EXIT.get(found.explanation.verdict, 2))
