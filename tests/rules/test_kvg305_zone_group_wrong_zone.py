"""KVG305: a zone group has to point to the zone that answers for the endpoint's network."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import PointZoneGroup
from shared.domain.endpoint import EndpointLink
from shared.domain.grades import Applicability, Mode, Severity, Writer
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import Zone
from shared.rules.kvg303_endpoint_dns_config_mismatch import RULE as MISMATCH
from shared.rules.kvg305_zone_group_wrong_zone import RULE
from tests.builders import (
    FORBIDDEN,
    FOREIGN,
    Given,
    endpoint_id,
    healthy,
    network_id,
    peering,
    vault_id,
    zone_id,
)
from tests.rules.given_endpoints import (
    DEFERRED_CLAIMANTS,
    DEFERRED_GROUPS,
    WRITTEN,
    changed,
    claimed,
    dns_config,
    endpoint_of,
    grouped,
    shouted,
    ungrouped,
)

STRAY = zone_id("privatelink.vault.azure.net")
OWN = zone_id("contoso.privatelink.vaultcore.azure.net")
COPY = zone_id(group="rg-team")


def _misdirected(*zones: ArmId) -> Given:
    """The endpoint's zone group points to these zones; the right one has no record."""
    given = grouped(ungrouped(), *zones)
    if COPY in zones:
        given = given.zone(COPY).record("10.1.0.4", zone=COPY, ttl=10, metadata=WRITTEN)
    return given


def _unoffered(given: Given) -> str:
    violation = given.only(RULE)
    assert violation.proposals == ()
    return " ".join(violation.evidence)


def _unknown_part(given: Given) -> Unread:
    [violation] = given.violations(RULE)
    assert violation.proposals == ()
    assert {unknown.subject for unknown in given.unknowns(RULE)} == {endpoint_id()}
    return given.unknowns(RULE)[0].unread


@pytest.mark.parametrize("zones", [(), (zone_id(),), (OWN,), (shouted(zone_id()),)])
def test_no_zone_the_right_one_and_the_vaults_own_are_allowed(zones: tuple[ArmId, ...]) -> None:
    given = grouped(healthy().zone(OWN), *zones)
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize(
    "name",
    ["privatelink.vault.azure.net", "vault.azure.net", "privatelink.vaultcore.azure.cn",
     "other.privatelink.vaultcore.azure.net", "vaultcore.azure.net", "privatelink.blob.core.windows.net"],
)  # fmt: skip
def test_a_zone_of_another_name_is_found(name: str) -> None:
    violation = _misdirected(zone_id(name)).only(RULE)
    assert violation.subject == endpoint_id()
    assert f"zone {name} is not privatelink.vaultcore.azure.net" in violation.message


def test_zones_of_other_names_are_the_other_resources_of_a_shared_endpoint() -> None:
    links = (*endpoint_of(healthy()).links, EndpointLink(vault_id("other"), ConnectionStatus.APPROVED, manual=False))
    given = _misdirected(zone_id("privatelink.blob.core.windows.net")).endpoint(links=links)
    assert list(RULE.check(given.case())) == []
    assert _misdirected(COPY).endpoint(links=links).violations(RULE) != []


def test_a_zone_that_policy_does_not_designate_is_found() -> None:
    assert "policy does not designate" in _misdirected(COPY).only(RULE).message
    assert list(RULE.check(_misdirected(COPY).writer(None).case())) == []
    both = _misdirected(COPY).writer(Writer.ZONE_GROUP, COPY)
    assert list(RULE.check(both.case())) == []


def test_a_zone_that_policy_designates_for_another_network_is_found() -> None:
    given = _misdirected(COPY).writer(Writer.ZONE_GROUP, COPY, networks=(network_id("vnet-9"),))
    assert given.violations(RULE) != []
    narrow = _misdirected(COPY).writer(Writer.ZONE_GROUP, COPY, networks=(shouted(network_id()),))
    assert list(RULE.check(narrow.case())) == []
    assert "rg-dns" in grouped(narrow, zone_id()).only(RULE).message


def test_designations_that_cannot_be_known_make_it_unknown() -> None:
    given = _misdirected(COPY).network_unread()
    assert (given.violations(RULE), [u.unread for u in given.unknowns(RULE)]) == ([], [FORBIDDEN])


def test_a_zone_that_is_gone_is_found_where_it_would_have_been_seen() -> None:
    given = _misdirected(COPY).writer(None).no_zone(COPY)
    assert "does not exist" in given.only(RULE).message
    hidden = given.zones_unread()
    assert (hidden.violations(RULE), [u.unread for u in hidden.unknowns(RULE)]) == ([], [FORBIDDEN])


def test_a_zone_where_nobody_looks_is_unknown() -> None:
    far = ArmId.parse(COPY.text.replace(COPY.subscription, FOREIGN))
    given = grouped(ungrouped(None), far)
    assert given.violations(RULE) == []
    assert [u.unread.reason for u in given.unknowns(RULE)] == [UnreadReason.OUT_OF_SCOPE]
    searched = given.policy_with(zone_subscriptions=(FOREIGN.upper(),))
    assert "does not exist" in searched.only(RULE).message


def test_zone_groups_that_were_left_out_are_asked_for_and_nothing_is_found() -> None:
    given = healthy().endpoint(zone_groups=DEFERRED_GROUPS)
    assert given.violations(RULE) == []
    assert [(u.subject, u.unread.part) for u in given.unknowns(RULE)] == [(endpoint_id(), Part.ZONE_GROUPS)]
    assert not RULE.at_events


