"""Names, metadata and firewall values from Azure stay values in the az, Bicep and Terraform texts."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote

import pytest
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st

from shared.domain.arm_id import CONNECTION, ENDPOINT, NETWORK, VAULT, ZONE, ArmId, InvalidArmId
from shared.domain.change import (
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    CreateZone,
    CreateZoneGroup,
    DeleteConnection,
    DeleteEndpoint,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    DeleteZoneGroup,
    PointZoneGroup,
    RefreshZoneGroup,
    RejectConnection,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.endpoint import ZoneGroup
from shared.domain.vault import Connection, ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess
from shared.domain.zone import RecordSet, ZoneLink
from shared.reporting.snippets import snippets
from tests.reporting.read_back import argvs, bicep, terraform
from tests.reporting.samples import CHANGES, ENDPOINT_OF_HUB, SUBSCRIPTION

FEW: Final = settings(max_examples=8, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
MANY: Final = settings(max_examples=25, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
PIECES: Final = (
    "'",
    '"',
    "`",
    "$",
    "{",
    "}",
    "${",
    "$${",
    "%{",
    "%%{",
    "\\",
    "\\'",
    '\\"',
    "$(id)",
    "#{",
    "#",
    "//",
    "/*",
    "'''",
    ";",
    "&&",
    "|",
    "<",
    ">",
    "*",
    "?",
    "~",
    "!",
    "!!",
    "@",
    "@x",
    "=",
    "-",
    "--yes",
    "null",
    "??",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\x00",
    "\x1b[2J",
    "\u202e",
    "\u2028",
    "\ufeff",
    "\u200b",
    "\U000e0041",
    "é",
    "ß",
    "界",
    "😀",
    "a",
    "EOF",
    "%7b",
    "%",
)
HOSTILE: Final = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join) | st.text(max_size=30)
T = TypeVar("T")


def is_a_name(text: str) -> bool:
    try:
        ArmId.of(SUBSCRIPTION, "rg", VAULT, text)
    except InvalidArmId:
        return False
    return "/" not in text


NAMES: Final = HOSTILE.filter(is_a_name)
ENCODABLE: Final = HOSTILE.filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))


def changes_of(name: str, text: str = "x") -> tuple[Change, ...]:
    """One change of each verb, in which all names are ``name`` and all other texts ``text``."""
    zone, network = (ArmId.of(SUBSCRIPTION, "rg", kind, name) for kind in (ZONE, NETWORK))
    vault, endpoint = (ArmId.of(SUBSCRIPTION, "-rg", kind, name) for kind in (VAULT, ENDPOINT))
    record = RecordSet(zone.child("A", name), 60, ("10.0.0.4",), {text: text, "other": ""}, etag=text)
    link = ZoneLink(zone.child("virtualNetworkLinks", name), network, completed=True, provisioning_state="Succeeded")
    group = ZoneGroup(endpoint.child("privateDnsZoneGroups", name), (zone,), "Succeeded")
    identity = ArmId.of(SUBSCRIPTION, "-rg", CONNECTION, name, name)
    connection = Connection(identity, ConnectionStatus.PENDING, "Succeeded", endpoint)
    private = replace(ENDPOINT_OF_HUB, id=endpoint)
    acl = NetworkAcl(DefaultAction.DENY, text, (text, "203.0.113.7"), (network.child("subnets", name),))
    other = ArmId.of(SUBSCRIPTION, "other", ZONE, name)
    return (
        CreateRecord(zone, name, ("10.0.0.4",), 60),
        CreateRecord(zone, name, ("10.0.0.4",), 60, {text: text}),
        UpdateRecord(record, ("10.0.0.7",), 60, adopt=True),
        DeleteRecord(record),
        CreateLink(zone, network),
        DeleteLink(link),
        SetLinkRegistration(link, enabled=False),
        CreateZone(zone),
        DeleteZone(zone),
        CreateZoneGroup(private, zone, name),
        DeleteZoneGroup(group),
        PointZoneGroup(group, zone, other),
        RefreshZoneGroup(group),
        DeleteEndpoint(private),
        ApproveConnection(connection),
        RejectConnection(connection),
        DeleteConnection(connection),
        SetPublicAccess(vault, PublicAccess.ENABLED, PublicAccess.DISABLED),
        SetNetworkAcl(vault, None, acl),
        SetNetworkAcl(vault, acl, replace(acl, network_rules=())),
        SetNetworkAcl(vault, replace(acl, ip_rules=()), replace(acl, ip_rules=(text,))),
    )


def of(changes: tuple[Change, ...], kind: type[T], number: int = 0) -> T:
    return [change for change in changes if isinstance(change, kind)][number]


def says_nothing(text: str) -> bool:
    """Whether an az text is nothing but a comment: for a value to which az itself gives a meaning."""
    return text.startswith("# A name ") and text.count("\n") == 0 and text.isascii()


def plain_name(name: str) -> bool:
    """Whether az takes the name of an option ``--name=...`` as it stands, and a person sees all of it."""
    special = name in ("null", "??") or name[0] == "'" or (name[0] == "@" and name != "@")
    return not special and all(character.isprintable() for character in name)


def option(words: list[str], name: str) -> str:
    (value,) = [word.removeprefix(f"--{name}=") for word in words if word.startswith(f"--{name}=")]
    return value


def test_every_verb_is_attacked() -> None:
    assert {change.verb for change in changes_of("x")} == {change.verb for change in CHANGES}


@MANY
@given(NAMES, HOSTILE)
def test_no_text_has_a_character_that_cannot_be_seen(name: str, value: str) -> None:
    for change in changes_of(name, value):
        texts = snippets(change)
        for text in (texts.az, texts.bicep, texts.terraform):
            assert all(character.isprintable() or character == "\n" for character in text), change.verb


@MANY
@given(NAMES, HOSTILE)
def test_each_az_word_is_a_fixed_word_or_one_option_with_its_value(name: str, value: str) -> None:
    for change in changes_of(name, value):
        text = snippets(change).az
        if says_nothing(text):
            assert not plain_name(name) or not plain_name(value)
            continue
        for words in argvs(text):
            assert words[0] == "az"
            options = [word for word in words if word.startswith("-")]
            fixed = words[1 : len(words) - len(options)]
            assert all(word.replace("-", "").isalpha() for word in fixed)
            assert words == ["az", *fixed, *options]
            assert all(word == "--yes" or "=" in word for word in options)
            names = [word.partition("=")[0] for word in options]
            assert len(set(names)) == len(names)


@MANY
@given(NAMES)
def test_az_gets_the_names_as_they_are_or_no_command(name: str) -> None:
    changes = changes_of(name)
    attacked: tuple[tuple[Change, tuple[str, ...]], ...] = (
        (of(changes, DeleteLink), ("name", "zone-name")),
        (of(changes, DeleteZoneGroup), ("name", "endpoint-name")),
        (of(changes, SetPublicAccess), ("name",)),
    )
    for change, others in attacked:
        text = snippets(change).az
        if not plain_name(name):
            assert says_nothing(text)
            continue
        (words,) = argvs(text)
        assert {option(words, each) for each in others} == {name}
        assert option(words, "resource-group") == change.target.resource_group
        assert option(words, "subscription") == SUBSCRIPTION


@MANY
@given(NAMES, HOSTILE)
def test_an_az_request_carries_names_and_values_as_they_are(name: str, value: str) -> None:
    changes = changes_of(name, value)
    update, firewall = of(changes, UpdateRecord), of(changes, SetNetworkAcl)
    assume(all(not "\ud800" <= character <= "\udfff" for character in name))

    (words,) = argvs(snippets(update).az)
    path = option(words, "url").partition("?")[0]
    assert path.isascii()
    assert [unquote(part) for part in path.split("/")] == update.target.text.split("/")
    assert json.loads(option(words, "headers")) == {"If-Match": value or "*"}
    metadata = json.loads(option(words, "body"))["properties"]["metadata"]
    assert metadata == {value: value, "other": "", "managed-by": "kvguard"}
    (words,) = argvs(snippets(firewall).az)
    assert json.loads(option(words, "body"))["properties"]["networkAcls"] == {
        "defaultAction": "Deny",
        "bypass": value,
        "ipRules": [{"value": value}, {"value": "203.0.113.7"}],
        "virtualNetworkRules": [{"id": rule.text} for rule in firewall.after.network_rules],
    }


@MANY
@example(name="~", value="null")
@example(name="for", value="for")
@given(name=NAMES, value=ENCODABLE)
def test_bicep_reads_names_and_values_as_they_are(name: str, value: str) -> None:
    changes = changes_of(name, value)

    found = bicep(snippets(of(changes, UpdateRecord)).bicep)
    assert found["zone"].config == {"name": name}
    assert found["record"].config == {
        "parent": "zone",
        "name": name,
        "properties": {
            "ttl": 60,
            "metadata": {value: value, "other": "", "managed-by": "kvguard"},
            "aRecords": [{"ipv4Address": "10.0.0.7"}],
        },
    }
    vault = bicep(snippets(of(changes, SetNetworkAcl)).bicep)["vault"].config
    assert vault["name"] == name
    assert vault["properties"]["networkAcls"]["bypass"] == value
    assert vault["properties"]["networkAcls"]["ipRules"] == [{"value": value}, {"value": "203.0.113.7"}]
    group = of(changes, PointZoneGroup)
    (config,) = bicep(snippets(group).bicep)["group"].config["properties"]["privateDnsZoneConfigs"]
    assert config["properties"]["privateDnsZoneId"] == group.new.text


@MANY
@given(NAMES, ENCODABLE)
def test_terraform_reads_names_and_values_as_they_are(name: str, value: str) -> None:
    changes = changes_of(name, value)
    update, firewall = of(changes, UpdateRecord), of(changes, SetNetworkAcl)

    imported, record = terraform(snippets(update).terraform)
    assert imported.body["id"] == update.target.text
    assert record.body == {
        "name": name,
        "zone_name": name,
        "resource_group_name": "rg",
        "ttl": 60,
        "records": ["10.0.0.7"],
        "tags": {value: value, "other": "", "managed-by": "kvguard"},
    }
    (part,) = terraform(snippets(firewall).terraform)
    acls = part.body["body"]["properties"]["networkAcls"]
    assert part.body["resource_id"] == firewall.target.text
    assert (acls["bypass"], acls["ipRules"]) == (value, [{"value": value}, {"value": "203.0.113.7"}])


def test_half_a_character_has_no_file_to_stand_in_and_stays_escaped_in_a_request() -> None:
    update = of(changes_of("x", "a\ud800b"), UpdateRecord)
    texts = snippets(update)

    assert texts.bicep.startswith("// A value holds half of a character")
    assert texts.terraform.startswith("# A value holds half of a character")
    (words,) = argvs(texts.az)
    assert json.loads(option(words, "body"))["properties"]["metadata"]["a\ud800b"] == "a\ud800b"


def test_ten_kilobytes_are_carried_whole() -> None:
    value = "$(touch x)'\"\\${a}%{b}\n" + "x" * 10_000
    texts = snippets(of(changes_of("x", value), UpdateRecord))

    assert json.loads(option(argvs(texts.az)[0], "body"))["properties"]["metadata"][value] == value
    assert bicep(texts.bicep)["record"].config["properties"]["metadata"][value] == value
    assert terraform(texts.terraform)[1].body["tags"][value] == value


Shell = Callable[[str], list[list[str]]]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Runs a text in ``/bin/sh`` where ``az`` only writes down its words; an empty folder must stay empty."""
    tools, empty = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("empty")
    log, fake = tools / "log", tools / "az"
    fake.write_text('#!/bin/sh\nprintf "%s\\0" "$#" "$@" >> "$AZ_LOG"\nexit "${AZ_EXIT:-0}"\n')
    fake.chmod(0o755)

    def run(text: str) -> list[list[str]]:
        log.write_bytes(b"")
        # No other program can be found, so that one that a text starts is an error on stderr.
        home = {"PATH": str(tools), "AZ_LOG": str(log), "HOME": str(empty), "AZ_EXIT": os.environ.get("AZ_EXIT", "0")}
        checked = subprocess.run(["/bin/sh", "-n", "-c", text], cwd=empty, env=home, capture_output=True, timeout=60)
        assert (checked.returncode, checked.stderr) == (0, b"")
        done = subprocess.run(["/bin/sh", "-c", text], cwd=empty, env=home, capture_output=True, timeout=60)
        assert (done.stdout, done.stderr) == (b"", b"")
        assert list(empty.iterdir()) == []
        return _calls(log)

    return run


