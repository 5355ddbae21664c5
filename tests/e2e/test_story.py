"""The story of ``make demo``, played as a newcomer plays it, judged by the local Azure's own log and the queue's texts.

The story judges itself by its witnesses; here the raw evidence that it leaves is judged once more, without its code.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.story.scenario import load

pytestmark = pytest.mark.xdist_group("story")

_PROJECT = Path(__file__).resolve().parents[2]
_GROUP = re.compile(r"^/subscriptions/[^/]+/resourcegroups/([^/]+)/providers/[^/]+/(.+)$")
_RANDOM = re.compile(r"_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_ZONE = "privatednszones/privatelink.vaultcore.azure.net"
_REPAIRS = [
    ("PUT", f"rg-checkout/{_ZONE}/a/kv-checkout"),
    ("PUT", f"rg-checkout/{_ZONE}/virtualnetworklinks/kvguard-vnet-checkout-53e6c11a"),
    ("DELETE", "rg-partner/vaults/kv-partner/privateendpointconnections/pe-partner"),
    ("PUT", f"rg-invoices/{_ZONE}/a/kv-invoices"),
]
_VERBS = ["create-record", "create-link", "delete-connection", "update-record"]

_IMPOSSIBLE = """
title: A story that cannot come true
subscription: 11111111-2222-4333-8444-555555555555
location: westeurope
policy: policy.yaml
rights: ["*/read"]
acts:
  - key: x
    title: Nobody deletes a vault
    why: so nothing may confirm that somebody has
    group: rg-quiet
    by: somebody
    steps:
      - {do: vault, name: kv-quiet, why: it stays}
    expect:
      - {that: kvguard-writes, exactly: [{method: DELETE, resource: vaults/kv-quiet}]}
      - {that: unchanged, resource: vaults/kv-quiet}
"""


@dataclass(frozen=True)
class Played:
    """What one run left behind; the mappings are keyed by mode."""

    code: int
    output: str
    verdicts: dict[str, Any]
    requests: dict[str, list[dict[str, Any]]]
    findings: dict[str, list[dict[str, Any]]]
    outlived: bool

    def writes(self, mode: str) -> list[tuple[str, str]]:
        """Method and short id of what kvguard asked to be changed, in order."""
        return [
            (entry["method"], _short(entry["resourceId"]))
            for entry in self.requests[mode]
            if entry["caller"] and entry["caller"]["name"] == "kvguard" and entry["method"] != "GET"
        ]


def _short(resource: str) -> str:
    found = _GROUP.match(_RANDOM.sub("", resource.casefold()))
    return f"{found[1]}/{found[2]}" if found else resource


def _start(*arguments: str, path: str | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tools.demo", *arguments],
        cwd=_PROJECT,
        env={**os.environ, "KVGUARD_MODE": "of the shell, and none of the story's", **({"PATH": path} if path else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _outlived(process: subprocess.Popen[str]) -> bool:
    """Whether anything that the process started is still there: its children share its process group."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _play(folder: Path, *arguments: str, path: str | None = None) -> Played:
    evidence, verdicts = folder / "evidence", folder / "verdicts.json"
    process = _start("--evidence", str(evidence), "--json", str(verdicts), *arguments, path=path)
    try:
        output, _ = process.communicate(timeout=400)
    finally:
        process.kill()
    return Played(
        code=process.returncode,
        output=output,
        verdicts=json.loads(verdicts.read_text()) if verdicts.exists() else {},
        requests={file.stem.split("-")[1]: json.loads(file.read_text()) for file in evidence.glob("requests-*.json")},
        findings={file.stem.split("-")[1]: json.loads(file.read_text()) for file in evidence.glob("findings-*.json")},
        outlived=_outlived(process),
    )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """One run of the whole story."""
    return _play(tmp_path_factory.mktemp("story"))


def test_the_story_ends_well_and_leaves_no_process(story: Played) -> None:
    assert story.code == 0, story.output
    assert not story.outlived


def test_every_act_is_confirmed_in_both_modes(story: Played) -> None:
    scenario, _ = load("story")
    wanted = {(act.key, mode) for act in scenario.acts for mode in ("enforce", "observe")}
    assert {(act["act"], act["mode"]) for act in story.verdicts["acts"] if act["confirmed"]} == wanted
    assert [act.key for act in scenario.acts] == ["a", "b", "c", "d", "e", "f"]
    assert all(end["ok"] for end in story.verdicts["ends"])


def test_enforce_makes_the_four_repairs_in_order_and_nothing_else(story: Played) -> None:
    assert story.writes("enforce") == _REPAIRS


def test_observe_writes_nothing_and_still_reads(story: Played) -> None:
    assert story.writes("observe") == []
    assert any(entry["caller"] and entry["caller"]["name"] == "kvguard" for entry in story.requests["observe"])


def test_observe_proposes_by_name_what_enforce_did(story: Played) -> None:
    proposed = {
        (option["verb"], _short(option["target"]))
        for finding in story.findings["observe"]
        if finding["state"] == "open" and finding["fix"] and finding["fix"]["state"] == "observe"
        for option in finding["options"]
        if option["applicability"] == "safe"
    }
    assert proposed == {(verb, target) for verb, (_, target) in zip(_VERBS, _REPAIRS, strict=True)}


