"""The policy as it holds for one vault: every value is the one that evaluation uses, with where it comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from types import MappingProxyType

import msgspec
import pytest

from shared.adapters.policy_document import PolicyDocument
from shared.domain.grades import Mode, Profile, TrustedServices, Writer
from shared.domain.policy import PROFILE_TAG, ClientNetwork, Exemption, IpRanges, Policy, TtlBounds, ZonePolicy
from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import VaultSettings
from shared.engine.effective import effective_policy, tag_matters
from shared.engine.evaluate import effective_mode
from shared.rules.registry import RULES
from tests.builders import NOW, SUBSCRIPTION, connection_id, healthy, network_id, vault_id, zone_id

SUB = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUB}/resourceGroups/rg-app"
UNREAD = Unread(UnreadReason.FORBIDDEN, "Microsoft.KeyVault/vaults/read")


def mode(policy: Policy, rule: str) -> tuple[Mode, str]:
    view = effective_policy(policy, vault_id(), None, RULES, NOW)
    return next((entry.mode, entry.origin) for entry in view.modes if entry.rule == rule)


def value(policy: Policy, name: str, tag: str | None = None) -> tuple[str, str]:
    view = effective_policy(policy, vault_id(), tag, RULES, NOW)
    return next((entry.value, entry.origin) for entry in view.values if entry.name == name)


def profile(policy: Policy, tag: str | Unread | None = None) -> tuple[str, str]:
    found = effective_policy(policy, vault_id(), tag, RULES, NOW).profile
    return found.value, found.origin


def test_each_origin_of_a_mode() -> None:
    named = Policy(modes={"KVG411": Mode.AUDIT})
    scoped = replace(named, scoped_modes=((SUB, {"KVG411": Mode.APPROVE, "KVG413": Mode.OFF}), (GROUP, {})))
    narrow = replace(scoped, scoped_modes=(*scoped.scoped_modes[:1], (GROUP, {"KVG411": Mode.OFF})))
    assert mode(Policy(), "KVG411") == (Mode.FIX, "default")
    assert mode(named, "KVG411") == (Mode.AUDIT, "policy rules")
    assert mode(scoped, "KVG411") == (Mode.APPROVE, f"policy scope {SUB}")
    assert mode(narrow, "KVG411") == (Mode.OFF, f"policy scope {GROUP}")
    assert mode(narrow, "KVG413") == (Mode.OFF, f"policy scope {SUB}")
    assert mode(Policy(modes={"KVG101": Mode.FIX}), "KVG101") == (Mode.APPROVE, "ceiling, below policy rules")
    assert mode(replace(narrow, unusable="broken"), "KVG411") == (Mode.AUDIT, "unusable policy")


def test_the_scope_of_another_vault_says_nothing() -> None:
    policy = Policy(
        scoped_modes=((f"{GROUP}-2", {"KVG411": Mode.OFF}), (vault_id("contoso2").text, {"KVG411": Mode.OFF}))
    )
    assert mode(policy, "KVG411") == (Mode.FIX, "default")


@pytest.mark.parametrize("unusable", ["", "broken"])
def test_every_mode_is_the_one_that_evaluation_uses(unusable: str) -> None:
    for first, second in product([None, *Mode], repeat=2):
        modes = {rule.id: first for rule in RULES} if first else {}
        scoped = {rule.id: second for rule in RULES} if second else {}
        policy = Policy(modes=modes, scoped_modes=((GROUP, MappingProxyType(scoped)),), unusable=unusable)
        view = effective_policy(policy, vault_id(), None, RULES, NOW)
        assert {entry.rule: entry.mode for entry in view.modes} == {
            rule.id: effective_mode(rule, policy, vault_id()) for rule in RULES
        }


CHOICES = Policy(
    profiles=((SUB, Profile.HYBRID), (GROUP, Profile.PARTNER)),
    tag_profiles=((SUB, frozenset({Profile.PUBLIC, Profile.SAAS_PIPELINE})),),
)


HERE = f"policy scope {GROUP}"
NOT_HERE = f"{HERE}; tag refused because policy does not allow private by tag here, allowed: public, saas-pipeline"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (None, ("partner", HERE)),
        ("", ("partner", HERE)),
        ("public", ("public", f"tag {PROFILE_TAG}")),
        ("PUBLIC", ("public", f"tag {PROFILE_TAG}")),
        ("private", ("partner", NOT_HERE)),
        ("secret", ("partner", f"{HERE}; tag refused because there is no such profile")),
    ],
)
def test_each_origin_of_a_profile(tag: str | None, expected: tuple[str, str]) -> None:
    assert profile(CHOICES, tag) == expected
    settings = VaultSettings(tags={} if tag is None else {"KVGUARD-Profile": tag})
    vault = replace(healthy().snapshot.vault, settings=settings)
    assert CHOICES.profile_of(vault).value == expected[0]


def test_a_narrower_scope_takes_the_choice_by_tag_away() -> None:
    policy = replace(CHOICES, tag_profiles=(*CHOICES.tag_profiles, (GROUP, frozenset())))
    assert profile(policy, "public")[1].endswith("allowed: none")
    assert not tag_matters(policy, vault_id())
    assert tag_matters(CHOICES, vault_id())
    assert not tag_matters(Policy(), vault_id())


def test_a_tag_that_was_not_read_is_said_only_where_it_can_decide() -> None:
    assert profile(CHOICES, UNREAD) == (
        "partner",
        f"policy scope {GROUP}; the tag {PROFILE_TAG} was not read: forbidden: Microsoft.KeyVault/vaults/read",
    )
    assert profile(Policy(), UNREAD) == ("private", "default")


def test_a_value_equal_to_its_default_still_says_that_policy_gave_it() -> None:
    policy = Policy(ttl=TtlBounds(10, 300, 60), stated=frozenset({"ttl", "ttl.minimum", "ttl.maximum"}))
    assert value(policy, "ttl.minimum") == ("10 s", "policy")
    assert value(policy, "ttl.maximum") == ("300 s", "policy")
    assert value(policy, "ttl.default") == ("60 s", "default")
    assert value(replace(policy, unusable="broken"), "ttl.minimum") == ("10 s", "unusable policy")
    assert value(Policy(ip_ranges=IpRanges(28)), "ip_rules.widest")[0] == "/28"


def test_the_bypass_is_the_profiles_where_the_profile_asks_for_it() -> None:
    policy = Policy(trusted_services=TrustedServices.FORBID, stated=frozenset({"trusted_services"}))
    assert value(policy, "trusted_services") == ("forbid", "policy")
    only = replace(policy, default_profile=Profile.TRUSTED_SERVICES)
    assert value(only, "trusted_services") == ("require", "profile trusted-services")


def test_every_member_of_the_file_is_shown() -> None:
    members: set[str] = set()
    for member in msgspec.structs.fields(PolicyDocument):
        inner = member.type if isinstance(member.type, type) and issubclass(member.type, msgspec.Struct) else None
        names = [] if inner is None else [f"{member.name}.{part.name}" for part in msgspec.structs.fields(inner)]
        members.update(names or [member.name])
    elsewhere = {"version", "rules", "scopes", "zones", "exemptions"}
    elsewhere |= {"profiles.default", "profiles.scopes", "profiles.by_tag"}
    shown = {entry.name for entry in effective_policy(Policy(), vault_id(), None, RULES, NOW).values}
    assert shown == members - elsewhere


def test_zones_are_those_that_serve_each_network() -> None:
    hub, all_of_them = zone_id(group="rg-hub"), zone_id(group="rg-all")
    policy = Policy(
        zones=(ZonePolicy(hub, Writer.TERRAFORM, (network_id("vnet-1"),)), ZonePolicy(all_of_them, Writer.KVGUARD)),
        client_networks=(ClientNetwork(network_id("vnet-2")),),
    )
    zones = effective_policy(policy, vault_id(), None, RULES, NOW).zones
    assert [(zone.network, zone.zone, zone.writer) for zone in zones] == [
        (network_id("vnet-1"), hub, "terraform"),
        (network_id("vnet-1"), all_of_them, "kvguard"),
        (network_id("vnet-2"), all_of_them, "kvguard"),
        (None, all_of_them, "kvguard"),
    ]


def test_exemptions_are_shown_with_whether_they_still_hold() -> None:
    def entry(rule: str, scope: str, days: int) -> Exemption:
        return Exemption(rule, scope, "r", "o", NOW + timedelta(days=days))

    policy = Policy(
        exemptions=(
            entry("KVG411", GROUP, 3),
            entry("KVG202", connection_id().text, 3),
            entry("KVG101", vault_id().text.upper(), -1),
            entry("KVG413", f"{GROUP}-2", 3),
        )
    )
    view = effective_policy(policy, vault_id(), None, RULES, NOW)
    assert [(named.exemption.rule, named.in_force) for named in view.exemptions] == [
        ("KVG101", False),
        ("KVG202", True),
        ("KVG411", True),
    ]
    until = {entry.rule: entry.exempt_until for entry in view.modes}
    assert until["KVG411"] == NOW + timedelta(days=3)
    assert until["KVG101"] is until["KVG202"] is until["KVG413"] is None
    broken = effective_policy(replace(policy, unusable="broken"), vault_id(), None, RULES, NOW)
    assert not any(named.in_force for named in broken.exemptions)
