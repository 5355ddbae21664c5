"""Which vaults does a hint concern?"""

from __future__ import annotations

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.message import Hint, Look, SweepRequest
from shared.domain.snapshot import Gone
from shared.service.ports import EstateForbidden, EstateUnavailable
from tests.builders import FOREIGN, NOW, SUBSCRIPTION, endpoint_id, healthy, network_id, record_id, vault_id, zone_id
from tests.service.world import World


def hint(resource: ArmId) -> Hint:
    return Hint(resource, "x/write", NOW, first=NOW)


@pytest.mark.parametrize(
    "resource",
    [
        vault_id(),
        vault_id().child("privateEndpointConnections", "c-1"),
        ArmId.parse(vault_id().text.upper().replace("/SUBSCRIPTIONS", "/subscriptions")),
    ],
)
def test_a_hint_about_the_vault_or_its_connection_is_a_look_at_it(resource: ArmId) -> None:
    world = World(healthy())
    assert world.reconciler.handle(hint(resource)).result == "looked"
    assert world.estate.reads == ["glance"]


@pytest.mark.parametrize("resource", [endpoint_id(), endpoint_id().child("privateDnsZoneGroups", "default")])
def test_a_hint_about_an_endpoint_leads_to_the_vault_it_names(resource: ArmId) -> None:
    world = World(healthy())
    world.estate.endpoints = {endpoint_id(): (vault_id(),)}
    assert world.reconciler.handle(hint(resource)).result == "looked"


@pytest.mark.parametrize("answer", [Gone(), EstateForbidden("no", "Microsoft.Network/privateEndpoints/read")])
def test_the_index_remembers_the_vault_of_an_endpoint_that_cannot_be_asked(answer: Gone | EstateForbidden) -> None:
    world = World(healthy())
    world.look()
    if isinstance(answer, EstateForbidden):
        world.estate.errors = [answer]
    assert world.reconciler.handle(hint(endpoint_id())).result == "looked"


@pytest.mark.parametrize(
    "resource",
    [
        network_id(),
        network_id().child("virtualNetworkPeerings", "p"),
        zone_id(),
        zone_id().child("virtualNetworkLinks", "l"),
        record_id(),
    ],
)
def test_what_lies_around_a_known_vault_leads_to_it(resource: ArmId) -> None:
    world = World(healthy())
    world.look()
    assert world.reconciler.handle(hint(resource)).result == "looked"


@pytest.mark.parametrize("resource", [network_id("elsewhere"), record_id("unknown"), zone_id(group="rg-other")])
def test_what_cannot_be_traced_becomes_a_sweep_of_the_watched_subscriptions(resource: ArmId) -> None:
    world = World(healthy())
    world.look()
    assert world.reconciler.handle(hint(resource)).result == "sweeping"
    assert [work for _, _, work in world.inbox.waiting] == [SweepRequest(SUBSCRIPTION, world_why(resource), first=NOW)]


def world_why(resource: ArmId) -> str:
    return f"x/write on {resource.name}"


def test_a_change_that_concerns_many_vaults_becomes_one_look_each() -> None:
    world = World(healthy())
    world.ledger.near[zone_id()] = (vault_id(), vault_id("fabrikam"))
    assert world.reconciler.handle(hint(zone_id())).result == "routed"
    looks = [work for _, _, work in world.inbox.waiting if isinstance(work, Look)]
    assert [(look.vault.name, look.event) for look in looks] == [("contoso", NOW), ("fabrikam", NOW)]


def test_a_vault_of_a_subscription_that_is_not_watched_is_none_of_our_business() -> None:
    world = World(healthy())
    foreign = ArmId.parse(vault_id().text.replace(SUBSCRIPTION, FOREIGN))
    assert world.reconciler.handle(hint(foreign)).result == "ignored"
    assert world.estate.reads == []


def test_a_hint_that_cannot_be_routed_now_comes_back_as_itself() -> None:
    world = World(healthy())
    world.estate.errors = [EstateUnavailable("503")]
    assert world.reconciler.handle(hint(endpoint_id())).result == "retry"
    work = world.inbox.waiting[0][2]
    assert isinstance(work, Hint)
    assert (work.resource, work.attempt) == (endpoint_id(), 1)
