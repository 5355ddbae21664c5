"""One Azurite per test process; a fresh toy host per test, with queues of its own."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from emulator.azurite import Azurite
from emulator.host import FunctionsHost
from tests.emulator.host.storage import Storage
from tests.emulator.host.toy import TOY, StartHost

_numbers = itertools.count()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


@pytest.fixture
def storage(azurite: Azurite) -> Iterator[Storage]:
    prefix = f"t{next(_numbers)}-{uuid.uuid4().hex[:8]}"
    with Storage(azurite.connection_string, prefix) as opened:
        yield opened


@pytest.fixture
def start_host(storage: Storage) -> Iterator[StartHost]:
    """Start the toy app, or the app in another folder; the rest of the arguments goes to the host."""
    with ExitStack() as stack:

        def start(app: Path = TOY, env: dict[str, str] | None = None, **options: object) -> FunctionsHost:
            settings = {**storage.settings, **(env or {})}
            return stack.enter_context(FunctionsHost(app, settings, **options))  # type: ignore[arg-type]  # Passed on.

        yield start


@pytest.fixture
def host(start_host: StartHost) -> FunctionsHost:
    return start_host()
