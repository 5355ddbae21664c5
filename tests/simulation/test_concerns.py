"""Each kind of event is followed by a look at the vaults that it concerns, and one that is lost is named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

import pytest

from shared.domain.grades import Writer
from shared.domain.message import Hint
from shared.service.routing import Routed, Router
from tests.simulation.checker import Rule, check
from tests.simulation.collect import course_of
from tests.simulation.estate import (
    LOCATION,
    Estate,
    Hub,
    endpoint,
    endpoint_body,
    hub_network,
    link,
    link_body,
    network,
    peering,
    policy_for,
    record,
    vault,
)
from tests.simulation.wire import Caller
from tests.simulation.world import World

HUBS: Final = (Hub(1, Writer.KVGUARD, (1, 2)), Hub(2, Writer.OTHER, (3,)))
NEAR, FAR = network(1), hub_network(HUBS[0])
TAGS: Final = {"tags": {"touched": "yes"}}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What is lost on purpose is warned about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True, slots=True)
class Change:
    """What a deployment asks for, and the numbers of the vaults that it concerns. ``before`` is done without a trace:
    the world in which the change means something."""

    method: str
    path: str
    body: Any
    vaults: tuple[int, ...]
    before: Callable[[Estate], object] = lambda estate: None


def _without_far_side(estate: Estate) -> None:
    estate.delete(peering(FAR, NEAR)[0])


def _without_link(estate: Estate) -> None:
    estate.delete(link(HUBS[0], 1))


CHANGES: Final = {
    "a vault is touched": Change("PATCH", vault(1), TAGS, (1,)),
    "an endpoint is written": Change("PUT", endpoint(1), {**endpoint_body(1, 1), **TAGS}, (1,)),
    "an endpoint is deleted": Change("DELETE", endpoint(2), None, (2,)),
    "a record is deleted": Change("DELETE", record(HUBS[0], 1), None, (1,)),
    "a link is touched": Change("PATCH", link(HUBS[0], 1), {**link_body(1), **TAGS}, (1, 2, 3)),
    "a link is made": Change("PUT", link(HUBS[0], 1), link_body(1), (1, 2, 3), _without_link),
    "a link is deleted": Change("DELETE", link(HUBS[0], 1), None, (1, 2, 3)),
    "a zone is touched": Change("PATCH", HUBS[0].zone, {"location": "global", **TAGS}, (1, 2, 3)),
    "a network is touched": Change("PATCH", NEAR, TAGS, (1, 2)),
    "a hub's network is touched": Change("PATCH", FAR, TAGS, ()),
    "the near side of a peering is written": Change("PUT", *peering(NEAR, FAR), (1, 2)),
    "the near side of a peering is deleted": Change("DELETE", peering(NEAR, FAR)[0], None, (1, 2)),
    "the far side of a peering is made": Change("PUT", *peering(FAR, NEAR), (1, 2), _without_far_side),
    "the far side of a peering is deleted": Change("DELETE", peering(FAR, NEAR)[0], None, (1, 2, 3)),
    "a group is written": Change("PUT", vault(1).partition("/providers/")[0], {"location": LOCATION, **TAGS}, ()),
}


def played(change: Change) -> World:
    """Everything is looked at once; an hour later the change is made, and its event comes once."""
    world = World(1, policy_for(HUBS), workers_wanted=2, skew=0.0, latency=(0.01, 0.05))
    estate = Estate(world, HUBS)
    estate.base()
    estate.peer()
    for number, spoke in ((1, 1), (2, 1), (3, 2), (4, 3)):
        estate.add(number, spoke)
    change.before(estate)
    with world:
        world.start()
        world.sweep()
        world.settle()
        world.run(3600.0)
        world.grid.copies = (1.0,)
        Caller(world.arm, "deployer").must(change.method, change.path, change.body)
        world.run(120.0)
        world.settle()
    return world


def _dropping(path: str, route: Callable[..., Routed], router: Router, hint: Hint, *rest: Any, **told: Any) -> Routed:
    """A router that forgets hints about one resource."""
    return Routed() if hint.resource.key == path.casefold() else route(router, hint, *rest, **told)


@pytest.mark.parametrize("name", CHANGES)
def test_an_event_is_followed_by_a_look_at_whom_it_concerns_and_its_loss_is_named(name: str) -> None:
    change = CHANGES[name]
    world = played(change)
    fates = [fate for fate in world.grid.fates if fate.caller == "deployer"]
    wanted = {vault(number).casefold() for number in change.vaults}
    assert [fate.resource.casefold() for fate in fates] == [change.path.casefold()]
    assert set(fates[0].vaults) == wanted
    assert check(course_of(world)) == ()

    route = Router.route
    with patch.object(Router, "route", lambda *args, **told: _dropping(change.path, route, *args, **told)):
        lost = check(course_of(played(change)))

    assert {broken.rule for broken in lost} == ({Rule.EVENT_LOST} if wanted else set())
    assert {number for number in range(1, 5) for broken in lost if vault(number).casefold() in broken.what} == {
        *change.vaults
    }
