"""KVG901: a missing right is a finding with its exact action, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass

import pytest

from shared.domain import snapshot
from shared.domain.reading import Unread, UnreadReason
from shared.rules.kvg901_part_unread import RULE
from tests.builders import FORBIDDEN, Given, healthy, neighbour

ACTION = FORBIDDEN.detail
# By the member of the snapshot that may be Unread.
HIDDEN: dict[str, Callable[[Given], Given]] = {
    "Vault.perimeters": lambda given: given.vault(perimeters=FORBIDDEN),
    "VaultSnapshot.endpoints": lambda given: given.endpoint_unread(),
    "PrivateEndpoint.addresses": lambda given: given.endpoint(addresses=FORBIDDEN),
    "PrivateEndpoint.zone_groups": lambda given: given.endpoint(zone_groups=FORBIDDEN),
    "VaultSnapshot.networks": lambda given: given.network_unread(),
    "Network.forwarding": lambda given: given.network(forwarding=FORBIDDEN),
    "Zone.links": lambda given: given.links_unread(),
    "Zone.records_unread": lambda given: given.zone(complete=False, records_unread=FORBIDDEN),
    "VaultSnapshot.zones_unread": lambda given: given.zones_unread(),
    "VaultSnapshot.neighbours": lambda given: given.neighbours_unread(),
    "Neighbour.endpoints": lambda given: given.neighbours(neighbour("fabrikam", address=None)),
}
# What kvguard itself stored is no right of Azure Resource Manager; storage that fails makes the work come back.
OWN_STATE = {"VaultSnapshot.history"}


def test_every_member_that_can_be_unread_is_tried_here() -> None:
    members = {
        f"{kind.__name__}.{member.name}"
        for kind in vars(snapshot).values()
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == snapshot.__name__
        for member in fields(kind)
        if re.search(r"\bUnread\b", str(member.type))
    }
    assert members == HIDDEN.keys() | OWN_STATE


def test_a_vault_that_was_read_completely_is_silent() -> None:
    assert healthy().violations(RULE) == []


@pytest.mark.parametrize("part", HIDDEN)
def test_each_part_that_may_not_be_read_is_named_by_its_action(part: str) -> None:
    violation = HIDDEN[part](healthy()).only(RULE)
    assert violation.facts == {"actions": [ACTION]}
    assert ACTION in violation.message
    assert violation.proposals == ()


def test_the_record_of_the_vault_alone_may_be_what_is_unread() -> None:
    assert healthy().record_unread().only(RULE).facts == {"actions": [ACTION]}


def test_several_missing_rights_are_one_finding() -> None:
    other = Unread(UnreadReason.FORBIDDEN, "Microsoft.KeyVault/vaults/read")
    given = healthy().network_unread().links_unread().vault(perimeters=other)
    assert given.only(RULE).facts == {"actions": sorted([ACTION, other.detail])}


@pytest.mark.parametrize("reason", [reason for reason in UnreadReason if reason is not UnreadReason.FORBIDDEN])
def test_what_is_unread_for_another_reason_is_no_missing_right(reason: UnreadReason) -> None:
    assert healthy().endpoint(addresses=Unread(reason, "x")).violations(RULE) == []


def test_it_only_explains() -> None:
    assert healthy().network_unread().finding(RULE).options == ()
