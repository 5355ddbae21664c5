"""KVG302: one vault needs one endpoint in a network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg302_duplicate_endpoint_in_network import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, healthy, network_id
from tests.rules.given_endpoints import endpoint_of, shouted


def _twins() -> Given:
    return healthy().second_endpoint(network="vnet-1", address="10.1.0.5")


def test_one_endpoint_a_network_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(healthy().second_endpoint().case())) == []


def test_two_in_one_network_are_one_finding_that_names_both() -> None:
    violation = _twins().only(RULE)
    assert violation.subject == network_id()
    assert "pe-1 (10.1.0.4), pe-2 (10.1.0.5)" in violation.message
    assert violation.facts["endpoints"] == [f"{endpoint_id().key}=10.1.0.4", f"{endpoint_id('pe-2').key}=10.1.0.5"]


@pytest.mark.parametrize("status", [status for status in ConnectionStatus if status is not ConnectionStatus.APPROVED])
def test_a_connection_that_is_not_effective_makes_no_duplicate(status: ConnectionStatus) -> None:
    assert list(RULE.check(_twins().connection("c-2", status).case())) == []
    assert list(RULE.check(_twins().connection("c-2", state="Failed").case())) == []


def test_two_connections_of_one_endpoint_are_one_endpoint() -> None:
    assert list(RULE.check(healthy().connection("c-2", endpoint=shouted(endpoint_id())).case())) == []


def test_networks_are_compared_without_casing() -> None:
    second = endpoint_of(_twins(), "pe-2")
    assert _twins().endpoint("pe-2", network=shouted(second.network)).violations(RULE) != []


def test_an_unread_endpoint_could_be_a_second_one_but_not_the_only_one() -> None:
    given = _twins().endpoint_unread("pe-2")
    assert given.violations(RULE) == []
    assert [(u.subject, u.unread) for u in given.unknowns(RULE)] == [(endpoint_id("pe-2"), FORBIDDEN)]
    assert list(RULE.check(healthy().endpoint_unread().case())) == []


def test_an_unread_endpoint_does_not_hide_two_others() -> None:
    given = _twins().connection("c-3", endpoint=endpoint_id("pe-3")).endpoint_unread("pe-3")
    assert (len(given.violations(RULE)), len(given.unknowns(RULE))) == (1, 1)


def test_unread_addresses_decide_nothing_here() -> None:
    assert "address unread" in _twins().endpoint("pe-2", addresses=FORBIDDEN).only(RULE).message


def test_it_is_only_explained() -> None:
    finding = replace(_twins()).mode("KVG302", Mode.FIX).finding(RULE)
    assert (finding.options, finding.severity) == ((), Severity.MEDIUM)
    assert RULE.ceiling is Applicability.MANUAL
