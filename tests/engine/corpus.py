"""One corpus of estates for the property tests and the mutation tests: the same in every run."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings

from tests.engine.properties import VaultCase
from tests.estate_strategies import estates
from tests.estates import EstateCase
from tests.focused_estates import ALPHA, every_focused_estate

ESTATES: Final = 600


@lru_cache(maxsize=1)
def generated() -> tuple[VaultCase, ...]:
    """Every vault of every generated estate."""
    found: list[EstateCase] = []

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=ESTATES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(estates())
    def collect(estate: EstateCase) -> None:
        found.append(estate)

    collect()
    return tuple(VaultCase(estate, vault) for estate in found for vault in estate.vaults)


@lru_cache(maxsize=1)
def focused() -> tuple[VaultCase, ...]:
    """The vault to be repaired of every focused estate."""
    return tuple(VaultCase(estate, ALPHA) for estate in every_focused_estate())
