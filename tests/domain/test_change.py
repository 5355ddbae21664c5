"""Changes: what each does to a snapshot, how it is taken back, what identifies it."""

from __future__ import annotations

import typing
from dataclasses import replace

import pytest

from shared.domain import change as module
from shared.domain.arm_id import ArmId
from shared.domain.change import (
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    CreateZone,
    CreateZoneGroup,
    DeleteConnection,
    DeleteEndpoint,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    DeleteZoneGroup,
    Irreversible,
    PointZoneGroup,
    RefreshZoneGroup,
    RejectConnection,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from tests.builders import (
    dead,
    endpoint_id,
    group_of,
    healthy,
    link_to,
    missing_record,
    network_id,
    record_set,
    unlinked,
    vault_id,
    zone_id,
)

HEALTHY = healthy().snapshot
CONNECTION = HEALTHY.vault.connections[0]
ACL = NetworkAcl(DefaultAction.ALLOW, "AzureServices", ("203.0.113.7",))

ENDPOINT = next(e for e in HEALTHY.endpoints.values() if isinstance(e, PrivateEndpoint))
SECOND_ZONE = zone_id(group="rg-dns-2")
GROUPED = CreateZone(SECOND_ZONE).simulate(CreateZoneGroup(ENDPOINT, zone_id()).simulate(missing_record().snapshot))

# One of each verb, on a snapshot on which it can be made.
SAMPLES: list[tuple[Change, VaultSnapshot]] = [
    (CreateRecord(zone_id(), "contoso", ("10.1.0.4",), 60), missing_record().snapshot),
    (UpdateRecord(record_set("10.1.0.4"), ("10.1.0.7",), 300, adopt=False), HEALTHY),
    (DeleteRecord(record_set("10.1.0.4")), HEALTHY),
    (CreateLink(zone_id(), network_id()), unlinked().snapshot),
    (DeleteLink(link_to(network_id())), HEALTHY),
    (DeleteConnection(dead().snapshot.vault.connections[1]), dead().snapshot),
    (ApproveConnection(CONNECTION), healthy().connection(status=ConnectionStatus.PENDING).snapshot),
    (RejectConnection(CONNECTION), HEALTHY),
    (SetPublicAccess(vault_id(), PublicAccess.DISABLED, PublicAccess.ENABLED), HEALTHY),
    (
        SetNetworkAcl(vault_id(), ACL, replace(ACL, default_action=DefaultAction.DENY)),
        healthy().vault(acl=ACL).snapshot,
    ),
    (RefreshZoneGroup(group_of(endpoint_id(), zone_id())), HEALTHY),
    (SetLinkRegistration(link_to(network_id()), enabled=True), HEALTHY),
    (CreateZone(zone_id()), healthy().no_zone().snapshot),
    (DeleteZone(zone_id()), CreateZone(zone_id()).simulate(healthy().no_zone().snapshot)),
    (CreateZoneGroup(ENDPOINT, zone_id()), missing_record().snapshot),
    (DeleteZoneGroup(group_of(endpoint_id(), zone_id())), GROUPED),
    (PointZoneGroup(group_of(endpoint_id(), zone_id()), zone_id(), SECOND_ZONE), GROUPED),
    (DeleteEndpoint(ENDPOINT), HEALTHY),
]
IDS = [change.verb for change, _ in SAMPLES]


def test_every_verb_of_the_union_has_a_sample() -> None:
    assert {type(change) for change, _ in SAMPLES} == set(typing.get_args(module.Change))
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize(("change", "snapshot"), SAMPLES, ids=IDS)
def test_a_change_says_what_it_is(change: Change, snapshot: VaultSnapshot) -> None:
    assert change.target.names
    assert len(change.description) > 10
    assert len(change.precondition) > 10
    assert change.key == replace(change).key
    assert snapshot.vault.id == vault_id()


# Azure refuses a second link of one name, so the simulation is asked for absent links only.
@pytest.mark.parametrize(("change", "snapshot"), [row for row in SAMPLES if not isinstance(row[0], CreateLink)])
def test_making_a_change_twice_is_making_it_once(change: Change, snapshot: VaultSnapshot) -> None:
    once = change.simulate(snapshot)
    assert change.simulate(once) == once


@pytest.mark.parametrize(("change", "snapshot"), SAMPLES, ids=IDS)
def test_only_a_refresh_leaves_the_snapshot_as_it_is(change: Change, snapshot: VaultSnapshot) -> None:
    assert (change.simulate(snapshot) == snapshot) is isinstance(change, RefreshZoneGroup)


@pytest.mark.parametrize(
    ("change", "snapshot"), [row for row in SAMPLES if not isinstance(row[0].inverse, Irreversible)]
)
def test_an_inverse_restores_what_was_there(change: Change, snapshot: VaultSnapshot) -> None:
    inverse = change.inverse
    assert not isinstance(inverse, Irreversible)
    restored = inverse.simulate(change.simulate(snapshot))
    assert _without_traces(restored) == _without_traces(snapshot)


def _without_traces(snapshot: VaultSnapshot) -> object:
    """What matters of a snapshot: names of links, etags and kvguard's own marks are new after a way there and back."""
    records = [
        {name: (record.addresses, record.ttl) for name, record in zone.records.items() if record is not None}
        for zone in snapshot.zones
    ]
    links = [{link.network for link in zone.links} for zone in snapshot.zones if isinstance(zone.links, tuple)]
    registers = [
        [link.registration_enabled for link in zone.links] for zone in snapshot.zones if isinstance(zone.links, tuple)
    ]
    groups = [
        [group.zones for group in endpoint.zone_groups]
        for endpoint in snapshot.endpoints.values()
        if isinstance(endpoint, PrivateEndpoint) and isinstance(endpoint.zone_groups, tuple)
    ]
    return snapshot.vault, records, links, registers, groups, [zone.link_count for zone in snapshot.zones]


def test_what_cannot_be_taken_back_is_exactly_this() -> None:
    lost = {type(change): change.inverse.lost for change, _ in SAMPLES if isinstance(change.inverse, Irreversible)}
    assert all(len(text) > 20 for text in lost.values())
    assert set(lost) == {
        DeleteConnection,
        ApproveConnection,
        RejectConnection,
        RefreshZoneGroup,
        DeleteZoneGroup,
        DeleteEndpoint,
    }


def test_a_change_of_a_zone_that_is_not_there_changes_nothing() -> None:
    empty = healthy().no_zone().snapshot
    for change, _ in SAMPLES:
        if isinstance(change, CreateRecord | UpdateRecord | DeleteRecord | CreateLink | DeleteLink):
            assert change.simulate(empty) == empty


def test_the_name_of_a_link_is_the_same_for_one_network_and_fits_azures_grammar() -> None:
    plain = CreateLink(zone_id(), network_id("vnet-1"))
    shouted = CreateLink(zone_id(), ArmId.parse(network_id("vnet-1").text.upper()))
    assert plain.name.lower() == shouted.name.lower()
    assert plain.key == shouted.key
    long = CreateLink(zone_id(), network_id("v" * 64)).name
    assert len(long) <= 80
    assert CreateLink(zone_id(), network_id("vnet.with.dots_1")).name.replace("-", "").replace("_", "").isalnum()


def test_two_networks_of_one_name_get_different_links() -> None:
    other = ArmId.parse(network_id().text.replace("rg-net", "rg-other"))
    assert CreateLink(zone_id(), network_id()).name != CreateLink(zone_id(), other).name


def test_an_update_keeps_metadata_and_adopts_only_when_asked() -> None:
    before = record_set("10.1.0.4", metadata={"owner": "team-dns"})
    for adopt in (True, False):
        after = UpdateRecord(before, ("10.1.0.7",), 60, adopt).simulate(HEALTHY).zones[0].records["contoso"]
        assert after is not None
        assert after.metadata["owner"] == "team-dns"
        assert ("managed-by" in after.metadata) is adopt
