"""The real app under Azure's worker library, with a local Azure and Azurite around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.installation import Installation, install
from tests.functions.worker.harness import Status, WorkerHarness

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with install(tmp_path_factory.mktemp("installation")) as installed:
        yield installed


@pytest.fixture(scope="module")
def app(installation: Installation) -> Iterator[WorkerHarness]:
    with WorkerHarness(ROOT, installation.settings()) as harness:
        answer = harness.init()
        assert answer.status is Status.SUCCESS, answer
        for function in harness.metadata():
            assert harness.load(function.name).status is Status.SUCCESS
        yield harness
