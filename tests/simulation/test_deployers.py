"""Nobody's deployment fails because kvguard was there first, and nothing that is under way is called a problem."""

from __future__ import annotations

import json
from functools import partial
from random import Random

import pytest

from shared.adapters.queues import FINDINGS
from shared.domain.grades import Writer
from tests.simulation.checker import check
from tests.simulation.collect import course_of
from tests.simulation.deployers import Failures, LandingZonePolicy, Terraform
from tests.simulation.estate import (
    Estate,
    Hub,
    endpoint,
    endpoint_body,
    link,
    link_body,
    policy_for,
    vault,
    vault_body,
)
from tests.simulation.grid import Disorder
from tests.simulation.wire import Caller
from tests.simulation.world import GUARD, World

WRITERS = (*Writer, None)
SEEDS = (1, 2, 3)
SPOKES = (1, 2, 3)


def build(writer: Writer | None, seed: int) -> tuple[World, Estate]:
    """Three vaults without endpoints, three networks; one zone with that writer, linked to none."""
    hub = Hub(1, writer, SPOKES)
    world = World(seed, policy_for((hub,)), workers_wanted=2)
    world.grid.disorder = Disorder(duplicates=0.2, late=0.1, latest=60.0)
    estate = Estate(world, (hub,))
    estate.base(linked=False)
    for spoke in SPOKES:
        estate.home[spoke] = spoke
        estate.put(vault(spoke), vault_body())
    return world, estate


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: "unlisted" if writer is None else writer.value)
def test_terraform_never_finds_what_it_is_about_to_create(writer: Writer | None, seed: int) -> None:
    world, estate = build(writer, seed)
    random, failures = Random(seed), Failures()
    terraform = Terraform(world.timeline, Caller(world.arm, "terraform"), failures)
    with world:
        world.start()
        for number in SPOKES:
            begin = random.uniform(0, 200)
            deploy = partial(terraform.deploy, estate, number, number, random, 15.0)
            world.timeline.start(f"terraform-{number}", deploy, after=begin)
        world.run(900)
        world.settle()

    assert failures.lines == []
    for number in SPOKES:
        found = estate.record_at(number)
        assert found is not None
        assert found.records["aRecords"] == [{"ipv4Address": estate.address(number)}]
    assert [entry.resource_id for entry in world.arm.log.writes(GUARD)] == []
    assert not check(course_of(world))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "writer",
    [Writer.AZURE_POLICY, Writer.ZONE_GROUP, Writer.TERRAFORM, Writer.OTHER, None],
    ids=lambda writer: "unlisted" if writer is None else writer.value,
)
def test_a_policy_that_comes_ten_minutes_later_has_the_zone_for_itself(writer: Writer | None, seed: int) -> None:
    world, estate = build(writer, seed)
    random, failures = Random(seed), Failures()
    terraform = Terraform(world.timeline, Caller(world.arm, "terraform"), failures)
    remediation = LandingZonePolicy(world.timeline, Caller(world.arm, "azure-policy"), failures)

    def deploy(number: int) -> None:
        if terraform.create(endpoint(number), endpoint_body(number, number)):
            remediation.remediate(estate, number, number, random, 120.0)

    with world:
        for spoke in SPOKES:
            estate.put(link(estate.hubs[0], spoke), link_body(spoke))
        world.start()
        for number in SPOKES:
            world.timeline.start(f"alz-{number}", partial(deploy, number), after=random.uniform(0, 200))
        world.run(1800)
        world.settle()

    assert failures.lines == []
    for number in SPOKES:
        found = estate.record_at(number)
        assert found is not None
        assert "creator" in (found.metadata or {})
    assert [entry.resource_id for entry in world.arm.log.writes(GUARD)] == []
    assert not check(course_of(world))
    if writer is Writer.AZURE_POLICY:
        told = [json.loads(message.text) for message in world.queues[FINDINGS].messages.values()]
        assert [(body["rule"], body["subject"]) for body in told if body["rule"] in ("KVG403", "KVG411")] == []
