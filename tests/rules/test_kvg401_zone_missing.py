"""KVG401: a zone is missing only where somebody said which one should be there, and everything was read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import CreateZone, DeleteZone
from shared.domain.finding import Option
from shared.domain.grades import Applicability, Mode, Writer
from shared.rules.kvg401_zone_missing import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, healthy, network_id, zone_id
from tests.rules.given_zones import (
    APEX,
    HOST,
    HUB,
    MISNAMED,
    OWN_HOST,
    SECOND,
    declared_complete,
    hub_and_spokes,
    hub_zone,
    shouted,
    silent,
    with_strays,
)


def _gone() -> Given:
    """The designated zone does not exist."""
    return healthy().no_zone()


def _option(given: Given) -> Option:
    option = given.option(RULE)
    assert option.applicability is Applicability.APPROVAL
    return option


def test_a_linked_zone_is_allowed() -> None:
    assert silent(healthy(), RULE)
    assert silent(declared_complete(healthy()), RULE)


def test_a_designated_zone_that_does_not_exist_is_missing_and_its_creation_is_asked() -> None:
    given = _gone()
    violation = given.only(RULE)
    assert violation.subject == network_id()
    assert "resolves to public there instead of its private endpoint pe-1" in violation.message
    assert violation.facts == {
        "zone": zone_id().key,
        "zone_name": "privatelink.vaultcore.azure.net",
        "network": network_id().key,
        "endpoint": endpoint_id().key,
        "other_zones": [],
    }
    assert "KVG411" in violation.advice
    assert "KVG403" in violation.advice
    option = _option(given)
    assert option.change == CreateZone(zone_id())
    assert option.blockers == ()
    assert "changes no answer" in option.warning
    assert given.plan((RULE,)).apply == ()


@pytest.mark.parametrize("mode", [Mode.FIX, Mode.APPROVE])
def test_no_policy_makes_it_more_than_a_question(mode: Mode) -> None:
    given = _gone().mode("KVG401", mode)
    assert given.proposal(RULE).applicability is Applicability.APPROVAL
    assert _option(given).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()


@pytest.mark.parametrize("writer", [writer for writer in Writer if writer is not Writer.KVGUARD])
def test_another_writer_of_the_zone_is_said(writer: Writer) -> None:
    [blocker] = _option(_gone().writer(writer)).blockers
    assert writer.value in blocker.why


def test_without_designation_the_declared_and_read_subscriptions_decide() -> None:
    given = declared_complete(_gone())
    violation = given.only(RULE)
    assert violation.proposals == ()
    assert "named exactly privatelink.vaultcore.azure.net" in violation.advice
    assert violation.facts["zone"] == ""


def test_without_designation_and_completeness_nothing_is_known_to_be_missing() -> None:
    assert silent(_gone().writer(None), RULE)


def test_any_zone_of_the_name_is_enough_without_designation() -> None:
    assert silent(declared_complete(_gone().zone(SECOND)), RULE)
    assert silent(declared_complete(_gone().zone(SECOND).zone(zone_id(group="rg-3"))), RULE)


def test_a_designated_zone_that_exists_unlinked_is_not_missing() -> None:
    assert silent(healthy().no_links(), RULE)


def test_another_zone_of_the_name_does_not_stand_in_for_the_designated_one_and_is_named() -> None:
    given = _gone().zone(SECOND)
    assert given.only(RULE).facts["other_zones"] == [SECOND.key]
    assert _option(given).change == CreateZone(zone_id())


def test_another_zone_of_the_name_that_is_linked_there_serves() -> None:
    assert silent(_gone().link(zone=SECOND), RULE)


def test_a_linked_zone_of_the_vaults_own_name_serves() -> None:
    assert silent(_gone().link(zone=APEX).record("10.1.0.4", zone=APEX, name="@"), RULE)
    assert silent(_gone().link(zone=APEX), RULE)
    assert len(_gone().zone(APEX).violations(RULE)) == 1


def test_a_zone_for_other_networks_is_not_designated_for_this_one() -> None:
    elsewhere = _gone().writer(Writer.KVGUARD, networks=(network_id("vnet-9"),))
    assert silent(elsewhere, RULE)
    assert len(elsewhere.policy_with(zone_subscriptions_complete=True).violations(RULE)) == 1


def test_several_zones_designated_for_one_network_are_not_judged() -> None:
    given = _gone().writer(Writer.KVGUARD, SECOND)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id()]


def test_a_designated_zone_in_a_place_that_was_not_read_is_unread_and_never_missing() -> None:
    for given in (_gone().zones_unread(), declared_complete(_gone().zones_unread()), hub_zone(healthy().no_links())):
        given = given.zones_unread()
        assert given.violations(RULE) == []
        assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_a_known_answer_of_the_host_names_zone_does_not_make_an_unread_place_known() -> None:
    given = _gone().link(zone=OWN_HOST)
    assert given.answer().kind is AnswerKind.NXDOMAIN
    assert len(given.violations(RULE)) == 1
    assert given.zones_unread().violations(RULE) == []
    assert [unknown.unread for unknown in given.zones_unread().unknowns(RULE)] == [FORBIDDEN]


def test_a_hub_zone_in_another_subscription_is_missing_once_that_subscription_was_read() -> None:
    given = hub_zone(healthy().no_links())
    assert _option(given).change == CreateZone(HUB)
    assert silent(given.zone(HUB), RULE)


@pytest.mark.parametrize("linked", [True, False])
def test_unread_links_are_not_judged(linked: bool) -> None:
    given = healthy().links_unread() if linked else _gone().zone(SECOND, links=FORBIDDEN)
    assert given.violations(RULE) == []
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_unread_endpoints_and_networks_are_not_judged() -> None:
    for given in (_gone().endpoint_unread(), _gone().network_unread(), _gone().network(forwarding=FORBIDDEN)):
        assert given.violations(RULE) == []
        assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_an_unknown_answer_is_not_judged() -> None:
    given = _gone().zone(APEX, links=FORBIDDEN)
    assert given.violations(RULE) == []
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_a_misnamed_zone_explains_the_gap_and_is_reported_instead() -> None:
    assert silent(with_strays(_gone(), MISNAMED), RULE)
    assert silent(_gone().link(zone=HOST).record("10.1.0.4", zone=HOST), RULE)


def test_a_zone_of_another_vaults_own_name_explains_nothing() -> None:
    given = with_strays(_gone(), zone_id("other.privatelink.vaultcore.azure.net"))
    assert len(given.violations(RULE)) == 1


def test_the_network_of_the_server_that_is_asked_is_judged() -> None:
    given = hub_and_spokes()
    assert silent(given, RULE)
    assert [violation.subject for violation in given.no_zone().violations(RULE)] == [network_id("vnet-2")]


def test_a_vault_without_an_effective_connection_needs_no_zone() -> None:
    assert silent(_gone().no_connections(), RULE)


def test_two_endpoints_are_two_networks() -> None:
    given = _gone().second_endpoint().network("vnet-2")
    assert [violation.subject for violation in given.violations(RULE)] == [network_id(), network_id("vnet-2")]


def test_ids_in_another_casing_are_the_same_zone() -> None:
    assert silent(shouted(healthy()), RULE)
    loud = _gone().writer(None).writer(Writer.KVGUARD, ArmId.parse(zone_id().text.upper()))
    assert loud.option(RULE).digest == _gone().option(RULE).digest


def test_the_digest_changes_with_each_fact() -> None:
    given = _gone()
    others = (given.zone(SECOND), hub_zone(given), given.endpoint(network=network_id("vnet-2")).network("vnet-2"))
    assert len({given.option(RULE).digest, *(other.option(RULE).digest for other in others)}) == 4


def test_the_new_zone_silences_the_rule_takes_no_name_and_its_inverse_restores_the_estate() -> None:
    given = _gone()
    change = given.proposal(RULE).change
    after = given.at(change.simulate(given.snapshot))
    assert silent(after, RULE)
    assert after.answer() == given.answer()
    assert after.answer().kind is AnswerKind.PUBLIC
    assert given.case().resolver.harms(given.snapshot, after.snapshot) == ()
    assert change.inverse == DeleteZone(zone_id())
    assert isinstance(change.inverse, DeleteZone)
    assert change.inverse.simulate(after.snapshot) == given.snapshot


def test_after_the_zone_the_record_comes_before_the_link() -> None:
    """Approved and made: what is left of the private path follows by itself, in the order that breaks nothing."""
    given = _gone()
    made = given.at(given.proposal(RULE).change.simulate(given.snapshot))
    record, link = made.plan().apply
    assert (record.change.verb, link.change.verb) == ("create-record", "create-link")
    assert link.after == (record.change.key,)
    after = link.change.simulate(record.change.simulate(made.snapshot))
    assert given.at(replace(after, neighbours=())).answer().addresses == ("10.1.0.4",)
