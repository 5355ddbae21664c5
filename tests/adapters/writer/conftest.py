"""A local Azure with one vault, reached by an ArmWriter over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.errors import ArmError
from emulator.arm.log import LogEntry
from emulator.azure import LocalAzure
from shared.adapters.arm_writer import ArmWriter
from shared.adapters.clock import SystemClock
from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.clouds import Cloud
from shared.domain.plan import Outcome
from tests.emulator.arm.estate import Estate

CHANGE_ID = "c0ffee00c0ffee00c0ffee00c0ffee00"
GUARD = "guard"


@dataclass(frozen=True)
class Bench:
    """A writer and the Azure it writes to; ``azure.log`` tells what it asked for."""

    azure: LocalAzure
    estate: Estate
    writer: ArmWriter

    def apply(self, change: Change, *, change_id: str = CHANGE_ID, seconds: float = 10.0) -> Outcome:
        return self.writer.apply(change, change_id, deadline=SystemClock().deadline(seconds))

    def get(self, resource: str | ArmId) -> dict[str, Any]:
        """What Azure holds now."""
        body: dict[str, Any] = self.azure.seed("GET", str(resource)).body
        return body

    def gone(self, resource: str | ArmId) -> bool:
        """Whether Azure knows no such resource now."""
        try:
            self.get(resource)
        except ArmError as error:
            return error.status == 404
        return False

    @property
    def writes(self) -> list[LogEntry]:
        return self.azure.log.writes(GUARD)

    @property
    def reads(self) -> list[LogEntry]:
        entries = self.azure.log.since()
        return [entry for entry in entries if entry.caller and entry.caller.name == GUARD and not entry.is_write]


def cloud_at(url: str) -> Cloud:
    """The public cloud with its Resource Manager at ``url``."""
    return Cloud(
        name="custom",
        arm_endpoint=url,
        arm_scope=f"{url}/.default",
        authority="127.0.0.1",
        vault_suffix="vault.azure.net",
        private_zone="privatelink.vaultcore.azure.net",
    )


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path / "azure", scale=0) as local, local.requests_ca():
        yield local


@pytest.fixture
def estate(azure: LocalAzure) -> Estate:
    return Estate(azure)


@pytest.fixture
def bench(azure: LocalAzure, estate: Estate) -> Bench:
    writer = ArmWriter(azure.credential(GUARD), cloud_at(azure.url), SystemClock())
    return Bench(azure, estate, writer)
