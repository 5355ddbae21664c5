"""KVG109: flags by which parts of Azure itself read the vault."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from shared.domain.grades import Applicability, Mode, Profile
from shared.rules.kvg109_platform_access_flags import RULE
from tests.builders import Given, vault_id
from tests.rules.given_exposure import OFF, deny, door

FLAGS = {
    "deployment": ("enabledForDeployment", "--enabled-for-deployment", "virtual machines"),
    "disk_encryption": ("enabledForDiskEncryption", "--enabled-for-disk-encryption", "Azure Disk Encryption"),
    "template_deployment": ("enabledForTemplateDeployment", "--enabled-for-template-deployment", "ARM templates"),
}


def _with(*members: str, given: Given | None = None) -> Given:
    given = given or door(OFF)
    flags = {member: member in members for member in FLAGS}
    return given.vault(
        settings=replace(
            given.snapshot.vault.settings,
            deployment=flags["deployment"],
            disk_encryption=flags["disk_encryption"],
            template_deployment=flags["template_deployment"],
        )
    )


def test_a_vault_without_flags_is_allowed() -> None:
    assert list(RULE.check(door(OFF).case())) == []


@pytest.mark.parametrize("member", list(FLAGS))
def test_each_flag_is_found_named_and_explained(member: str) -> None:
    flag, option, reader = FLAGS[member]
    violation = _with(member).only(RULE)
    assert violation.subject == vault_id()
    assert violation.message == f"Azure itself may read vault contoso: {flag}."
    assert violation.facts["flags"] == [flag]
    assert any(reader in line for line in violation.evidence)
    words = shlex.split(violation.advice.split(": ", 1)[1])
    assert words == [
        "az", "keyvault", "update", "--name", "contoso", "--resource-group", "rg-app", option, "false",
    ]  # fmt: skip


def test_all_flags_are_one_finding_and_one_command() -> None:
    violation = _with(*FLAGS).only(RULE)
    assert violation.facts["flags"] == sorted(flag for flag, _, _ in FLAGS.values())
    assert [word for word in shlex.split(violation.advice) if word.startswith("--enabled")] == [
        option for _, option, _ in FLAGS.values()
    ]


@pytest.mark.parametrize("profile", list(Profile))
def test_a_vault_for_trusted_services_needs_them(profile: Profile) -> None:
    assert (_with(*FLAGS).profile(profile).violations(RULE) == []) is (profile is Profile.TRUSTED_SERVICES)


def test_a_firewall_that_lets_no_trusted_service_pass_is_mentioned() -> None:
    assert any(
        "may be idle" in line for line in _with("deployment", given=door(OFF, deny(bypass="None"))).only(RULE).evidence
    )
    assert not any("may be idle" in line for line in _with("deployment", given=door(OFF, deny())).only(RULE).evidence)


def test_it_is_explained_and_never_changed() -> None:
    given = _with(*FLAGS).mode("KVG109", Mode.FIX)
    assert RULE.ceiling is Applicability.MANUAL
    assert given.finding(RULE).options == ()
    assert given.plan((RULE,)).apply == ()
