"""KVG104: IP rules that open the internet, break the policy's ranges, or name nobody."""

from __future__ import annotations

import pytest

from shared.domain.change import SetNetworkAcl
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.policy import IpRanges
from shared.rules.kvg104_broad_ip_rule import RULE
from tests.builders import Given, vault_id
from tests.rules.given_exposure import OFF, OFFICE, ON, allow, alone, applied, deny, door, odd, subnet_id, taken_back

QUARTERS = ("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2")


def _bad(given: Given) -> list[str]:
    """The rules that the finding names, none without a finding."""
    found = given.violations(RULE)
    bad = found[0].facts["bad_rules"] if found else []
    assert isinstance(bad, list)
    return [entry.split(": ")[0] for entry in bad]


@pytest.mark.parametrize("rule", [OFFICE, "203.0.113.7", "198.51.100.0/24", "8.8.8.0/25"])
def test_a_narrow_public_range_is_allowed(rule: str) -> None:
    assert list(RULE.check(door(ON, deny(rule)).case())) == []


@pytest.mark.parametrize(
    "rules",
    [
        ("0.0.0.0/0",),
        ("0.0.0.0/1",),
        ("128.0.0.0/1",),
        ("0.0.0.0/1", "128.0.0.0/1"),
        QUARTERS,
        ("5.6.7.8/0",),
    ],
)
@pytest.mark.parametrize("widest", [24, 0])
def test_half_the_internet_is_critical_alone_or_in_pieces(rules: tuple[str, ...], widest: int) -> None:
    given = door(ON, deny(*rules)).policy_with(ip_ranges=IpRanges(widest))
    violation = given.only(RULE)
    assert violation.subject == vault_id()
    assert violation.severity is Severity.CRITICAL
    assert "opens the internet" in violation.message
    assert applied(given, RULE).violations(RULE) == []


def test_the_internet_without_its_private_ranges_is_still_the_internet() -> None:
    public = tuple(f"{first}.0.0.0/8" for first in range(1, 224) if first not in (10, 100, 127, 169, 172, 192))
    given = door(ON, deny(*public)).policy_with(ip_ranges=IpRanges(8))
    assert given.only(RULE).severity is Severity.CRITICAL


def test_less_than_half_is_only_as_bad_as_its_width() -> None:
    given = door(ON, deny("0.0.0.0/2", OFFICE))
    assert given.only(RULE).severity is Severity.HIGH
    assert _bad(given) == ["0.0.0.0/2"]


def test_ranges_that_overlap_are_not_counted_twice() -> None:
    given = door(ON, deny("64.0.0.0/2", "64.0.0.0/3", "96.0.0.0/3")).policy_with(ip_ranges=IpRanges(2))
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize(("rule", "found"), [("203.0.113.0/23", True), ("203.0.113.0/24", False), (OFFICE, False)])
def test_the_policys_prefix_decides_what_is_wide(rule: str, found: bool) -> None:
    assert bool(door(ON, deny(rule)).violations(RULE)) is found


@pytest.mark.parametrize(
    ("rule", "found"),
    [("203.0.113.7", True), ("203.0.113.0/24", True), ("203.0.114.7", False), ("203.0.113.128/25", False)],
)
def test_a_range_that_touches_a_forbidden_one_is_found(rule: str, found: bool) -> None:
    given = door(ON, deny(rule)).policy_with(ip_ranges=IpRanges(forbidden=("203.0.113.0/25",)))
    assert bool(given.violations(RULE)) is found
    assert not found or "policy forbids" in given.only(RULE).message


@pytest.mark.parametrize(
    ("rule", "found"), [("203.0.113.9", False), ("203.0.113.0/24", False), ("203.0.114.9", True), ("203.0.115.9", True)]
)
def test_with_allowed_ranges_only_those_may_be_named(rule: str, found: bool) -> None:
    allowed = ("203.0.113.0/25", "203.0.113.128/25")
    given = door(ON, deny(rule)).policy_with(ip_ranges=IpRanges(allowed=allowed))
    assert bool(given.violations(RULE)) is found
    assert not found or "outside the policy's allowed" in given.only(RULE).message


@pytest.mark.parametrize("rule", ["10.1.2.3", "172.31.255.0/24", "192.168.0.0/24"])
def test_private_ranges_are_found(rule: str) -> None:
    assert "private addresses, which Key Vault refuses" in door(ON, deny(rule)).only(RULE).message


