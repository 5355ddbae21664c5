"""Which vaults does a hint concern?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.message import Hint, Look, SweepRequest, Work
from shared.domain.network import Network, Peering, PeeringState
from shared.domain.reading import Gone
from shared.domain.snapshot import VaultSnapshot
from shared.service.ports import EstateForbidden, EstateUnavailable, LedgerUnavailable
from tests.builders import FOREIGN, NOW, SUBSCRIPTION, endpoint_id, healthy, network_id, record_id, vault_id, zone_id
from tests.service.world import World

INITIATED, DISCONNECTED, CONNECTED = PeeringState.INITIATED, PeeringState.DISCONNECTED, PeeringState.CONNECTED


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


@pytest.mark.parametrize(
    ("resource", "asked"),
    [
        (endpoint_id(), 1),
        (endpoint_id().child("privateDnsZoneGroups", "default"), 0),
        (record_id(), 0),
        (zone_id().child("virtualNetworkLinks", "l"), 0),
        (zone_id(), 0),
        (network_id(), 0),
        (network_id().child("virtualNetworkPeerings", "p"), 0),
    ],
)
def test_a_delete_is_routed_from_the_index(resource: ArmId, asked: int) -> None:
    """What is deleted can no longer be asked; that an endpoint was made anew is worth a question."""
    world = World(healthy())
    world.look()
    assert world.handle(Hint(resource, "x/delete", NOW, first=NOW)).result == "looked"
    assert len(world.estate.asked_for) == asked


def test_a_network_that_answers_dns_for_an_endpoints_network_is_near() -> None:
    hub = network_id("hub")
    resolver = Network(hub, ("10.0.0.0/16",))
    spoke = Network(network_id(), ("10.1.0.0/16",), ("10.0.0.4",), (Peering(hub, CONNECTED),))
    given = healthy()
    world = World(replace(given, snapshot=with_networks(given.snapshot, resolver, spoke)))
    world.look()
    assert world.handle(hint(network_id("hub"))).result == "looked"


@pytest.mark.parametrize(("state", "result"), [(INITIATED, "looked"), (DISCONNECTED, "looked"), (CONNECTED, "ignored")])
def test_the_far_side_of_a_peering_concerns_a_vault_that_waits_for_it(state: PeeringState, result: str) -> None:
    """While both sides are Connected nothing on the far side concerns the vault without turning the near side."""
    given = healthy()
    near = Network(network_id(), ("10.1.0.0/16",), peerings=(Peering(network_id("hub"), state),))
    world = World(replace(given, snapshot=with_networks(given.snapshot, near)))
    world.look()
    assert world.handle(hint(network_id("hub").child("virtualNetworkPeerings", "to-spoke"))).result == result


@pytest.mark.parametrize("state", [INITIATED, DISCONNECTED, CONNECTED])
@pytest.mark.parametrize("gone", [network_id("hub").child("virtualNetworkPeerings", "to-spoke"), network_id("hub")])
def test_a_delete_on_the_far_side_of_a_peering_turns_the_near_one(state: PeeringState, gone: ArmId) -> None:
    given = healthy()
    near = Network(network_id(), ("10.1.0.0/16",), peerings=(Peering(network_id("hub"), state),))
    world = World(replace(given, snapshot=with_networks(given.snapshot, near)))
    world.look()
    assert world.handle(Hint(gone, "Microsoft.Network/x/DELETE", NOW, first=NOW)).result == "looked"


def with_networks(snapshot: VaultSnapshot, *networks: Network) -> VaultSnapshot:
    return replace(snapshot, networks={**snapshot.networks, **{network.id: network for network in networks}})


def thousand(world: World) -> tuple[ArmId, ...]:
    vaults = tuple(vault_id(f"kv-{number:04}") for number in range(1000))
    world.ledger.near[zone_id()] = vaults
    return vaults


def test_a_hub_link_reaches_a_thousand_vaults_in_bounded_pages() -> None:
    world = World(healthy())
    vaults = thousand(world)
    changed = hint(zone_id().child("virtualNetworkLinks", "hub"))
    pages: list[list[Look]] = []
    work: Hint | None = changed
    while work is not None:
        assert world.handle(work).result == "routed"
        sent = [piece for _, _, piece in world.inbox.waiting]
        assert {visible for visible, _, _ in world.inbox.waiting} == {NOW}
        world.inbox.waiting.clear()
        pages.append([piece for piece in sent if isinstance(piece, Look)])
        following = [piece for piece in sent if isinstance(piece, Hint)]
        assert len(following) <= 1
        work = following[0] if following else None
    assert [len(page) for page in pages] == [100] * 10
    looks = [look for page in pages for look in page]
    assert sorted(look.vault for look in looks) == sorted(vaults)
    assert {(look.event, look.resource) for look in looks} == {(NOW, changed.resource)}


@pytest.mark.parametrize("watched", [0, 1])
def test_a_page_without_a_watched_vault_is_neither_the_end_nor_a_reason_to_sweep(watched: int) -> None:
    world = World(healthy())
    foreign = [
        ArmId.parse(vault_id(f"kv-{n:03}").text.replace(SUBSCRIPTION, SUBSCRIPTION[:-1] + "1")) for n in range(150)
    ]
    world.ledger.near[zone_id()] = (*foreign, *(vault_id(f"kw-{number}") for number in range(watched)))
    world.handle(hint(zone_id()))
    world.play(until=timedelta(seconds=1))
    assert set(world.ledger.rows) == {vault_id(f"kw-{number}") for number in range(watched)}
    assert not [work for _, _, work in world.inbox.waiting if isinstance(work, SweepRequest)]


def test_a_page_that_cannot_be_sent_comes_back_alone() -> None:
    """Had the hint for the next page gone out before, each failure would double all pages behind it."""
    world = World(healthy())
    thousand(world)
    send, failures = world.inbox.send, [LedgerUnavailable("queue")]

    def failing(work: Iterable[Work], delay: timedelta = timedelta(0)) -> None:
        pieces = list(work)
        if failures and len(pieces) > 1:
            raise failures.pop()
        send(pieces, delay)

    world.inbox.send = failing  # type: ignore[method-assign]  # a queue that fails once
    assert world.handle(hint(zone_id())).result == "retry"
    (back,) = [piece for _, _, piece in world.inbox.waiting]
    assert isinstance(back, Hint)
    assert (back.cursor, back.attempt) == ("", 1)


@pytest.mark.parametrize("step", range(2))
def test_a_worker_that_dies_inside_a_fan_out_loses_no_vault(step: int) -> None:
    """It dies after the ``step``-th sending; its message comes again, to another worker."""
    world = World(healthy())
    vaults = thousand(world)
    send, sendings = world.inbox.send, iter(range(1000))

    def dying(work: Iterable[Work], delay: timedelta = timedelta(0)) -> None:
        send(work, delay)
        if next(sendings) == step:
            raise Death

    world.inbox.send = dying  # type: ignore[method-assign]  # the worker dies in it
    with pytest.raises(Death):
        world.handle(hint(zone_id()))
    world.inbox.send = send  # type: ignore[method-assign]  # it dies once
    world.inbox.send([hint(zone_id())])
    seen: set[ArmId] = set()
    for _ in range(40):
        pieces = [piece for _, _, piece in world.inbox.waiting]
        world.inbox.waiting.clear()
        seen |= {piece.vault for piece in pieces if isinstance(piece, Look)}
        for piece in pieces:
            if isinstance(piece, Hint):
                world.handle(piece)
    assert seen == set(vaults)


class Death(BaseException):
    """The worker's end."""


