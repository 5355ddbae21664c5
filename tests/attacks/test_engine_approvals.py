"""Attacks on approvals: what a person saw has changed since, and the decision still fits.

An approval is bound to the digest of an option. Whatever the person weighed must be in it: the facts, the known reasons
against the change and its warning. What only time or an unread part moves must not be, or every approval goes stale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import EndpointLink
from shared.domain.grades import Mode, Writer
from shared.domain.network import Network, PeeringState
from shared.domain.rule import Rule
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.rules import (
    kvg101_public_access_open,
    kvg110_dead_network_rule,
    kvg201_pending_connection,
    kvg202_dead_connection,
    kvg403_network_not_linked,
    kvg411_missing_a_record,
    kvg412_wrong_a_record,
    kvg413_ttl_out_of_range,
)
from tests.builders import (
    Given,
    dead,
    endpoint_id,
    healthy,
    long_ttl,
    missing_record,
    neighbour,
    peering,
    subnet_id,
    unlinked,
    vault_id,
    wrong_record,
)

Edit = Callable[[Given], Given]
ASKED = Mode.APPROVE


def _digests(rule: Rule, given: Given) -> dict[str, str]:
    """The digest of each option of the one finding, by the change that it makes."""
    return {option.change.key: option.digest for option in given.mode(rule.id, ASKED).finding(rule).options}


def _says_approved(given: Given) -> Given:
    link = EndpointLink(vault_id(), ConnectionStatus.APPROVED, manual=False)
    return given.endpoint("pe-dead", links=(link,))


def _stray(given: Given) -> Given:
    return given.endpoint("pe-9").at(
        replace(given.endpoint("pe-9").snapshot, claimants=(endpoint_id("pe-1"), endpoint_id("pe-9")))
    )


def _two_paths() -> Given:
    """Open to the public, with a private path that works in two networks."""
    given = healthy().vault(public_access=PublicAccess.ENABLED)
    given = given.second_endpoint("vnet-2", "10.1.0.4").network("vnet-2")
    return given.link("vnet-2")


DEAD_RULE = (
    healthy()
    .vault(
        public_access=PublicAccess.ENABLED,
        acl=NetworkAcl(DefaultAction.DENY, "AzureServices", (), (subnet_id("vnet-1", "gone"),)),
    )
    .mode("KVG110", ASKED)
)
PENDING = healthy().connection(status=ConnectionStatus.PENDING)

# What a person weighs, and how it turns while the same change is still on offer.
TURNS: list[tuple[str, Rule, Given, Edit]] = [
    (
        "a link starts to break a neighbour",
        kvg403_network_not_linked.RULE,
        unlinked(),
        lambda given: given.neighbours(neighbour("other")),
    ),
    (
        "the right record leaves the zone before the link",
        kvg403_network_not_linked.RULE,
        unlinked(),
        lambda given: given.no_record(),
    ),
    (
        "a peer that asks there loses its way",
        kvg403_network_not_linked.RULE,
        unlinked()
        .network(peerings=(peering("vnet-2"),))
        .network("vnet-2", peerings=(peering("vnet-1"),), dns_servers=("10.1.0.10",)),
        lambda given: given.network("vnet-2", peerings=(peering("vnet-1", PeeringState.DISCONNECTED),)),
    ),
    ("the zone gets another writer", kvg403_network_not_linked.RULE, unlinked(), lambda g: g.writer(Writer.TERRAFORM)),
    (
        "the endpoint comes back to life",
        kvg202_dead_connection.RULE,
        dead().endpoint("pe-dead", links=()),
        _says_approved,
    ),
    (
        "the address leaves the endpoint's network",
        kvg411_missing_a_record.RULE,
        missing_record(),
        lambda given: given.network(prefixes=("10.7.0.0/16",)),
    ),
    (
        "a wildcard appears",
        kvg411_missing_a_record.RULE,
        missing_record(),
        lambda given: given.record("10.9.9.9", name="*"),
    ),
    ("a stranger claims the name", kvg412_wrong_a_record.RULE, wrong_record(), _stray),
    (
        "the record is no longer right",
        kvg413_ttl_out_of_range.RULE,
        long_ttl(),
        lambda given: given.endpoint(addresses=("10.1.0.5",)),
    ),
    (
        "nobody is left who can come in",
        kvg110_dead_network_rule.RULE,
        DEAD_RULE,
        lambda given: given.connection(state="Failed"),
    ),
    (
        "a private path that the card names is gone",
        kvg101_public_access_open.RULE,
        _two_paths(),
        lambda given: given.at(
            replace(given.snapshot, zones=tuple(replace(zone, links=()) for zone in given.snapshot.zones))
        ).link("vnet-1"),
    ),
    ("the record goes before the first approval", kvg201_pending_connection.RULE, PENDING, lambda g: g.no_record()),
    (
        "another network gets the answer of the first approval",
        kvg201_pending_connection.RULE,
        PENDING,
        lambda given: given.link("vnet-2"),
    ),
]


@pytest.mark.parametrize(("rule", "given", "edit"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS])
def test_what_a_person_weighed_voids_the_approval_when_it_turns(rule: Rule, given: Given, edit: Edit) -> None:
    before, after = _digests(rule, given), _digests(rule, edit(given))
    same = before.keys() & after.keys()
    assert same
    assert all(before[key] != after[key] for key in same)


def _upper(given: Given) -> Given:
    """Every id that Azure may write otherwise, in capitals."""

    def big(resource: ArmId) -> ArmId:
        return ArmId.parse(resource.text.upper())

    zones = []
    for zone in given.snapshot.zones:
        assert isinstance(zone.links, tuple)
        links = tuple(replace(link, network=big(link.network)) for link in zone.links)
        zones.append(replace(zone, id=big(zone.id), links=links))
    networks = {
        big(key): replace(known, id=big(key)) if isinstance(known, Network) else known
        for key, known in given.snapshot.networks.items()
    }
    return given.at(replace(given.snapshot, zones=tuple(zones), networks=MappingProxyType(networks)))


STEADY: dict[str, Edit] = {
    "casing": _upper,
    "neighbours unread": lambda given: given.neighbours_unread(),
    "the ledger unread": lambda given: given.history_unread(),
    "another vault, unharmed": lambda given: given.neighbours(neighbour("other", approved=False)),
}


@pytest.mark.parametrize("edit", STEADY.values(), ids=STEADY)
@pytest.mark.parametrize(("rule", "given"), [row[1:3] for row in TURNS], ids=[row[0] for row in TURNS])
def test_what_says_nothing_new_keeps_the_approval(rule: Rule, given: Given, edit: Edit) -> None:
    if rule.id == "KVG412":
        given = given.at(replace(given.snapshot, history=healthy().snapshot.history))
    before, after = _digests(rule, given), _digests(rule, edit(given))
    assert before
    assert before == after


def test_a_guard_that_passes_by_itself_is_not_in_the_digest() -> None:
    """The connection grows old enough: SAFE now, and the approval that was given before is still good."""
    fresh = dead().at(
        healthy().connection("c-dead", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-dead")).snapshot
    )
    assert _digests(kvg202_dead_connection.RULE, fresh.endpoint_gone("pe-dead")) == _digests(
        kvg202_dead_connection.RULE, dead()
    )
