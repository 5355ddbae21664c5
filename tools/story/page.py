"""The timeline as one web page: no script, nothing from outside, and names from Azure inert."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Line:
    """One line of a part: something that happened, whether an expectation is met, or plain text."""

    kind: Literal["event", "verdict", "said"]
    text: str
    why: str = ""
    actor: str = ""
    seconds: float = 0.0
    ok: bool = True


@dataclass
class PagePart:
    """An act, or what stands around the acts."""

    title: str
    below: str = ""
    lines: list[Line] = field(default_factory=list)


def render(title: str, parts: Sequence[PagePart]) -> str:
    """The page as HTML. Parts without lines are left out."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.jinja").render(title=title, parts=[part for part in parts if part.lines])


class PageServer:
    """Serves one page on the loopback while the program stays up; a context manager."""

    def __init__(self, html: str) -> None:
        body = html.encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path == "/"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8" if found else "text/plain")
                answer = body if found else b"There is one page here: /"
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Content-Security-Policy", _POLICY)
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Keep the terminal for the story."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
