"""Exemptions fail closed: one that is wrong makes the whole policy unusable, one that has ended silences nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from shared.adapters.blobs import BlobStore
from shared.adapters.policy_file import PolicyFile
from shared.adapters.storage_connection import StorageConnection
from shared.domain.arm_id import ArmId
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.policy import Policy
from shared.rules.registry import RULES
from shared.service.ports import Deadline

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD: dict[str, object] = {
    "rule": "KVG101",
    "scope": GROUP,
    "reason": "until the move",
    "owner": "team",
    "expires": "2026-12-01",
}
NOWHERE = BlobStore(StorageConnection("KvGuardStorage", connection_string="AccountName=a;AccountKey=a2V5"))


class HandClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def deadline(self, seconds: float) -> Deadline:
        raise AssertionError(f"no deadline of {seconds} s is needed here")


def policies(tmp_path: Path, text: str, clock: HandClock | None = None) -> PolicyFile:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return PolicyFile(str(path), AZURE_CLOUD, {SUBSCRIPTION}, RULES, NOWHERE, clock or HandClock())


def loaded(tmp_path: Path, *entries: object) -> Policy:
    return policies(tmp_path, yaml.safe_dump({"version": 1, "exemptions": list(entries)})).policy()


def exempt(policy: Policy, at: datetime = NOW, vault: str = VAULT) -> bool:
    found = ArmId.parse(vault)
    return policy.exemption("KVG101", found, found, at) is not None


def test_a_good_one_is_used(tmp_path: Path) -> None:
    policy = loaded(tmp_path, GOOD)
    assert policy.unusable == ""
    assert exempt(policy)
    assert not exempt(policy, vault=VAULT.replace("rg-app", "rg-apple"))
    assert exempt(policy, vault=VAULT.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "KVG999"}, "exemptions[1].rule: there is no such rule"),
        ({"rule": "kvg101"}, "exemptions[1].rule: there is no such rule"),
        ({"rule": "*"}, "exemptions[1].rule: there is no such rule"),
        ({"rule": "KVG904"}, "exemptions[1].rule: what kvguard reports about itself cannot be exempted"),
        ({"rule": "KVG901"}, "exemptions[1].rule: what kvguard reports about itself cannot be exempted"),
        ({"scope": "/"}, "exemptions[1].scope: not the id of"),
        ({"scope": ""}, "exemptions[1].scope: not the id of"),
        ({"scope": "/subscriptions"}, "exemptions[1].scope: not the id of"),
        ({"scope": "/subscriptions/*"}, "exemptions[1].scope: not the id of"),
        ({"scope": f"{GROUP}/providers/Microsoft.KeyVault"}, "exemptions[1].scope: not the id of"),
        ({"scope": "/providers/Microsoft.Management/managementGroups/x"}, "exemptions[1].scope: not the id of"),
        ({"reason": " \t"}, "exemptions[1].reason: says nothing"),
        ({"reason": ""}, "exemptions[1].reason: says nothing"),
        ({"reason": "x" * 501}, "exemptions[1].reason: "),
        ({"owner": " "}, "exemptions[1].owner: says nothing"),
        ({"owner": None}, "exemptions[1].owner: "),
        ({"expires": "soon"}, "exemptions[1].expires: not a date"),
        ({"expires": "never"}, "exemptions[1].expires: not a date"),
        ({"expires": "2026-12-01T00:00:00"}, "exemptions[1].expires: not a date"),
        ({"expires": datetime(2026, 12, 1, 12)}, "exemptions[1].expires: not a date"),  # noqa: DTZ001  a time as YAML reads it: without a zone
        ({"expires": "20261201"}, "exemptions[1].expires: not a date"),
        ({"expires": "2026-W50-1"}, "exemptions[1].expires: not a date"),
        ({"expires": "2026-02-30"}, "exemptions[1].expires: not a date"),
        ({"expires": "0001-01-01T00:00:00+23:00"}, "exemptions[1].expires: not a date"),
        ({"expires": 20261201}, "exemptions[1].expires: "),
        ({"expires": None}, "exemptions[1].expires: "),
        ({"expires": "2027-11-23"}, "exemptions[1].expires: more than 366 days ahead"),
        ({"until": "2026-12-01"}, "exemptions[1].until: no such key"),
        (
            {"scope": f"{GROUP.replace('rg-app', 'RG-APP')}/"},
            "exemptions[1]: this rule is exempted twice in this scope",
        ),
    ],
)
def test_a_wrong_one_makes_the_policy_unusable_and_silences_nothing(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    policy = loaded(tmp_path, GOOD, {**GOOD, **change})
    assert said in policy.unusable
    assert not exempt(policy)
    assert policy.exemptions == ()


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_every_member_is_needed(tmp_path: Path, missing: str) -> None:
    policy = loaded(tmp_path, {name: value for name, value in GOOD.items() if name != missing})
    assert f"exemptions[0].{missing}: missing" in policy.unusable


@pytest.mark.parametrize("entries", ["all", [None], [["KVG101"]], [GOOD, "KVG101"]])
def test_what_is_no_exemption_is_refused(tmp_path: Path, entries: object) -> None:
    text = yaml.safe_dump({"version": 1, "exemptions": entries})
    assert "exemptions" in policies(tmp_path, text).policy().unusable


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        ("'2026-12-01'", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01T12:30:00Z", datetime(2026, 12, 1, 12, 30, tzinfo=UTC)),
        ("'2026-12-01t12:30:00z'", datetime(2026, 12, 1, 12, 30, tzinfo=UTC)),
        ("2026-12-01T12:30:00+05:30", datetime(2026, 12, 1, 7, tzinfo=UTC)),
        ("'2026-12-01T12:30:00.5-01:00'", datetime(2026, 12, 1, 13, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_it_ends_at_that_moment_and_a_date_is_its_beginning_in_utc(tmp_path: Path, written: str, end: datetime) -> None:
    entry = f"{{rule: KVG101, scope: {GROUP}, reason: r, owner: o, expires: {written}}}"
    policy = policies(tmp_path, f"version: 1\nexemptions: [{entry}]").policy()
    assert policy.unusable == ""
    assert exempt(policy, end - timedelta(microseconds=1))
    assert not exempt(policy, end)


def test_one_that_has_ended_is_no_error_and_silences_nothing(tmp_path: Path) -> None:
    policy = loaded(tmp_path, {**GOOD, "expires": "2020-01-01"})
    assert policy.unusable == ""
    assert not exempt(policy)


def test_a_year_is_counted_from_now_and_a_refusal_is_not_for_ever(tmp_path: Path) -> None:
    clock = HandClock()
    text = yaml.safe_dump({"version": 1, "exemptions": [{**GOOD, "expires": "2027-11-23"}]})
    source = policies(tmp_path, text, clock)
    assert "more than 366 days ahead" in source.policy().unusable
    clock.time += timedelta(days=1)
    assert source.policy().unusable == ""


def test_the_longest_of_several_holds(tmp_path: Path) -> None:
    policy = loaded(tmp_path, GOOD, {**GOOD, "scope": VAULT, "expires": "2026-12-24"})
    assert exempt(policy, datetime(2026, 12, 23, tzinfo=UTC))
    assert not exempt(policy, datetime(2026, 12, 24, tzinfo=UTC))
