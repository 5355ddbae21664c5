"""The story comes true whatever Azure does where its behaviour is not established: each switch alone, and mixtures."""

from __future__ import annotations

import random
from typing import Any, Final

import pytest

from emulator.arm.switches import Switches
from tests.simulation.theatre import play
from tests.simulation.world import World

# What an open-ended switch is set to, in seconds, rows or names; the rest take each of their choices.
_VALUES: Final[dict[str, list[Any]]] = {
    "page_size": [1],
    "record_page_size": [1],
    "operation_seconds_factor": [3.0],
    "vault_member_name": ["vault"],
}
_LAG_SECONDS: Final = 15.0
# Which cloud this is, and not how it behaves: the app is told so by its settings.
_NO_BEHAVIOUR: Final = {"key_vault_dns_suffix"}
_MIXTURES: Final = 20


def _others(listed: dict[str, Any]) -> list[Any]:
    """The values of a switch besides its default."""
    if listed["name"].endswith("_lag"):
        return [_LAG_SECONDS]
    values = listed["choices"] if listed["choices"] is not None else _VALUES[listed["name"]]
    return [value for value in values if value != listed["default"]]


_ALL: Final = {entry["name"]: _others(entry) for entry in Switches().listing() if entry["name"] not in _NO_BEHAVIOUR}
_SINGLE: Final = [(name, value) for name, values in _ALL.items() for value in values]


def _mixture(seed: int) -> dict[str, Any]:
    """Half of all switches, each at one of its other values."""
    chance = random.Random(seed)
    return {name: chance.choice(values) for name, values in _ALL.items() if chance.random() < 0.5}


def _play(seed: int, switches: dict[str, Any], *, observe: bool) -> list[str]:
    def prepare(world: World) -> None:
        for name, value in switches.items():
            world.arm.world.switches.set(name, value)

    return play(seed, prepare, observe=observe)


def test_no_switch_is_left_out() -> None:
    assert {name for name, values in _ALL.items() if not values} == set()


@pytest.mark.parametrize(("name", "value"), _SINGLE, ids=lambda item: str(item))
def test_the_story_under_one_switch(name: str, value: Any) -> None:
    assert _play(1, {name: value}, observe=False) == []


@pytest.mark.parametrize("seed", range(_MIXTURES))
def test_the_story_under_a_mixture_of_switches(seed: int) -> None:
    switches = _mixture(seed)
    assert _play(seed, switches, observe=True) == [], switches
