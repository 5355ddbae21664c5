"""A TLS server on the loopback whose every byte a test decides: for silence, drips and broken answers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

Script = Callable[[socket.socket], None]


class RawServer:
    """Reads each request's head and gives the connection to ``script``. ``requests`` are the heads that came."""

    def __init__(self, directory: Path, script: Script, *, handshake: bool = True) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / "server.pem", directory / "server.key")
        self._script = script
        self._handshake = handshake
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._wires: list[socket.socket] = []
        self.requests: list[str] = []
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def stopping(self) -> threading.Event:
        """Set when the test is over; scripts that wait, wait for it."""
        return self._stopping

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
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()
        for thread in self._threads:
            thread.join(5.0)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._wires.append(plain.dup())
            thread = threading.Thread(target=self._serve, args=(plain,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError, ssl.SSLError):
            plain.settimeout(5.0)
            if not self._handshake:
                self._stopping.wait(5.0)
                return
            with self._context.wrap_socket(plain, server_side=True) as connection:
                while head := _head(connection):
                    self.requests.append(head)
                    self._script(connection)


def _head(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(4096)
        if not chunk:
            return ""
        received += chunk
    return received.decode("latin-1")


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A complete HTTP answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
