"""Policy files of people who hope that one is read otherwise than it looks: bombs, forged dates, scopes of nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator

from shared.adapters.policy_document import read_document
from shared.adapters.policy_file import PolicyReader
from shared.adapters.policy_schema import policy_schema
from shared.adapters.policy_yaml import UnreadableYaml, read_yaml
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.policy import Policy
from shared.rules.registry import RULES
from tests.builders import SUBSCRIPTION

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app"
VAULTS = f"{GROUP}/providers/Microsoft.KeyVault/vaults"
SCHEMA = Draft202012Validator(policy_schema(RULES))


def read(text: str | bytes) -> tuple[Policy, list[str]]:
    problems: list[str] = []
    data = text.encode() if isinstance(text, str) else text
    return PolicyReader(AZURE_CLOUD, frozenset({SUBSCRIPTION}), tuple(RULES)).read(data, NOW, problems), problems


def exemption(expires: str = "2027-01-01", scope: str = GROUP) -> str:
    return f'version: 1\nexemptions:\n- {{rule: KVG101, scope: "{scope}", reason: r, owner: o, expires: {expires}}}\n'


@pytest.mark.parametrize(
    "text",
    [
        "version: 0x" + "f" * 5000,
        "version: " + "9" * 5000,
        "version: 1\n0x" + "f" * 900 + ": 1",
        "version: 1\nttl: {minimum: 0x" + "f" * 2400 + "}",
        "version: 1\nttl: {minimum: " + "1:" * 1200 + "1}",
        "version: 1\nrules: {0b" + "1" * 900 + ": off}",
        "version: 1\nreviewers: ['" + "x" * 200_000 + "']",
        "version: .nan",
        "[" * 100_000,
        "{a: " * 5_000,
        "version: 1\n%YAML 9.9",
        b"version: 1\0",
        "version: 1".encode("utf-16"),
        "version: 1".encode("utf-32"),
        b"\xff\xfe",
    ],
)
def test_no_text_breaks_the_reader_and_none_of_these_is_used(text: str | bytes) -> None:
    policy, problems = read(text)
    assert problems
    assert all(len(problem) < 1000 for problem in problems)
    assert policy.modes == {}


def test_a_byte_order_mark_is_no_error() -> None:
    assert read("\ufeffversion: 1".encode())[1] == []


@pytest.mark.parametrize(
    "expires",
    [
        "2026-02-30",
        '"2026-02-30"',
        "2026-12-31T23:59:60Z",
        '"2026-12-31T23:59:60Z"',
        '"2027-01-01T00:00:00+14:60"',
        '"2027-01-01T00:00:00+24:00"',
        "2027-01-01T00:00:00+25:00",
        '"2027-01-01T24:00:00Z"',
        "0001-01-01T00:00:00+14:00",
        '"9999-12-31T23:59:59-12:00"',
        '"2027-W01-1"',
        "20270101",
        '"\uff12\uff10\uff12\uff17-01-01"',
        '"2027-01-01\\n"',
        "2027-01-01 00:00:00",
        '"2027-01-01T00:00:00"',
    ],
)
def test_a_date_that_is_none_exempts_nothing(expires: str) -> None:
    policy, problems = read(exemption(expires))
    assert policy.exemptions == ()
    (problem,) = problems
    # The place is there, also where YAML itself takes the text for a date.
    assert problem.startswith("exemptions[0].expires: ") or problem.endswith("column 132")


def test_an_exemption_ends_where_its_zone_says() -> None:
    for written in ("2027-01-01T00:00:00+14:00", '"2027-01-01T00:00:00+14:00"'):
        policy, problems = read(exemption(written))
        assert problems == []
        assert [entry.expires for entry in policy.exemptions] == [datetime(2026, 12, 31, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    "scope",
    [
        "*",
        "/",
        "/subscriptions/*",
        f"/subscriptions/{SUBSCRIPTION}//",
        f"/subscriptions/{SUBSCRIPTION}\\n",
        f" /subscriptions/{SUBSCRIPTION}",
        f"//subscriptions/{SUBSCRIPTION}",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/",
        f"{GROUP}*",
        f"{GROUP}?",
        f"{GROUP}\\t",
        f"{GROUP}//",
        f"{GROUP}/..",
        f"{VAULTS}/*",
        f"{VAULTS}/kv-*",
        f"{VAULTS}/..",
        f"{VAULTS}/kv%2fx",
        f"{VAULTS}/*/privateEndpointConnections/c-1",
    ],
)
def test_a_scope_that_is_none_or_that_of_no_vault_is_refused_everywhere(scope: str) -> None:
    assert [problem.split(":")[0] for problem in read(exemption(scope=scope))[1]] == ["exemptions[0].scope"]
    for member in (
        f'scopes: [{{scope: "{scope}", rules: {{}}}}]',
        f'profiles: {{scopes: [{{scope: "{scope}", profile: public}}]}}',
        f'profiles: {{by_tag: [{{scope: "{scope}", allowed: [public]}}]}}',
    ):
        policy, problems = read(f"version: 1\n{member}")
        assert len(problems) == 1
        assert "].scope: " in problems[0]
        assert (policy.scoped_modes, policy.profiles, policy.tag_profiles) == ((), (), ())


@pytest.mark.parametrize(
    "text",
    [
        exemption(scope=f"/subscriptions/{SUBSCRIPTION}/"),
        exemption(scope=f"/subscriptions/{SUBSCRIPTION}//"),
        exemption(scope=f"{GROUP}/".replace("/subscriptions", "/SUBSCRIPTIONS")),
        exemption(scope=f"{VAULTS}/kv-1//"),
        exemption('"2027-01-01T00:00:00+23:59"'),
        exemption('"2027-01-01t00:00:00.123456789z"'),
        exemption('"2027-01-01 00:00:00-00:00"'),
        "version: 1\npipeline_ranges: ['10.0.0.0/08']",
        "version: 1\npipeline_ranges: ['10.0.0.0/8', 20.1.2.3, 0.0.0.0/0]",
        "version: 1\nreviewers: ['\u00a0']",
        "version: 1\nreviewers: ['\u200b']",
        "version: 1\nttl: {minimum: 20.0}",
    ],
)
def test_what_the_reader_takes_no_editor_marks_as_wrong(text: str) -> None:
    if read(text)[1]:
        return
    document = read_yaml(text.encode())
    assert read_document(document, []) is not None
    for entry in document.get("exemptions", []) if isinstance(document, dict) else ():
        entry["expires"] = str(entry["expires"])
    assert list(SCHEMA.iter_errors(document)) == []


def test_what_the_yaml_says_of_itself_is_refused_before_anything_is_built() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    for text in (
        bomb,
        "version: !!python/object/apply:os.abort []",
        "<<: {version: 1}",
        "a: 1\na: 2",
        "a: 1\n---\nb: 1",
    ):
        with pytest.raises(UnreadableYaml, match=r"line [12]"):
            read_yaml(text.encode())
