"""``docs/policy.md`` against the code: its example is a policy, and each value, default and bound is the code's."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from shared.adapters.policy_document import (
    ExemptionEntry,
    IpRules,
    PolicyDocument,
    ScopeRules,
    TimingEntry,
    TtlEntry,
    ZoneEntry,
    read_document,
)
from shared.adapters.policy_exemptions import LONGEST
from shared.adapters.policy_file import LOOK_AGAIN
from shared.adapters.policy_meaning import meaning
from shared.adapters.policy_yaml import MOST_BYTES, read_yaml
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.grades import ClientRole, DnsMode, Mode, Profile, TrustedServices, Writer
from shared.domain.policy import Policy, Timing, TtlBounds
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg905_exemption_expiring import SOON
from shared.rules.registry import RULES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "policy.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
VALUES = "| key | default | bounds | meaning |"
# Not configurable: how long kvguard remembers is tied to what it stores.
FIXED_TIMES = {"approved_memory", "undo_window"}


def cells(heading: str) -> list[list[str]]:
    """The rows under each header row of this text, cell by cell, code marks removed."""
    tables = re.findall(rf"^{re.escape(heading)}\n\|[-|]+\|\n((?:\|.*\n?)+)", PAGE, re.MULTILINE)
    assert tables
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in "".join(tables).splitlines()]


def column(heading: str) -> list[str]:
    return [row[0] for row in cells(heading)]


def values(members: type[Enum]) -> list[str]:
    return [str(member.value) for member in members]


def members(shape: type[msgspec.Struct]) -> list[str]:
    return [member.name for member in msgspec.structs.fields(shape)]


def test_the_example_is_a_policy_and_says_what_it_seems_to() -> None:
    problems: list[str] = []
    document = read_document(read_yaml(EXAMPLE.encode()), problems)
    assert document is not None, problems

    policy = meaning(document, {rule.id: rule.ceiling for rule in RULES}, AZURE_CLOUD, frozenset(), problems, NOW)

    assert problems == []
    assert policy.modes == {"KVG412": Mode.FIX, "KVG101": Mode.AUDIT}
    assert [zone.writer for zone in policy.zones] == [Writer.KVGUARD]
    assert policy.zone_subscriptions_complete
    assert set(yaml.safe_load(EXAMPLE)) == set(members(PolicyDocument)), "the example shows every part"


def test_every_mode_writer_and_profile_is_explained() -> None:
    assert column("| mode | what the rule does |") == values(Mode)
    assert column("| writer | who that is |") == values(Writer)
    assert column("| profile | meaning |") == values(Profile)
    assert column("| role | what clients there need |") == values(ClientRole)
    choices = {(row[0], row[1]) for row in cells("| key | value | meaning |")}
    assert choices == {("trusted_services", value) for value in values(TrustedServices)} | {
        ("dns_mode", value) for value in values(DnsMode)
    }


def test_the_values_and_their_defaults_are_those_of_the_code() -> None:
    policy = Policy()
    wanted = {f"ttl.{field.name}": str(getattr(policy.ttl, field.name)) for field in fields(TtlBounds)}
    for field in fields(Timing):
        if field.name not in FIXED_TIMES:
            wanted[f"timing.{field.name}_seconds"] = str(getattr(policy.timing, field.name) // timedelta(seconds=1))
    wanted["profiles.default"] = policy.default_profile.value
    wanted["connections.allowed_subscriptions"] = str(sorted(policy.allowed_connection_subscriptions))
    wanted["pipeline_ranges"] = str(list(policy.pipeline_ranges))
    wanted["connections.managed_service_subscriptions"] = str(sorted(policy.managed_service_subscriptions))
    wanted["ip_rules.widest"] = str(policy.ip_ranges.widest)
    wanted["ip_rules.allowed"] = str(list(policy.ip_ranges.allowed))
    wanted["ip_rules.forbidden"] = str(list(policy.ip_ranges.forbidden))
    wanted["trusted_services"] = policy.trusted_services.value
    wanted["dns_mode"] = policy.dns_mode.value
    wanted["access.forbidden_principals"] = str(sorted(policy.forbidden_principals))
    wanted["reviewers"] = str(list(policy.reviewers))
    wanted["budgets.writes_per_hour"] = str(policy.writes_per_hour)

    assert {row[0]: row[1] for row in cells(VALUES)} == wanted


NUMBERS = [("timing", TimingEntry, ""), ("ttl", TtlEntry, ""), ("ip_rules", IpRules, "widest")]


@pytest.mark.parametrize(("prefix", "shape", "only"), NUMBERS)
def test_numbers_are_accepted_at_their_documented_bounds_and_not_beyond(
    prefix: str, shape: type[msgspec.Struct], only: str
) -> None:
    rows = {row[0]: row[2] for row in cells(VALUES)}
    for name in [only] if only else members(shape):
        bounds = re.match(r"(\d+) to (\d+)", rows[f"{prefix}.{name}"])
        low, high = (int(bounds[1]), int(bounds[2])) if bounds else (1, 2_147_483_647)
        for value, fits in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
            problems: list[str] = []
            read_document({"version": 1, prefix: {name: value}}, problems)
            assert (problems == []) is fits, (name, value, problems)


def test_the_keys_of_zones_are_those_of_the_code() -> None:
    documented = column("| key | default | meaning |")
    page = " ".join(row[2] for row in cells("| key | default | meaning |"))

    assert documented == [*members(ZoneEntry), "ids", "complete"]
    assert column("| key of a scope | default | meaning |") == members(ScopeRules)
    assert column("| key of an exemption | meaning |") == members(ExemptionEntry)
    assert all(f"`{policy.value}`" in page for policy in ResolutionPolicy if policy is not ResolutionPolicy.UNKNOWN)


def test_every_part_of_the_file_has_its_place_on_the_page() -> None:
    sections = set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE))
    documented = sections | {key.split(".")[0] for key in column(VALUES)}

    assert set(members(PolicyDocument)) - {"version"} <= documented


def test_the_limits_of_the_file_are_those_of_the_code() -> None:
    assert f"{MOST_BYTES // 1024} KiB" in PAGE
    assert f"at most {LONGEST.days} days ahead" in PAGE
    assert f"last {SOON.days} days" in PAGE
    assert f"every {LOOK_AGAIN // timedelta(seconds=1)} seconds" in " ".join(PAGE.split())


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"rules": {"KVG101": "approve"}}, True),
        ({"rules": {"KVG101": "fix"}}, False),
        ({"rules": {"KVG999": "off"}}, False),
        ({"version": 2}, False),
        ({"surprise": 1}, False),
        ({"ttl": {"minimum": 0}}, False),
        ({"zones": [{"id": "x", "writer": "kvgaurd"}]}, False),
        ({"exemptions": [{"rule": "KVG904"}]}, False),
        ({"reviewers": [""]}, False),
    ],
)
def test_the_schema_for_editors_agrees_with_the_reader(change: dict[str, object], valid: bool) -> None:
    schema = json.loads((DOCS / "schemas/policy.v1.json").read_text(encoding="utf-8"))
    policy = {**json.loads(json.dumps(yaml.safe_load(EXAMPLE), default=str)), **change}

    problems: list[str] = []
    document = read_document(policy, problems)
    if document is not None:
        meaning(document, {rule.id: rule.ceiling for rule in RULES}, AZURE_CLOUD, frozenset(), problems, NOW)

    assert Draft202012Validator(schema).is_valid(policy) is valid
    assert (problems == []) is valid
