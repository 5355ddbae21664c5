"""KVG417: a CNAME where the A record belongs is found, and an unread one is neither found nor forgotten."""

from __future__ import annotations

from types import MappingProxyType

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Part, Unread, UnreadReason
from shared.rules.kvg411_missing_a_record import RULE as MISSING
from shared.rules.kvg417_conflicting_record_type import RULE
from tests.builders import FORBIDDEN, Given, healthy, record_id, vault_id, zone_id
from tests.rules.given_records import APEX, shouted, with_apex

LATER = Unread(UnreadReason.DEFERRED, "CNAME records", Part.CNAMES)


def _alias(target: str = "proxy.corp.example", given: Given | None = None) -> Given:
    return (given or healthy()).no_record().zone(cnames=MappingProxyType({"contoso": target}))


def test_an_a_record_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_a_zone_without_any_record_of_the_vault_is_another_rules_subject() -> None:
    assert list(RULE.check(healthy().no_record().case())) == []
    assert healthy().no_record().violations(MISSING) != []


def test_another_names_cname_is_not_the_vaults() -> None:
    given = healthy().no_record().zone(cnames=MappingProxyType({"contoso2": "proxy.corp.example"}))
    assert list(RULE.check(given.case())) == []


def test_a_cname_is_found_and_nothing_is_created_beside_it() -> None:
    given = _alias()
    violation = given.only(RULE)
    assert violation.subject == record_id()
    assert "proxy.corp.example" in violation.message
    assert "10.1.0.4" in violation.advice
    assert violation.facts["endpoint_addresses"] == ["10.1.0.4"]
    assert "rg-dns" in violation.advice
    assert given.finding(RULE).severity is Severity.HIGH
    assert given.plan().apply == ()
    assert [finding.rule for finding in given.assess((RULE, MISSING)).findings] == ["KVG417"]


def test_it_is_explained_and_never_changed() -> None:
    assert (RULE.ceiling, RULE.default) == (Applicability.MANUAL, Mode.AUDIT)
    assert _alias().only(RULE).proposals == ()


def test_a_cname_is_found_without_any_connection_and_with_unread_endpoints() -> None:
    assert "address of the vault's private endpoint" in _alias(given=healthy().no_connections()).only(RULE).advice
    assert _alias(given=healthy().endpoint_unread()).only(RULE).facts["endpoint_addresses"] == "unread"


def test_unread_cnames_are_not_judged() -> None:
    given = healthy().no_record().zone(cnames_complete=False, cnames_unread=LATER)
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(record_id(), LATER)]
    assert given.violations(RULE) == []
    assert RULE.at_events is False


def test_an_unread_record_is_not_judged() -> None:
    given = healthy().record_unread()
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(record_id(), FORBIDDEN)]
    assert given.violations(RULE) == []


def test_every_zone_of_the_name_is_judged_and_no_other() -> None:
    other = zone_id(group="rg-dns-2")
    marks = MappingProxyType({"contoso": "elsewhere.example"})
    assert healthy().zone(other, cnames=marks).only(RULE).subject == record_id(zone=other)
    misnamed = zone_id("privatelink.vault.azure.net")
    assert list(RULE.check(healthy().zone(misnamed, cnames=marks).case())) == []


def test_a_zone_of_the_vaults_own_is_judged_by_its_apex() -> None:
    given = with_apex(healthy()).zone(APEX, records=MappingProxyType({}), cnames=MappingProxyType({"@": "x.example"}))
    assert given.only(RULE).subject.name == "@"


def test_casing_does_not_matter() -> None:
    assert _alias("Proxy.Corp.Example.").only(RULE).facts == _alias().only(RULE).facts
    assert shouted(_alias()).only(RULE).facts == _alias().only(RULE).facts
    assert _alias().vault(id=vault_id("CONTOSO")).only(RULE).subject == record_id()
