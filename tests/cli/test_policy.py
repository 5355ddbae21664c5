"""``kvguard policy`` and ``kvguard rules`` in a process of their own; Azure is the local one where a tag is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.rules.registry import RULES
from tests.emulator.arm.estate import VAULT, Estate, vault_body

ROOT = Path(__file__).resolve().parents[2]
SUB = "11111111-2222-4333-8444-555555555555"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-app"
ID = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders"
SHORT = f"{SUB}/rg-app/kv-orders"


def kvguard(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a terminal of its own, without the settings and the login of this one."""
    kept = {n: v for n, v in os.environ.items() if not n.upper().startswith(("KVGUARD", "AZURE_", "IDENTITY_", "MSI_"))}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**kept, "COLUMNS": "400", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def written(tmp_path: Path, **members: object) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump({"version": 1, **members}), encoding="utf-8")
    return str(path)


def shown(*arguments: str, **environment: str) -> dict[str, Any]:
    ran = kvguard("policy", "show", *arguments, "--format", "json", **environment)
    body: dict[str, Any] = json.loads(ran.stdout)
    return body


# -- validate


def test_a_usable_policy_has_no_lines_and_ends_with_0(tmp_path: Path) -> None:
    ran = kvguard("policy", "validate", written(tmp_path, rules={"KVG411": "off"}))
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "usable" in ran.stderr


def test_every_problem_is_a_line_with_file_and_place(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        rules={"KVG101": "fix", **{f"KVG{number}": "off" for number in range(800, 830)}},
        ttl={"minimum": 700},
        exemptions=[{"rule": "KVG904", "scope": "/", "reason": "r", "owner": "o", "expires": "soon"}],
    )
    ran = kvguard("policy", "validate", file)
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    places = [line.removeprefix(f"{file}: ").split(": ")[0] for line in lines]
    assert len(places) == 35
    assert {"rules.KVG101", "rules.KVG829", "ttl.minimum", "exemptions[0].rule", "exemptions[0].expires"} < set(places)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nversion: 1", "the key 'version' stands twice at line 2, column 1"),
        ("version: [", "line"),
        ("", "version: missing"),
    ],
)
def test_what_is_no_policy_is_a_line_too(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    ran = kvguard("policy", "validate", str(path))
    assert (ran.returncode, len(ran.stdout.splitlines())) == (1, 1)
    assert said in ran.stdout


def test_the_zone_names_are_those_of_the_cloud(tmp_path: Path) -> None:
    zone = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.cn"
    file = written(tmp_path, zones=[{"id": zone, "writer": "other"}])
    assert kvguard("policy", "validate", file).returncode == 1
    assert kvguard("policy", "validate", file, KVGUARD_CLOUD="AzureChinaCloud").returncode == 0


@pytest.mark.parametrize("name", ["missing.yaml", ".", "a\x1b[2Jb"])
def test_a_file_that_cannot_be_read_is_one_line_and_2(tmp_path: Path, name: str) -> None:
    ran = kvguard("policy", "validate", str(tmp_path / name))
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert "could not be read" in ran.stderr
    assert "\x1b" not in ran.stderr


def test_hostile_text_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    file = written(tmp_path, **{"\x1b[2J\u202e": 1}, rules={"\x1b]8;;x\x07": "off"}, zones=[{"id": "\x1b[1m"}])
    ran = kvguard("policy", "validate", file)
    assert ran.returncode == 1
    assert not set(ran.stdout + ran.stderr) & set("\x1b\x07\u202e")


def test_settings_that_are_wrong_end_with_2(tmp_path: Path) -> None:
    for arguments in (("validate", written(tmp_path)), ("show", SHORT)):
        ran = kvguard("policy", *arguments, KVGUARD_CLOUD="Nowhere")
        assert (ran.returncode, ran.stdout, "Traceback" in ran.stderr) == (2, "", False)
        assert "KVGUARD_CLOUD" in ran.stderr
    away = {"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": "https://127.0.0.1:1"}
    ran = kvguard("policy", "validate", written(tmp_path), **away)
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)


# -- schema


def test_the_schema_is_the_one_of_the_documentation_and_judges() -> None:
    ran = kvguard("policy", "schema")
    schema = json.loads(ran.stdout)
    assert ran.returncode == 0
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid({"version": 1, "rules": {"KVG411": "fix"}})
    assert not Draft202012Validator(schema).is_valid({"version": 1, "rules": {"KVG101": "fix"}})
    assert schema == json.loads((ROOT / "docs/schemas/policy.v1.json").read_text(encoding="utf-8"))


# -- show


def test_a_file_is_shown_without_azure(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        rules={"KVG411": "audit"},
        scopes=[{"scope": GROUP, "rules": {"KVG413": "off"}}],
        ttl={"default": 60},
        exemptions=[{"rule": "KVG202", "scope": GROUP, "reason": "r", "owner": "o", "expires": "2020-01-01"}],
    )
    away = {"HTTPS_PROXY": "http://127.0.0.1:1"}
    body = shown(SHORT, "--policy", file, **away)
    modes = {entry["rule"]: (entry["mode"], entry["origin"]) for entry in body["modes"]}
    assert modes["KVG411"] == ("audit", "policy rules")
    assert modes["KVG413"] == ("off", f"policy scope {GROUP}")
    assert modes["KVG202"] == ("fix", "default")
    assert {rule.id for rule in RULES} == set(modes)
    origins = {entry["name"]: entry["origin"] for entry in body["values"]}
    assert (origins["ttl.default"], origins["ttl.minimum"]) == ("policy", "default")
    assert [(e["rule"], e["state"]) for e in body["exemptions"]] == [("KVG202", "expired")]
    assert body["vault"] == ID
    assert (
        shown(ID.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), "--policy", file, **away)["modes"]
        == body["modes"]
    )


