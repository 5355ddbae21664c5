"""KVG105: whether trusted services pass is what policy wants: required, forbidden or ignored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.change import Irreversible, SetNetworkAcl
from shared.domain.grades import Applicability, Mode, Profile, TrustedServices
from shared.domain.vault import NetworkAcl, PerimeterMode, PublicAccess
from shared.rules.kvg105_trusted_services_bypass import RULE
from tests.builders import Given, vault_id
from tests.rules.given_exposure import (
    LATER,
    OFF,
    OFFICE,
    ON,
    STRANGE,
    allow,
    applied,
    deny,
    door,
    odd,
    subnet_id,
    taken_back,
)

REQUIRE, FORBID, IGNORE = TrustedServices.REQUIRE, TrustedServices.FORBID, TrustedServices.IGNORE


def _wanting(wanted: TrustedServices, acl: NetworkAcl | None, access: PublicAccess = OFF) -> Given:
    return door(access, acl).policy_with(trusted_services=wanted)


@pytest.mark.parametrize(
    ("wanted", "bypass", "found"),
    [
        (REQUIRE, "None", True),
        (REQUIRE, "AzureServices", False),
        (FORBID, "None", False),
        (FORBID, "AzureServices", True),
        (IGNORE, "None", False),
        (IGNORE, "AzureServices", False),
    ],
)
@pytest.mark.parametrize("casing", [str.lower, str.upper, str])
def test_policy_decides_what_the_bypass_should_be(
    wanted: TrustedServices, bypass: str, found: bool, casing: type
) -> None:
    given = _wanting(wanted, deny(OFFICE, bypass=casing(bypass)))
    assert bool(given.violations(RULE)) is found
    assert given.unknowns(RULE) == []


def test_an_absent_firewall_lets_trusted_services_pass() -> None:
    assert _wanting(REQUIRE, None).violations(RULE) == []
    violation = _wanting(FORBID, None).only(RULE)
    assert violation.subject == vault_id()
    assert "has bypass AzureServices, and its policy is to forbid" in violation.message


@pytest.mark.parametrize("wanted", list(TrustedServices))
@pytest.mark.parametrize("profile", list(Profile))
def test_the_profile_for_trusted_services_requires_it_whatever_policy_says(
    wanted: TrustedServices, profile: Profile
) -> None:
    given = _wanting(wanted, deny(bypass="None")).profile(profile)
    assert bool(given.violations(RULE)) is (profile is Profile.TRUSTED_SERVICES or wanted is REQUIRE)


@pytest.mark.parametrize("bypass", ["", "Logging", "AzureServices, Logging"])
def test_an_unknown_bypass_is_not_judged(bypass: str) -> None:
    for wanted in (REQUIRE, FORBID):
        given = _wanting(wanted, deny(bypass=bypass))
        assert given.violations(RULE) == []
        assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]
    assert list(RULE.check(_wanting(IGNORE, deny(bypass=bypass)).case())) == []


@pytest.mark.parametrize("access", [ON, OFF, STRANGE])
def test_it_holds_whatever_public_access_is_because_the_bypass_does(access: PublicAccess) -> None:
    assert _wanting(FORBID, deny(), access).violations(RULE) != []
    assert _wanting(FORBID, deny(), access).vault(perimeters=LATER).unknowns(RULE) == []


@pytest.mark.parametrize(
    ("wanted", "before", "after"), [(REQUIRE, "None", "AzureServices"), (FORBID, "AzureServices", "None")]
)
def test_the_option_changes_the_bypass_and_nothing_else(wanted: TrustedServices, before: str, after: str) -> None:
    acl = deny(OFFICE, subnets=(subnet_id(),), bypass=before)
    given = _wanting(wanted, acl).mode("KVG105", Mode.FIX)
    option = given.option(RULE)
    assert option.change == SetNetworkAcl(vault_id(), acl, replace(acl, bypass=after))
    assert option.applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    assert applied(given, RULE).violations(RULE) == []
    assert taken_back(given, RULE).snapshot == given.snapshot


def test_forbidding_it_without_a_firewall_keeps_the_door_as_open_as_it_was() -> None:
    given = _wanting(FORBID, None, ON)
    change = given.option(RULE).change
    assert change == SetNetworkAcl(vault_id(), None, allow(bypass="None"))
    assert isinstance(change.inverse, Irreversible)
    assert applied(given, RULE).violations(RULE) == []


def test_the_flags_and_their_readers_are_named_and_bind_the_approval() -> None:
    given = _wanting(FORBID, deny())
    assert given.only(RULE).facts["flags"] == []
    settings = replace(given.snapshot.vault.settings, deployment=True, disk_encryption=True, template_deployment=True)
    flagged = given.vault(settings=settings)
    assert flagged.only(RULE).facts["flags"] == [
        "enabledForDeployment",
        "enabledForDiskEncryption",
        "enabledForTemplateDeployment",
    ]
    evidence = " ".join(flagged.only(RULE).evidence)
    assert "virtual machines" in evidence
    assert "Azure Disk Encryption" in evidence
    assert "ARM templates" in evidence
    assert flagged.option(RULE).digest != given.option(RULE).digest


def test_the_warning_says_who_comes_in_or_is_shut_out() -> None:
    assert "403 ForbiddenByFirewall" in _wanting(FORBID, deny()).option(RULE).warning
    assert "reaches the vault afterwards" in _wanting(REQUIRE, deny(bypass="None")).option(RULE).warning


def test_a_bypass_without_effect_is_said() -> None:
    assert any("allows everybody" in line for line in _wanting(FORBID, allow(), ON).only(RULE).evidence)
    enforced = _wanting(FORBID, deny()).vault(perimeters=(PerimeterMode.ENFORCED,))
    assert any("perimeter decides" in line for line in enforced.only(RULE).evidence)
    assert _wanting(FORBID, deny()).only(RULE).evidence == ()


def test_a_firewall_that_cannot_be_written_back_gets_no_option() -> None:
    assert _wanting(FORBID, odd()).finding(RULE).options == ()
