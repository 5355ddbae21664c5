"""KVG303: the interface, the zone groups and customDnsConfigs of an endpoint have to say the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.endpoint import AddressSource, GroupRecord
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Part, UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg303_endpoint_dns_config_mismatch import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, healthy, vault_id, zone_id
from tests.rules.given_endpoints import DEFERRED_GROUPS, HOST, dns_config, group_record, grouped


def _wrote(*records: GroupRecord) -> Given:
    return grouped(healthy(), zone_id(), records=records)


def test_sources_that_agree_or_say_nothing_are_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []
    agreed = _wrote(group_record("10.1.0.4")).endpoint(dns_configs=(dns_config("10.1.0.4"),))
    assert list(RULE.check(agreed.case())) == []
    empty = _wrote(group_record()).endpoint(dns_configs=(dns_config(),))
    assert list(RULE.check(empty.case())) == []


def test_a_zone_group_that_wrote_another_address_is_found() -> None:
    violation = _wrote(group_record("10.1.0.9")).only(RULE)
    assert violation.subject == endpoint_id()
    assert "network interface says 10.1.0.4, its zone group 10.1.0.9" in violation.message
    assert violation.facts["sources"] == ["network interface=10.1.0.4", "zone group=10.1.0.9"]


def test_custom_dns_configs_with_another_address_are_found() -> None:
    violation = healthy().endpoint(dns_configs=(dns_config("10.1.0.9"),)).only(RULE)
    assert "network interface says 10.1.0.4, its customDnsConfigs 10.1.0.9" in violation.message


def test_the_order_of_addresses_is_no_disagreement() -> None:
    given = healthy().endpoint(addresses=("10.1.0.4", "10.1.0.5"), dns_configs=(dns_config("10.1.0.5", "10.1.0.4"),))
    assert list(RULE.check(given.case())) == []
    assert healthy().endpoint(dns_configs=(dns_config("10.1.0.4", "10.1.0.5"),)).violations(RULE) != []


@pytest.mark.parametrize("name", [HOST.upper(), f"{HOST}.", "contoso.privatelink.vaultcore.azure.net"])
def test_the_vaults_names_are_compared_without_casing_and_final_dot(name: str) -> None:
    assert healthy().endpoint(dns_configs=(dns_config("10.1.0.9", fqdn=name),)).violations(RULE) != []


@pytest.mark.parametrize("name", ["other.vault.azure.net", "contoso.vault.azure.cn", "contoso", ""])
def test_entries_of_other_names_are_not_the_vaults(name: str) -> None:
    assert list(RULE.check(healthy().endpoint(dns_configs=(dns_config("10.1.0.9", fqdn=name),)).case())) == []


def test_several_entries_for_the_vault_are_found_even_when_they_agree() -> None:
    given = healthy().endpoint(dns_configs=(dns_config("10.1.0.4"), dns_config("10.1.0.4", fqdn=HOST.upper())))
    violation = given.only(RULE)
    assert "2 entries of customDnsConfigs" in violation.message
    assert violation.facts["entries"] == 2


def test_records_of_other_names_are_not_the_vaults() -> None:
    assert list(RULE.check(_wrote(group_record("10.1.0.9", name="other")).case())) == []
    elsewhere = group_record("10.1.0.9", zone=zone_id("privatelink.blob.core.windows.net"))
    assert list(RULE.check(_wrote(elsewhere).case())) == []


def test_a_zone_of_the_vaults_own_name_has_its_record_at_the_apex() -> None:
    own = zone_id("contoso.privatelink.vaultcore.azure.net")
    assert _wrote(group_record("10.1.0.9", zone=own, name="@")).violations(RULE) != []
    assert list(RULE.check(_wrote(group_record("10.1.0.4", zone=own, name="@")).case())) == []


def test_zone_groups_that_were_left_out_are_asked_for_and_hide_no_other_disagreement() -> None:
    [unknown] = healthy().endpoint(zone_groups=DEFERRED_GROUPS).unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (endpoint_id(), Part.ZONE_GROUPS)
    given = healthy().endpoint(zone_groups=FORBIDDEN, dns_configs=(dns_config("10.1.0.9"),))
    assert (len(given.violations(RULE)), len(given.unknowns(RULE))) == (1, 1)
    assert not RULE.at_events


def test_unread_addresses_are_unknown_and_hide_no_disagreement_of_the_copies() -> None:
    given = healthy().endpoint(addresses=FORBIDDEN)
    assert given.violations(RULE) == []
    assert [u.unread for u in given.unknowns(RULE)] == [FORBIDDEN]
    copies = _wrote(group_record("10.1.0.9")).endpoint(addresses=FORBIDDEN, dns_configs=(dns_config("10.1.0.4"),))
    assert "zone group says 10.1.0.9, its customDnsConfigs 10.1.0.4" in copies.violations(RULE)[0].message


@pytest.mark.parametrize("source", [AddressSource.ZONE_GROUP, AddressSource.DNS_CONFIG])
def test_an_address_taken_from_a_copy_is_no_second_witness(source: AddressSource) -> None:
    given = _wrote(group_record("10.1.0.4")).endpoint(address_source=source)
    assert given.violations(RULE) == []
    assert [u.unread.reason for u in given.unknowns(RULE)] == [UnreadReason.UNSUPPORTED]
    assert _wrote(group_record("10.1.0.9")).endpoint(address_source=source).violations(RULE) == []


def test_an_endpoint_that_could_not_be_read_is_unknown_and_hides_no_other() -> None:
    assert [u.subject for u in healthy().endpoint_unread().unknowns(RULE)] == [endpoint_id()]
    given = healthy().endpoint_unread().second_endpoint(dns_configs=(dns_config("10.1.0.9"),))
    assert [v.subject for v in given.violations(RULE)] == [endpoint_id("pe-2")]


def test_an_endpoint_that_moves_or_is_not_effective_is_not_judged() -> None:
    given = healthy().endpoint(dns_configs=(dns_config("10.1.0.9"),))
    assert list(RULE.check(given.endpoint(provisioning_state="Updating").case())) == []
    assert list(RULE.check(given.connection(status=ConnectionStatus.PENDING).case())) == []


def test_a_vaults_name_in_another_casing_is_the_same() -> None:
    given = healthy().vault(id=type(vault_id()).parse(vault_id().text.replace("contoso", "Contoso")))
    assert given.endpoint(dns_configs=(dns_config("10.1.0.9"),)).violations(RULE) != []


def test_it_is_only_explained() -> None:
    finding = replace(_wrote(group_record("10.1.0.9"))).mode("KVG303", Mode.FIX).finding(RULE)
    assert (finding.options, finding.severity) == ((), Severity.MEDIUM)
    assert RULE.ceiling is Applicability.MANUAL
