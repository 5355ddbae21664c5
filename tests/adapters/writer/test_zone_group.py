"""A zone group written again as it is brings back the record that its controller wrote."""

from __future__ import annotations

from shared.domain.arm_id import ArmId
from shared.domain.change import RefreshZoneGroup
from shared.domain.plan import OutcomeKind
from shared.domain.snapshot import ZoneGroup
from tests.adapters.writer.conftest import Bench
from tests.emulator.arm.estate import RECORD, ZONE, ZONE_GROUP, zone_group_body


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