def test_a_new_endpoint_that_arm_does_not_show_yet_is_asked_about_again() -> None:
    """Azure's answers lag its writes by up to 15 seconds; an event that says nothing yet is not one about nothing."""
    world = World(healthy())
    assert world.handle(hint(endpoint_id())).result == "ignored"
    world.estate.endpoints = {endpoint_id(): (vault_id(),)}
    assert [ended.result for ended in world.play(until=timedelta(seconds=30))][:1] == ["looked"]
    assert world.clock.time - NOW >= timedelta(seconds=15)


def test_an_endpoint_that_was_made_anew_for_another_vault_leads_to_that_one() -> None:
    """The index and ARM's late answer both know the old vault alone."""
    world = World(healthy())
    world.ledger.near[endpoint_id()] = (vault_id("old"),)
    world.estate.endpoints = {endpoint_id(): (vault_id("old"),)}
    world.handle(hint(endpoint_id()))
    world.estate.endpoints = {endpoint_id(): (vault_id("new"),)}
    world.inbox.waiting = [item for item in world.inbox.waiting if isinstance(item[2], Hint)]
    world.play(most=1)
    assert vault_id("new") in world.ledger.rows


def test_a_burst_on_one_endpoint_asks_arm_twice() -> None:
    world = World(healthy())
    world.look()
    world.estate.endpoints = {endpoint_id(): (vault_id(),)}
    world.inbox.waiting.clear()
    for _ in range(20):
        world.handle(hint(endpoint_id()))
    world.play(until=timedelta(minutes=2))
    assert len(world.estate.asked_for) == 2
    world.handle(Hint(endpoint_id(), "x/write", world.clock.time, first=world.clock.time))
    assert len(world.estate.asked_for) == 3


def test_a_hint_that_is_routed_past_a_look_that_still_reads_is_not_lost() -> None:
    """The look reads the zone before the event and writes the index after the hint was routed by it."""
    world = World(healthy())
    elsewhere = world.ledger.index

    def late(vault: ArmId, resources: Iterable[ArmId]) -> None:
        world.ledger.near[zone_id()] = (vault_id("other"),)
        world.worker().handle(hint(zone_id().child("virtualNetworkLinks", "l")))
        elsewhere(vault, resources)

    world.ledger.index = late  # type: ignore[method-assign]  # the hint comes in between
    world.look()
    world.ledger.index = elsewhere  # type: ignore[method-assign]  # it comes once
    again = [work for _, _, work in world.inbox.waiting if isinstance(work, Look) and work.vault == world.vault]
    assert len(again) == 1
