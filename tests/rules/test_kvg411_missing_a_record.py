"""KVG411: a record is created by itself only where nobody else maintains it and nobody loses an answer."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateRecord, DeleteRecord, RefreshZoneGroup, UpdateRecord
from shared.domain.grades import Applicability, Writer
from shared.domain.network import ForwardingRule
from shared.domain.policy import TtlBounds
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg411_missing_a_record import RULE
from tests.builders import (
    CREATOR,
    FORBIDDEN,
    FOREIGN,
    OURS,
    PRIVATE_ZONE,
    Given,
    endpoint_id,
    group_of,
    healthy,
    missing_record,
    network_id,
    peering,
    record_id,
    vault_id,
    zone_id,
)

REDIRECT = ResolutionPolicy.NXDOMAIN_REDIRECT
APEX = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")


def _only_blocker(given: Given) -> str:
    blockers = given.blockers(RULE)
    assert len(blockers) == 1, blockers
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    return blockers[0].why


def test_the_right_record_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_a_missing_record_is_created_with_the_policys_ttl() -> None:
    given = missing_record()
    assert given.only(RULE).subject == record_id()
    assert given.blockers(RULE) == ()
    [step] = given.plan().apply
    assert isinstance(step.change, CreateRecord)
    assert (step.change.zone, step.change.name, step.change.addresses, step.change.ttl) == (
        zone_id(), "contoso", ("10.1.0.4",), 60,
    )  # fmt: skip


def test_the_ttl_is_the_policys() -> None:
    change = missing_record().policy_with(ttl=TtlBounds(default=300)).proposal(RULE).change
    assert isinstance(change, CreateRecord)
    assert change.ttl == 300


def test_a_record_with_any_address_is_another_rules_subject() -> None:
    assert list(RULE.check(healthy().record("10.9.9.9").case())) == []


def test_an_unlinked_designated_zone_without_record_is_found_as_well() -> None:
    assert missing_record().no_links().blockers(RULE) == ()


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_asks(writer: Writer) -> None:
    assert writer.value in _only_blocker(missing_record().writer(writer))


def test_a_zone_that_policy_does_not_list_asks() -> None:
    assert "does not list" in _only_blocker(missing_record().writer(None))


@pytest.mark.parametrize("state", ["Failed", "Updating"])
def test_a_second_approved_connection_asks_even_when_it_is_not_effective(state: str) -> None:
    given = missing_record().connection("c-2", ConnectionStatus.APPROVED, state, endpoint_id("pe-2"))
    assert "2 Approved connections" in _only_blocker(given)


def test_a_second_approved_connection_from_a_foreign_subscription_asks() -> None:
    foreign = endpoint_id("pe-2", FOREIGN)
    given = missing_record().connection("c-2", ConnectionStatus.APPROVED, "Failed", foreign)
    assert "2 Approved connections" in _only_blocker(given)


@pytest.mark.parametrize("status", [ConnectionStatus.PENDING, ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED])
def test_other_connections_claim_nothing(status: ConnectionStatus) -> None:
    assert missing_record().connection("c-2", status, endpoint=endpoint_id("pe-2")).blockers(RULE) == ()


def test_with_two_effective_endpoints_a_person_chooses_between_both() -> None:
    given = missing_record().second_endpoint().network("vnet-2")
    options = given.finding(RULE).options
    offered = {option.change.addresses for option in options if isinstance(option.change, CreateRecord)}
    assert offered == {("10.1.0.4",), ("10.2.0.4",)}
    assert {option.applicability for option in options} == {Applicability.APPROVAL}


def test_a_network_that_falls_back_to_public_dns_and_is_far_away_asks() -> None:
    given = missing_record().network("vnet-2").link("vnet-2", resolution_policy=REDIRECT)
    assert "vnet-2 resolves publicly today" in _only_blocker(given)


def test_a_network_that_falls_back_to_public_dns_and_reaches_the_endpoint_does_not_ask() -> None:
    given = missing_record().network(peerings=(peering("vnet-2"),)).link("vnet-2", resolution_policy=REDIRECT)
    assert given.network("vnet-2", peerings=(peering("vnet-1"),)).blockers(RULE) == ()


def test_an_unknown_resolution_policy_far_away_asks() -> None:
    given = missing_record().network("vnet-2").link("vnet-2", resolution_policy=ResolutionPolicy.UNKNOWN)
    assert "vnet-2" in _only_blocker(given)


def test_a_far_network_that_gets_nxdomain_today_does_not_ask() -> None:
    assert missing_record().network("vnet-2").link("vnet-2").blockers(RULE) == ()


@pytest.mark.parametrize(
    "asking",
    [{"dns_servers": ("10.2.0.10",)}, {"forwarding": (ForwardingRule("vault.azure.net.", ("10.2.0.10",)),)}],
    ids=["dns-server", "ruleset"],
)
def test_a_far_network_that_asks_a_near_one_with_fallback_asks(asking: dict[str, object]) -> None:
    """``vnet-2`` reaches the endpoint; ``vnet-3``, which resolves through it, does not."""
    given = missing_record().network(peerings=(peering("vnet-2"),)).link("vnet-2", resolution_policy=REDIRECT)
    given = given.network("vnet-2", peerings=(peering("vnet-1"), peering("vnet-3")))
    assert given.network("vnet-3", peerings=(peering("vnet-2"),)).blockers(RULE) == ()
    far = given.network("vnet-3", peerings=(peering("vnet-2"),), **asking)
    assert "vnet-3 resolves publicly today" in _only_blocker(far)


def test_a_fallback_network_that_could_not_be_read_asks() -> None:
    given = missing_record().link("vnet-2", resolution_policy=REDIRECT).network_unread("vnet-2")
    assert "who resolves through network vnet-2 is not known" in _only_blocker(given)


def test_a_zone_group_for_this_zone_is_written_again_after_a_question() -> None:
    given = missing_record().endpoint(zone_groups=(group_of(endpoint_id(), zone_id()),))
    proposal = given.proposal(RULE)
    assert isinstance(proposal.change, RefreshZoneGroup)
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan().apply == ()


def test_a_zone_group_for_another_zone_does_not_ask() -> None:
    given = missing_record().endpoint(zone_groups=(group_of(endpoint_id(), zone_id(group="rg-other")),))
    assert given.blockers(RULE) == ()


def test_unread_zone_groups_ask_and_are_wanted() -> None:
    given = missing_record().endpoint(zone_groups=FORBIDDEN)
    assert "zone group" in _only_blocker(given)
    assert given.blockers(RULE)[0].unread is FORBIDDEN


def test_an_address_outside_the_endpoints_network_asks() -> None:
    assert "not known to lie in its network" in _only_blocker(missing_record().endpoint(addresses=("172.16.0.4",)))


def test_an_empty_set_is_filled_with_its_etag_and_metadata() -> None:
    given = healthy().record(ttl=300)
    assert given.blockers(RULE) == ()
    change = given.proposal(RULE).change
    assert isinstance(change, UpdateRecord)
    assert (change.before.etag, change.addresses, change.ttl, change.adopt) == ("etag-1", ("10.1.0.4",), 60, True)


def test_an_empty_set_that_is_kvguards_is_filled() -> None:
    assert healthy().record(metadata=OURS).blockers(RULE) == ()


@pytest.mark.parametrize("metadata", [{"owner": "team-dns"}, dict(CREATOR), {"managed-by": "terraform"}])
def test_an_empty_set_with_foreign_metadata_asks(metadata: dict[str, str]) -> None:
    assert "somebody else's metadata" in _only_blocker(healthy().record(metadata=metadata))


def test_an_empty_auto_registered_set_is_only_explained() -> None:
    given = healthy().record(auto_registered=True)
    assert given.only(RULE).proposals == ()


def test_a_zone_without_room_asks() -> None:
    assert "25000 of 25000" in _only_blocker(missing_record().zone(record_count=25000))
    assert missing_record().zone(record_count=24999).blockers(RULE) == ()


def test_an_unread_place_that_may_hold_a_zone_that_answers_first_asks() -> None:
    assert "another zone" in _only_blocker(missing_record().zones_unread())


def test_a_zone_of_the_vaults_own_name_that_answers_right_is_enough() -> None:
    given = missing_record().link(zone=APEX).record("10.1.0.4", zone=APEX, name="@")
    assert list(RULE.check(given.case())) == []


def test_while_the_links_of_a_zone_that_answers_first_are_unread_nothing_is_judged() -> None:
    given = missing_record().zone(APEX, links=FORBIDDEN)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id()]


def test_a_link_still_in_progress_is_not_judged() -> None:
    assert missing_record().link(completed=False).violations(RULE) == []


@pytest.mark.parametrize(
    "given",
    [
        missing_record().endpoint_unread(),
        missing_record().endpoint_gone(),
        missing_record().endpoint(addresses=FORBIDDEN),
        missing_record().network_unread(),
        missing_record().network(forwarding=FORBIDDEN),
        missing_record().network(dns_servers=("192.168.7.53",)),
        missing_record().links_unread(),
        healthy().record_unread(),
    ],
    ids=["endpoint", "gone", "addresses", "network", "ruleset", "dns-server", "links", "record"],
)
def test_what_is_unread_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert given.unknowns(RULE) != []


def test_a_vault_without_effective_connection_has_no_finding() -> None:
    assert list(RULE.check(missing_record().no_connections().case())) == []
    assert list(RULE.check(missing_record().connection(state="Updating").case())) == []


def test_the_record_of_the_resolving_network_counts() -> None:
    """``vnet-1`` asks a server in ``vnet-2``, whose zone is another one and lacks the record."""
    other = zone_id(group="rg-dns-2")
    given = healthy().network(dns_servers=("10.2.0.10",), peerings=(peering("vnet-2"),))
    given = given.network("vnet-2", peerings=(peering("vnet-1"),)).link("vnet-2", zone=other)
    assert given.only(RULE).subject == record_id(zone=other)


def test_ids_in_another_casing_are_the_same_vault_and_zone() -> None:
    given = missing_record()
    zone = given.snapshot.zones[0]
    shouted = given.at(replace(given.snapshot, zones=(replace(zone, id=ArmId.parse(zone.id.text.upper())),)))
    upper = shouted.vault(id=vault_id("CONTOSO"))
    link = upper.snapshot.endpoints[endpoint_id()]
    assert link is given.snapshot.endpoints[endpoint_id()]
    assert upper.blockers(RULE) == ()
    change = upper.proposal(RULE).change
    assert isinstance(change, CreateRecord)
    assert change.name == "contoso"
    assert change.key == given.proposal(RULE).change.key


def test_a_cname_under_the_name_is_another_finding() -> None:
    """Azure refuses an A record beside a CNAME, so there is nothing to create."""
    aliased = MappingProxyType({"contoso": "vaults.contoso.com"})
    assert list(RULE.check(missing_record().zone(cnames=aliased).no_links().case())) == []
    assert missing_record().zone(cnames=aliased).plan((RULE,)).apply == ()


@pytest.mark.parametrize("linked", [True, False])
def test_an_unread_cname_is_wanted_and_nothing_is_created_before(linked: bool) -> None:
    later = Unread(UnreadReason.DEFERRED, "CNAME records", Part.CNAMES)
    given = missing_record().zone(cnames_complete=False, cnames_unread=later)
    given = given if linked else given.no_links()
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(record_id(), later)]
    assert given.plan((RULE,)).apply == ()
    known = given.zone(cnames=MappingProxyType({"contoso": None}))
    assert known.plan((RULE,)).apply != ()


def test_a_record_set_proves_that_there_is_no_cname() -> None:
    assert healthy().zone(cnames_complete=False).unknowns(RULE) == []
    assert healthy().record().zone(cnames_complete=False).option(RULE).applicability is Applicability.SAFE


def test_the_own_zone_of_the_vault_is_a_persons_to_write() -> None:
    given = healthy().link(zone=APEX).writer(Writer.KVGUARD, APEX)
    assert given.only(RULE).subject == record_id("@", APEX)
    assert "is the vault's own" in _only_blocker(given)
    assert list(RULE.check(given.record("10.1.0.4", zone=APEX, name="@").case())) == []
    assert list(RULE.check(healthy().zone(APEX).case())) == []


def test_another_zone_with_an_unclear_answer_is_not_judged() -> None:
    parent = zone_id("vaultcore.azure.net", "rg-parent")
    given = missing_record().no_links().link(zone=parent, resolution_policy=ResolutionPolicy.UNKNOWN)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id()]


def test_the_record_silences_the_rule_and_its_inverse_restores_the_zone() -> None:
    given = missing_record()
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert given.at(after).violations(RULE) == []
    assert given.at(after).answer().addresses == ("10.1.0.4",)
    assert isinstance(change.inverse, DeleteRecord)
    assert change.inverse.simulate(after).zones == given.snapshot.zones


def test_filling_an_empty_set_can_be_taken_back() -> None:
    given = healthy().record(ttl=300)
    change = given.proposal(RULE).change
    assert isinstance(change.inverse, UpdateRecord)
    restored = change.inverse.simulate(change.simulate(given.snapshot)).zones[0].lookup("contoso")
    before = given.snapshot.zones[0].lookup("contoso")
    assert (getattr(restored, "addresses", None), getattr(restored, "ttl", None)) == ((), getattr(before, "ttl", 0))


def test_the_finding_names_the_answer_that_clients_get_today() -> None:
    assert "its name gives nxdomain instead of private endpoint pe-1" in missing_record().only(RULE).message


def test_a_wildcard_that_answers_for_the_name_is_not_overruled_without_asking() -> None:
    given = missing_record().record("10.9.9.9", name="*")
    assert [blocker.why for blocker in given.blockers(RULE)] == [
        "the zone's wildcard record answers 10.9.9.9 for the name today"
    ]
    assert missing_record().record(name="*").blockers(RULE) == ()
    assert healthy().record().record("10.9.9.9", name="*").blockers(RULE) == ()


@pytest.mark.parametrize("name", ["contoso.vault.azure.net", "contoso.privatelink.vaultcore.azure.net"])
def test_a_record_whose_name_says_too_much_is_pointed_at(name: str) -> None:
    """The guide asks for the simple name, without suffix or dots; with one, the record exists and answers nobody."""
    given = missing_record().record("10.1.0.4", name=name)
    assert not given.answer().addresses
    violation = given.only(RULE)
    assert f"record {name} (10.1.0.4) is never asked: the name must be contoso alone" in violation.evidence
    assert violation.facts == missing_record().only(RULE).facts


@pytest.mark.parametrize("name", ["contoso2", "contoso-old.vault.azure.net", "www"])
def test_a_record_of_another_name_is_not_pointed_at(name: str) -> None:
    given = missing_record().record("10.1.0.4", name=name)
    assert given.only(RULE).evidence == missing_record().only(RULE).evidence
