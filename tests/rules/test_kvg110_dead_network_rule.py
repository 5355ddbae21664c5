"""KVG110: a network rule whose subnet is gone or has no service endpoint admits nobody."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import SetNetworkAcl
from shared.domain.grades import Applicability, Mode
from shared.domain.reading import Gone, Part
from shared.rules.kvg110_dead_network_rule import RULE
from tests.builders import SUBSCRIPTION, Given, network_id, vault_id
from tests.rules.given_exposure import (
    OFF,
    OFFICE,
    ON,
    allow,
    alone,
    applied,
    deny,
    door,
    odd,
    subnet,
    subnet_id,
    taken_back,
)

APPS, OLD = subnet_id(), subnet_id("old")
LIVE = subnet("apps", "vnet-1", "microsoft.storage", "microsoft.keyvault")


def _given(*rules: ArmId) -> Given:
    """A vault whose firewall names subnets; ``apps`` of ``vnet-1`` is alive."""
    return door(ON, deny(OFFICE, subnets=rules)).network(subnets=(LIVE,))


def _gone(given: Given, name: str = "vnet-9") -> Given:
    networks = MappingProxyType({**given.snapshot.networks, network_id(name): Gone()})
    return given.at(given._with(networks=networks).snapshot)


def test_a_rule_for_a_subnet_with_the_service_endpoint_is_allowed() -> None:
    assert list(RULE.check(_given(APPS).case())) == []
    assert list(RULE.check(_given(ArmId.parse(APPS.text.upper())).case())) == []
    assert list(RULE.check(_given().case())) == []


def test_a_rule_for_a_network_that_is_gone_is_dead() -> None:
    violation = _gone(_given(subnet_id("apps", "vnet-9"))).only(RULE)
    assert violation.subject == vault_id()
    assert "subnet apps of network vnet-9: the network does not exist" in violation.message


def test_a_rule_for_a_subnet_that_is_gone_is_dead() -> None:
    assert "subnet old of network vnet-1: the subnet does not exist" in _given(OLD).only(RULE).message


@pytest.mark.parametrize("services", [(), ("microsoft.storage",), ("microsoft.keyvaults",)])
def test_a_rule_for_a_subnet_without_the_service_endpoint_is_dead(services: tuple[str, ...]) -> None:
    given = _given(APPS).network(subnets=(subnet("apps", "vnet-1", *services),))
    assert "no service endpoint Microsoft.KeyVault" in given.only(RULE).message


def test_a_network_that_was_not_asked_for_is_not_judged() -> None:
    given = _given(subnet_id("apps", "vnet-9"))
    [unknown] = RULE.check(given.case())
    assert unknown.subject == subnet_id("apps", "vnet-9")
    assert [found.unread.part for found in given.unknowns(RULE)] == [Part.NETWORKS]
    assert RULE.at_events is False


def test_a_network_that_may_not_be_read_is_not_judged() -> None:
    given = _given(OLD).network_unread("vnet-1")
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [OLD]


def test_an_id_that_is_no_subnet_is_not_judged() -> None:
    classic = ArmId.of(SUBSCRIPTION, "rg", "Microsoft.ClassicNetwork/virtualNetworks", "old")
    assert [unknown.subject for unknown in _given(classic).unknowns(RULE)] == [classic]
    assert _given(classic).violations(RULE) == []


def test_what_is_known_dead_is_found_beside_what_is_not_known() -> None:
    given = _given(OLD, subnet_id("apps", "vnet-9"), APPS)
    assert len(given.violations(RULE)) == len(given.unknowns(RULE)) == 1
    assert given.finding(RULE).facts["dead_rules"] == [f"{OLD.key}: the subnet does not exist"]


def test_the_option_removes_exactly_the_dead_rules() -> None:
    other = subnet_id("older")
    given = _given(OLD, APPS, other).mode("KVG110", Mode.FIX)
    option = given.option(RULE)
    change = option.change
    assert isinstance(change, SetNetworkAcl)
    assert change.before == given.snapshot.vault.acl
    assert change.after == deny(OFFICE, subnets=(APPS,))
    assert option.applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    assert applied(given, RULE).violations(RULE) == []
    assert taken_back(given, RULE).snapshot == given.snapshot


def test_the_approval_is_bound_to_why_the_rule_is_dead() -> None:
    bare = _given(APPS).network(subnets=(subnet(),))
    missing = _given(APPS).network(subnets=())
    assert bare.option(RULE).digest != missing.option(RULE).digest


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (_given(OLD), "Nobody comes in through these rules today."),
        (door(ON, deny(subnets=(OLD,))), "No rule is left, so nobody comes in over the public endpoint any more."),
        (alone(ON, deny(subnets=(OLD,))), "and the vault has no effective connection"),
        (door(OFF, deny(subnets=(OLD,))), "public access is off"),
        (door(ON, allow(subnets=(OLD,))), "allows everybody"),
    ],
)
def test_the_warning_says_what_is_left(given: Given, words: str) -> None:
    assert words in given.option(RULE).warning


def test_a_firewall_that_cannot_be_written_back_gets_no_option() -> None:
    given = door(ON, odd()).vault(acl=odd())
    acl = given.snapshot.vault.acl
    assert acl is not None
    finding = given.vault(acl=type(acl)(acl.default_action, acl.bypass, (), (OLD,))).finding(RULE)
    assert finding.options == ()
