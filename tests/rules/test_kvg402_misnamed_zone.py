"""KVG402: names that are never asked, and names that are asked for too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CHINA_CLOUD
from shared.domain.rule import Unknown
from shared.rules.kvg402_misnamed_zone import RULE
from tests.builders import FORBIDDEN, PRIVATE_ZONE, healthy, network_id, vault_id, zone_id
from tests.rules.given_zones import APEX, HOST, MISNAMED, OWN_HOST, PARENT, shouted, silent, with_strays


def test_the_right_name_is_allowed() -> None:
    assert silent(healthy(), RULE)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("privatelink.vault.azure.net", "the alias of a vault lies under another domain"),
        ("privatelink.vaultcore.azure.cn", "it belongs to AzureChinaCloud, and the vault is in AzureCloud"),
        ("vault.usgovcloudapi.net", "it belongs to AzureUSGovernment"),
        ("privatelink.vault.core.azure.net", "its dots are not where they belong"),
        ("privatelinkvaultcore.azure.net", "its dots are not where they belong"),
        ("privatelink.vaultcore.azure.com", "only looks like"),
    ],
)
def test_a_name_that_is_never_asked_is_found_with_its_reason(name: str, why: str) -> None:
    zone = zone_id(name, "rg-misnamed")
    violation = with_strays(healthy(), zone).only(RULE)
    assert violation.subject == zone
    assert why in violation.message
    assert "The right name is privatelink.vaultcore.azure.net" in violation.message
    assert violation.facts == {"zone": zone.key, "zone_name": name, "right_name": PRIVATE_ZONE}
    assert f"zone {name} in resource group rg-misnamed" in violation.advice
    assert violation.proposals == ()


def test_the_public_zone_is_another_cloud_s_only_elsewhere() -> None:
    given = with_strays(healthy(), zone_id("privatelink.vaultcore.azure.net", "rg-x"))
    abroad = given.at(replace(given.snapshot, cloud=AZURE_CHINA_CLOUD, zones=()))
    assert "it belongs to AzureCloud, and the vault is in AzureChinaCloud" in abroad.only(RULE).message
    assert silent(given, RULE)


@pytest.mark.parametrize("zone", [HOST, PARENT, zone_id("azure.net", "rg-x")])
def test_a_parent_of_the_vaults_names_takes_more_than_it_should(zone: ArmId) -> None:
    violation = healthy().link(zone=zone).only(RULE)
    assert violation.subject == zone
    assert "answers for every name under it in the networks linked to it (1)" in violation.message
    assert violation.facts["networks"] == [network_id().key]


def test_it_is_found_unlinked_and_with_unread_links_as_well() -> None:
    assert healthy().zone(HOST).only(RULE).facts["networks"] == []
    unread = healthy().zone(HOST, links=FORBIDDEN).only(RULE)
    assert unread.facts["networks"] == "unread"
    assert "linked to it (not read)" in unread.message


@pytest.mark.parametrize("zone", [APEX, OWN_HOST])
def test_a_zone_of_one_vaults_own_name_is_legitimate(zone: ArmId) -> None:
    assert silent(healthy().link(zone=zone).record("10.1.0.4", zone=zone, name="@"), RULE)


@pytest.mark.parametrize("name", [f"other.{PRIVATE_ZONE}", "other.vault.azure.net"])
def test_a_zone_of_another_vaults_own_name_is_legitimate(name: str) -> None:
    assert silent(with_strays(healthy(), zone_id(name)), RULE)


def test_a_deeper_or_impossible_name_below_the_zone_is_no_vaults() -> None:
    assert "only looks like" in with_strays(healthy(), zone_id(f"a.b.{PRIVATE_ZONE}")).only(RULE).message
    assert len(with_strays(healthy(), zone_id(f"x.{PRIVATE_ZONE}")).violations(RULE)) == 1


def test_each_zone_is_a_finding_of_its_own() -> None:
    given = with_strays(healthy().link(zone=HOST), MISNAMED, zone_id("privatelink.vaultcore.azure.cn"))
    assert {violation.subject for violation in given.violations(RULE)} == {
        HOST,
        MISNAMED,
        zone_id("privatelink.vaultcore.azure.cn"),
    }


def test_a_place_that_was_not_read_may_hold_more() -> None:
    given = healthy().zones_unread()
    assert list(RULE.check(given.case())) == [Unknown(vault_id(), FORBIDDEN)]
    both = with_strays(given, MISNAMED)
    assert len(both.violations(RULE)) == len(both.unknowns(RULE)) == 1


def test_names_in_another_casing_are_the_same() -> None:
    assert silent(shouted(healthy()), RULE)
    loud = with_strays(healthy(), zone_id("PrivateLink.Vault.Azure.Net", "RG-Misnamed"))
    quiet = with_strays(healthy(), MISNAMED)
    assert loud.finding(RULE).fingerprint == quiet.finding(RULE).fingerprint
    assert loud.only(RULE).facts == quiet.only(RULE).facts
    assert "lies under another domain" in loud.only(RULE).message
    assert silent(healthy().link(zone=zone_id(APEX.name.upper(), "rg-apex")), RULE)
