"""A local Azure per test: one whose operations take no time, and one whose time stands still."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.arm.clock import Clock, ManualTime
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient, Sdk
from tests.emulator.arm.estate import Estate


@dataclass(frozen=True)
class HeldAzure:
    """A local Azure whose clock moves only by `time.advance`, one second of Azure being one second of it."""

    azure: LocalAzure
    time: ManualTime
    arm: ArmClient
    estate: Estate


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path / "azure", scale=0) as local:
        yield local


@pytest.fixture
def arm(azure: LocalAzure) -> ArmClient:
    return ArmClient(azure)


@pytest.fixture
def estate(azure: LocalAzure) -> Estate:
    return Estate(azure)


@pytest.fixture
def sdk(azure: LocalAzure) -> Iterator[Sdk]:
    with azure.requests_ca():
        yield Sdk.of(azure)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[HeldAzure]:
    time = ManualTime()
    with LocalAzure(tmp_path / "held", clock=Clock(1.0, time)) as local:
        yield HeldAzure(local, time, ArmClient(local), Estate(local))
