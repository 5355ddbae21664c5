"""KVG101: an open vault is always a question, and only one that nobody is locked out by."""

from __future__ import annotations

import pytest

from shared.domain.arm_id import SUBNET, ArmId
from shared.domain.change import Irreversible, SetNetworkAcl, SetPublicAccess
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.vault import (
    ConnectionStatus,
    DefaultAction,
    NetworkAcl,
    PerimeterMode,
    PublicAccess,
)
from shared.rules.kvg101_public_access_open import RULE
from tests.builders import FORBIDDEN, SUBSCRIPTION, Given, healthy, vault_id

ON, OFF = PublicAccess.ENABLED, PublicAccess.DISABLED
ALLOW = NetworkAcl(DefaultAction.ALLOW, "AzureServices")
DENY = NetworkAcl(DefaultAction.DENY, "AzureServices")
ONE_IP = ("203.0.113.7/32",)


def _open() -> Given:
    return healthy().vault(public_access=ON)


@pytest.mark.parametrize("profile", list(Profile))
def test_only_the_public_profile_may_be_open(profile: Profile) -> None:
    assert (_open().profile(profile).violations(RULE) == []) is (profile is Profile.PUBLIC)


def test_the_profile_of_the_narrowest_scope_decides() -> None:
    scopes = (("/subscriptions/" + SUBSCRIPTION, Profile.PUBLIC), (vault_id().text.upper(), Profile.PRIVATE))
    assert _open().policy_with(profiles=scopes).violations(RULE) != []
    assert _open().policy_with(profiles=scopes[:1]).violations(RULE) == []


def test_an_enforced_perimeter_closes_the_vault() -> None:
    assert list(RULE.check(_open().vault(perimeters=(PerimeterMode.ENFORCED,)).case())) == []


@pytest.mark.parametrize("mode", [PerimeterMode.TRANSITION, PerimeterMode.AUDIT])
def test_a_perimeter_that_only_watches_closes_nothing(mode: PerimeterMode) -> None:
    assert _open().vault(perimeters=(mode,)).violations(RULE) != []


@pytest.mark.parametrize(
    "given",
    [
        _open().vault(perimeters=FORBIDDEN),
        _open().vault(perimeters=(PerimeterMode.UNKNOWN,)),
        _open().vault(public_access=PublicAccess.UNKNOWN),
        _open().vault(acl=NetworkAcl(DefaultAction.UNKNOWN, "None")),
        _open().vault(public_access=PublicAccess.SECURED_BY_PERIMETER),
    ],
    ids=["perimeter", "perimeter-mode", "public-access", "default-action", "secured-without-perimeter"],
)
def test_what_is_unread_or_unknown_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [vault_id()]


def test_closing_is_offered_in_two_ways_and_only_as_a_question() -> None:
    given = _open().mode("KVG101", Mode.FIX)
    options = given.finding(RULE).options
    assert {type(option.change) for option in options} == {SetPublicAccess, SetNetworkAcl}
    assert {option.applicability for option in options} == {Applicability.APPROVAL}
    assert given.plan().apply == ()
    assert all("403" in option.warning for option in options)


def test_denying_keeps_every_other_member_of_the_firewall() -> None:
    subnet = ArmId.of(SUBSCRIPTION, "rg-net", SUBNET, "vnet-1", "apps")
    acl = NetworkAcl(DefaultAction.ALLOW, "None", ONE_IP, (subnet,))
    [deny] = [o.change for o in _open().vault(acl=acl).finding(RULE).options if isinstance(o.change, SetNetworkAcl)]
    assert deny.before == acl
    assert deny.after == NetworkAcl(DefaultAction.DENY, "None", ONE_IP, (subnet,))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (_open().no_connections(), "no private path works"),
        (_open().connection(status=ConnectionStatus.PENDING), "no private path works"),
        (_open().no_links(), "no private path works"),
        (_open().record("10.9.9.9"), "no private path works"),
        (_open().no_record(), "no private path works"),
        (_open().endpoint_unread(), "is not known"),
        (_open().endpoint(addresses=FORBIDDEN), "is not known"),
        (_open().links_unread(), "is not known"),
        (_open().zones_unread(), "is not known"),
    ],
    ids=["none", "pending", "unlinked", "wrong", "absent", "endpoint", "addresses", "links", "zones"],
)
def test_without_a_private_path_that_works_nothing_is_offered(given: Given, why: str) -> None:
    finding = given.finding(RULE)
    assert finding.options == ()
    assert any(why in line for line in finding.evidence)