def test_the_table_says_the_same(tmp_path: Path) -> None:
    file = written(tmp_path, scopes=[{"scope": GROUP, "rules": {"KVG413": "off"}}])
    ran = kvguard("policy", "show", SHORT, "--policy", file)
    assert ran.returncode == 0
    (line,) = [line.split() for line in ran.stdout.splitlines() if line.startswith("KVG413 ")]
    assert line == ["KVG413", "ttl-out-of-range", "off", "policy", "scope", GROUP]


def test_without_a_file_the_setting_and_without_that_the_defaults_hold(tmp_path: Path) -> None:
    file = written(tmp_path, budgets={"writes_per_hour": 3})
    for environment, expected in (({"KVGUARD_POLICY": file}, ("3", "policy")), ({}, ("20", "default"))):
        values = {e["name"]: (e["value"], e["origin"]) for e in shown(SHORT, **environment)["values"]}
        assert values["budgets.writes_per_hour"] == expected


def test_an_unusable_policy_is_shown_as_it_holds_and_ends_with_1(tmp_path: Path) -> None:
    ran = kvguard("policy", "show", SHORT, "--policy", written(tmp_path, oops=1), "--format", "json")
    body = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert "oops" in body["unusable"]
    assert {(entry["mode"], entry["origin"]) for entry in body["modes"]} == {("audit", "unusable policy")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("kv-orders",),
        (f"{SUB}/rg-app",),
        (f"{SUB}/rg-app/kv-orders/more",),
        (f"{SUB}/rg-app/kv--orders",),
        ("me/rg-app/kv-orders",),
        (f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v",),
        (f"{ID}/privateEndpointConnections/c",),
        (f"{GROUP}/providers/Microsoft.KeyVault/vaults/a",),
        ("a\x1b[2J",),
        (SHORT, "--policy", "missing.yaml"),
        (SHORT, "--policy", "."),
    ],
)
def test_wrong_input_is_one_line_and_2(arguments: tuple[str, ...]) -> None:
    ran = kvguard("policy", "show", *arguments)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert "\x1b" not in ran.stderr


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path_factory.mktemp("azure"), scale=0) as local:
        Estate(local).group()
        Estate(local).put(VAULT, {**vault_body(), "tags": {"KvGuard-Profile": "Hybrid"}})
        local.deny("stranger", "Microsoft.KeyVault/vaults/read")
        yield local


def by_tag(tmp_path: Path, scope: str = f"/subscriptions/{SUBSCRIPTION}") -> str:
    return written(tmp_path, profiles={"by_tag": [{"scope": scope, "allowed": ["hybrid"]}]})


def at(azure: LocalAzure, principal: str) -> dict[str, str]:
    return {"KVGUARD_CLOUD": "custom", "KVGUARD_ARM_ENDPOINT": azure.url, **azure.env_for(principal)}


def profile(file: str, vault: str, environment: dict[str, str]) -> tuple[str, str]:
    found = shown(vault, "--policy", file, **environment)["profile"]
    return found["value"], found["origin"]


def test_a_tag_that_may_decide_is_read(tmp_path: Path, azure: LocalAzure) -> None:
    assert profile(by_tag(tmp_path), VAULT, at(azure, "dana")) == ("hybrid", "tag kvguard-profile")


def test_a_tag_that_can_decide_nothing_is_not_read(tmp_path: Path, azure: LocalAzure) -> None:
    before = azure.log.mark()
    file = by_tag(tmp_path, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/another")
    assert profile(file, VAULT, at(azure, "dana")) == ("private", "default")
    assert [entry.path for entry in azure.log.since(before) if "/vaults/" in entry.path] == []


def test_a_tag_that_cannot_be_read_is_said(tmp_path: Path, azure: LocalAzure) -> None:
    unread = "default; the tag kvguard-profile was not read: "
    file = by_tag(tmp_path)
    right = "forbidden: Microsoft.KeyVault/vaults/read"
    assert profile(file, VAULT, at(azure, "stranger")) == ("private", f"{unread}{right}")
    gone = f"{VAULT}-x"
    assert profile(file, gone, at(azure, "dana")) == ("private", f"{unread}unavailable: there is no such vault")
    nobody = {name: value for name, value in at(azure, "dana").items() if not name.startswith("IDENTITY_")}
    value, origin = profile(file, VAULT, {**nobody, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"})
    assert value == "private"
    assert origin.startswith(f"{unread}unavailable: no token")


# -- rules


def test_the_rules_are_listed_with_their_pages() -> None:
    ran = kvguard("rules", "--format", "json")
    rows = json.loads(ran.stdout)
    assert ran.returncode == 0
    assert [row["id"] for row in rows] == sorted(rule.id for rule in RULES)
    found = {row["id"]: (row["name"], row["severity"], row["ceiling"], row["default"]) for row in rows}
    assert found == {
        rule.id: (rule.name, rule.severity.name.lower(), rule.ceiling.name.lower(), rule.default.value)
        for rule in RULES
    }
    for row in rows:
        assert row["page"] == f"https://github.com/kvguard/kvguard/blob/main/docs/rules/{row['id'].lower()}.md"


def test_the_table_of_rules_has_one_line_for_each() -> None:
    ran = kvguard("rules")
    header, *lines = ran.stdout.splitlines()
    assert header.split() == ["ID", "NAME", "SEVERITY", "CEILING", "DEFAULT", "PAGE"]
    assert [line.split()[0] for line in lines] == sorted(rule.id for rule in RULES)
    assert all(len(line.split()) == 6 for line in lines)
    assert kvguard("rules", "--format", "xml").returncode == 2
