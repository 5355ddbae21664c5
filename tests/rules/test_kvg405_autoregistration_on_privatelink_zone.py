"""KVG405: registration is switched off by a person, and only where no registered record is lost with it."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from shared.domain.change import SetLinkRegistration
from shared.domain.grades import Applicability, Mode, Writer
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg405_autoregistration_on_privatelink_zone import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, record_set, zone_id
from tests.rules.given_zones import APEX, NO_RECORDS, SECOND, link_of, relink, shouted, silent


def _registering(given: Given | None = None) -> Given:
    return relink(given or healthy(), registration_enabled=True)


def _machine(given: Given, *names: str) -> Given:
    zone = given.snapshot.zones[0]
    machines = {name: record_set("10.1.0.77", name=name, auto_registered=True) for name in names}
    return given.zone(records=MappingProxyType({**zone.records, **machines}))


def test_a_link_without_registration_is_allowed() -> None:
    assert silent(healthy(), RULE)


def test_a_registering_link_without_registered_records_is_asked_to_be_switched_off() -> None:
    given = _registering()
    link = link_of(given.snapshot)
    violation = given.only(RULE)
    assert violation.subject == link.id
    assert violation.facts == {
        "zone": zone_id().key,
        "network": network_id().key,
        "registration": True,
        "registered_records": [],
    }
    option = given.option(RULE)
    assert option.change == SetLinkRegistration(link, enabled=False)
    assert option.applicability is Applicability.APPROVAL
    assert option.blockers == ()


def test_no_policy_makes_it_more_than_a_question() -> None:
    given = _registering().mode("KVG405", Mode.FIX)
    assert given.proposal(RULE).applicability is Applicability.APPROVAL
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()


@pytest.mark.parametrize("writer", [writer for writer in Writer if writer is not Writer.KVGUARD])
def test_another_writer_of_the_zone_is_said(writer: Writer) -> None:
    [blocker] = _registering().writer(writer).option(RULE).blockers
    assert writer.value in blocker.why


def test_with_a_registered_record_it_is_only_explained_with_its_name() -> None:
    violation = _machine(_registering(), "build-7").only(RULE)
    assert violation.proposals == ()
    assert violation.facts["registered_records"] == ["build-7"]
    assert "registered record sets (1: build-7)" in violation.advice
    assert "network vnet-1 a zone of its own" in violation.advice


def test_many_registered_records_are_counted_and_some_named() -> None:
    advice = _machine(_registering(), *(f"vm-{number}" for number in range(7))).only(RULE).advice
    assert "(7: vm-0, vm-1, vm-2, vm-3, vm-4, ...)" in advice


def test_a_record_that_somebody_wrote_is_not_lost_and_an_absent_one_neither() -> None:
    zone = _registering().snapshot.zones[0]
    given = _registering().zone(records=MappingProxyType({**zone.records, "web": None}))
    assert given.option(RULE).change.verb == "set-link-registration"


def test_without_all_records_nothing_is_offered_and_they_are_wanted() -> None:
    given = _registering().zone(complete=False, records_unread=NO_RECORDS)
    [violation] = given.violations(RULE)
    assert violation.proposals == ()
    assert violation.facts["registered_records"] == "unread"
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(zone_id(), NO_RECORDS)]
    assert RULE.at_events is False


def test_records_are_not_wanted_where_no_link_registers() -> None:
    assert silent(healthy().zone(complete=False, records_unread=NO_RECORDS), RULE)


def test_unread_links_are_not_judged() -> None:
    given = _registering().links_unread()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(zone_id(), FORBIDDEN)]


def test_every_link_of_every_zone_of_the_name_is_judged_whichever_network() -> None:
    given = relink(healthy().link("vnet-9"), network="vnet-9", registration_enabled=True)
    assert given.only(RULE).facts["network"] == network_id("vnet-9").key
    second = relink(healthy().link(zone=SECOND), SECOND, registration_enabled=True)
    assert second.only(RULE).facts["zone"] == SECOND.key


def test_a_zone_of_another_name_may_register() -> None:
    assert silent(relink(healthy().link(zone=APEX), APEX, registration_enabled=True), RULE)


def test_ids_in_another_casing_are_the_same_link() -> None:
    assert shouted(_registering()).option(RULE).digest == _registering().option(RULE).digest


def test_switching_off_keeps_the_resolution_policy_and_takes_no_name() -> None:
    given = _registering(relink(healthy(), resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT))
    change = given.proposal(RULE).change
    after = given.at(change.simulate(given.snapshot))
    assert silent(after, RULE)
    assert link_of(after.snapshot).resolution_policy is ResolutionPolicy.NXDOMAIN_REDIRECT
    assert after.answer() == given.answer()
    assert given.case().resolver.harms(given.snapshot, after.snapshot) == ()
    assert isinstance(change.inverse, SetLinkRegistration)
    assert change.inverse.simulate(after.snapshot) == given.snapshot


def test_the_digest_changes_with_the_network_and_the_records() -> None:
    known = _registering()
    registered = _machine(known, "build-7").only(RULE).facts
    assert registered != known.only(RULE).facts
    elsewhere = relink(healthy().no_links().link("vnet-2"), network="vnet-2", registration_enabled=True)
    assert elsewhere.option(RULE).digest != known.option(RULE).digest
