"""``docs/policy.md`` against the code: each value and default of the policy is in it, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import timedelta
from enum import Enum
from pathlib import Path

import yaml

from shared.domain.grades import Mode, Profile, Writer
from shared.domain.policy import Policy, Timing, TtlBounds, ZonePolicy
from shared.domain.snapshot import ResolutionPolicy
from shared.rules.registry import RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs/policy.md").read_text(encoding="utf-8")
# Not configurable: how long kvguard remembers is tied to what it stores.
FIXED_TIMES = {"approved_memory", "undo_window"}


def first_cells(heading: str) -> list[str]:
    """The first cell of each row of the table under a header row."""
    (table,) = re.findall(rf"^{re.escape(heading)}\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


def defaults(heading: str) -> dict[str, str]:
    """Key -> default of a table whose second column is the default."""
    (table,) = re.findall(rf"^{re.escape(heading)}\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return dict(re.findall(r"^\| `([^`]+)` \| `?([^`|]+?)`? \|", table, re.MULTILINE))


def values(members: type[Enum]) -> list[str]:
    return [str(member.value) for member in members]


def test_every_mode_writer_and_profile_is_explained() -> None:
    assert first_cells("| mode | what the rule does |") == values(Mode)
    assert first_cells("| writer | who that is |") == values(Writer)
    assert first_cells("| profile | meaning |") == values(Profile)


def test_the_values_and_their_defaults_are_those_of_the_code() -> None:
    policy = Policy()
    wanted = {f"ttl.{field.name}": str(getattr(policy.ttl, field.name)) for field in fields(TtlBounds)}
    for field in fields(Timing):
        if field.name not in FIXED_TIMES:
            wanted[f"timing.{field.name}_seconds"] = str(getattr(policy.timing, field.name) // timedelta(seconds=1))
    wanted["profiles.default"] = policy.default_profile.value
    wanted["connections.allowed_subscriptions"] = str(sorted(policy.allowed_connection_subscriptions))
    wanted["pipeline_ranges"] = str(list(policy.pipeline_ranges))
    wanted["budgets.writes_per_hour"] = str(policy.writes_per_hour)

    assert defaults("| key | default | bounds | meaning |") == wanted


def test_the_keys_of_a_zone_are_those_of_the_code() -> None:
    (zones, subscriptions) = re.findall(
        r"^\| key \| default \| meaning \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE
    )

    assert re.findall(r"^\| `([^`]+)`", zones, re.MULTILINE) == [field.name for field in fields(ZonePolicy)]
    assert f"`{ZonePolicy.__dataclass_fields__['link_resolution_policy'].default.value}`" in zones
    assert all(f"`{policy.value}`" in zones for policy in ResolutionPolicy if policy is not ResolutionPolicy.UNKNOWN)
    assert re.findall(r"^\| `([^`]+)`", subscriptions, re.MULTILINE) == ["ids", "complete"]


def test_the_example_names_rules_and_modes_that_exist() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    example = yaml.safe_load(text)

    assert example["version"] == 1
    ceilings = {rule.id: rule.ceiling for rule in RULES}
    assert all(Mode(mode).cap <= ceilings[rule] for rule, mode in example["rules"].items())
    documented = set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) | {
        key.split(".")[0] for key in defaults("| key | default | bounds | meaning |")
    }
    assert set(example) - {"version"} <= documented
