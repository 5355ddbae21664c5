"""A vault without Approved or Pending connection has no zones at a first glance, which must not look like no zones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.finding import Assessment
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.rule import Rule
from shared.domain.vault import ConnectionStatus, PublicAccess
from shared.domain.zone import ResolutionPolicy
from shared.rules.registry import RULES
from tests.builders import Given, healthy, vault_id, zone_id
from tests.rules.given_records import claimed_by
from tests.rules.given_zones import relink

NOT_LOOKED: Unread = Unread(UnreadReason.DEFERRED, "private DNS zones", Part.ZONES)
BY_ID = {rule.id: rule for rule in RULES}
# Its only connection was rejected.
DEAD = healthy().connection(status=ConnectionStatus.REJECTED)
# What these say depends on zones also for a vault that nothing is connected to.
OF_RECORDS = ("KVG413", "KVG414", "KVG415", "KVG417", "KVG420")
ASKING = ("KVG402", *OF_RECORDS)


def glanced(given: Given) -> Given:
    """The vault without any zone, because nobody looked for one."""
    return given.at(replace(given.snapshot, zones=(), strays=(), zones_unread=(NOT_LOOKED,)))


def _wants_zones(assessment: Assessment, rules: frozenset[str]) -> bool:
    return any(unread.part is Part.ZONES for unread in assessment.wanted(rules))


@pytest.mark.parametrize("rule", [BY_ID[name] for name in ASKING], ids=lambda rule: rule.id)
@pytest.mark.parametrize("given", [healthy().no_connections(), DEAD], ids=["none", "dead"])
def test_a_rule_that_zones_decide_asks_for_them(given: Given, rule: Rule) -> None:
    assert glanced(given).violations(rule) == []
    assert [(each.subject, each.unread) for each in glanced(given).unknowns(rule)] == [(vault_id(), NOT_LOOKED)]


@pytest.mark.parametrize("rule", [BY_ID[name] for name in ASKING], ids=lambda rule: rule.id)
def test_a_place_that_may_not_be_read_is_not_taken_for_empty(rule: Rule) -> None:
    unread = healthy().no_connections().no_record().zones_unread()
    assert [each.subject for each in unread.unknowns(rule)] == [vault_id()]


@pytest.mark.parametrize("given", [healthy().no_connections(), DEAD], ids=["none", "dead"])
def test_at_an_event_no_rule_has_the_zones_read(given: Given) -> None:
    assessment = claimed_by(glanced(given)).assess()
    assert not _wants_zones(assessment, frozenset(rule.id for rule in RULES if rule.at_events))
    assert _wants_zones(assessment, frozenset(BY_ID))


def test_what_the_firewall_rules_say_does_not_wait_for_zones() -> None:
    """Without an effective connection there is no private path, whatever zones there are."""
    for rule in ("KVG101", "KVG102", "KVG103", "KVG106", "KVG204"):
        given = healthy().no_connections().vault(public_access=PublicAccess.ENABLED, acl=None)
        there, left_out = (list(BY_ID[rule].check(each.case())) for each in (given, glanced(given)))
        assert left_out == there


@pytest.mark.parametrize("rule", ["KVG405", "KVG406", "KVG407"])
def test_zones_of_private_endpoints_are_no_matter_of_a_vault_without(rule: str) -> None:
    given = relink(healthy(), registration_enabled=True, resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT)
    given = given.zone(zone_id(group="rg-rogue"), links=())
    given = given.policy_with(zone_subscriptions_complete=True)
    assert given.violations(BY_ID[rule]) != []
    alone = given.no_connections()
    for each in (alone, glanced(alone)):
        assert list(BY_ID[rule].check(each.case())) == []


def test_a_pending_connection_has_zones_judged() -> None:
    given = relink(healthy().connection(status=ConnectionStatus.PENDING), registration_enabled=True)
    assert len(given.violations(BY_ID["KVG405"])) == 1
