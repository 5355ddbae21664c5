"""An endpoint that answers as told and remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Received:
    """One request: when (monotonic seconds), with lower-cased header names, and its body decoded from
    JSON."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What to answer. `after` seconds of silence first; `None` for `status` closes the connection without a
    word."""

    status: int | None = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    after: float = 0.0


class Endpoint:
    """A server on a free loopback port; a context manager. `answer` gets each request and says what to
    reply."""

    def __init__(self, answer: Callable[[Received], Reply] | None = None) -> None:
        self.received: list[Received] = []
        self.answer = answer or (lambda _: Reply())
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint._handle(self)

            def do_OPTIONS(self) -> None:
                endpoint._handle(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  The base class's name.
                """Silence: the requests are in `received`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook?code=key"

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        raw = handler.rfile.read(length)
        request = Received(
            at=time.monotonic(),
            method=handler.command,
            path=handler.path,
            headers={name.lower(): value for name, value in handler.headers.items()},
            body=json.loads(raw) if raw else None,
        )
        with self._lock:
            self.received.append(request)
        reply = self.answer(request)
        time.sleep(reply.after)
        if reply.status is None:
            handler.close_connection = True
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body.encode())))
        handler.end_headers()
        handler.wfile.write(reply.body.encode())

    def __enter__(self) -> Endpoint:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def eventually(look: Callable[[], _T], seconds: float = 60.0) -> _T:
    """What `look` sees as soon as it sees something; the last sight after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen


def replies(*statuses: int | None) -> Callable[[Received], Reply]:
    """Answer with these in turn, and with the last one from then on."""
    left = list(statuses)
    lock = threading.Lock()

    def answer(_: Received) -> Reply:
        with lock:
            return Reply(left.pop(0) if len(left) > 1 else left[0])

    return answer
