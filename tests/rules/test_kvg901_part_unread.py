"""KVG901: a missing right is a finding with its exact action, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.domain.snapshot import Unread, UnreadReason
from shared.rules.kvg901_part_unread import RULE
from tests.builders import FORBIDDEN, Given, healthy, neighbour

ACTION = FORBIDDEN.detail
HIDDEN: dict[str, Callable[[Given], Given]] = {
    "perimeters": lambda given: given.vault(perimeters=FORBIDDEN),
    "endpoint": lambda given: given.endpoint_unread(),
    "addresses": lambda given: given.endpoint(addresses=FORBIDDEN),
    "zone groups": lambda given: given.endpoint(zone_groups=FORBIDDEN),
    "network": lambda given: given.network_unread(),
    "forwarding": lambda given: given.network(forwarding=FORBIDDEN),
    "links": lambda given: given.links_unread(),
    "record": lambda given: given.record_unread(),
    "zones": lambda given: given.zones_unread(),
    "neighbours": lambda given: given.neighbours_unread(),
    "a neighbour's endpoints": lambda given: given.neighbours(neighbour("fabrikam", address=None)),
}


def test_a_vault_that_was_read_completely_is_silent() -> None:
    assert healthy().violations(RULE) == []


@pytest.mark.parametrize("part", HIDDEN)
def test_each_part_that_may_not_be_read_is_named_by_its_action(part: str) -> None:
    violation = HIDDEN[part](healthy()).only(RULE)
    assert violation.facts == {"actions": [ACTION]}
    assert ACTION in violation.message
    assert violation.proposals == ()


def test_several_missing_rights_are_one_finding() -> None:
    other = Unread(UnreadReason.FORBIDDEN, "Microsoft.KeyVault/vaults/read")
    given = healthy().network_unread().links_unread().vault(perimeters=other)
    assert given.only(RULE).facts == {"actions": sorted([ACTION, other.detail])}


@pytest.mark.parametrize("reason", [reason for reason in UnreadReason if reason is not UnreadReason.FORBIDDEN])
def test_what_is_unread_for_another_reason_is_no_missing_right(reason: UnreadReason) -> None:
    assert healthy().endpoint(addresses=Unread(reason, "x")).violations(RULE) == []


def test_it_only_explains() -> None:
    assert healthy().network_unread().finding(RULE).options == ()
