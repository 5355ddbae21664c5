"""A requests transport for azure-core whose calls end in time, whatever the server does.

The timeouts of sockets are per read: a server that sends one byte now and then keeps a call for ever, in the TLS
handshake, the headers or the body. Each call here has a limit; when it is over, the connection is shut under the call,
which then fails like any lost connection.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.poolmanager import PoolManager
from urllib3.util.retry import Retry

_MOST_CONNECTIONS: Final = 16
_thread = threading.local()


class TimeLimit:
    """The limit of the call that this thread makes inside the ``with`` block; ``seconds`` from entering it."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(max(0.0, seconds), self._expire)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._wires: list[socket.socket] = []
        self._outer: TimeLimit | None = None
        self._over = False
        self.expired = False

    @staticmethod
    def at_most(seconds: float) -> AbstractContextManager[object]:
        """A limit of that many seconds, or the one that this thread is under already."""
        return contextlib.nullcontext() if getattr(_thread, "limit", None) is not None else TimeLimit(seconds)

    def __enter__(self) -> Self:
        self._outer = getattr(_thread, "limit", None)
        _thread.limit = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _thread.limit = self._outer
        self._outer = None
        self._timer.cancel()
        with self._lock:
            self._over = True
            for wire in self._wires:
                wire.close()
            self._wires.clear()

    def watch(self, descriptor: int) -> None:
        """Shut this connection when the limit is over. A duplicate is kept: the call may close its own at any time."""
        if descriptor < 0:
            return
        with self._lock:
            if not self._over:
                wire = socket.socket(fileno=os.dup(descriptor))
                self._wires.append(wire)
                if self.expired:
                    _shut(wire)

    def _expire(self) -> None:
        with self._lock:
            if not self._over:
                self.expired = True
                for wire in self._wires:
                    _shut(wire)


def _shut(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _watch(connection: socket.socket | None) -> None:
    limit: TimeLimit | None = getattr(_thread, "limit", None)
    if limit is not None and connection is not None:
        limit.watch(connection.fileno())


class _Guarded(HTTPConnection):
    """A connection that the limit of the calling thread can shut: from the handshake on, and when it is used again."""

    def _new_conn(self) -> socket.socket:
        limit: TimeLimit | None = getattr(_thread, "limit", None)
        if limit is not None and limit.expired:
            raise NewConnectionError(self, "the time of this call is over")
        connection = super()._new_conn()
        _watch(connection)
        return connection

    def request(self, *args: Any, **kwargs: Any) -> None:
        _watch(self.sock)
        super().request(*args, **kwargs)


class _PlainConnection(_Guarded):
    pass


class _Connection(_Guarded, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    """Only connections that can be shut, with a proxy too. Which schemes there are, the session's mounts say."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool, "http": _PlainPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"https": _Pool, "http": _PlainPool}
        return manager


def guarded_transport(*, plain: bool = False, **timeouts: float) -> RequestsTransport:
    """A transport with one connection pool, without redirects and without retries.

    Plain http is only spoken with ``plain``. ``timeouts`` are azure-core's ``connection_timeout`` and ``read_timeout``.
    """
    session = requests.Session()
    session.adapters.clear()
    retries = Retry(total=False, redirect=False, raise_on_status=False)
    for scheme in ("https://", "http://") if plain else ("https://",):
        session.mount(scheme, _Adapter(pool_maxsize=_MOST_CONNECTIONS, max_retries=retries))
    return RequestsTransport(session=session, session_owner=False, connection_data_block_size=65536, **timeouts)
