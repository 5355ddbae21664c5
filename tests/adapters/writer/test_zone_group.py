"""Zone groups: written again, attached, pointed elsewhere and removed; and the endpoint itself, deleted as it was."""

from __future__ import annotations

import json

from shared.domain.arm_id import ArmId
from shared.domain.change import (
    CreateZoneGroup,
    DeleteEndpoint,
    DeleteZoneGroup,
    Irreversible,
    PointZoneGroup,
    RefreshZoneGroup,
)
from shared.domain.endpoint import EndpointLink, PrivateEndpoint, ZoneGroup
from shared.domain.plan import OutcomeKind
from shared.domain.vault import ConnectionStatus
from tests.adapters.writer.conftest import Bench
from tests.emulator.arm.estate import (
    ENDPOINT,
    NETWORK,
    RECORD,
    SUBNET,
    VAULT,
    ZONE,
    ZONE_GROUP,
    zone_group_body,
)

OTHER_ZONE = ZONE.replace("privatelink.vaultcore", "privatelink.vault")


def group(zone: str = ZONE) -> ZoneGroup:
    return ZoneGroup(ArmId.parse(ZONE_GROUP), (ArmId.parse(zone.lower()),), "Succeeded")


def test_the_group_is_written_back_and_the_record_returns(bench: Bench) -> None:
    bench.estate.everything()
    bench.estate.delete(RECORD)

    outcome = bench.apply(RefreshZoneGroup(group()))

    assert outcome.kind is OutcomeKind.ACCEPTED
    (write,) = bench.writes
    assert (write.method, write.body) == ("PUT", {"name": "default", **zone_group_body()})
    assert bench.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.4"}]
    assert len(bench.reads) == 1, "the operation is not polled"


def test_a_group_that_points_elsewhere_now_is_left(bench: Bench) -> None:
    bench.estate.everything()

    outcome = bench.apply(RefreshZoneGroup(group(ZONE.replace("Rg-Kv-Prod", "Rg-Other"))))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])


def test_a_group_that_is_gone_is_a_conflict(bench: Bench) -> None:
    bench.estate.endpoint()

    assert bench.apply(RefreshZoneGroup(group())).kind is OutcomeKind.CONFLICT


def endpoint(status: ConnectionStatus = ConnectionStatus.APPROVED, vault: str = VAULT) -> PrivateEndpoint:
    link = EndpointLink(ArmId.parse(vault.lower()), status, manual=False)
    return PrivateEndpoint(
        ArmId.parse(ENDPOINT), ArmId.parse(NETWORK), ArmId.parse(SUBNET), "Succeeded", (link,), ("10.1.0.4",), ()
    )


def test_a_group_is_attached_and_azure_writes_the_record(bench: Bench) -> None:
    bench.estate.endpoint()
    bench.estate.zone()
    change = CreateZoneGroup(endpoint(), ArmId.parse(ZONE))

    assert bench.apply(change).kind is OutcomeKind.ACCEPTED

    (write,) = bench.writes
    configs = [{"name": "privatelink-vaultcore-azure-net", "properties": {"privateDnsZoneId": ZONE}}]
    assert write.body == {"name": "default", "properties": {"privateDnsZoneConfigs": configs}}
    assert bench.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.4"}]
    assert bench.apply(change).kind is OutcomeKind.CONFLICT, "there is a group now"
    inverse = change.inverse
    assert not isinstance(inverse, Irreversible)
    assert bench.apply(inverse).kind is OutcomeKind.ACCEPTED
    assert bench.gone(ZONE_GROUP)
    assert bench.gone(RECORD)


def test_no_group_is_attached_to_an_endpoint_that_is_another_now(bench: Bench) -> None:
    zone = ArmId.parse(ZONE)
    bench.estate.vault()
    assert bench.apply(CreateZoneGroup(endpoint(), zone)).kind is OutcomeKind.CONFLICT, "it is gone"
    bench.estate.endpoint(manual=True)
    assert bench.apply(CreateZoneGroup(endpoint(), zone)).kind is OutcomeKind.CONFLICT, "it is pending"
    pending = endpoint(ConnectionStatus.PENDING, vault=f"{VAULT}-2")
    assert bench.apply(CreateZoneGroup(pending, zone)).kind is OutcomeKind.CONFLICT, "it is for another vault"

    assert bench.writes == []


def test_a_group_is_pointed_to_another_zone_and_back(bench: Bench) -> None:
    bench.estate.everything()
    bench.estate.put(OTHER_ZONE, {"location": "global"})
    change = PointZoneGroup(group(), ArmId.parse(ZONE), ArmId.parse(OTHER_ZONE))

    assert bench.apply(change).kind is OutcomeKind.ACCEPTED
    (write,) = bench.writes
    assert write.body == {"name": "default", **zone_group_body(OTHER_ZONE)}
    assert bench.gone(RECORD)
    assert bench.apply(change).kind is OutcomeKind.CONFLICT
    inverse = change.inverse
    assert not isinstance(inverse, Irreversible)
    assert bench.apply(inverse).kind is OutcomeKind.ACCEPTED
    assert bench.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.4"}]


def test_a_group_that_points_elsewhere_is_neither_removed_nor_pointed(bench: Bench) -> None:
    bench.estate.everything()
    other = group(ZONE.replace("Rg-Kv-Prod", "Rg-Other"))

    for change in (DeleteZoneGroup(other), PointZoneGroup(other, other.zones[0], ArmId.parse(OTHER_ZONE))):
        assert bench.apply(change).kind is OutcomeKind.CONFLICT
    assert bench.writes == []


def test_an_endpoint_is_deleted_as_it_was_and_its_body_is_kept(bench: Bench) -> None:
    bench.estate.endpoint()
    there = bench.get(ENDPOINT)

    outcome = bench.apply(DeleteEndpoint(endpoint()))

    assert outcome.kind is OutcomeKind.ACCEPTED
    assert [write.method for write in bench.writes] == ["DELETE"]
    assert json.loads(outcome.kept) == there
    assert bench.gone(ENDPOINT)
    assert bench.apply(DeleteEndpoint(endpoint())).kind is OutcomeKind.ALREADY_TRUE


def test_an_endpoint_whose_connection_changed_is_left(bench: Bench) -> None:
    bench.estate.endpoint(manual=True)

    for status in (ConnectionStatus.APPROVED, ConnectionStatus.REJECTED):
        assert bench.apply(DeleteEndpoint(endpoint(status))).kind is OutcomeKind.CONFLICT
    assert bench.writes == []
