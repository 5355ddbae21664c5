"""KVG414: a record is stale only when everything that could have its address was read and nothing has it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.change import CreateRecord, DeleteRecord, UpdateRecord
from shared.domain.grades import Mode, Severity, Writer
from shared.domain.vault import ConnectionStatus, Existence
from shared.rules.kvg414_stale_a_record import RULE
from tests.builders import (
    CREATOR,
    FORBIDDEN,
    Given,
    endpoint_id,
    group_of,
    healthy,
    record_id,
    vault_id,
    zone_id,
)
from tests.rules.given_records import (
    abandoned,
    beside,
    claimed_by,
    deleted,
    goes_and_comes_back,
    question,
    record_of,
    shouted,
    whys,
    with_apex,
)


def test_a_record_of_a_living_endpoint_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_a_record_of_an_endpoint_that_waits_or_was_rejected_is_allowed() -> None:
    for status in ConnectionStatus:
        assert list(RULE.check(healthy().connection("c-1", status).case())) == []


def test_the_record_of_a_deleted_endpoint_is_stale() -> None:
    given = abandoned()
    violation = given.only(RULE)
    assert violation.subject == record_id()
    assert "10.1.0.99" in violation.message
    assert "no private endpoint of vault contoso has it" in violation.message
    assert given.finding(RULE).severity is Severity.MEDIUM
    change = question(given, RULE).change
    assert isinstance(change, DeleteRecord)
    assert change.before == record_of(given)
    assert whys(given.proposal(RULE)) == ()


def test_the_record_of_a_deleted_vault_is_stale() -> None:
    given = deleted()
    assert "deleted" in given.only(RULE).message
    assert given.only(RULE).facts["vault"] == "deleted"
    assert isinstance(question(given, RULE).change, DeleteRecord)


def test_a_vault_that_can_be_recovered_keeps_its_record() -> None:
    assert deleted().vault(existence=Existence.SOFT_DELETED).assess((RULE,)).findings == ()


def test_a_vault_that_was_moved_keeps_its_record() -> None:
    given = deleted()
    elsewhere = vault_id("contoso")
    assert list(RULE.check(given.at(replace(given.snapshot, moved_to=elsewhere)).case())) == []


def test_an_endpoint_of_a_deleted_vault_that_still_has_the_address_is_another_rules_subject() -> None:
    given = claimed_by(deleted().endpoint("pe-1"), "pe-1")
    assert list(RULE.check(given.case())) == []


def test_an_endpoint_without_connection_that_has_the_address_is_another_rules_subject() -> None:
    given = claimed_by(abandoned().endpoint("pe-3", addresses=("10.1.0.99",)), "pe-3")
    assert list(RULE.check(given.case())) == []


def test_one_address_that_somebody_has_makes_the_record_no_leftover() -> None:
    assert list(RULE.check(beside("10.1.0.4", "10.1.0.99").case())) == []


def test_with_an_effective_endpoint_the_record_gets_its_address() -> None:
    given = beside("10.1.0.99")
    change = question(given, RULE).change
    assert isinstance(change, UpdateRecord)
    assert (change.addresses, change.ttl) == (("10.1.0.4",), 60)
    goes_and_comes_back(given, RULE)


def test_with_two_effective_endpoints_a_person_must_say_which() -> None:
    given = claimed_by(beside("10.1.0.99").second_endpoint(), "pe-1", "pe-2")
    assert given.only(RULE).proposals == ()


@pytest.mark.parametrize(
    "given",
    [
        claimed_by(abandoned(), FORBIDDEN),
        claimed_by(abandoned(), "pe-3"),
        abandoned().endpoint_unread("pe-3"),
        abandoned().endpoint_unread("pe-1"),
        abandoned().endpoint("pe-3", addresses=FORBIDDEN),
        abandoned().connection("c-2", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-2")),
        abandoned().vault(connections=(replace(healthy().snapshot.vault.connections[0], endpoint=None),)),
        abandoned().record_unread(),
        claimed_by(deleted(), FORBIDDEN),
    ],
    ids=[
        "claimants",
        "a-claimant",
        "an-endpoint",
        "the-endpoint",
        "addresses",
        "another-connection's",
        "connection-without-endpoint",
        "record",
        "deleted-vault",
    ],
)
def test_what_is_unread_proves_nothing(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [record_id()]


def test_only_a_deeper_look_reads_the_claimants() -> None:
    assert RULE.at_events is False
    assert RULE.judges == {Existence.EXISTS, Existence.DELETED}
    assert RULE.default is Mode.APPROVE


def test_a_record_that_azure_registered_is_a_machines() -> None:
    given = abandoned().record("10.1.0.99", auto_registered=True)
    assert list(RULE.check(given.case())) == []


def test_an_empty_or_absent_record_is_not_stale() -> None:
    assert list(RULE.check(abandoned().record().case())) == []
    assert list(RULE.check(abandoned().no_record().case())) == []


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_says_so(writer: Writer) -> None:
    assert any(writer.value in why for why in whys(question(abandoned().writer(writer), RULE)))


def test_a_zone_that_policy_does_not_list_says_so() -> None:
    assert any("does not list" in why for why in whys(question(abandoned().writer(None), RULE)))


def test_a_record_that_a_zone_group_wrote_says_that_azure_deletes_it() -> None:
    given = abandoned().record("10.1.0.99", metadata=CREATOR)
    assert "Azure deletes it" in question(given, RULE).warning
    assert whys(question(given, RULE)) == ("a zone group wrote the record",)
    assert given.only(RULE).facts["zone_group"] is True


def test_a_zone_group_that_would_write_it_again_says_so() -> None:
    grouped = abandoned().endpoint("pe-3", zone_groups=(group_of(endpoint_id("pe-3"), zone_id()),))
    assert whys(question(grouped, RULE)) == ("a zone group points the name at this zone",)
    other = abandoned().endpoint("pe-3", zone_groups=(group_of(endpoint_id("pe-3"), zone_id(group="rg-x")),))
    assert whys(question(other, RULE)) == ()


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex_record() -> None:
    given = with_apex(abandoned().no_record(), "10.1.0.99")
    [violation] = given.violations(RULE)
    assert violation.subject.name == "@"


def test_ids_in_another_casing_are_the_same_record() -> None:
    assert shouted(abandoned()).option(RULE).digest == abandoned().option(RULE).digest
    assert list(RULE.check(shouted(healthy()).case())) == []


def test_a_vault_name_in_capitals_has_its_record_in_lower_case() -> None:
    assert deleted().vault(id=vault_id("CONTOSO")).only(RULE).subject == record_id()


@pytest.mark.parametrize("given", [abandoned(), deleted()], ids=["endpoint", "vault"])
def test_the_deletion_silences_the_rule_and_its_inverse_restores_the_record(given: Given) -> None:
    after = goes_and_comes_back(given, RULE)
    assert record_of(after) is None
    change = given.proposal(RULE).change
    assert isinstance(change.inverse, CreateRecord)


def test_what_the_finding_relied_on_binds_an_approval() -> None:
    before = abandoned().option(RULE).digest
    assert abandoned().endpoint("pe-3").option(RULE).digest != before
    assert abandoned().record("10.1.0.99", ttl=61).option(RULE).digest != before
