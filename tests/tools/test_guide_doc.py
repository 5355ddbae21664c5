"""``docs/guide.md`` and ``docs/clouds.md`` against the product: each rule, command, profile and test that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from cli.main import app
from shared.domain.access import CallerKind
from shared.domain.clouds import CLOSED_CLOUDS, CLOUDS, Cloud
from shared.domain.grades import Profile
from shared.rules.registry import RULES

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
CLOUDS_PAGE = (ROOT / "docs/clouds.md").read_text(encoding="utf-8")
COMMANDS = [span.split() for span in re.findall(r"`(kvguard [^`]+)`", GUIDE + CLOUDS_PAGE)]
OTHERWISE = GUIDE.partition("## Where kvguard says something else")[2].partition("\n## ")[0]
# What the page must answer beside the rules.
ANSWERING = {"resolve", "explain", "peers", "endpoints", "policy", "rules"}


def command_of(words: list[str]) -> tuple[TyperCommand, list[str]]:
    """The command that a line calls, through groups such as ``policy``, and its arguments."""
    found, rest = typer.main.get_command(app), words[1:]
    while isinstance(found, TyperGroup):
        assert rest[0] in found.commands, f"no command {rest[0]}"
        found, rest = found.commands[rest[0]], rest[1:]
    assert isinstance(found, TyperCommand)
    return found, rest


def test_the_page_names_every_rule_and_no_other() -> None:
    assert set(re.findall(r"\bKVG\d+\b", GUIDE)) == {rule.id for rule in RULES}
    assert set(re.findall(r"\bKVG\d+\b", CLOUDS_PAGE)) <= {rule.id for rule in RULES}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_is_one_that_the_terminal_understands(words: list[str]) -> None:
    command, arguments = command_of(words)
    if arguments:
        command.make_context(words[1], list(arguments))


def test_a_command_line_that_is_wrong_would_be_seen() -> None:
    command, _ = command_of(["kvguard", "endpoints"])
    with pytest.raises(Exception, match="No such option"):
        command.make_context("endpoints", ["--clowd", "AzureCloud"])


def test_every_command_that_answers_is_named() -> None:
    assert {words[1] for words in COMMANDS} == ANSWERING


def test_each_caller_and_role_that_is_named_exists() -> None:
    assert set(re.findall(r"--from ([a-z-]+)", GUIDE)) == {kind.value for kind in CallerKind}


def test_every_profile_is_explained() -> None:
    table = GUIDE.partition("| who | profile and way | rules |")[2].partition("\n\n")[0]
    named = {cells[2].strip().split("`")[1] for row in table.splitlines()[2:] if (cells := row.split("|"))}
    # `private` is the default, which needs no row of its own.
    assert named == {profile.value for profile in Profile} - {Profile.PRIVATE.value}


def test_each_point_that_is_said_otherwise_is_held_by_a_test_that_exists() -> None:
    rows = [row for row in OTHERWISE.splitlines() if row.startswith("|")][2:]
    assert len(rows) >= 10
    defined = set[str]()
    for file in (ROOT / "tests").rglob("test_*.py"):
        defined.update(re.findall(r"^ *def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row.rstrip("|").rpartition("|")[2])
        assert named, row
        assert set(named) <= defined, row


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_the_table_of_clouds_is_the_products(cloud: Cloud) -> None:
    header, _, *rows = [line for line in CLOUDS_PAGE.splitlines() if line.startswith("|")]
    place = [cell.strip() for cell in header.split("|")].index(f"`{cloud.name}`")
    named = [set(re.findall(r"`([^`]+)`", row.split("|")[place])) for row in rows]
    assert named == [
        {cloud.vault_suffix},
        {cloud.private_zone},
        {cloud.arm_endpoint.removeprefix("https://")},
        {cloud.authority},
        set(cloud.graph_hosts),
    ]


def test_the_closed_cloud_and_its_end_are_named() -> None:
    for name, sentence in CLOSED_CLOUDS.items():
        assert f"`{name}`" in CLOUDS_PAGE
        (day,) = re.findall(r"\d{4}-\d{2}-\d{2}", sentence)
        assert day in CLOUDS_PAGE


def test_links_to_other_pages_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE + CLOUDS_PAGE):
        assert (ROOT / "docs" / target).is_file(), target
