"""KVG604: an audit log that goes to no workspace is found; settings that were not read are not judged."""

from __future__ import annotations

import json
import shlex

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Severity
from shared.domain.reading import Part
from shared.domain.vault import DiagnosticSetting, Vault
from shared.rules.kvg604_no_audit_log import RULE
from tests.builders import FORBIDDEN, SUBSCRIPTION, Given, healthy, vault_id

WORKSPACE = ArmId.of(SUBSCRIPTION, "rg-logs", "Microsoft.OperationalInsights/workspaces", "logs")
STORAGE = ArmId.of(SUBSCRIPTION, "rg-logs", "Microsoft.Storage/storageAccounts", "logs")


def setting(*categories: str, name: str = "one", workspace: bool = True, **places: object) -> DiagnosticSetting:
    """A diagnostic setting of the vault."""
    identity = ArmId.parse(f"{vault_id().text}/providers/Microsoft.Insights/diagnosticSettings/{name}")
    storage = STORAGE if places.get("storage") else None
    return DiagnosticSetting(
        identity, frozenset(categories), WORKSPACE if workspace else None, storage, bool(places.get("event_hub"))
    )


def settings(*found: DiagnosticSetting) -> Given:
    """A vault with these diagnostic settings."""
    return healthy().vault(diagnostics=found)


@pytest.mark.parametrize("category", ["auditevent", "AuditEvent", "audit", "alllogs", "allLogs"])
def test_the_audit_log_in_a_workspace_is_allowed(category: str) -> None:
    assert list(RULE.check(settings(setting(category)).case())) == []


def test_one_setting_that_does_it_is_enough() -> None:
    given = settings(setting("azurepolicyevaluationdetails"), setting("audit", name="two", storage=True))
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize(
    "found",
    [
        (),
        (setting(),),
        (setting("azurepolicyevaluationdetails"),),
        (setting("audit", workspace=False, storage=True),),
        (setting("audit", workspace=False, event_hub=True),),
        (setting("allmetrics"), setting("audit", name="two", workspace=False, storage=True)),
    ],
    ids=["none", "no log", "another log", "storage", "event hub", "log and workspace apart"],
)
def test_a_log_that_nobody_can_ask_is_found(found: tuple[DiagnosticSetting, ...]) -> None:
    violation = settings(*found).only(RULE)
    assert violation.subject == vault_id()
    assert "contoso" in violation.message
    assert len(violation.evidence) == len(found)


def test_the_finding_says_what_goes_where() -> None:
    violation = settings(setting("audit", workspace=False, storage=True, event_hub=True)).only(RULE)
    assert violation.facts == {"settings": ["one: audit to storage, event hub"]}


def test_the_order_of_settings_does_not_matter() -> None:
    one, two = setting(name="one"), setting("allmetrics", name="two")
    assert settings(one, two).only(RULE) == settings(two, one).only(RULE)


def test_the_advice_is_a_command_that_a_shell_takes_apart_again() -> None:
    words = shlex.split(settings().only(RULE).advice)
    assert words[words.index("--resource") + 1] == vault_id().text
    assert json.loads(words[words.index("--logs") + 1]) == [{"categoryGroup": "audit", "enabled": True}]


def test_settings_that_were_left_out_are_asked_for_by_sweeps() -> None:
    vault = healthy().snapshot.vault
    given = healthy().vault(diagnostics=Vault.__dataclass_fields__["diagnostics"].default)
    [unknown] = given.unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (vault.id, Part.DIAGNOSTICS)
    assert given.violations(RULE) == []
    assert RULE.at_events is False


def test_unread_settings_are_not_judged() -> None:
    given = healthy().vault(diagnostics=FORBIDDEN)
    assert given.violations(RULE) == []
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_it_only_explains() -> None:
    assert (RULE.severity, RULE.ceiling) == (Severity.MEDIUM, Applicability.MANUAL)
    assert settings().finding(RULE).options == ()