@pytest.mark.parametrize("rule", ["172.32.0.1", "172.15.255.255", "192.169.0.1", "11.0.0.1"])
def test_the_neighbours_of_private_ranges_are_public(rule: str) -> None:
    """A document lets the private range end at 172.32; it ends at 172.31."""
    assert list(RULE.check(door(ON, deny(rule)).case())) == []


@pytest.mark.parametrize("rule", ["0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "100.64.1.1"])
def test_reserved_ranges_are_found(rule: str) -> None:
    assert "reserved addresses, which no client has" in door(ON, deny(rule)).only(RULE).message


@pytest.mark.parametrize(
    "rule", ["", "x", "203.0.113.7-203.0.113.9", "2001:db8::/32", "203.0.113.256", "203.0.113.7/33"]
)
def test_text_that_is_no_range_is_found(rule: str) -> None:
    assert "no IPv4 address or range" in door(ON, deny(rule, OFFICE)).only(RULE).message


def test_the_pipelines_own_ranges_are_allowed_for_a_pipeline_only() -> None:
    given = door(ON, deny("20.0.0.0/16")).policy_with(
        pipeline_ranges=("20.0.0.0/15",), ip_ranges=IpRanges(allowed=("203.0.113.0/24",))
    )
    assert list(RULE.check(given.profile(Profile.SAAS_PIPELINE).case())) == []
    assert given.violations(RULE) != []
    forbidden = given.policy_with(ip_ranges=IpRanges(forbidden=("20.0.1.0/24",)))
    assert "policy forbids" in forbidden.profile(Profile.SAAS_PIPELINE).only(RULE).message


@pytest.mark.parametrize("given", [door(OFF, deny("0.0.0.0/0")), door(OFF, allow("0.0.0.0/0"))])
def test_behind_disabled_it_is_low_and_says_so(given: Given) -> None:
    violation = given.only(RULE)
    assert violation.severity is Severity.LOW
    assert any("no effect while public access is off" in line for line in violation.evidence)


def test_beside_allow_it_warns_what_denying_would_put_in_force() -> None:
    violation = door(ON, allow("0.0.0.0/0")).only(RULE)
    assert violation.severity is Severity.CRITICAL
    assert any("denying by default puts them in force" in line for line in violation.evidence)


def test_the_option_removes_exactly_the_bad_rules() -> None:
    acl = deny("0.0.0.0/0", OFFICE, "10.0.0.0/8", subnets=(subnet_id(),), bypass="None")
    given = door(ON, acl).mode("KVG104", Mode.FIX)
    option = given.option(RULE)
    assert option.change == SetNetworkAcl(vault_id(), acl, deny(OFFICE, subnets=(subnet_id(),), bypass="None"))
    assert option.applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    assert applied(given, RULE).violations(RULE) == []
    assert taken_back(given, RULE).snapshot == given.snapshot


def test_two_texts_of_one_range_go_together() -> None:
    given = door(ON, deny("0.0.0.0/0", "1.2.3.4/0"))
    assert _bad(given) == ["0.0.0.0/0", "1.2.3.4/0"]


def test_the_approval_is_bound_to_the_bad_rules_and_to_the_whole_firewall() -> None:
    digest = door(ON, deny("0.0.0.0/0")).option(RULE).digest
    assert door(ON, deny("0.0.0.0/1")).option(RULE).digest != digest
    assert door(ON, deny("0.0.0.0/0", OFFICE)).option(RULE).digest != digest


@pytest.mark.parametrize(
    ("given", "words", "absent"),
    [
        (door(ON, deny("0.0.0.0/0", OFFICE)), "403 ForbiddenByFirewall", "No rule is left"),
        (door(ON, deny("0.0.0.0/0")), "No rule is left", "no effective connection"),
        (alone(ON, deny("0.0.0.0/0")), "and the vault has no effective connection", "Nobody notices"),
        (door(ON, allow("0.0.0.0/0")), "allows everybody", "403"),
        (door(OFF, deny("0.0.0.0/0")), "public access is off", "403"),
    ],
)
def test_the_warning_says_what_is_left(given: Given, words: str, absent: str) -> None:
    assert words in given.option(RULE).warning
    assert absent not in given.option(RULE).warning


def test_a_firewall_that_cannot_be_written_back_gets_no_option() -> None:
    assert door(ON, odd("0.0.0.0/0")).finding(RULE).options == ()


def test_many_bad_rules_are_counted_and_not_all_spelled_out() -> None:
    given = door(ON, deny(*(f"10.0.0.{last}" for last in range(9))))
    assert "and 4 more" in given.only(RULE).message
    assert len(_bad(given)) == 9
