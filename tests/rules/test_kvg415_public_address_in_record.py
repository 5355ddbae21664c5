"""KVG415: an address is public when no private range and no virtual network around the vault has it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.change import DeleteRecord, UpdateRecord
from shared.domain.grades import Severity, Writer
from shared.domain.network import Network
from shared.domain.reading import Gone, Part
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg415_public_address_in_record import RULE
from tests.builders import CREATOR, FORBIDDEN, Given, healthy, network_id, peering, record_id
from tests.rules.given_records import (
    beside,
    claimed_by,
    goes_and_comes_back,
    question,
    record_of,
    shouted,
    whys,
    with_apex,
)

PUBLIC = "20.61.10.4"


def _closed(given: Given) -> Given:
    """No connection is effective, and one is not even Approved: the vault has no alias."""
    return given.connection("c-1", ConnectionStatus.PENDING)


def test_the_right_record_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


@pytest.mark.parametrize(
    "address",
    ["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.254"],
)
def test_private_addresses_are_other_rules_subject(address: str) -> None:
    assert list(RULE.check(beside(address).case())) == []
    assert list(RULE.check(beside(address).endpoint_unread().case())) == []


@pytest.mark.parametrize(
    "address", ["172.32.0.1", "172.15.255.255", "9.255.255.255", "11.0.0.1", "192.169.0.1", "100.63.0.1", PUBLIC]
)
def test_the_second_private_block_ends_at_172_31(address: str) -> None:
    """The source guide names 172.32 as private; RFC 1918 ends at 172.31.255.255."""
    given = beside(address)
    assert given.only(RULE).subject == record_id()
    assert f"gives {address}" in given.only(RULE).message
    assert "a public address" in given.only(RULE).message
    assert given.finding(RULE).severity is Severity.CRITICAL


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.1.1", "168.63.129.16", "0.0.0.0", "224.0.0.1", "256.1.1.1"])
def test_addresses_that_no_network_can_have_are_found_whatever_is_unread(address: str) -> None:
    given = beside(address).network_unread("vnet-9")
    assert "no virtual network can have" in given.only(RULE).message


def test_a_network_may_use_public_ranges() -> None:
    assert list(RULE.check(beside(PUBLIC).network("vnet-1", prefixes=("20.61.0.0/16",)).case())) == []
    assert list(RULE.check(beside(PUBLIC).network("vnet-9", prefixes=("20.61.0.0/16",)).case())) == []
    assert beside(PUBLIC).network("vnet-9", prefixes=("20.62.0.0/16",)).violations(RULE) != []


def test_a_network_that_is_gone_holds_nothing() -> None:
    given = beside(PUBLIC).link("vnet-7")
    networks = MappingProxyType({**given.snapshot.networks, network_id("vnet-7"): Gone()})
    assert given.at(replace(given.snapshot, networks=networks)).only(RULE).subject == record_id()


def test_an_effective_endpoint_may_have_any_address() -> None:
    assert list(RULE.check(beside(PUBLIC).endpoint(addresses=(PUBLIC,)).case())) == []


def test_a_peer_that_was_not_read_is_known_by_the_ranges_of_the_peering() -> None:
    near = beside(PUBLIC).network("vnet-1", peerings=(peering("vnet-8"),))
    assert near.violations(RULE) == []
    [unknown] = near.unknowns(RULE)
    assert unknown.unread.part is Part.NETWORKS
    holds = beside(PUBLIC).network("vnet-1", peerings=(peering("vnet-8", peering("x").state, "20.61.0.0/16"),))
    assert list(RULE.check(holds.case())) == []
    other = beside(PUBLIC).network("vnet-1", peerings=(peering("vnet-8", peering("x").state, "10.8.0.0/16"),))
    assert other.only(RULE).subject == record_id()


@pytest.mark.parametrize(
    "given",
    [
        beside(PUBLIC).network_unread("vnet-1"),
        beside(PUBLIC).link("vnet-7"),
        beside(PUBLIC).network_unread("vnet-9"),
        beside(PUBLIC).endpoint_unread(),
        beside(PUBLIC).endpoint(addresses=FORBIDDEN),
        beside(PUBLIC).record_unread(),
        beside(PUBLIC).links_unread(),
    ],
    ids=["network", "linked-network", "another-network", "endpoint", "addresses", "record", "links"],
)
def test_what_is_unread_is_no_finding(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [record_id()]


def test_only_the_public_addresses_are_told() -> None:
    violation = beside("10.1.0.4", PUBLIC, "8.8.8.8").only(RULE)
    assert violation.facts["public"] == [PUBLIC, "8.8.8.8"]
    assert "10.1.0.4" not in violation.message


def test_the_record_gets_the_address_of_the_one_effective_endpoint() -> None:
    change = question(beside(PUBLIC), RULE).change
    assert isinstance(change, UpdateRecord)
    assert (change.addresses, change.ttl, change.adopt) == (("10.1.0.4",), 60, False)
    goes_and_comes_back(beside(PUBLIC), RULE)


def test_right_addresses_stay_and_the_public_one_goes() -> None:
    given = claimed_by(beside("10.2.0.4", PUBLIC).network("vnet-2").second_endpoint(), "pe-1", "pe-2")
    change = question(given, RULE).change
    assert isinstance(change, UpdateRecord)
    assert change.addresses == ("10.2.0.4",)


def test_with_two_effective_endpoints_a_person_must_say_which() -> None:
    violation = beside(PUBLIC).network("vnet-2").second_endpoint().only(RULE)
    assert violation.proposals == ()
    assert "contoso" in violation.advice


def test_without_alias_the_record_is_never_asked_and_can_go() -> None:
    given = _closed(beside(PUBLIC))
    assert isinstance(question(given, RULE).change, DeleteRecord)
    assert record_of(goes_and_comes_back(given, RULE)) is None


def test_deletion_is_not_offered_where_a_network_would_lose_its_answer() -> None:
    """Approved but Failed: the alias stands, so without the record the name is NXDOMAIN."""
    given = beside(PUBLIC).connection("c-1", ConnectionStatus.APPROVED, "Failed")
    assert given.only(RULE).proposals == ()
    falls_back = given.link(resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT)
    assert isinstance(question(falls_back, RULE).change, DeleteRecord)
    assert given.no_links().proposal(RULE).change.verb == "delete-record"


def test_deletion_is_offered_where_another_zone_answers_all_the_same() -> None:
    given = beside(PUBLIC).connection("c-1", ConnectionStatus.APPROVED, "Failed")
    assert isinstance(question(with_apex(given, "10.1.0.4"), RULE).change, DeleteRecord)


def test_deletion_is_not_offered_where_the_loss_is_not_known() -> None:
    given = beside(PUBLIC).connection("c-1", ConnectionStatus.APPROVED, "Failed")
    assert given.link(completed=False).only(RULE).proposals == ()


def test_an_auto_registered_record_is_only_explained() -> None:
    assert healthy().record(PUBLIC, auto_registered=True).only(RULE).proposals == ()
    assert _closed(healthy().record(PUBLIC, auto_registered=True)).only(RULE).proposals == ()


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_says_so(writer: Writer) -> None:
    assert any(writer.value in why for why in whys(question(beside(PUBLIC).writer(writer), RULE)))


def test_a_record_that_a_zone_group_wrote_says_so() -> None:
    given = healthy().record(PUBLIC, metadata=CREATOR)
    assert "a zone group wrote the record" in whys(question(given, RULE))


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex_record() -> None:
    assert with_apex(healthy(), PUBLIC).only(RULE).subject.name == "@"


def test_ids_in_another_casing_are_the_same_record() -> None:
    assert shouted(beside(PUBLIC)).option(RULE).digest == beside(PUBLIC).option(RULE).digest
    public_network = beside(PUBLIC).network("vnet-1", prefixes=("20.61.0.0/16",))
    assert list(RULE.check(shouted(public_network).case())) == []


def test_what_the_finding_relied_on_binds_an_approval() -> None:
    before = beside(PUBLIC).option(RULE).digest
    assert beside("20.61.10.5").option(RULE).digest != before
    assert beside(PUBLIC).endpoint(addresses=("10.1.0.5",)).option(RULE).digest != before


def test_only_a_deeper_look_reads_networks() -> None:
    assert RULE.at_events is False
    assert isinstance(beside(PUBLIC).snapshot.networks[network_id()], Network)


def test_a_linked_network_that_was_not_read_asks_for_the_linked_ones() -> None:
    [unknown] = beside(PUBLIC).link("vnet-7").unknowns(RULE)
    assert unknown.unread.part is Part.LINKED
    held = beside(PUBLIC).link("vnet-7").network("vnet-7", prefixes=("20.61.0.0/16",))
    assert list(RULE.check(held.case())) == []
    assert beside(PUBLIC).link("vnet-7").network("vnet-7").violations(RULE) != []