def test_trusted_services_need_no_private_path() -> None:
    given = _open().no_connections().profile(Profile.TRUSTED_SERVICES)
    assert len(given.finding(RULE).options) == 2


@pytest.mark.parametrize("bypass", ["None", "Logging"])
def test_trusted_services_that_are_stopped_would_be_locked_out(bypass: str) -> None:
    acl = NetworkAcl(DefaultAction.ALLOW, bypass)
    finding = _open().vault(acl=acl).profile(Profile.TRUSTED_SERVICES).finding(RULE)
    assert finding.options == ()
    assert any("they would be locked out" in line for line in finding.evidence)


def test_a_vault_without_a_value_nobody_knows_needs_no_perimeter_to_be_closed() -> None:
    for given in (healthy(), _open().vault(acl=DENY), _open().profile(Profile.PUBLIC)):
        assert list(RULE.check(given.vault(perimeters=FORBIDDEN).case())) == []


def test_rules_without_effect_are_named() -> None:
    two = NetworkAcl(DefaultAction.ALLOW, "None", (*ONE_IP, "198.51.100.7"))
    assert any("2 rules without effect" in line for line in _open().vault(acl=two).finding(RULE).evidence)
    assert not any("without effect" in line for line in _open().finding(RULE).evidence)


def test_federation_makes_no_ip_range_unnecessary() -> None:
    """A document says that a federated pipeline needs no IP restrictions; an open vault stays critical all the same."""
    finding = _open().profile(Profile.SAAS_PIPELINE).finding(RULE)
    assert finding.severity is Severity.CRITICAL
    assert "does not bypass the firewall" in finding.advice
    assert _open().finding(RULE).advice == ""


def test_a_pipeline_gets_the_ranges_of_the_policy() -> None:
    given = _open().no_connections().profile(Profile.SAAS_PIPELINE)
    assert given.finding(RULE).options == ()
    change = given.policy_with(pipeline_ranges=("203.0.113.64/26", "198.51.100.7")).option(RULE).change
    assert isinstance(change, SetNetworkAcl)
    assert change.after.default_action is DefaultAction.DENY
    assert change.after.ip_rules == ("198.51.100.7", "203.0.113.64/26")


@pytest.mark.parametrize(
    "ranges",
    [
        ("10.1.0.0/16",),
        ("172.0.0.0/8",),
        ("0.0.0.0/0",),
        ("0.0.0.0/1", "128.0.0.0/1"),
        ("64.0.0.0/2",),
        ("x",),
        ("8.8.8.8",) * 1001,
        tuple(f"{first}.0.0.0/8" for first in range(1, 224) if first not in (10, 172, 192)),
    ],
)
def test_a_pipeline_gets_no_range_that_key_vault_refuses_or_that_opens_everything(ranges: tuple[str, ...]) -> None:
    given = _open().profile(Profile.SAAS_PIPELINE).policy_with(pipeline_ranges=ranges)
    assert given.finding(RULE).options == ()


def test_each_change_silences_the_rule() -> None:
    given = _open().vault(acl=ALLOW)
    for option in given.finding(RULE).options:
        assert given.at(option.change.simulate(given.snapshot)).violations(RULE) == []


def test_each_inverse_restores_the_vault() -> None:
    given = _open().vault(acl=ALLOW)
    for option in given.finding(RULE).options:
        inverse = option.change.inverse
        assert not isinstance(inverse, Irreversible)
        assert inverse.simulate(option.change.simulate(given.snapshot)) == given.snapshot


def test_a_firewall_that_was_absent_cannot_be_made_absent_again() -> None:
    [deny] = [o.change for o in _open().finding(RULE).options if isinstance(o.change, SetNetworkAcl)]
    assert isinstance(deny.inverse, Irreversible)