def test_an_endpoint_that_could_not_be_read_is_unknown_and_hides_no_other() -> None:
    given = grouped(healthy().second_endpoint().endpoint_unread(), STRAY, name="pe-2")
    assert [v.subject for v in given.violations(RULE)] == [endpoint_id("pe-2")]
    assert endpoint_id() in {u.subject for u in given.unknowns(RULE)}


def test_an_endpoint_that_moves_or_is_not_effective_is_not_judged() -> None:
    assert list(RULE.check(_misdirected(STRAY).endpoint(provisioning_state="Updating").case())) == []
    assert list(RULE.check(_misdirected(STRAY).connection(status=ConnectionStatus.PENDING).case())) == []


@pytest.mark.parametrize("old", [STRAY, COPY])
def test_pointing_it_to_the_right_zone_is_a_question(old: ArmId) -> None:
    given = _misdirected(old).mode("KVG305", Mode.FIX)
    option = given.option(RULE)
    groups = endpoint_of(given).zone_groups
    assert isinstance(groups, tuple)
    assert option.change == PointZoneGroup(groups[0], old, zone_id())
    assert option.applicability is Applicability.APPROVAL
    assert given.finding(RULE).severity is Severity.HIGH
    assert given.plan((RULE,)).apply == ()


def test_a_record_of_somebody_else_in_the_right_zone_is_not_taken_over() -> None:
    assert "another record for the vault: 10.1.0.9" in _unoffered(_misdirected(STRAY).record("10.1.0.9"))
    assert _misdirected(STRAY).record("10.1.0.4").only(RULE).proposals


def test_another_endpoint_that_could_claim_the_name_is_in_the_way() -> None:
    assert "c-2" in _unoffered(
        _misdirected(STRAY).connection("c-2", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-2"))
    )
    assert "pe-9" in _unoffered(claimed(_misdirected(STRAY), "pe-1", "pe-9"))


def test_a_group_that_names_the_right_zone_already_has_to_lose_the_wrong_one_by_hand() -> None:
    assert "already" in _unoffered(_misdirected(STRAY, zone_id()))


def test_several_wrong_zones_are_one_finding_without_a_single_change() -> None:
    violation = _misdirected(STRAY, COPY).only(RULE)
    assert violation.proposals == ()
    assert "2 zones" in " ".join(violation.evidence)
    assert "privatelink.vault.azure.net" in violation.message
    assert "rg-team" in violation.message


def test_without_a_zone_to_point_to_nothing_is_offered() -> None:
    assert "no single zone" in _unoffered(_misdirected(STRAY).writer(None).no_zone())


def test_whatever_is_unread_leaves_no_offer_and_is_named() -> None:
    assert _unknown_part(changed(_misdirected(STRAY), claimants=DEFERRED_CLAIMANTS)).part is Part.CLAIMANTS
    assert _unknown_part(_misdirected(STRAY).record_unread()) == FORBIDDEN
    assert _unknown_part(_misdirected(STRAY).endpoint(addresses=FORBIDDEN)) == FORBIDDEN
    assert _unknown_part(_misdirected(STRAY).links_unread()) == FORBIDDEN
    assert _unknown_part(_misdirected(STRAY).network_unread()) == FORBIDDEN


def test_names_that_the_change_would_break_are_said() -> None:
    given = _misdirected(COPY).network("vnet-1", peerings=(peering("vnet-7"),))
    given = given.network("vnet-7", peerings=(peering("vnet-1"),)).link("vnet-7", COPY)
    reasons = [blocker.why for blocker in given.proposal(RULE).blockers]
    assert any("would break" in why and "vnet-7" in why for why in reasons), reasons
    assert not any("would break" in blocker.why for blocker in _misdirected(COPY).proposal(RULE).blockers)
    assert [b.unread for b in given.neighbours_unread().proposal(RULE).blockers if b.unread] == [FORBIDDEN]


def test_it_comes_before_what_else_is_said_of_the_endpoints_dns() -> None:
    given = _misdirected(STRAY).endpoint(dns_configs=(dns_config("10.1.0.9"),))
    assert (len(given.violations(RULE)), len(given.violations(MISMATCH))) == (1, 1)
    assert [finding.rule for finding in given.assess((MISMATCH, RULE)).findings] == ["KVG305"]


def test_facts_and_not_casing_bind_the_approval() -> None:
    given = _misdirected(COPY)
    loud = grouped(given, shouted(COPY))
    assert loud.option(RULE).digest == given.option(RULE).digest
    assert _misdirected(STRAY).option(RULE).digest != given.option(RULE).digest
    assert given.endpoint(addresses=("10.1.0.9",)).option(RULE).digest != given.option(RULE).digest


def test_the_change_silences_the_rule_and_its_inverse_leaves_all_as_before() -> None:
    given = _misdirected(COPY)
    before = replace(given.snapshot, zones=tuple(_no_etags(given)))
    change = given.proposal(RULE).change
    after = change.simulate(before)
    assert list(RULE.check(given.at(after).case())) == []
    assert isinstance(change, PointZoneGroup)
    assert isinstance(change.inverse, PointZoneGroup)
    back = change.inverse.simulate(after)
    assert (back.endpoints, back.vault) == (before.endpoints, before.vault)
    for zone in before.zones:
        known = back.zone(zone.id)
        assert known is not None
        assert dict(known.records) == {"contoso": None} | dict(zone.records)


def _no_etags(given: Given) -> list[Zone]:
    zones = []
    for zone in given.snapshot.zones:
        records = {name: record and replace(record, etag="simulated") for name, record in zone.records.items()}
        zones.append(replace(zone, records=MappingProxyType(records)))
    return zones
