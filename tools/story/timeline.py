"""The live timeline: who did what, when, to which resource, and why. Colours on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from tools.story.page import Line, PagePart

_ACTOR: Final = 18
_INDENT: Final = Text(" " * (10 + _ACTOR + 1))
_STYLES: Final = {"kvguard": "bold green", "Event Grid": "dim cyan", "host": "magenta", "Azure": "cyan"}
_PLAIN_WIDTH: Final = 120


class Timeline:
    """Prints the story. Times are seconds since the timeline was made."""

    def __init__(self, output: TextIO | None = None) -> None:
        target = output or sys.stdout
        on_terminal = target.isatty()
        self._console = Console(
            file=target,
            highlight=False,
            force_terminal=on_terminal,
            no_color=not on_terminal,
            width=None if on_terminal else _PLAIN_WIDTH,
            emoji=False,
        )
        self._start = datetime.now(UTC)
        self.parts = [PagePart("The beginning")]

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return (datetime.now(UTC) - self._start).total_seconds()

    @property
    def now(self) -> datetime:
        """The current time, UTC."""
        return datetime.now(UTC)

    def heading(self, text: str, below: str = "") -> None:
        """The beginning of an act or a part."""
        self.parts.append(PagePart(text, below))
        self._console.print()
        self._console.print(Text(f"== {text}", style="bold"))
        if below:
            self._block(below, Text("   "), "italic")

    def say(self, text: str, style: str = "") -> None:
        """A line outside the story."""
        self._note(Line("said", text))
        self._console.print(Text(text, style=style))

    def event(self, at: datetime, actor: str, what: str, why: str = "") -> None:
        """Something that happened."""
        seconds = (at - self._start).total_seconds()
        self._note(Line("event", what, why, actor, seconds))
        margin = Text(f"+{seconds:6.1f} s ")
        margin.append(f"{actor:<{_ACTOR}} ", style=_STYLES.get(actor, "bold yellow"))
        self._block(what, margin, "dim" if actor == "Event Grid" else "")
        if why:
            self._block(f"why: {why}", _INDENT, "dim")

    def verdict(self, ok: bool, text: str, seen: str = "") -> None:
        """Whether an expectation is met; what was seen is shown where it is not."""
        self._note(Line("verdict", text, "" if ok else seen, ok=ok))
        margin = Text("   ")
        margin.append("confirmed  " if ok else "FAILED     ", style="bold green" if ok else "bold red")
        self._block(text, margin, "")
        if not ok:
            self._block(f"seen: {seen}", Text(" " * len(margin)), "red")

    def _note(self, line: Line) -> None:
        """Keep a line for the page."""
        self.parts[-1].lines.append(line)

    def _block(self, text: str, margin: Text, style: str) -> None:
        """Lines that hang below each other, to the right of a margin."""
        width = max(40, self._console.width - len(margin))
        for paragraph in text.splitlines() or [""]:
            for line in Text(paragraph, style=style).wrap(self._console, width):
                line.rstrip()
                self._console.print(margin + line)
                margin = Text(" " * len(margin))
