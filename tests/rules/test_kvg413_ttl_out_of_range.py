"""KVG413: only how long an answer is kept changes, never the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.change import UpdateRecord
from shared.domain.grades import Applicability, Writer
from shared.domain.policy import TtlBounds
from shared.rules.kvg413_ttl_out_of_range import RULE
from tests.builders import (
    CREATOR,
    FORBIDDEN,
    Given,
    healthy,
    long_ttl,
    record_id,
    vault_id,
    wrong_record,
    zone_id,
)
from tests.rules.given_records import APEX, contested, with_apex


def _only_blocker(given: Given) -> str:
    blockers = given.blockers(RULE)
    assert len(blockers) == 1, blockers
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    return blockers[0].why


@pytest.mark.parametrize("ttl", [10, 11, 60, 599, 600])
def test_a_ttl_within_the_bounds_is_allowed(ttl: int) -> None:
    assert list(RULE.check(long_ttl(ttl).case())) == []


@pytest.mark.parametrize(("ttl", "mended"), [(0, 10), (9, 10), (601, 600), (2147483647, 600)])
def test_a_ttl_outside_is_set_to_the_nearest_bound(ttl: int, mended: int) -> None:
    given = long_ttl(ttl)
    assert given.blockers(RULE) == ()
    [step] = given.plan().apply
    assert isinstance(step.change, UpdateRecord)
    assert (step.change.ttl, step.change.addresses, step.change.adopt) == (mended, ("10.1.0.4",), False)
    assert step.change.before.etag == "etag-1"


def test_the_bounds_are_the_policys() -> None:
    assert list(RULE.check(long_ttl(3600).policy_with(ttl=TtlBounds(maximum=3600)).case())) == []
    assert long_ttl(20).policy_with(ttl=TtlBounds(minimum=30)).violations(RULE) != []


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_asks(writer: Writer) -> None:
    assert writer.value in _only_blocker(long_ttl().writer(writer))


def test_a_zone_that_policy_does_not_list_asks() -> None:
    assert "does not list" in _only_blocker(long_ttl().writer(None))


def test_a_record_with_one_wrong_address_asks() -> None:
    assert "not every address" in _only_blocker(healthy().record("10.1.0.4", "10.1.0.99", ttl=3600))


def test_a_record_of_a_vault_without_effective_endpoint_asks() -> None:
    assert "not every address" in _only_blocker(long_ttl().no_connections())


def test_unread_addresses_of_the_endpoint_ask() -> None:
    given = long_ttl().endpoint(addresses=FORBIDDEN)
    assert "is not known" in _only_blocker(given)
    assert given.blockers(RULE)[0].unread is FORBIDDEN


def test_a_record_that_networks_contend_for_asks() -> None:
    given = contested().record("10.2.0.4", ttl=3600)
    assert "contend" in _only_blocker(given)
    peers = given.no_links().link("vnet-2")
    assert peers.blockers(RULE) == ()


def test_a_contest_that_is_not_known_asks() -> None:
    given = contested().record("10.2.0.4", ttl=3600).no_links().link("vnet-2").link("vnet-7")
    assert "is not known" in _only_blocker(given)
    assert given.blockers(RULE)[0].unread is not None


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex_record() -> None:
    given = with_apex(healthy()).record("10.1.0.4", zone=APEX, name="@", ttl=3600)
    assert given.only(RULE).subject.name == "@"


def test_a_record_that_a_zone_group_wrote_asks() -> None:
    assert "a zone group wrote the record" in _only_blocker(healthy().record("10.1.0.4", ttl=3600, metadata=CREATOR))


def test_a_record_mended_within_a_day_asks_and_time_alone_does_not_settle_it() -> None:
    day = timedelta(days=1)
    again = long_ttl().ttl_mended(day - timedelta(seconds=1))
    assert "within the last day" in _only_blocker(again)
    assert again.blockers(RULE)[0].until is None
    assert long_ttl().ttl_mended(day).blockers(RULE) == ()


def test_an_auto_registered_record_is_only_explained() -> None:
    assert healthy().record("10.1.0.4", ttl=3600, auto_registered=True).only(RULE).proposals == ()


def test_an_empty_or_absent_record_has_no_ttl_to_mend() -> None:
    assert list(RULE.check(healthy().record(ttl=3600).case())) == []
    assert list(RULE.check(healthy().no_record().case())) == []


def test_an_unread_record_is_not_judged() -> None:
    given = healthy().record_unread()
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [record_id()]


def test_a_wrong_record_is_reported_as_wrong_and_not_for_its_ttl() -> None:
    given = wrong_record().record("10.1.0.99", ttl=3600)
    assert [finding.rule for finding in given.assess().findings] == ["KVG412"]
    assert given.violations(RULE) != []


def test_another_vaults_record_and_another_zone_are_not_judged() -> None:
    assert list(RULE.check(healthy().record("10.1.0.9", name="other", ttl=3600).case())) == []
    misnamed = zone_id("privatelink.vault.azure.net")
    assert list(RULE.check(healthy().zone(misnamed).record("10.1.0.4", zone=misnamed, ttl=3600).case())) == []


def test_a_vault_name_in_capitals_has_its_record_in_lower_case() -> None:
    assert long_ttl().vault(id=vault_id("CONTOSO")).blockers(RULE) == ()


def test_the_update_silences_the_rule_and_its_inverse_restores_the_record() -> None:
    given = healthy().record("10.1.0.4", ttl=3600, metadata={"owner": "team-dns"})
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert given.at(after).violations(RULE) == []
    assert given.at(after).answer() == given.answer()
    assert isinstance(change.inverse, UpdateRecord)
    before = given.snapshot.zones[0].records["contoso"]
    assert before is not None
    assert change.inverse.simulate(after).zones[0].lookup("contoso") == replace(before, etag="simulated")
