"""Deployments that go on for hours over a large estate: mostly noise, and once per vault something that breaks it.

Nothing here looks at what kvguard did: the same seed sends the same requests at the same times into any world.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from shared.domain.grades import Writer
from tests.simulation.estate import (
    LOCATION,
    Broken,
    Estate,
    Hub,
    endpoint,
    endpoint_body,
    group,
    hub_network,
    link,
    link_body,
    network,
    peering,
    record,
    record_body,
    vault,
    vault_body,
)
from tests.simulation.timeline import Timeline
from tests.simulation.wire import Caller

HUBS: Final = (
    Hub(1, Writer.KVGUARD, (1, 2, 3)),
    Hub(2, Writer.KVGUARD, (4, 5, 11)),
    Hub(3, Writer.ZONE_GROUP, (6,)),
    Hub(4, Writer.AZURE_POLICY, (7,)),
    Hub(5, Writer.TERRAFORM, (8,)),
    Hub(6, Writer.OTHER, (9,)),
    Hub(7, None, (10,)),
)
_SPOKES: Final = 10
# A network without a link, with few vaults: what a link would do to all others costs a look at all of them.
_UNLINKED: Final = 11
_IN_IT: Final = (98, 99)
_FROM_THE_START: Final = (
    *[Broken.NOTHING] * 5,
    Broken.NO_RECORD,
    Broken.WRONG_TTL,
    Broken.DEAD_CONNECTION,
    Broken.OPEN,
    Broken.NO_ENDPOINT,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a deployment, ``at`` seconds."""

    at: float
    method: str
    path: str
    body: Any = None


def populate(estate: Estate, vaults: int) -> None:
    """Deploy the estate: every tenth vault is broken in one of five ways, one network is not linked to its zone."""
    estate.base()
    estate.peer()
    spare = next(hub for hub in estate.hubs if _UNLINKED in hub.spokes)
    estate.delete(link(spare, _UNLINKED))
    for number in range(vaults):
        spoke = _UNLINKED if number % 100 in _IN_IT else 1 + number % _SPOKES
        estate.add(number, spoke, _FROM_THE_START[number // _SPOKES % len(_FROM_THE_START)])


def script(estate: Estate, random: Random, vaults: int, events: int, seconds: float) -> list[Step]:
    """Requests that raise about so many events, in the order of their times."""
    steps = [_breaking(estate, random, number, random.uniform(60, seconds * 0.8)) for number in range(vaults)]
    while len(steps) < events:
        steps.append(_noise(estate, random, random.uniform(0, seconds), vaults))
    return sorted(steps, key=lambda step: step.at)


def play(timeline: Timeline, caller: Caller, steps: list[Step]) -> None:
    """Schedule the requests. What Azure refuses is refused: deployments come into each other's way as well."""
    for step in steps:
        timeline.after(step.at, partial(_send, caller, step))


def _send(caller: Caller, step: Step) -> None:
    caller.send(step.method, step.path, step.body)


def _breaking(estate: Estate, random: Random, number: int, at: float) -> Step:
    """What breaks a vault once: each kind needs no knowledge of what was mended meanwhile."""
    hub, found = estate.hub_of(number), estate.record_at(number)
    deployed = found is not None
    # A TTL that is set back within a day is a person's matter, and so is broken once.
    lengthened = found is not None and found.ttl > 600
    match random.randrange(4):
        case 0 if deployed and hub.writer is not Writer.ZONE_GROUP:
            return Step(at, "DELETE", record(hub, number))
        case 1 if deployed and not lengthened and hub.writer is Writer.KVGUARD:
            return Step(at, "PUT", record(hub, number), record_body(estate.address(number), 3600))
        case 2:
            return Step(at, "PUT", vault(number), vault_body(closed=False))
        case _:
            return Step(at, "PATCH", vault(number), {"tags": {"broken": "not"}})


def _noise(estate: Estate, random: Random, at: float, vaults: int) -> Step:
    """A request that changes nothing that counts."""
    number = random.randrange(vaults)
    spoke = estate.home[number]
    mark = {"turn": str(random.randrange(1000))}
    draw = random.random()
    if draw < 0.70:
        return Step(at, "PATCH", vault(number), {"tags": mark})
    if draw < 0.80:
        return Step(at, "PUT", endpoint(number), {**endpoint_body(number, spoke), "tags": mark})
    if draw < 0.90:
        return Step(at, "PUT", group(f"spoke-{spoke}"), {"location": LOCATION, "tags": mark})
    if draw < 0.95:
        return Step(at, "PUT", vault(number), {"location": LOCATION, "properties": {"sku": {}}})
    if draw < 0.985:
        return Step(at, "PUT", f"{vault(number)}/accessPolicies/add", {"properties": {"accessPolicies": []}})
    return _shared_noise(random, at, estate.hub_of(number), spoke, mark)


def _shared_noise(random: Random, at: float, hub: Hub, spoke: int, mark: dict[str, str]) -> Step:
    """A change of what many vaults have in common; a side of a peering may be gone for a while."""
    near, far = network(spoke), hub_network(hub)
    match random.randrange(10):
        case 0 | 1:
            return Step(at, "PATCH", near, {"tags": mark})
        case 2:
            return Step(at, "PATCH", far, {"tags": mark})
        case 3 | 4:
            return Step(at, "PATCH", link(hub, spoke), {**link_body(spoke), "tags": mark})
        case 5:
            return Step(at, "PATCH", hub.zone, {"tags": mark})
        case 6:
            return Step(at, "DELETE", peering(far, near)[0])
        case 7:
            return Step(at, "PUT", *peering(far, near))
        case _:
            return Step(at, "PUT", *peering(near, far))