def test_every_write_carries_the_precondition_of_its_kind(story: Played) -> None:
    conditions = [
        {name.casefold(): value for name, value in entry["requestHeaders"].items()}
        for entry in story.requests["enforce"]
        if entry["caller"] and entry["caller"]["name"] == "kvguard" and entry["method"] == "PUT"
    ]
    assert [condition.get("if-none-match") for condition in conditions] == ["*", "*", None]
    assert conditions[2]["if-match"]


def test_risky_findings_reach_people_with_prepared_changes(story: Played) -> None:
    asked = {
        (finding["rule"], _short(finding["subject"]), option["verb"], option["applicability"])
        for finding in story.findings["enforce"]
        if finding["rule"] in ("KVG101", "KVG403")
        for option in finding["options"]
    }
    assert asked == {
        ("KVG101", "rg-reports/vaults/kv-reports", "set-public-access", "approval"),
        ("KVG101", "rg-reports/vaults/kv-reports", "set-network-acl", "approval"),
        ("KVG403", "rg-orders/virtualnetworks/vnet-orders", "create-link", "approval"),
    }


def test_the_timeline_says_who_did_what_and_why(story: Played) -> None:
    told = re.sub(r"\s+", " ", story.output)
    assert "bicep-deployment creates private endpoint pe-checkout why: the way in from the network; its zone" in told
    assert "kvguard creates A record kv-checkout = 10.10.0.4, TTL 60 s why: Zone" in told
    assert "kv-checkout.privatelink.vaultcore.azure.net has address 10.10.0.4" in told
    assert "\x1b" not in story.output


def test_an_expectation_that_is_not_met_ends_non_zero_and_shows_what_was_seen(tmp_path: Path) -> None:
    _, policy = load("story")
    (tmp_path / "policy.yaml").write_bytes(policy.read_bytes())
    (tmp_path / "impossible.yaml").write_text(_IMPOSSIBLE)
    played = _play(tmp_path, "--scenario", str(tmp_path / "impossible.yaml"), "--patience", "8")
    assert played.code == 1, played.output
    assert "FAILED     kvguard's only writes are DELETE kv-quiet" in played.output
    assert "seen: no write by kvguard" in played.output
    assert [verdict["ok"] for verdict in played.verdicts["acts"][0]["expectations"]] == [False, True]
    assert not played.verdicts["confirmed"]
    assert not played.outlived


def test_what_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    _, policy = load("story")
    (tmp_path / "policy.yaml").write_bytes(policy.read_bytes())
    wrong = _IMPOSSIBLE.replace("11111111-2222-4333-8444-555555555555", "no-subscription")
    (tmp_path / "wrong.yaml").write_text(wrong)
    played = _play(tmp_path, "--scenario", str(tmp_path / "wrong.yaml"))
    assert played.code == 2
    assert "the app did not start" in played.output
    assert "KVGUARD_SUBSCRIPTIONS: 'no-subscription' is not a subscription id" in re.sub(r"\s+", " ", played.output)
    assert not played.outlived


def test_without_node_the_story_says_what_is_missing(tmp_path: Path) -> None:
    played = _play(tmp_path, path=str(tmp_path))
    assert played.code == 2
    assert "Azurite is not installed" in played.output


def test_kept_up_it_prints_commands_that_work_until_ctrl_c(tmp_path: Path) -> None:
    _, policy = load("story")
    (tmp_path / "policy.yaml").write_bytes(policy.read_bytes())
    quiet = _IMPOSSIBLE.replace("{method: DELETE, resource: vaults/kv-quiet}", "")
    (tmp_path / "quiet.yaml").write_text(quiet)
    process = _start("--scenario", str(tmp_path / "quiet.yaml"), "--keep-up")
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Next: "):
        lines.append(process.stdout.readline())
        assert lines[-1], "".join(lines)
    [begin] = [number for number, line in enumerate(lines) if "Still running" in line]
    commands = [line.strip() for line in lines[begin:] if line.startswith("  ")]
    ran = [
        subprocess.run(command, shell=True, cwd=_PROJECT, capture_output=True, text=True, timeout=60, check=False)
        for command in commands
    ]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert [one.returncode for one in ran] == [0, 0, 0, 0, 0, 0, 0, 0, 1, 0], "explain says no with its exit code"
    verdict, health, details, _, state, log, findings, given_up, *told = (one.stdout for one in ran)
    assert all("kv-quiet" in answer for answer in told)
    assert json.loads(verdict)["mode"] == "enforce"
    assert json.loads(health) == {"status": "ok"}
    assert {line["name"]: line["status"] for line in json.loads(details)["dependencies"]}["queues"] == "ok"
    assert given_up == ""
    assert any(resource["id"].endswith("/vaults/kv-quiet") for resource in json.loads(state)["resources"])
    assert any(entry["method"] == "PUT" for entry in json.loads(log)["entries"])
    assert sorted(json.loads(line)["rule"] for line in findings.splitlines()) == ["KVG102", "KVG204"]


def test_ctrl_c_ends_everything_that_was_started() -> None:
    process = _start()
    assert process.stdout is not None
    line = ""
    while not line.startswith("== Act a"):
        line = process.stdout.readline()
        assert line, "the story ended before its first act"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    deadline = time.monotonic() + 5
    while _outlived(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _outlived(process)
