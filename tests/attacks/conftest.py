"""A local Azure whose answers a test can twist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.azure import LocalAzure


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path / "azure", scale=0) as local, local.requests_ca():
        yield local
