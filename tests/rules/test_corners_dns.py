"""Corners of the rules about endpoints, zones and records: clauses that only a second look at a state tells apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from shared.domain.change import CHANGE_ID, MANAGED_BY, OWNER
from shared.domain.endpoint import AddressSource
from shared.domain.grades import Mode, Writer
from shared.domain.history import History
from shared.domain.reading import Unread
from shared.domain.serving import designated_zone, serving_zone, stray_zones, whole_private_paths
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import ResolutionPolicy, StrayZone
from shared.rules import (
    kvg301_endpoint_address_unusable,
    kvg304_no_zone_group,
    kvg305_zone_group_wrong_zone,
    kvg402_misnamed_zone,
    kvg403_network_not_linked,
    kvg404_link_not_completed,
    kvg405_autoregistration_on_privatelink_zone,
    kvg407_rogue_zone,
    kvg411_missing_a_record,
    kvg412_wrong_a_record,
    kvg415_public_address_in_record,
    kvg416_contested_record,
    kvg418_extra_addresses,
)
from tests.builders import (
    FORBIDDEN,
    NOW,
    PRIVATE_ZONE,
    Given,
    healthy,
    link_to,
    missing_record,
    network_id,
    peering,
    record_id,
    unlinked,
    vault_id,
    wrong_record,
    zone_id,
)
from tests.rules.given_endpoints import changed, grouped, subnetted, ungrouped

UNUSABLE = kvg301_endpoint_address_unusable.RULE
WRONG_ZONE = kvg305_zone_group_wrong_zone.RULE
UNLINKED = kvg403_network_not_linked.RULE
MISSING = kvg411_missing_a_record.RULE
PARENT = zone_id("vaultcore.azure.net", "rg-parent")
APEX = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")
OTHER = zone_id(group="rg-other")
CORP = zone_id("corp.contoso.com", "rg-corp")
UNCLEAR = ResolutionPolicy.UNKNOWN


# -- endpoints


def test_an_address_from_a_copy_is_judged_as_well() -> None:
    given = healthy().endpoint(addresses=("10.9.9.9",), address_source=AddressSource.DNS_CONFIG)
    assert "lies outside" in given.only(UNUSABLE).message


def test_the_network_that_was_not_read_is_named() -> None:
    [unknown] = healthy().network_unread().unknowns(UNUSABLE)
    assert unknown.unread == FORBIDDEN


def test_each_range_of_a_subnet_keeps_its_own_addresses() -> None:
    given = subnetted(healthy(), "10.1.0.0/16", "10.1.0.0/24", "10.1.9.0/24")
    assert list(UNUSABLE.check(given.case())) == []
    assert given.endpoint(addresses=("10.1.9.3",)).violations(UNUSABLE) != []


def test_without_any_designated_zone_none_is_wrong_whoever_resolves() -> None:
    given = grouped(healthy(), zone_id()).writer(None).network(dns_servers=("192.168.7.53",))
    assert list(WRONG_ZONE.check(given.case())) == []


def test_policy_on_a_zone_of_another_name_designates_nothing_for_vaults() -> None:
    given = grouped(healthy(), zone_id()).writer(None).writer(Writer.KVGUARD, CORP)
    assert list(WRONG_ZONE.check(given.case())) == []


def test_two_zones_that_are_asked_are_no_single_home() -> None:
    given = ungrouped().no_links().link("vnet-2").link("vnet-3", zone=OTHER)
    given = given.network(dns_servers=("10.2.0.10", "10.3.0.10"), peerings=(peering("vnet-2"), peering("vnet-3")))
    for name in ("vnet-2", "vnet-3"):
        given = given.network(name, peerings=(peering("vnet-1"),))
    violation = given.only(kvg304_no_zone_group.RULE)
    assert violation.proposals == ()
    assert "no single zone" in " ".join(violation.evidence)


# -- zones and links


def test_a_zone_of_one_vault_in_another_cloud_belongs_to_that_cloud() -> None:
    stray = StrayZone(zone_id("contoso.privatelink.vaultcore.azure.cn", "rg-stray"), 0, 1)
    violation = changed(healthy(), strays=(stray,)).only(kvg402_misnamed_zone.RULE)
    assert "belongs to AzureChinaCloud" in violation.message


def test_a_name_of_one_label_is_no_vaults_own() -> None:
    stray = StrayZone(zone_id("keyvault", "rg-stray"), 0, 1)
    assert stray_zones(changed(healthy(), strays=(stray,)).snapshot) == (stray,)


def test_without_any_zone_what_was_not_searched_is_unknown() -> None:
    given = unlinked().writer(None).zones_unread()
    assert [unknown.unread for unknown in given.unknowns(UNLINKED)] == [FORBIDDEN]
    missing = missing_record().no_links().writer(None).zones_unread()
    assert FORBIDDEN in [unknown.unread for unknown in missing.unknowns(MISSING)]


def test_an_empty_set_is_not_the_right_record_of_an_endpoint_without_address() -> None:
    blockers = unlinked().record().endpoint(addresses=()).blockers(UNLINKED)
    assert any("right record is not in the zone" in blocker.why for blocker in blockers)


def test_a_link_that_failed_says_so_however_long_it_took() -> None:
    link = replace(link_to(network_id()), completed=False, provisioning_state="Failed")
    history = History(links_moving_since=MappingProxyType({link.id: NOW - timedelta(hours=5)}))
    given = changed(healthy().zone(links=(link,)), history=history)
    assert "ended as Failed" in given.only(kvg404_link_not_completed.RULE).message


def _registering() -> Given:
    return healthy().zone(links=(replace(link_to(network_id()), registration_enabled=True),))


def test_what_to_do_about_registration_depends_on_what_is_registered() -> None:
    rule = kvg405_autoregistration_on_privatelink_zone.RULE
    assert "No virtual machine is registered yet" in _registering().only(rule).advice
    machine = _registering().record("10.1.0.9", name="web", auto_registered=True)
    assert "Azure would remove the registered record sets (1: web)" in machine.only(rule).advice
    [violation] = _registering().record_unread().violations(rule)
    assert violation.advice.startswith("Look whether the zone holds registered records")


def test_a_zone_of_another_name_in_policy_is_not_the_one_that_counts() -> None:
    given = healthy().writer(None).writer(Writer.KVGUARD, CORP).zone(OTHER, links=())
    given = given.policy_with(zone_subscriptions_complete=True)
    assert given.only(kvg407_rogue_zone.RULE).facts["instead"] == [zone_id().key]


# -- which zone serves


def test_unread_links_may_serve_the_network() -> None:
    given = healthy().links_unread()
    assert serving_zone(given.snapshot, given.policy, network_id()) == FORBIDDEN


def test_the_only_zone_serves_once_all_places_were_searched() -> None:
    given = unlinked().writer(None).policy_with(zone_subscriptions_complete=True)
    assert serving_zone(given.snapshot, given.policy, network_id()) == given.snapshot.zone(zone_id())
    given = given.zones_unread()
    assert serving_zone(given.snapshot, given.policy, network_id()) == FORBIDDEN


def test_a_designated_zone_that_was_read_serves_whatever_else_is_unread() -> None:
    given = unlinked().zones_unread()
    assert serving_zone(given.snapshot, given.policy, network_id()) == given.snapshot.zone(zone_id())
    assert serving_zone(given.no_zone().snapshot, given.policy, network_id()) == FORBIDDEN


def test_a_zone_of_another_name_is_not_designated_for_vaults() -> None:
    given = healthy().writer(None).writer(Writer.KVGUARD, CORP)
    assert designated_zone(given.snapshot, given.policy, network_id()) is None


def test_a_vault_without_effective_connection_has_no_path_whatever_is_unread() -> None:
    given = healthy().no_connections().zones_unread()
    assert whole_private_paths(given.case()) == ()


def test_one_whole_path_is_known_although_another_is_not() -> None:
    given = healthy().second_endpoint("vnet-2").network_unread("vnet-2")
    assert whole_private_paths(given.case()) == (network_id(),)
    nowhere = healthy().no_record()
    assert whole_private_paths(nowhere.case()) == ()
    assert isinstance(whole_private_paths(healthy().endpoint(addresses=FORBIDDEN).case()), Unread)


# -- records


def test_the_right_answer_from_another_zone_is_no_missing_record() -> None:
    given = healthy().no_links().no_record().link("vnet-1", zone=PARENT)
    given = given.record("10.1.0.4", zone=PARENT, name="contoso.privatelink")
    assert list(MISSING.check(given.case())) == []


def test_without_any_zone_no_record_is_missing() -> None:
    given = missing_record().no_links().writer(None)
    assert list(MISSING.check(given.case())) == []


def test_an_unclear_link_of_the_zone_itself_hides_no_missing_record() -> None:
    given = missing_record().link("vnet-1", resolution_policy=UNCLEAR)
    assert given.only(MISSING).subject == record_id()


def test_an_own_zone_that_is_not_linked_serves_nobody() -> None:
    given = missing_record().zone(APEX, links=())
    assert given.only(MISSING).subject == record_id()


def test_for_an_endpoint_without_address_nothing_can_be_written() -> None:
    assert missing_record().endpoint(addresses=()).only(MISSING).proposals == ()


def test_a_mark_without_a_change_is_no_ownership() -> None:
    marks = {MANAGED_BY: OWNER, CHANGE_ID: ""}
    given = healthy().record("10.1.0.99", metadata=marks).written("10.1.0.99", change_id="")
    given = given.mode("KVG412", Mode.FIX)
    assert any("by the journal" in blocker.why for blocker in given.blockers(kvg412_wrong_a_record.RULE))
    assert wrong_record().blockers(kvg412_wrong_a_record.RULE) == ()


def test_what_one_network_announces_is_not_the_space_of_another() -> None:
    around = (peering("vnet-2"), peering("vnet-3", peering("vnet-3").state, "20.0.0.0/16"))
    given = healthy().network(peerings=around).network_unread("vnet-2").network("vnet-3")
    given = given.record("20.0.0.5")
    assert given.violations(kvg415_public_address_in_record.RULE) == []
    assert len(given.unknowns(kvg415_public_address_in_record.RULE)) == 1


def test_a_removal_is_offered_only_where_the_links_are_known() -> None:
    rule = kvg415_public_address_in_record.RULE
    given = healthy().no_connections().record("127.0.0.1")
    assert len(given.only(rule).proposals) == 1
    assert given.links_unread().only(rule).proposals == ()


def test_a_client_elsewhere_may_share_the_endpoint_that_the_record_names() -> None:
    """``vnet-1`` has an endpoint of its own and reaches that of ``vnet-2``, to which the record leads everybody."""
    given = healthy().second_endpoint("vnet-2").record("10.2.0.4").link("vnet-3")
    given = given.network(peerings=(peering("vnet-2"),)).network("vnet-3", peerings=(peering("vnet-2"),))
    given = given.network("vnet-2", peerings=(peering("vnet-1"), peering("vnet-3")))
    assert list(kvg416_contested_record.RULE.check(given.case())) == []


def test_a_network_that_the_zone_is_not_linked_to_contends_for_nothing() -> None:
    given = healthy().second_endpoint("vnet-2").network("vnet-2").link("vnet-2", zone=PARENT, completed=False)
    assert list(kvg416_contested_record.RULE.check(given.case())) == []


@pytest.mark.parametrize("status", [ConnectionStatus.REJECTED, ConnectionStatus.PENDING])
def test_the_approved_connections_are_what_a_judgement_relies_on(status: ConnectionStatus) -> None:
    given = healthy().connection("c-2", status).record("10.1.0.4", "127.0.0.1")
    facts = given.only(kvg415_public_address_in_record.RULE).facts
    assert facts["approved"] == [given.snapshot.vault.connections[0].id.key]
    assert vault_id() == given.snapshot.vault.id


def test_unread_zone_groups_keep_no_correction_back() -> None:
    given = healthy().record("10.1.0.4", "10.1.0.99").endpoint(zone_groups=FORBIDDEN)
    assert len(given.only(kvg418_extra_addresses.RULE).proposals) == 1


def test_a_record_under_a_longer_name_is_pointed_out_where_it_is_never_asked() -> None:
    longer = missing_record().record("10.1.0.4", name="contoso.vault")
    assert any("contoso.vault (10.1.0.4) is never asked" in line for line in longer.only(MISSING).evidence)
    for other in (missing_record().record(name="contoso.vault"), missing_record().record("10.1.0.4", name="fabrikam")):
        assert not any("never asked" in line for line in other.only(MISSING).evidence)
    absent = missing_record().zone(records=MappingProxyType({"contoso": None, "contoso.vault": None}))
    assert not any("never asked" in line for line in absent.only(MISSING).evidence)
    own = missing_record().link(zone=APEX).record("10.1.0.4", zone=APEX, name="contoso.vault")
    assert not any("never asked" in line for line in own.only(MISSING).evidence)


def test_a_zone_that_was_not_read_may_be_the_home_or_answer_first() -> None:
    homeless = ungrouped().zones_unread()
    [violation] = homeless.violations(kvg304_no_zone_group.RULE)
    assert violation.proposals == ()
    assert FORBIDDEN in [unknown.unread for unknown in homeless.unknowns(kvg304_no_zone_group.RULE)]
    shared = healthy().second_endpoint("vnet-2").network("vnet-2").link("vnet-2")
    assert len(shared.violations(kvg416_contested_record.RULE)) == 1
    assert shared.zones_unread().violations(kvg416_contested_record.RULE) == []
