"""KVG412: a wrong record is replaced by itself only where the journal proves that kvguard owns it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import UpdateRecord
from shared.domain.grades import Applicability, Mode, Writer
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg412_wrong_a_record import RULE
from tests.builders import (
    CREATOR,
    FORBIDDEN,
    OURS,
    Given,
    endpoint_id,
    endpoint_to,
    group_of,
    healthy,
    record_id,
    vault_id,
    wrong_record,
    zone_id,
)
from tests.rules.given_records import claimed_by, with_apex


def _only_blocker(given: Given) -> str:
    blockers = given.blockers(RULE)
    assert len(blockers) == 1, blockers
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    return blockers[0].why


def test_the_right_record_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_a_right_address_beside_a_wrong_one_is_another_rules_subject() -> None:
    assert list(RULE.check(healthy().record("10.1.0.4", "10.1.0.99").case())) == []


def test_an_empty_or_absent_record_is_another_rules_subject() -> None:
    assert list(RULE.check(healthy().record().case())) == []
    assert list(RULE.check(healthy().no_record().case())) == []


def test_an_owned_record_is_replaced_where_policy_says_fix() -> None:
    given = wrong_record()
    assert given.only(RULE).subject == record_id()
    assert given.blockers(RULE) == ()
    [step] = given.plan().apply
    assert isinstance(step.change, UpdateRecord)
    assert (step.change.addresses, step.change.ttl, step.change.before.etag) == (("10.1.0.4",), 60, "etag-1")
    assert step.change.before.metadata == OURS


def test_by_default_even_an_owned_record_is_a_question() -> None:
    given = wrong_record().policy_with(modes={})
    assert RULE.default is Mode.APPROVE
    assert given.blockers(RULE) == ()
    assert given.option(RULE).applicability is Applicability.APPROVAL


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_asks(writer: Writer) -> None:
    assert writer.value in _only_blocker(wrong_record().writer(writer))


def test_a_zone_that_policy_does_not_list_asks() -> None:
    assert "does not list" in _only_blocker(wrong_record().writer(None))


def test_a_second_approved_connection_asks() -> None:
    given = wrong_record().connection("c-2", ConnectionStatus.APPROVED, "Failed", endpoint_id("pe-2"))
    given = given.endpoint_gone("pe-2")
    assert "2 Approved connections" in _only_blocker(given)


def test_two_effective_endpoints_are_only_explained() -> None:
    assert wrong_record().second_endpoint().only(RULE).proposals == ()


def test_a_zone_group_of_the_endpoint_asks() -> None:
    assert "points the name at this zone" in _only_blocker(
        wrong_record().endpoint(zone_groups=(group_of(endpoint_id(), zone_id()),))
    )


def test_a_zone_group_of_a_dead_connections_endpoint_asks() -> None:
    given = wrong_record().connection("c-2", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-2"))
    assert given.endpoint("pe-2").blockers(RULE) == ()
    grouped = given.endpoint("pe-2", zone_groups=(group_of(endpoint_id("pe-2"), zone_id()),))
    assert "points the name at this zone" in _only_blocker(grouped)
    assert "is not known" in _only_blocker(given.endpoint_unread("pe-2"))


def test_an_endpoint_that_claims_the_name_without_a_connection_asks() -> None:
    assert "pe-3 claims the name" in _only_blocker(claimed_by(wrong_record(), "pe-1", "pe-3"))
    dead = wrong_record().connection("c-2", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-2"))
    assert claimed_by(dead.endpoint("pe-2"), "pe-1", "pe-2").blockers(RULE) == ()


@pytest.mark.parametrize("status", [ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED])
def test_an_endpoint_that_knows_its_connection_is_dead_does_not_ask(status: ConnectionStatus) -> None:
    given = claimed_by(wrong_record(), "pe-1", "pe-3")
    dead = endpoint_to(vault_id(), status=status).links

    assert given.endpoint("pe-3", links=dead).blockers(RULE) == ()
    for alive in (
        given.endpoint("pe-3"),
        given.endpoint("pe-3", links=endpoint_to(vault_id("another"), status=status).links),
        given.endpoint("pe-3", links=dead, zone_groups=(group_of(endpoint_id("pe-3"), zone_id()),)),
        given.endpoint("pe-3", links=dead, zone_groups=FORBIDDEN),
    ):
        assert "pe-3 claims the name" in _only_blocker(alive)


def test_unread_claimants_ask() -> None:
    given = claimed_by(wrong_record(), FORBIDDEN)
    assert "is not known" in _only_blocker(given)
    assert given.blockers(RULE)[0].unread is FORBIDDEN


def test_an_endpoint_whose_address_could_be_the_records_asks() -> None:
    given = wrong_record().connection("c-2", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-2"))
    assert "another endpoint's" in _only_blocker(given.endpoint("pe-2", addresses=FORBIDDEN))
    assert given.endpoint("pe-2", addresses=("10.1.0.98",)).blockers(RULE) == ()


@pytest.mark.parametrize("address", ["20.61.10.4", "172.32.0.1", "100.128.0.1"])
def test_an_address_outside_the_private_ranges_asks(address: str) -> None:
    given = wrong_record().record(address, metadata=OURS).written(address)
    assert "outside the private ranges" in _only_blocker(given)


def test_the_address_of_an_endpoint_that_was_replaced() -> None:
    """The second endpoint took over; the record of the zone still names the first, which is gone."""
    given = healthy().connection("c-1", ConnectionStatus.DISCONNECTED, "Disconnected").endpoint_gone()
    given = claimed_by(given.network("vnet-2").second_endpoint().link("vnet-2"), "pe-2")
    assert [finding.rule for finding in given.assess().findings if finding.subject == record_id()] == ["KVG412"]
    change = given.proposal(RULE).change
    assert isinstance(change, UpdateRecord)
    assert change.addresses == ("10.2.0.4",)


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex_record() -> None:
    assert with_apex(healthy(), "10.1.0.99").only(RULE).subject.name == "@"


def test_a_zone_group_for_another_zone_does_not_ask() -> None:
    other = group_of(endpoint_id(), zone_id(group="rg-other"))
    assert wrong_record().endpoint(zone_groups=(other,)).blockers(RULE) == ()


def test_unread_zone_groups_ask() -> None:
    assert "is not known" in _only_blocker(wrong_record().endpoint(zone_groups=FORBIDDEN))


def test_a_record_that_a_zone_group_wrote_asks() -> None:
    given = wrong_record().record("10.1.0.99", metadata={**OURS, **CREATOR})
    assert "a zone group wrote the record" in _only_blocker(given)
    shouted = wrong_record().record("10.1.0.99", metadata={**OURS, "CREATOR": "pe"})
    assert "a zone group wrote the record" in _only_blocker(shouted)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"managed-by": "kvguard"}, {**OURS, "managed-by": "terraform"}, {**OURS, "kvguard-change": "chg-9"}],
    ids=["none", "no-change", "other-manager", "other-change"],
)
def test_metadata_that_does_not_name_the_journals_change_asks(metadata: dict[str, str]) -> None:
    assert "not kvguard's by the journal" in _only_blocker(wrong_record().record("10.1.0.99", metadata=metadata))


def test_metadata_without_a_journal_entry_is_only_a_claim() -> None:
    given = healthy().record("10.1.0.99", metadata=OURS).mode("KVG412", Mode.FIX)
    assert "not kvguard's by the journal" in _only_blocker(given)


def test_an_unread_history_proves_nothing() -> None:
    assert any("by the journal" in blocker.why for blocker in wrong_record().history_unread().blockers(RULE))


def test_a_record_that_somebody_changed_since_asks() -> None:
    assert "somebody changed the record" in _only_blocker(wrong_record().written("10.1.0.98"))
    assert "somebody changed the record" in _only_blocker(wrong_record().written("10.1.0.99", ttl=30))


def test_an_auto_registered_record_is_only_explained() -> None:
    given = wrong_record().record("10.1.0.99", metadata=OURS, auto_registered=True)
    assert given.only(RULE).proposals == ()


def test_an_endpoint_without_address_is_only_explained() -> None:
    assert wrong_record().endpoint(addresses=()).only(RULE).proposals == ()


def test_every_zone_of_the_name_is_judged() -> None:
    other = zone_id(group="rg-dns-2")
    given = wrong_record().zone(other).record("10.1.0.98", zone=other)
    assert {violation.subject for violation in given.violations(RULE)} == {record_id(), record_id(zone=other)}


def test_a_zone_of_another_name_is_not_judged() -> None:
    misnamed = zone_id("privatelink.vault.azure.net")
    assert list(RULE.check(healthy().zone(misnamed).record("10.1.0.98", zone=misnamed).case())) == []


@pytest.mark.parametrize(
    "given",
    [
        wrong_record().endpoint_unread(),
        wrong_record().endpoint(addresses=FORBIDDEN),
        wrong_record().record_unread(),
        wrong_record().endpoint_gone(),
    ],
    ids=["endpoint", "addresses", "record", "gone"],
)
def test_what_is_unread_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [record_id()]


def test_a_vault_without_effective_connection_has_no_finding() -> None:
    assert list(RULE.check(wrong_record().no_connections().case())) == []


def test_ids_in_another_casing_are_the_same_record() -> None:
    given = wrong_record()
    zone = given.snapshot.zones[0]
    record = zone.records["contoso"]
    assert record is not None
    shouted = replace(record, id=ArmId.parse(record_id().text.upper()))
    again = given.at(replace(given.snapshot, zones=(zone.with_record("CONTOSO", shouted),)))
    assert again.blockers(RULE) == ()
    assert again.option(RULE).digest == given.option(RULE).digest


def test_the_update_silences_the_rule_and_its_inverse_restores_the_record() -> None:
    given = wrong_record()
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert given.at(after).violations(RULE) == []
    assert isinstance(change.inverse, UpdateRecord)
    restored = change.inverse.simulate(after).zones[0].lookup("contoso")
    before = given.snapshot.zones[0].records["contoso"]
    assert before is not None
    assert restored == replace(before, etag="simulated")
