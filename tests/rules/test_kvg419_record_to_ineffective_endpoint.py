"""KVG419: the record of an endpoint that is not let in is told from one that is nobody's."""

from __future__ import annotations

import pytest

from shared.domain.change import DeleteRecord, UpdateRecord
from shared.domain.grades import Severity, Writer
from shared.domain.reading import Part
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg419_record_to_ineffective_endpoint import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, group_of, healthy, record_id, zone_id
from tests.rules.given_records import (
    beside,
    claimed_by,
    goes_and_comes_back,
    other_connection,
    question,
    record_of,
    shouted,
    whys,
    with_apex,
)

DEAD = [ConnectionStatus.PENDING, ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED]


def _astray(status: ConnectionStatus = ConnectionStatus.PENDING) -> Given:
    return other_connection(beside("10.1.0.66"), status)


def _no_path() -> Given:
    """The alias stands because a connection is Approved, though not effective; the record is a pending endpoint's."""
    return _astray().connection("c-1", ConnectionStatus.APPROVED, "Failed")


def test_the_right_record_is_allowed_whatever_else_connects() -> None:
    for status in DEAD:
        assert list(RULE.check(other_connection(healthy(), status).case())) == []


def test_a_record_that_is_nobodys_is_another_rules_subject() -> None:
    assert list(RULE.check(beside("10.1.0.99").case())) == []
    assert list(RULE.check(other_connection(beside("10.1.0.99"), ConnectionStatus.PENDING).case())) == []


@pytest.mark.parametrize("status", DEAD)
def test_the_record_of_an_endpoint_that_is_not_let_in(status: ConnectionStatus) -> None:
    given = _astray(status)
    violation = given.only(RULE)
    assert violation.subject == record_id()
    assert f"pe-2 ({status.value}, 10.1.0.66)" in violation.message
    assert "pe-2" in violation.advice
    assert given.finding(RULE).severity is Severity.HIGH
    change = question(given, RULE).change
    assert isinstance(change, UpdateRecord)
    assert (change.addresses, change.before) == (("10.1.0.4",), record_of(given))
    assert whys(given.proposal(RULE)) == ()


@pytest.mark.parametrize("status", [ConnectionStatus.APPROVED, ConnectionStatus.UNKNOWN])
def test_other_states_are_other_rules_subject(status: ConnectionStatus) -> None:
    assert list(RULE.check(_astray(status).case())) == []


def test_without_alias_nobody_asks_for_the_record() -> None:
    given = _astray().connection("c-1", ConnectionStatus.REJECTED)
    assert list(RULE.check(given.case())) == []


def test_an_endpoint_that_the_vault_has_no_connection_for_any_more() -> None:
    given = claimed_by(beside("10.1.0.66").endpoint("pe-3", addresses=("10.1.0.66",)), "pe-1", "pe-3")
    assert "pe-3 (no connection, 10.1.0.66)" in given.only(RULE).message


def test_one_wrong_address_beside_the_right_one_is_enough() -> None:
    given = other_connection(beside("10.1.0.4", "10.1.0.66"), ConnectionStatus.DISCONNECTED)
    change = question(given, RULE).change
    assert isinstance(change, UpdateRecord)
    assert change.addresses == ("10.1.0.4",)


def test_without_effective_endpoint_the_record_can_go() -> None:
    assert isinstance(question(_no_path(), RULE).change, DeleteRecord)
    assert record_of(goes_and_comes_back(_no_path(), RULE)) is None


def test_with_two_effective_endpoints_a_person_must_say_which() -> None:
    third = endpoint_id("pe-3")
    given = healthy().network("vnet-2").second_endpoint().connection("c-3", ConnectionStatus.PENDING, endpoint=third)
    given = given.endpoint("pe-3", addresses=("10.1.0.66",)).record("10.1.0.66")
    assert claimed_by(given, "pe-1", "pe-2", "pe-3").only(RULE).proposals == ()


