"""What a vault's name resolves to in its networks, as JSON and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from shared.domain.access import Resolution, Resolved
from shared.domain.reading import Unread
from shared.reporting.access import answer_object, not_known_object
from shared.reporting.findings import SENTENCE, Object, id_text
from shared.reporting.lines import chain_lines, not_known_lines, nslookup_lines, wrapped
from shared.reporting.text import plain, rfc3339

RESOLUTION_VERSION: Final = 1


def resolution_json(found: Resolved) -> str:
    """Everything as one JSON object; ``docs/schemas/resolution.v1.json`` describes it."""
    body = {
        "version": RESOLUTION_VERSION,
        "vault": id_text(found.vault),
        "read_at": rfc3339(found.read_at),
        "networks": [_resolution(entry) for entry in found.resolutions],
        "left_out": [id_text(network) for network in found.left_out],
        "not_known": [not_known_object(entry) for entry in found.not_known],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def resolution_text(found: Resolved) -> str:
    """The answers for a person at a terminal."""
    return "\n".join(_lines(found))


def _resolution(entry: Resolution) -> Object:
    asked, right = entry.asked, entry.right
    return {
        "network": id_text(entry.network),
        "answer": answer_object(entry.host, entry.answer),
        "resolving_networks": None if isinstance(asked, Unread) else [id_text(network) for network in asked],
        "right": None if isinstance(right, Unread) else list(right),
        "agrees": entry.agrees,
        "why": plain(entry.why, SENTENCE),
    }


def _lines(found: Resolved) -> Iterator[str]:
    yield from wrapped(f"What vault {found.vault.name} resolves to, read {rfc3339(found.read_at)}")
    if not found.resolutions:
        yield from ("", "No network has an endpoint of the vault or a link to its zone: name one with --network.")
    for entry in found.resolutions:
        yield from ("", *_network_lines(entry))
    if found.left_out:
        names = ", ".join(network.name for network in found.left_out)
        yield from ("", *wrapped(f"Not looked at, name them with --network: {names}"))
    if found.not_known:
        yield from ("", "Rules of this vault that are not evaluated:")
        yield from not_known_lines(found.not_known)


def _network_lines(entry: Resolution) -> Iterator[str]:
    verdict = {True: "as it should be", False: "NOT as it should be", None: "not known"}[entry.agrees]
    yield from wrapped(f"In network {entry.network.name}: {entry.answer.summary}, {verdict}")
    yield from wrapped(entry.answer.reason, "  because ")
    asked, right = entry.asked, entry.right
    if isinstance(asked, Unread):
        yield from wrapped(f"which DNS is asked is not known ({asked})", "  ")
    else:
        yield from wrapped(f"DNS is answered in {', '.join(network.name for network in asked)}", "  ")
    wanted = "not known" if isinstance(right, Unread) else " or ".join(right) or "no private address"
    yield from wrapped(f"right is {wanted}: {entry.why}", "  ")
    yield "  As host prints it:"
    yield from (f"    {line}" for line in chain_lines(entry.host, entry.answer))
    yield "  As nslookup prints it:"
    yield from (f"    {line}".rstrip() for line in nslookup_lines(entry.host, entry.answer))
