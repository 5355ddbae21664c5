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
    assert world.handle(hint(resource)).result == "looked"
    assert world.estate.reads == ["glance"]


@pytest.mark.parametrize("resource", [endpoint_id(), endpoint_id().child("privateDnsZoneGroups", "default")])
def test_a_hint_about_an_endpoint_leads_to_the_vault_it_names(resource: ArmId) -> None:
    world = World(healthy())
    world.estate.endpoints = {endpoint_id(): (vault_id(),)}
    assert world.handle(hint(resource)).result == "looked"


@pytest.mark.parametrize("answer", [Gone(), EstateForbidden("no", "Microsoft.Network/privateEndpoints/read")])
def test_the_index_remembers_the_vault_of_an_endpoint_that_cannot_be_asked(answer: Gone | EstateForbidden) -> None:
    world = World(healthy())
    world.look()
    if isinstance(answer, EstateForbidden):
        world.estate.errors = [answer]
    assert world.handle(hint(endpoint_id())).result == "looked"


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
    assert world.handle(hint(resource)).result == "looked"


@pytest.mark.parametrize(
    "resource",
    [
        zone_id(group="rg-new"),
        zone_id(group="rg-new").child("virtualNetworkLinks", "l"),
        zone_id("vaultcore.azure.net"),
    ],
)
def test_a_zone_for_vaults_that_nobody_knows_becomes_a_sweep_of_the_watched_subscriptions(resource: ArmId) -> None:
    world = World(healthy())
    world.look()
    assert world.handle(hint(resource)).result == "sweeping"
    assert [type(work) for _, _, work in world.inbox.waiting] == [SweepRequest]
    world.estate.listed = (vault_id(),)
    assert [ended.result for ended in world.play()] == ["swept", "looked"]


@pytest.mark.parametrize(
    "resource",
    [
        network_id("elsewhere"),
        network_id("elsewhere").child("virtualNetworkPeerings", "p"),
        zone_id("privatelink.blob.core.windows.net"),
        zone_id("privatelink.blob.core.windows.net").child("A", "contoso"),
        record_id("nobody"),
    ],
)
def test_what_concerns_no_vault_is_acknowledged_and_nothing_is_read(resource: ArmId) -> None:
    world = World(healthy())
    assert world.handle(hint(resource)).result == "ignored"
    assert (world.estate.reads, world.inbox.sent) == ([], 0)


def test_a_record_in_a_zone_that_the_index_does_not_know_is_found_by_the_vaults_name() -> None:
    world = World(healthy())
    world.estate.listed = (vault_id("fabrikam"), vault_id("Contoso"))
    assert world.handle(hint(record_id())).result == "looked"


def test_a_change_that_concerns_many_vaults_becomes_one_look_each() -> None:
    world = World(healthy())
    world.ledger.near[zone_id()] = (vault_id(), vault_id("fabrikam"))
    assert world.handle(hint(zone_id())).result == "routed"
    looks = [work for _, _, work in world.inbox.waiting if isinstance(work, Look)]
    assert [(look.vault.name, look.event) for look in looks] == [("contoso", NOW), ("fabrikam", NOW)]


def test_a_vault_of_a_subscription_that_is_not_watched_is_none_of_our_business() -> None:
    world = World(healthy())
    foreign = ArmId.parse(vault_id().text.replace(SUBSCRIPTION, FOREIGN))
    assert world.handle(hint(foreign)).result == "ignored"
    assert world.estate.reads == []


def test_a_hint_that_cannot_be_routed_now_comes_back_as_itself() -> None:
    world = World(healthy())
    world.estate.errors = [EstateUnavailable("503")]
    assert world.handle(hint(endpoint_id())).result == "retry"
    work = world.inbox.waiting[0][2]
    assert isinstance(work, Hint)
    assert (work.resource, work.attempt) == (endpoint_id(), 1)
