"""Storage services that do not answer: silence, a byte now and then, or nobody at the port. Plain http, loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_DRIP = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Range: bytes 0-99999/100000\r\n"
    b"Content-Length: 100000\r\n\r\n"
)


class BlackHole:
    """Accepts connections and never answers; with ``drip`` it answers one byte every ``drip`` seconds, for ever.

    With ``after_head`` the head of the answer comes at once and only its body drips; with ``cut`` the connection is
    closed in the middle of the head.
    """

    def __init__(self, drip: float = 0.0, *, after_head: bool = False, cut: bool = False) -> None:
        self._drip = drip
        self._head = after_head
        self._cut = cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.accepted = 0
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        self._threads.append(accepting)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5.0)

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(wire,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, wire: socket.socket) -> None:
        with wire, suppress(OSError):
            if self._cut:
                wire.settimeout(5.0)
                wire.recv(65536)
                wire.sendall(_DRIP.partition(b"\r\n")[0] + b"\r\n")
                return
            if not self._drip:
                self._stopping.wait()
                return
            wire.settimeout(5.0)
            wire.recv(65536)
            answer = _DRIP + b"x" * 100_000
            if self._head:
                wire.sendall(_DRIP)
                answer = answer[len(_DRIP) :]
            for byte in answer:
                if self._stopping.wait(self._drip):
                    return
                wire.sendall(bytes([byte]))