def _calls(log: Path) -> list[list[str]]:
    words = log.read_bytes().decode().split("\0")[:-1]
    calls: list[list[str]] = []
    while words:
        count = int(words[0])
        calls.append(["az", *words[1 : count + 1]])
        words = words[count + 1 :]
    return calls


ATTACKS: Final = (
    "$(touch pwned)",
    "`touch pwned`",
    "';touch pwned;'",
    "x';touch pwned;'",
    "x;touch pwned",
    "x && touch pwned",
    "x | touch pwned",
    "--yes",
    "-x",
    "${HOME}",
    "$HOME",
    "$$",
    "~",
    "*",
    "!!",
    "#{x}",
    "a b",
    "=@x",
    "é'ü",
    "@/etc/passwd",
    "null",
    "a\nb",
    "a\ntouch pwned\n",
    '"; touch pwned; "',
    "a\\",
    "a > pwned",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_shell_starts_nothing_but_az_with_the_words_that_are_shown(attack: str, shell: Shell) -> None:
    name = attack if is_a_name(attack) else "x"
    for change in changes_of(name, attack):
        text = snippets(change).az
        assert shell(text) == ([] if says_nothing(text) else argvs(text)), change.verb


@FEW
@given(NAMES, HOSTILE)
def test_a_shell_starts_nothing_else_whatever_the_names(shell: Shell, name: str, value: str) -> None:
    for change in changes_of(name, value):
        if not isinstance(change, UpdateRecord | DeleteLink | ApproveConnection | CreateRecord):
            continue
        text = snippets(change).az
        assert shell(text) == ([] if says_nothing(text) else argvs(text))


def test_an_address_is_not_added_to_a_record_that_could_not_be_created(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = snippets(of(CHANGES, CreateRecord)).az
    assert [words[5] for words in shell(text)] == ["create", "add-record"]

    monkeypatch.setenv("AZ_EXIT", "1")

    assert [words[5] for words in shell(text)] == ["create"]


def test_the_reading_of_words_is_the_shells(shell: Shell) -> None:
    """The other tests read az texts with shlex: a shell reads the same, and does start what is not quoted."""
    assert shell("az rest 'a b' \"c\"") == [["az", "rest", "a b", "c"]]
    with pytest.raises(AssertionError):
        shell("az $(touch pwned)")
    with pytest.raises(AssertionError):
        shell(f"az 'x{shlex.quote('y')}'z'")
