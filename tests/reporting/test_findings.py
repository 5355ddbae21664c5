"""Messages of ``kvguard-findings`` against their schema, their size and hostile text."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import get_args

import pytest

from shared.domain.change import Change, CreateRecord, SetNetworkAcl
from shared.domain.finding import Finding, Option
from shared.domain.grades import Applicability
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Blocker
from shared.domain.vault import DefaultAction, NetworkAcl
from shared.reporting.findings import (
    ADVICE,
    ADVICE_TOO_LONG,
    MOST_BYTES,
    Fix,
    FixState,
    cleared_message,
    fits,
    open_message,
    pack,
)
from tests.reporting.samples import CHANGES, DNS_ZONE, KEY_VAULT, NOW, PENDING, finding, option, parsed, validator

BLOB = "f" * 64


def kept(text: str, stored: list[str]) -> str:
    stored.append(text)
    return BLOB


def invalid(body: object) -> list[str]:
    return [error.message for error in validator("finding.v1.json").iter_errors(body)]


def test_a_finding_with_every_verb_there_is_keeps_the_schema() -> None:
    assert {type(change) for change in CHANGES} == set(get_args(Change))

    body = parsed(open_message(finding(options=tuple(option(change) for change in CHANGES)), NOW))

    assert invalid(body) == []
    assert [entry["verb"] for entry in body["options"]] == [change.verb for change in CHANGES]


@pytest.mark.parametrize("state", FixState)
def test_every_state_of_a_fix_keeps_the_schema(state: FixState) -> None:
    body = parsed(open_message(finding(), NOW, Fix(state, "lock 'no-delete'")))

    assert invalid(body) == []
    assert body["fix"] == {"state": state.value, "detail": "lock 'no-delete'"}


def test_an_open_message_says_what_was_found_and_what_may_be_done() -> None:
    body = parsed(open_message(finding(options=(option(CHANGES[5]),)), NOW))

    assert (body["version"], body["state"], body["observed_at"]) == (1, "open", "2026-11-21T20:15:30.250Z")
    assert (body["rule"], body["name"], body["severity"]) == ("KVG202", "dead-connection", "low")
    assert (body["vault"], body["subject"]) == (KEY_VAULT.text, PENDING.id.text)
    assert body["facts"] == {"count": 2, "ips": ["10.0.0.4"], "owned": False, "status": "Disconnected", "zone": None}
    assert (body["fix"], body["evidence_blob"]) == (None, None)
    (only,) = body["options"]
    assert only["applicability"] == "approval"
    assert only["digest"] == "a" * 64
    assert only["blockers"] == [
        "its private endpoint could not be read (forbidden: Microsoft.Network/privateEndpoints/read)",
        "two claimants",
    ]
    assert only["irreversible"].startswith("the connection object")
    assert only["precondition"] == CHANGES[5].precondition


def test_an_option_carries_the_text_of_its_change_for_each_tool() -> None:
    body = parsed(open_message(finding(options=(option(CHANGES[4]),)), NOW))

    texts = body["options"][0]["snippets"]
    assert texts["az"].startswith("az network private-dns link vnet delete --name=hub ")
    assert (texts["bicep"][:2], texts["terraform"][:1]) == ("//", "#")


def test_a_firewall_of_a_thousand_ranges_is_whole_in_the_blob_and_the_message_still_fits() -> None:
    rules = tuple(f"203.0.{number // 250}.{number % 250 + 1}/32" for number in range(1000))
    change = SetNetworkAcl(KEY_VAULT, None, NetworkAcl(DefaultAction.DENY, "AzureServices", rules))
    stored: list[str] = []

    short = pack(open_message(finding(options=(option(change),)), NOW), lambda whole: kept(whole, stored))

    assert fits(short)
    (only,) = parsed(short)["options"]
    assert (only["digest"], only["snippets"]) == ("a" * 64, None)
    assert invalid(parsed(short)) == []
    (whole,) = stored
    assert invalid(parsed(whole)) == []
    for text in parsed(whole)["options"][0]["snippets"].values():
        assert all(rule in text for rule in rules)


def test_a_change_that_can_be_undone_is_not_called_irreversible() -> None:
    body = parsed(open_message(finding(options=(option(CHANGES[0]),)), NOW))

    assert body["options"][0]["irreversible"] is None


def test_a_cleared_message_keeps_the_schema_and_names_the_same_finding() -> None:
    opened = finding()

    body = parsed(cleared_message(opened.vault, opened.rule, opened.subject, opened.fingerprint, NOW))

    assert invalid(body) == []
    assert body == {
        "version": 1,
        "state": "cleared",
        "observed_at": "2026-11-21T20:15:30.250Z",
        "vault": KEY_VAULT.text,
        "rule": "KVG202",
        "subject": PENDING.id.text,
        "fingerprint": opened.fingerprint,
    }


def test_the_schema_refuses_a_message_without_any_one_of_its_members() -> None:
    body = parsed(open_message(finding(options=(option(CHANGES[0]),)), NOW, Fix(FixState.FAILED)))

    for name in body:
        assert invalid({key: value for key, value in body.items() if key != name}), name
    for name in body["options"][0]:
        shorter = {key: value for key, value in body["options"][0].items() if key != name}
        assert invalid({**body, "options": [shorter]}), name
    assert invalid({**body, "surprise": 1})


def test_times_are_utc_whatever_zone_they_come_in() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))

    assert parsed(open_message(finding(), elsewhere))["observed_at"] == "2026-11-21T20:15:30.250Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        open_message(finding(), datetime(2026, 11, 21))  # noqa: DTZ001 - the naive time is the case


HOSTILE = "a\x1b[2Jb\r\nc\x00d\u202ee\u200bf\u2028g\x85h\udc00i\U000e0041j"
HARMLESS = r"a\u{1b}[2Jb\u{d}\u{a}c\u{0}d\u{202e}e\u{200b}f\u{2028}g\u{85}h\u{dc00}i\u{e0041}j"  #


def hostile_finding() -> Finding:
    change = CreateRecord(DNS_ZONE, "contoso", (HOSTILE,), 60)
    blocker = Blocker(HOSTILE, Unread(UnreadReason.FORBIDDEN, HOSTILE))
    options = (Option(change, "a" * 64, Applicability.APPROVAL, (blocker,), HOSTILE),)
    opened = finding(message=HOSTILE, evidence=(HOSTILE,), advice=HOSTILE, options=options)
    return replace(opened, facts={"text": HOSTILE, "list": [HOSTILE]})


def test_no_text_from_outside_brings_control_or_direction_characters() -> None:
    text = open_message(hostile_finding(), NOW, Fix(FixState.REFUSED, HOSTILE))

    assert all(character.isprintable() for character in text)
    body = parsed(text)
    (only,) = body["options"]
    assert body["message"] == body["evidence"][0] == body["fix"]["detail"] == only["warning"] == HARMLESS
    assert HARMLESS in only["description"]
    assert only["blockers"] == [f"{HARMLESS} (forbidden: {HARMLESS})"]
    assert body["facts"] == {"text": HARMLESS, "list": [HARMLESS]}
    assert invalid(body) == []


def test_advice_keeps_its_lines_and_nothing_else() -> None:
    body = parsed(open_message(finding(advice="resource a 'b' = {\n\x07}\n"), NOW))

    assert body["advice"] == "resource a 'b' = {\n\\u{7}}\n"


@pytest.mark.parametrize(("length", "whole"), [(ADVICE, True), (ADVICE + 1, False)])
def test_a_command_is_shown_whole_or_not_at_all(length: int, whole: bool) -> None:
    advice = "x" * length

    assert parsed(open_message(finding(advice=advice), NOW))["advice"] == (advice if whole else ADVICE_TOO_LONG)


def test_long_texts_are_cut_to_their_place() -> None:
    body = parsed(open_message(finding(message="x" * 5000, evidence=("\x00" * 5000,)), NOW))

    assert body["message"] == "x" * 999 + "\u2026"
    assert len(body["evidence"][0]) <= 1000
    assert body["evidence"][0].endswith("\\u{0}\u2026")


def test_48_kib_of_utf8_fit_and_one_byte_more_does_not() -> None:
    assert MOST_BYTES == 49_152
    assert fits("x" * 49_152)
    assert not fits("x" * 49_153)
    assert not fits("\u00e9" * 24_577)


def test_a_message_that_fits_is_sent_as_it_is() -> None:
    stored: list[str] = []
    text = open_message(finding(), NOW)

    assert pack(text, lambda whole: kept(whole, stored)) == text
    assert stored == []


def test_a_large_message_is_kept_whole_and_sent_short() -> None:
    stored: list[str] = []
    options = (option(CHANGES[5]), option(CHANGES[6], digest="b" * 64))
    text = open_message(finding(options=options, evidence=("x" * 900,) * 80, advice="do"), NOW, Fix(FixState.SURVIVED))
    assert not fits(text)

    short = pack(text, lambda whole: kept(whole, stored))

    assert stored == [text]
    assert fits(short)
    whole, body = parsed(text), parsed(short)
    assert invalid(body) == []
    assert body["evidence_blob"] == BLOB
    assert (body["evidence"], body["facts"], body["advice"]) == ([], {}, "")
    for name in ("vault", "rule", "subject", "message", "fingerprint", "observed_at", "fix", "severity"):
        assert body[name] == whole[name]
    assert [(o["verb"], o["digest"], o["irreversible"]) for o in body["options"]] == [
        (o["verb"], o["digest"], o["irreversible"]) for o in whole["options"]
    ]


def test_even_too_many_options_of_the_widest_characters_fit_in_the_short_form() -> None:
    wide = "\U0001f512" * 3000
    options: tuple[Option, ...] = tuple(option(change, warning=wide) for change in CHANGES * 12)

    short = pack(open_message(finding(message=wide, options=options), NOW, Fix(FixState.FAILED, wide)), lambda _: BLOB)

    assert fits(short)
    body = parsed(short)
    assert invalid(body) == []
    assert 0 < len(body["options"]) < len(options)
    assert [entry["verb"] for entry in body["options"]] == [o.change.verb for o in options[: len(body["options"])]]