@pytest.mark.parametrize(
    "given",
    [
        _astray().endpoint_unread("pe-2"),
        _astray().endpoint("pe-2", addresses=FORBIDDEN),
        _astray().endpoint_unread("pe-1"),
        _astray().endpoint("pe-1", addresses=FORBIDDEN),
        claimed_by(beside("10.1.0.66"), FORBIDDEN),
        claimed_by(beside("10.1.0.66"), "pe-1", "pe-3"),
        claimed_by(beside("10.1.0.66"), "pe-1", "pe-3").endpoint_unread("pe-3"),
        _astray().record_unread(),
    ],
    ids=["endpoint", "addresses", "effective", "its-addresses", "claimants", "a-claimant", "unread-claimant", "record"],
)
def test_what_is_unread_is_no_finding(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [record_id()]


def test_the_right_record_needs_no_claimants() -> None:
    assert list(RULE.check(claimed_by(healthy(), FORBIDDEN).case())) == []
    assert list(RULE.check(healthy().connection("c-2", DEAD[0], endpoint=endpoint_id("pe-2")).case())) == []


def test_an_unread_endpoint_does_not_hide_what_another_shows() -> None:
    given = _astray().connection("c-3", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-3")).endpoint_unread("pe-3")
    assert given.violations(RULE) != []
    assert claimed_by(_astray(), FORBIDDEN).violations(RULE) != []


def test_an_endpoint_that_is_gone_has_no_address() -> None:
    assert list(RULE.check(claimed_by(_astray().endpoint_gone("pe-2"), "pe-1").case())) == []
    given = claimed_by(beside("10.1.0.66").endpoint_gone("pe-3"), "pe-1", "pe-3")
    assert list(RULE.check(given.case())) == []


def test_a_claimant_that_was_not_read_asks_for_it() -> None:
    [unknown] = claimed_by(beside("10.1.0.66"), "pe-1", "pe-3").unknowns(RULE)
    assert unknown.unread.part is Part.CLAIMANTS
    assert RULE.at_events is False


def test_an_empty_or_absent_record_leads_nowhere_whatever_is_unread() -> None:
    for given in (_astray().record(), _astray().no_record()):
        assert list(RULE.check(given.endpoint_unread("pe-1").case())) == []


def test_an_auto_registered_record_is_only_explained() -> None:
    given = _astray().record("10.1.0.66", auto_registered=True)
    assert given.only(RULE).proposals == ()
    assert _no_path().record("10.1.0.66", auto_registered=True).only(RULE).proposals == ()


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_says_so(writer: Writer) -> None:
    assert any(writer.value in why for why in whys(question(_astray().writer(writer), RULE)))


def test_the_endpoints_own_zone_group_says_so() -> None:
    given = _astray().endpoint("pe-2", zone_groups=(group_of(endpoint_id("pe-2"), zone_id()),))
    assert whys(question(given, RULE)) == ("a zone group points the name at this zone",)


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex_record() -> None:
    given = with_apex(other_connection(healthy(), ConnectionStatus.PENDING), "10.1.0.66")
    assert given.only(RULE).subject.name == "@"


def test_ids_in_another_casing_are_the_same_record() -> None:
    assert shouted(_astray()).option(RULE).digest == _astray().option(RULE).digest


def test_the_update_silences_the_rule_and_its_inverse_restores_the_record() -> None:
    after = goes_and_comes_back(_astray(), RULE)
    assert after.answer().addresses == ("10.1.0.4",)


def test_what_the_finding_relied_on_binds_an_approval() -> None:
    before = _astray().option(RULE).digest
    assert _astray(ConnectionStatus.REJECTED).option(RULE).digest != before
    assert _astray().endpoint(addresses=("10.1.0.5",)).option(RULE).digest != before
    assert _astray().record("10.1.0.66", ttl=61).option(RULE).digest != before
