"""Text for people at a terminal: at most 80 columns where words allow it, no colour, hostile names made visible."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from shared.domain.answer import Answer, AnswerKind
from shared.domain.finding import NotEvaluated
from shared.domain.forwarding import AZURE_DNS
from shared.domain.reading import Unread, UnreadReason
from shared.reporting.text import plain

WIDTH: Final = 80
_LONGEST: Final = 2048
_ALIAS: Final = " is an alias for "


def wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """The text in lines that begin with ``first`` and then with ``rest`` (as wide as ``first`` without it).

    Only what has no space in it is wider than the page, so that an id can be copied.
    """
    indent = " " * len(first) if rest is None else rest
    return textwrap.wrap(
        plain(text, _LONGEST),
        WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def chain_lines(host: str, answer: Answer) -> list[str]:
    """The walk along the names as ``host`` prints it; for an unknown answer as far as it is known."""
    lines = [plain(line, _LONGEST) for line in answer.chain]
    if answer.kind is AnswerKind.UNKNOWN:
        lines.append(f"{plain(_names(host, answer)[-1], _LONGEST)} has an address that is not known")
    return lines


def nslookup_lines(host: str, answer: Answer) -> list[str]:
    """The same as ``nslookup`` prints it with Azure-provided DNS. A public address is not known to kvguard."""
    names = [plain(name, _LONGEST) for name in _names(host, answer)]
    head = ["Server:    UnKnown", f"Address:   {AZURE_DNS}", ""]
    if answer.kind is AnswerKind.NXDOMAIN:
        return [*head, f"*** UnKnown can't find {names[0]}: Non-existent domain"]
    shown = {AnswerKind.PUBLIC: "(a public address)", AnswerKind.UNKNOWN: "(not known)"}
    address = shown.get(answer.kind, ", ".join(answer.addresses))
    aliases = [f"Aliases:   {names[0]}", *(f"           {name}" for name in names[1:-1])] if len(names) > 1 else []
    return [*head, "Non-authoritative answer:", f"Name:      {names[-1]}", f"Address:   {address}", *aliases]


def not_known_lines(entries: Iterable[NotEvaluated]) -> Iterator[str]:
    """For each reason the rules that are not evaluated for want of it; a missing right by its name."""
    reasons = sorted({(_reason(entry.unread), entry.rule) for entry in entries})
    for reason, rules in groupby(reasons, key=lambda pair: pair[0]):
        yield from wrapped(f"{', '.join(rule for _, rule in rules)} not known because {reason}", "  - ")


def _reason(unread: Unread) -> str:
    if unread.reason is UnreadReason.FORBIDDEN:
        return f"a right is missing: {unread.detail}"
    if unread.reason is UnreadReason.DEFERRED:
        return f"this question does not read them (an audit does): {unread.detail}"
    return str(unread)


def _names(host: str, answer: Answer) -> list[str]:
    """The host name and each name that it leads to."""
    targets = (line.split(_ALIAS, 1)[1].rstrip(".") for line in answer.chain if _ALIAS in line)
    return [host, *targets]
