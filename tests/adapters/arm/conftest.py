"""The reader against a local Azure over TLS, with a clock that moves by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.azure import LocalAzure
from shared.adapters.arm_client import ArmClient
from tests.adapters.arm.bench import READER, Bench, HandClock
from tests.emulator.arm.estate import Estate


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path / "azure", scale=0) as local, local.requests_ca():
        yield local


@pytest.fixture
def estate(azure: LocalAzure) -> Estate:
    return Estate(azure)


@pytest.fixture
def bench(azure: LocalAzure) -> Bench:
    return Bench(azure)


@pytest.fixture
def client(azure: LocalAzure) -> ArmClient:
    return ArmClient(Bench.cloud_of(azure), azure.credential(READER), HandClock(), sleep=lambda _: None)


@pytest.fixture
def naps(azure: LocalAzure) -> Callable[[], tuple[ArmClient, list[float]]]:
    """A client together with the list of its pauses, none of which takes time."""

    def make() -> tuple[ArmClient, list[float]]:
        taken: list[float] = []
        return ArmClient(Bench.cloud_of(azure), azure.credential(READER), HandClock(), sleep=taken.append), taken

    return make
