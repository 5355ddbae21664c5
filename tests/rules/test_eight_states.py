"""The eight states that tools contradict each other about: public access, firewall and connections judged together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pytest

from shared.domain.grades import Profile
from shared.domain.peers import State
from shared.domain.vault import ConnectionStatus, PerimeterMode
from tests.builders import FORBIDDEN, Given
from tests.rules.given_exposure import LATER, OFF, OFFICE, ON, allow, alone, deny, door

EIGHT: Final[Mapping[State, Given]] = MappingProxyType(
    {
        State.OPEN_WITHOUT_ACL: alone(ON),
        State.EMPTY_RULES: alone(ON, deny()),
        State.ALLOW_LIST: alone(ON, deny(OFFICE)),
        State.USELESS_RULES: alone(ON, allow(OFFICE)),
        State.PRIVATE_WITHOUT_ACL: door(OFF),
        State.PRIVATE_ALLOW: door(OFF, allow()),
        State.OPEN_WITH_ENDPOINT: door(ON, allow()),
        State.ONLY_REJECTED: door(OFF, deny()).connection(status=ConnectionStatus.REJECTED),
    }
)

OURS: Final[Mapping[State, set[str]]] = MappingProxyType(
    {
        State.OPEN_WITHOUT_ACL: {"KVG101", "KVG204"},
        State.EMPTY_RULES: {"KVG102", "KVG108", "KVG204"},
        State.ALLOW_LIST: {"KVG106", "KVG204"},
        State.USELESS_RULES: {"KVG101", "KVG204"},
        State.PRIVATE_WITHOUT_ACL: set(),
        State.PRIVATE_ALLOW: set(),
        State.OPEN_WITH_ENDPOINT: {"KVG101"},
        State.ONLY_REJECTED: {"KVG102", "KVG204"},
    }
)

# For a pipeline of a hosted service the allow-list is right, and a shut door is not.
PIPELINE: Final[Mapping[State, set[str]]] = MappingProxyType(
    {
        State.OPEN_WITHOUT_ACL: {"KVG101"},
        State.EMPTY_RULES: {"KVG102", "KVG106"},
        State.ALLOW_LIST: set(),
        State.USELESS_RULES: {"KVG101"},
        State.PRIVATE_WITHOUT_ACL: {"KVG106"},
        State.PRIVATE_ALLOW: {"KVG106"},
        State.OPEN_WITH_ENDPOINT: {"KVG101"},
        State.ONLY_REJECTED: {"KVG102", "KVG106"},
    }
)


def _exposure(given: Given) -> set[str]:
    """The rules about exposure, and whether a private way in is missing, that find something."""
    return {f.rule for f in given.assess().findings if f.rule.startswith("KVG1") or f.rule == "KVG204"}


def _open(given: Given) -> set[str]:
    """The rules about exposure that could not be judged."""
    return {missing.rule for missing in given.assess().not_evaluated if missing.rule.startswith("KVG1")}


def test_every_state_is_there() -> None:
    assert set(EIGHT) == set(OURS) == set(PIPELINE) == set(State)


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
def test_a_private_vault(state: State) -> None:
    assert _exposure(EIGHT[state]) == OURS[state]
    assert _open(EIGHT[state]) == set()


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
def test_a_pipelines_vault(state: State) -> None:
    assert _exposure(EIGHT[state].profile(Profile.SAAS_PIPELINE)) == PIPELINE[state]


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
def test_under_an_enforced_perimeter_only_the_private_way_is_judged(state: State) -> None:
    found = _exposure(EIGHT[state].vault(perimeters=(PerimeterMode.ENFORCED,)))
    assert found - {"KVG103"} == OURS[state] & {"KVG204"}
    assert ("KVG103" in found) is (state in (State.ALLOW_LIST, State.USELESS_RULES))


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.value)
@pytest.mark.parametrize("perimeters", [LATER, FORBIDDEN], ids=["deferred", "forbidden"])
def test_without_the_perimeter_nothing_that_it_decides_is_claimed(state: State, perimeters: object) -> None:
    given = EIGHT[state].vault(perimeters=perimeters)
    assert _exposure(given) - {"KVG107"} == OURS[state] & {"KVG204"}
    assert _open(given) >= OURS[state] - {"KVG204"}


@pytest.mark.parametrize("state", [State.PRIVATE_WITHOUT_ACL, State.PRIVATE_ALLOW])
def test_at_events_a_private_vault_does_not_ask_for_the_perimeter(state: State) -> None:
    assert _open(EIGHT[state].vault(perimeters=LATER)) == {"KVG107"}
