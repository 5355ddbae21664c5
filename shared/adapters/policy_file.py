"""Where the policy comes from: a file of the app, or a blob of the app's own account, behind the port ``PolicySource``.

A policy is used as a whole or not at all: whatever is wrong with it, what comes out says so in ``unusable``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from shared.adapters.blobs import BlobStore, BlobTooLarge
from shared.adapters.policy_document import read_document, stated
from shared.adapters.policy_meaning import meaning
from shared.adapters.policy_yaml import MOST_BYTES, UnreadableYaml, read_yaml
from shared.domain.clouds import Cloud
from shared.domain.policy import Policy
from shared.domain.rule import Rule
from shared.service.ports import Clock, LedgerUnavailable

LOOK_AGAIN: Final = timedelta(seconds=30)
_MOST_PROBLEMS: Final = 20
_ROOT: Final = Path(__file__).resolve().parents[2]


class PolicyUnreadable(Exception):
    """The policy's text could not be had; it says why."""


@dataclass(frozen=True, slots=True)
class PolicyReader:
    """Turns the text of a policy into what it means where kvguard runs: its cloud, its subscriptions, its rules."""

    cloud: Cloud
    subscriptions: frozenset[str]
    rules: tuple[Rule, ...]

    def read(self, data: bytes, now: datetime, problems: list[str]) -> Policy:
        """The policy; every error is added to ``problems`` as "place: what is wrong", and then it does not count."""
        nothing = Policy(watched_subscriptions=self.subscriptions)
        try:
            value = read_yaml(data)
        except UnreadableYaml as error:
            problems.append(str(error))
            return nothing
        document = read_document(value, problems)
        if document is None:
            return nothing
        ceilings = {rule.id: rule.ceiling for rule in self.rules}
        policy = meaning(document, ceilings, self.cloud, self.subscriptions, problems, now)
        return replace(policy, stated=stated(value))


@dataclass(frozen=True, slots=True)
class _Source:
    """A text with what tells it from its next edition."""

    data: bytes
    edition: str


class PolicyFile:
    """The policy of one place, read again at most every 30 s and parsed again when it changed. Thread-safe.

    ``place`` is a path (relative ones lie in the app's root), or the URL of a blob of the account behind ``blobs``;
    empty means the default policy, the cautious one.
    """

    def __init__(
        self,
        place: str,
        cloud: Cloud,
        subscriptions: Iterable[str],
        rules: Iterable[Rule],
        blobs: BlobStore,
        clock: Clock,
    ) -> None:
        self._place = place.strip()
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)
        self._reader = PolicyReader(cloud, self._subscriptions, tuple(rules))
        self._blobs = blobs
        self._clock = clock
        self._lock = threading.Lock()
        self._edition = ""
        self._looked: datetime | None = None
        self._policy = Policy(watched_subscriptions=self._subscriptions)

    def policy(self) -> Policy:
        """The current policy; an unusable one says why in ``unusable``. Never raises."""
        if not self._place:
            return self._policy
        with self._lock:
            now = self._clock.now()
            if self._looked is None or now - self._looked >= LOOK_AGAIN:
                self._looked = now
                self._look()
            return self._policy

    def _look(self) -> None:
        try:
            source = self._blob() if urlsplit(self._place).scheme in ("http", "https") else self._file()
        except PolicyUnreadable as error:
            self._edition = ""
            self._policy = self._unusable([str(error)])
            return
        if source.edition == self._edition:
            return
        self._edition = source.edition
        self._policy = self._parsed(source.data)

    def _parsed(self, data: bytes) -> Policy:
        problems: list[str] = []
        policy = self._reader.read(data, self._clock.now(), problems)
        if problems:
            # Judged anew next time: an expiry that is too far ahead today is not so for ever.
            self._edition = ""
            return self._unusable(problems)
        return policy

    def _unusable(self, problems: list[str]) -> Policy:
        shown = problems[:_MOST_PROBLEMS]
        more = len(problems) - len(shown)
        text = "; ".join([*shown, *([f"and {more} more"] if more else [])])
        return Policy(unusable=text, watched_subscriptions=self._subscriptions)

    def _file(self) -> _Source:
        path = _ROOT / self._place
        try:
            state = path.stat()
            edition = f"{state.st_mtime_ns}-{state.st_size}-{state.st_ino}"
            with path.open("rb") as file:
                return _Source(file.read(MOST_BYTES + 1), edition)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a path"
            raise PolicyUnreadable(f"the file {path.name} could not be read: {reason}") from error

    def _blob(self) -> _Source:
        try:
            container, name = self._blob_name()
            found = self._blobs.read(container, name, limit=MOST_BYTES)
        except BlobTooLarge as error:
            raise PolicyUnreadable(str(error)) from error
        except LedgerUnavailable as error:
            raise PolicyUnreadable(str(error)) from error
        if found is None:
            raise PolicyUnreadable(f"there is no blob {container}/{name}")
        return _Source(found.data, found.etag)

    def _blob_name(self) -> tuple[str, str]:
        own = self._blobs.endpoint + "/"
        if not self._place.lower().startswith(own.lower()):
            raise PolicyUnreadable("a policy in a blob must lie in the app's own storage account")
        container, _, name = unquote(urlsplit(self._place[len(own) :]).path).partition("/")
        if not container or not name:
            raise PolicyUnreadable("the URL of the policy names no blob: container and name are needed")
        return container, name
