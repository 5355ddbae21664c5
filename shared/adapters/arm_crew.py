"""The threads that read side by side, and how long an invocation waits for them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, Generic, TypeVar

from shared.domain.reading import Unread, UnreadReason
from shared.service.ports import Deadline

T = TypeVar("T")
_GRACE_SECONDS: Final = 0.25


class Started(Generic[T]):
    """A read that has been started."""

    def __init__(self, future: Future[T], deadline: Deadline) -> None:
        self._future = future
        self._deadline = deadline

    def result(self) -> T | Unread:
        """What was read, Unread when the deadline came first: other invocations may hold all the threads."""
        try:
            return self._future.result(timeout=max(0.0, self._deadline.remaining() + _GRACE_SECONDS))
        except FutureTimeoutError:
            self._future.cancel()
            return Unread(UnreadReason.UNAVAILABLE, "no time left")


class Crew:
    """The threads of the process, on behalf of one invocation. What is started must not wait for what is started."""

    def __init__(self, pool: Executor, deadline: Deadline) -> None:
        self._pool = pool
        self._deadline = deadline

    def start(self, read: Callable[[], T]) -> Started[T]:
        """Start a read that raises nothing."""
        return Started(self._pool.submit(read), self._deadline)
