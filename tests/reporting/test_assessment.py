"""The report on one vault: the plan it shows is the plan that was made."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

from shared.domain.answer import Answer, AnswerKind
from shared.domain.arm_id import NETWORK, ArmId
from shared.domain.finding import Assessment, Exempted, NotEvaluated
from shared.domain.grades import Writer
from shared.domain.plan import ChangePlan
from shared.domain.policy import Exemption, Policy, ZonePolicy
from shared.domain.reading import Unread, UnreadReason
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.reporting.assessment import NetworkAnswer, render
from shared.rules.registry import RULES
from tests.reporting.samples import (
    CHANGES,
    DNS_ZONE,
    HUB,
    KEY_VAULT,
    NOW,
    SUBSCRIPTION,
    finding,
    option,
    parsed,
    reading,
    validator,
)

POLICY = Policy(zones=(ZonePolicy(DNS_ZONE, Writer.KVGUARD),), watched_subscriptions=frozenset({SUBSCRIPTION}))
SPOKE = ArmId.of(SUBSCRIPTION, "rg-net", NETWORK, "spoke")


def invalid(body: object) -> list[str]:
    return [error.message for error in validator("assessment.v1.json").iter_errors(body)]


def test_a_vault_without_record_and_link_is_reported_with_both_changes_in_order() -> None:
    snapshot = reading(record=None, linked=False)
    made = plan(snapshot, POLICY, RULES)

    body = parsed(render(evaluate(snapshot, POLICY, RULES), made, (), "observe"))

    assert invalid(body) == []
    assert (body["vault"], body["read_at"], body["mode"]) == (KEY_VAULT.text, "2026-11-21T20:15:30.250Z", "observe")
    assert {entry["rule"] for entry in body["findings"]} == {"KVG403", "KVG411"}
    record, link = body["plan"]["apply"]
    assert (record["verb"], link["verb"]) == ("create-record", "create-link")
    assert (record["after"], link["after"]) == ([], [record["key"]])
    assert [entry["key"] for entry in body["plan"]["apply"]] == [planned.change.key for planned in made.apply]
    assert [entry["digest"] for entry in body["plan"]["apply"]] == [planned.option.digest for planned in made.apply]
    assert body["evaluated"] == sorted(rule.id for rule in RULES)


def test_every_other_list_of_the_report_is_filled_and_keeps_the_schema() -> None:
    until = Exemption("KVG202", KEY_VAULT.text, "moving\x1b[2J", "team-a", datetime(2027, 3, 31, tzinfo=UTC))
    asked, explained = finding(options=(option(CHANGES[6]),)), finding()
    missing = NotEvaluated("KVG411", KEY_VAULT, Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/\x1b/read"))
    answers = (
        NetworkAnswer(SPOKE, Answer(AnswerKind.PUBLIC, ("contoso.vault.azure.net continues",), "not linked")),
        NetworkAnswer(HUB, Answer(AnswerKind.PRIVATE_RECORD, (), "A record", ("10.0.0.4",), DNS_ZONE)),
    )

    text = render(
        Assessment(KEY_VAULT, NOW, (asked, explained), (missing,), ("KVG202", "KVG411"), (Exempted(explained, until),)),
        ChangePlan((), (asked,), (explained,)),
        answers,
        "enforce",
    )

    body = parsed(text)
    assert invalid(body) == []
    assert body["plan"] == {"apply": [], "ask": [asked.fingerprint], "explain": [explained.fingerprint]}
    assert body["not_evaluated"] == [
        {
            "rule": "KVG411",
            "subject": KEY_VAULT.text,
            "reason": "forbidden",
            "detail": "Microsoft.Network/\\u{1b}/read",
        }
    ]
    assert [(entry["network"], entry["kind"], entry["addresses"]) for entry in body["answers"]] == [
        (HUB.text, "private-record", ["10.0.0.4"]),
        (SPOKE.text, "public", []),
    ]
    (silenced,) = body["exempted"]
    assert silenced.pop("finding") == body["findings"][1]
    assert silenced == {
        "scope": KEY_VAULT.text,
        "reason": "moving\\u{1b}[2J",
        "owner": "team-a",
        "expires": "2027-03-31T00:00:00.000Z",
    }
    assert body["answers"][1]["chain"] == ["contoso.vault.azure.net continues"]


def test_the_same_input_gives_the_same_text() -> None:
    snapshot = reading(record=None, linked=True)
    policy = Policy(zones=POLICY.zones, modes=MappingProxyType({}))

    first, second = (
        render(evaluate(snapshot, policy, rules), plan(snapshot, policy, rules), (), "observe")
        for rules in (RULES, RULES[::-1])
    )

    assert first == second


def test_the_schema_refuses_a_report_without_any_one_of_its_members() -> None:
    snapshot = reading(record=None, linked=False)
    body = parsed(render(evaluate(snapshot, POLICY, RULES), plan(snapshot, POLICY, RULES), (), "observe"))

    for name in body:
        assert invalid({key: value for key, value in body.items() if key != name}), name
    assert invalid({**body, "mode": "perhaps"})
