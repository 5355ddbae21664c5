"""KVG418: wrong addresses beside right ones go, the right ones stay."""

from __future__ import annotations

import pytest

from shared.domain.change import UpdateRecord
from shared.domain.grades import Severity, Writer
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg418_extra_addresses import RULE
from tests.builders import (
    CREATOR,
    FORBIDDEN,
    PRIVATE_ZONE,
    Given,
    connection_id,
    endpoint_id,
    group_of,
    healthy,
    record_id,
    zone_id,
)
from tests.rules.given_records import beside, goes_and_comes_back, question, record_of, shouted, whys, with_apex


def _extra() -> Given:
    return beside("10.1.0.4", "10.1.0.9")


def test_the_right_record_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_several_right_addresses_are_allowed() -> None:
    assert list(RULE.check(beside("10.1.0.4", "10.2.0.4").second_endpoint().case())) == []
    assert list(RULE.check(beside("10.1.0.4", "10.1.0.5").endpoint(addresses=("10.1.0.4", "10.1.0.5")).case())) == []


def test_a_record_without_a_right_address_is_another_rules_subject() -> None:
    assert list(RULE.check(beside("10.1.0.8", "10.1.0.9").case())) == []
    assert list(RULE.check(beside("10.1.0.8").case())) == []
    assert list(RULE.check(_extra().no_connections().case())) == []


def test_one_address_or_none_is_never_too_many_whatever_is_unread() -> None:
    for given in (healthy(), healthy().record(), healthy().no_record()):
        assert list(RULE.check(given.case())) == []
        assert list(RULE.check(given.endpoint_unread().case())) == []


def test_only_the_right_address_stays() -> None:
    given = _extra()
    violation = given.only(RULE)
    assert violation.subject == record_id()
    assert violation.facts["extra"] == ["10.1.0.9"]
    assert given.finding(RULE).severity is Severity.MEDIUM
    change = question(given, RULE).change
    assert isinstance(change, UpdateRecord)
    assert (change.addresses, change.ttl, change.before) == (("10.1.0.4",), 60, record_of(given))
    assert whys(given.proposal(RULE)) == ()
    assert "60 s" in given.proposal(RULE).warning
    assert "Azure deletes" not in given.proposal(RULE).warning
    assert violation.facts["approved"] == [connection_id().key]


def test_right_addresses_of_two_endpoints_stay() -> None:
    given = beside("10.1.0.4", "10.2.0.4", "10.1.0.9").network("vnet-2").second_endpoint()
    change = question(given, RULE).change
    assert isinstance(change, UpdateRecord)
    assert change.addresses == ("10.1.0.4", "10.2.0.4")


def test_an_endpoint_that_is_not_effective_is_no_right_address() -> None:
    given = _extra().connection("c-2", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-2"))
    assert given.endpoint("pe-2", addresses=("10.1.0.9",)).only(RULE).facts["extra"] == ["10.1.0.9"]


@pytest.mark.parametrize(
    "given",
    [_extra().endpoint_unread(), _extra().endpoint(addresses=FORBIDDEN), _extra().record_unread()],
    ids=["endpoint", "addresses", "record"],
)
def test_what_is_unread_is_no_finding(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [record_id()]


def test_an_auto_registered_record_is_only_explained() -> None:
    assert healthy().record("10.1.0.4", "10.1.0.9", auto_registered=True).only(RULE).proposals == ()


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_says_so(writer: Writer) -> None:
    assert any(writer.value in why for why in whys(question(_extra().writer(writer), RULE)))


def test_zone_groups_say_so() -> None:
    written = healthy().record("10.1.0.4", "10.1.0.9", metadata=CREATOR)
    assert whys(question(written, RULE)) == ("a zone group wrote the record",)
    pointed = _extra().endpoint(zone_groups=(group_of(endpoint_id(), zone_id()),))
    assert whys(question(pointed, RULE)) == ("a zone group points the name at this zone",)


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex_record() -> None:
    assert with_apex(healthy(), "10.1.0.4", "10.1.0.9").only(RULE).subject.name == "@"


def test_a_zone_of_another_vault_is_not_judged() -> None:
    other = zone_id(f"other.{PRIVATE_ZONE}", group="rg-other")
    given = healthy().zone(other).record("10.1.0.4", "10.1.0.9", zone=other, name="@")
    assert list(RULE.check(given.record("10.1.0.4", "10.1.0.9", zone=other).case())) == []


def test_ids_in_another_casing_are_the_same_record() -> None:
    assert shouted(_extra()).option(RULE).digest == _extra().option(RULE).digest


def test_the_update_silences_the_rule_and_its_inverse_restores_the_record() -> None:
    after = goes_and_comes_back(_extra(), RULE)
    assert after.answer().addresses == ("10.1.0.4",)


def test_what_the_finding_relied_on_binds_an_approval() -> None:
    before = _extra().option(RULE).digest
    assert beside("10.1.0.4", "10.1.0.8").option(RULE).digest != before
    assert _extra().record("10.1.0.4", "10.1.0.9", ttl=61).option(RULE).digest != before
    assert _extra().endpoint(addresses=("10.1.0.4", "10.1.0.5")).option(RULE).digest != before
    assert beside("10.1.0.9", "10.1.0.4").option(RULE).digest == before
