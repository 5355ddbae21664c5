"""KVG420: without an Approved connection public DNS never leads to the private zone."""

from __future__ import annotations

import pytest

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.vault import ConnectionStatus, Existence
from shared.rules.kvg420_record_without_alias import RULE
from tests.builders import FORBIDDEN, healthy, record_id, vault_id, zone_id
from tests.rules.given_records import shouted, with_apex


def test_a_record_of_a_vault_with_alias_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_an_approved_connection_gives_the_alias_though_it_failed() -> None:
    assert list(RULE.check(healthy().connection("c-1", ConnectionStatus.APPROVED, "Failed").case())) == []


@pytest.mark.parametrize("status", [status for status in ConnectionStatus if status is not ConnectionStatus.APPROVED])
def test_a_record_without_approved_connection_is_never_asked(status: ConnectionStatus) -> None:
    given = healthy().connection("c-1", status)
    violation = given.only(RULE)
    assert violation.subject == record_id()
    assert "contoso" in violation.message
    assert "10.1.0.4" in violation.message
    assert given.finding(RULE).severity is Severity.LOW
    assert given.answer().kind.value == "public"


def test_the_advice_names_what_could_be_approved_and_what_could_be_deleted() -> None:
    assert "Approve connection c-1" in healthy().connection("c-1", ConnectionStatus.PENDING).only(RULE).advice
    rejected = healthy().connection("c-1", ConnectionStatus.REJECTED).only(RULE).advice
    assert "Approve" not in rejected
    assert "rg-dns" in rejected


def test_a_vault_without_any_connection() -> None:
    assert healthy().no_connections().only(RULE).facts["connections"] == []


def test_an_empty_or_absent_record_is_allowed() -> None:
    assert list(RULE.check(healthy().no_connections().record().case())) == []
    assert list(RULE.check(healthy().no_connections().no_record().case())) == []


def test_an_unread_record_is_not_judged() -> None:
    given = healthy().no_connections().record_unread()
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(record_id(), FORBIDDEN)]
    assert given.violations(RULE) == []


def test_a_zone_of_the_vaults_public_name_answers_without_alias() -> None:
    own = zone_id("contoso.vault.azure.net", group="rg-own")
    given = healthy().no_connections().no_record().zone(own).record("10.1.0.4", zone=own, name="@")
    assert list(RULE.check(given.case())) == []
    assert with_apex(healthy().no_connections().no_record(), "10.1.0.4").only(RULE).subject.name == "@"


def test_a_deleted_vault_is_another_rules_subject() -> None:
    gone = healthy().no_connections().vault(existence=Existence.DELETED)
    assert gone.assess((RULE,)).findings == ()


def test_it_is_explained_and_never_changed() -> None:
    assert (RULE.ceiling, RULE.default) == (Applicability.MANUAL, Mode.AUDIT)
    assert healthy().no_connections().only(RULE).proposals == ()


def test_casing_does_not_matter() -> None:
    given = healthy().no_connections()
    assert shouted(given).only(RULE).facts == given.only(RULE).facts
    assert given.vault(id=vault_id("CONTOSO")).only(RULE).subject == record_id()


def test_the_approval_silences_the_rule() -> None:
    assert healthy().connection("c-1", ConnectionStatus.APPROVED).violations(RULE) == []
