"""The policy as it holds for one vault: each value with where it comes from. Pure.

It answers "why does kvguard do this here, and not there?": which scope, tag, ceiling or default decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.effective import DesignatedZone, Effective, EffectiveMode, EffectivePolicy, NamedExemption
from shared.domain.grades import Profile, TrustedServices
from shared.domain.policy import PROFILE_TAG, Policy, profile_named
from shared.domain.reading import Unread
from shared.domain.rule import Rule
from shared.engine.evaluate import effective_mode

DEFAULT: Final = "default"
POLICY: Final = "policy"
UNUSABLE: Final = "unusable policy"


def effective_policy(
    policy: Policy, vault: ArmId, tag: str | Unread | None, rules: Sequence[Rule], now: datetime
) -> EffectivePolicy:
    """What holds for a vault at ``now``. ``tag`` is its tag ``kvguard-profile``, None where it has none."""
    profile, origin = _profile(policy, vault, tag)
    return EffectivePolicy(
        vault=vault,
        unusable=policy.unusable,
        profile=Effective("profile", profile.value, origin),
        modes=tuple(_mode(policy, vault, rule, now) for rule in sorted(rules, key=lambda rule: rule.id)),
        values=_values(policy, profile),
        zones=_zones(policy),
        exemptions=_exemptions(policy, vault, now),
    )


def tag_matters(policy: Policy, vault: ArmId) -> bool:
    """Whether the vault's tag can decide anything, so that it has to be read."""
    return bool(policy.tag_choices(vault))


def _mode(policy: Policy, vault: ArmId, rule: Rule, now: datetime) -> EffectiveMode:
    mode = effective_mode(rule, policy, vault)
    scoped = policy.scoped_mode(rule.id, vault)
    if policy.unusable:
        origin = UNUSABLE
    elif scoped is not None:
        origin = f"policy scope {scoped[0]}"
    else:
        origin = "policy rules" if rule.id in policy.modes else DEFAULT
    if not policy.unusable and mode is not (policy.mode_of(rule.id, vault) or rule.default):
        origin = f"ceiling, below {origin}"
    exemption = policy.exemption(rule.id, vault, vault, now)
    return EffectiveMode(rule.id, rule.name, mode, origin, None if exemption is None else exemption.expires)


def _profile(policy: Policy, vault: ArmId, tag: str | Unread | None) -> tuple[Profile, str]:
    scoped = policy.scoped_profile(vault)
    if scoped is not None:
        profile, origin = scoped[1], f"policy scope {scoped[0]}"
    else:
        profile, origin = policy.default_profile, _origin(policy, "profiles.default")
    choices = policy.tag_choices(vault)
    if isinstance(tag, Unread):
        return profile, f"{origin}; the tag {PROFILE_TAG} was not read: {tag}" if choices else origin
    if not tag:
        return profile, origin
    chosen = profile_named(tag)
    if chosen is None:
        return profile, f"{origin}; tag refused because there is no such profile"
    if chosen in choices:
        return chosen, f"tag {PROFILE_TAG}"
    allowed = ", ".join(sorted(choice.value for choice in choices)) or "none"
    return (
        profile,
        f"{origin}; tag refused because policy does not allow {chosen.value} by tag here, allowed: {allowed}",
    )


def _values(policy: Policy, profile: Profile) -> tuple[Effective, ...]:
    timing, ranges = policy.timing, policy.ip_ranges
    shown: Mapping[str, str] = {
        "ttl.minimum": f"{policy.ttl.minimum} s",
        "ttl.maximum": f"{policy.ttl.maximum} s",
        "ttl.default": f"{policy.ttl.default} s",
        "timing.settle_seconds": _seconds(timing.settle),
        "timing.max_settle_seconds": _seconds(timing.max_settle),
        "timing.controller_grace_seconds": _seconds(timing.controller_grace),
        "timing.consistency_seconds": _seconds(timing.consistency),
        "timing.dead_connection_age_seconds": _seconds(timing.dead_connection_age),
        "timing.pending_connection_age_seconds": _seconds(timing.pending_connection_age),
        "budgets.writes_per_hour": str(policy.writes_per_hour),
        "dns_mode": policy.dns_mode.value,
        "pipeline_ranges": _list(policy.pipeline_ranges),
        "ip_rules.widest": f"/{ranges.widest}",
        "ip_rules.allowed": _list(ranges.allowed),
        "ip_rules.forbidden": _list(ranges.forbidden),
        "zone_subscriptions.ids": _list(policy.zone_subscriptions),
        "zone_subscriptions.complete": "true" if policy.zone_subscriptions_complete else "false",
        "connections.allowed_subscriptions": _list(policy.allowed_connection_subscriptions),
        "connections.managed_service_subscriptions": _list(policy.managed_service_subscriptions),
        "access.forbidden_principals": _list(policy.forbidden_principals),
        "client_networks": _list(f"{entry.network} ({entry.role.value})" for entry in policy.client_networks),
        "reviewers": _list(policy.reviewers),
    }
    bypass = Effective("trusted_services", policy.trusted_services.value, _origin(policy, "trusted_services"))
    if profile is Profile.TRUSTED_SERVICES:
        bypass = Effective("trusted_services", TrustedServices.REQUIRE.value, f"profile {profile.value}")
    values = [Effective(name, value, _origin(policy, name)) for name, value in shown.items()]
    return tuple(sorted([*values, bypass], key=lambda value: value.name))


def _zones(policy: Policy) -> tuple[DesignatedZone, ...]:
    """The zones of each network that the policy names, then those that serve every other one."""
    named = {network for zone in policy.zones for network in zone.networks}
    named |= {entry.network for entry in policy.client_networks}
    networks: list[ArmId | None] = [*sorted(named), None]
    return tuple(
        DesignatedZone(network, zone.id, zone.writer.value, zone.link_resolution_policy.value)
        for network in networks
        for zone in policy.zones
        if (not zone.networks if network is None else zone.serves(network))
    )


def _exemptions(policy: Policy, vault: ArmId, now: datetime) -> tuple[NamedExemption, ...]:
    """Those whose scope holds the vault or lies in it; what covers only an endpoint or a record is not of one vault."""
    found = [
        NamedExemption(entry, now < entry.expires and not policy.unusable)
        for entry in policy.exemptions
        if vault.within(entry.scope) or entry.scope.casefold().startswith(f"{vault.key}/")
    ]
    return tuple(sorted(found, key=lambda named: (named.exemption.rule, named.exemption.scope.casefold())))


def _origin(policy: Policy, name: str) -> str:
    if policy.unusable:
        return UNUSABLE
    return POLICY if name in policy.stated else DEFAULT


def _seconds(time: timedelta) -> str:
    return f"{time // timedelta(seconds=1)} s"


def _list(values: Iterable[str]) -> str:
    return ", ".join(sorted(values)) or "none"
