"""Zones are created where none is and deleted only while they are empty; a link's registration is switched alone."""

from __future__ import annotations

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateZone, DeleteZone, SetLinkRegistration
from shared.domain.plan import OutcomeKind
from shared.domain.zone import ResolutionPolicy, ZoneLink
from tests.adapters.writer.conftest import CHANGE_ID, Bench
from tests.emulator.arm.estate import (
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    ZONE,
    link_body,
    network_body,
    record_body,
)

CREATE = CreateZone(ArmId.parse(ZONE))
DELETE = DeleteZone(ArmId.parse(ZONE))
OTHER_NETWORK = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Other"


def link(*, registers: bool, policy: ResolutionPolicy = ResolutionPolicy.DEFAULT) -> ZoneLink:
    return ZoneLink(ArmId.parse(LINK), ArmId.parse(NETWORK), True, "Succeeded", registers, policy)


def test_a_zone_is_created_only_where_none_is(bench: Bench) -> None:
    bench.estate.group()

    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.effective_after) == (OutcomeKind.ACCEPTED, 30)
    (write,) = bench.writes
    assert (write.method, write.request_headers["if-none-match"]) == ("PUT", "*")
    assert write.body == {"location": "global", "tags": {"managed-by": "kvguard", "kvguard-change": CHANGE_ID}}
    assert bench.get(ZONE)["properties"]["numberOfRecordSets"] == 1


def test_a_zone_that_is_there_stays_as_it_is(bench: Bench) -> None:
    bench.estate.group()
    bench.estate.put(ZONE, {"location": "global", "tags": {"team": "dns"}})

    assert bench.apply(CREATE).kind is OutcomeKind.ALREADY_TRUE
    assert bench.get(ZONE)["tags"] == {"team": "dns"}


def test_an_empty_zone_is_deleted_under_its_bare_etag(bench: Bench) -> None:
    bench.estate.zone()
    bench.azure.switches.strict_etag = True
    etag = bench.get(ZONE)["etag"]

    assert bench.apply(DELETE).kind is OutcomeKind.ACCEPTED
    (write,) = bench.writes
    assert (write.method, write.request_headers["if-match"]) == ("DELETE", etag)
    assert bench.apply(DELETE).kind is OutcomeKind.ALREADY_TRUE


def test_a_zone_with_a_record_or_a_link_is_never_deleted(bench: Bench) -> None:
    bench.estate.zone()
    bench.estate.put(RECORD, record_body("10.1.0.4"))
    assert bench.apply(DELETE).kind is OutcomeKind.CONFLICT
    bench.estate.delete(RECORD)
    bench.estate.network()
    bench.estate.put(LINK, link_body())

    assert bench.apply(DELETE).kind is OutcomeKind.CONFLICT
    assert bench.writes == []


@pytest.mark.parametrize("enabled", [False, True])
def test_registration_is_switched_and_the_rest_of_the_link_stays(bench: Bench, enabled: bool) -> None:
    bench.estate.network()
    bench.estate.zone()
    body = link_body(registrationEnabled=not enabled, resolutionPolicy="NxDomainRedirect")
    bench.estate.put(LINK, {**body, "tags": {"team": "dns"}})
    bench.azure.switches.strict_etag = True

    before = link(registers=not enabled, policy=ResolutionPolicy.NXDOMAIN_REDIRECT)
    outcome = bench.apply(SetLinkRegistration(before, enabled))

    assert outcome.kind is OutcomeKind.ACCEPTED
    (write,) = bench.writes
    assert (write.method, write.body) == ("PATCH", {"properties": {"registrationEnabled": enabled}})
    now = bench.get(LINK)
    assert (now["properties"]["registrationEnabled"], now["tags"]) == (enabled, {"team": "dns"})
    assert now["properties"]["resolutionPolicy"] == "NxDomainRedirect"
    assert now["properties"]["virtualNetwork"]["id"] == NETWORK


def test_a_link_that_is_another_now_is_left(bench: Bench) -> None:
    bench.estate.network()
    bench.estate.zone()
    bench.estate.put(OTHER_NETWORK, network_body("10.9.0.0/16", "10.9.0.0/24"))
    change = SetLinkRegistration(link(registers=True), enabled=False)
    assert bench.apply(change).kind is OutcomeKind.CONFLICT, "it is gone"
    bench.estate.put(LINK, link_body(OTHER_NETWORK, registrationEnabled=True))
    assert bench.apply(change).kind is OutcomeKind.CONFLICT, "another network"
    bench.estate.delete(LINK)
    bench.estate.put(LINK, link_body(registrationEnabled=True, resolutionPolicy="NxDomainRedirect"))
    assert bench.apply(change).kind is OutcomeKind.CONFLICT, "another resolution policy"
    bench.estate.delete(LINK)
    bench.estate.put(LINK, link_body(registrationEnabled=False))
    assert bench.apply(change).kind is OutcomeKind.ALREADY_TRUE

    assert bench.writes == []
