"""From the policy file's shape to the policy: what ids, ranges, modes and bounds must fulfil beyond their form."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

from shared.adapters.policy_document import PolicyDocument, ScopeProfile, TtlEntry, ZoneEntry
from shared.domain.arm_id import NETWORK, VAULT, ZONE, ArmId, InvalidArmId, is_resource_group, is_subscription
from shared.domain.clouds import Cloud
from shared.domain.grades import Applicability, Mode, Profile, Writer
from shared.domain.policy import Policy, Timing, TtlBounds, ZonePolicy
from shared.domain.zone import ResolutionPolicy


def meaning(
    document: PolicyDocument,
    ceilings: Mapping[str, Applicability],
    cloud: Cloud,
    subscriptions: frozenset[str],
    problems: list[str],
) -> Policy:
    """The policy of a document. Every error is added to ``problems``; the policy counts only when there is none.

    ``ceilings`` are those of the known rules by id; ``subscriptions`` are the watched ones.
    """
    timing = document.timing
    _check_ttl(document.ttl, problems)
    extra = _subscriptions("zone_subscriptions.ids", document.zone_subscriptions.ids, problems)
    allowed = _subscriptions("connections.allowed_subscriptions", document.connections.allowed_subscriptions, problems)
    return Policy(
        modes=MappingProxyType(_modes(document.rules, ceilings, problems)),
        zones=_zones(document.zones, cloud, problems),
        zone_subscriptions=tuple(extra),
        zone_subscriptions_complete=document.zone_subscriptions.complete,
        default_profile=Profile(document.profiles.default),
        profiles=_profiles(document.profiles.scopes, problems),
        ttl=TtlBounds(document.ttl.minimum, document.ttl.maximum, document.ttl.default),
        timing=Timing(
            settle=timedelta(seconds=timing.settle_seconds),
            max_settle=timedelta(seconds=timing.max_settle_seconds),
            controller_grace=timedelta(seconds=timing.controller_grace_seconds),
            consistency=timedelta(seconds=timing.consistency_seconds),
            dead_connection_age=timedelta(seconds=timing.dead_connection_age_seconds),
            pending_connection_age=timedelta(seconds=timing.pending_connection_age_seconds),
        ),
        allowed_connection_subscriptions=frozenset(allowed),
        watched_subscriptions=subscriptions,
        pipeline_ranges=_ranges(document.pipeline_ranges, problems),
        writes_per_hour=document.budgets.writes_per_hour,
    )


def _modes(rules: Mapping[str, str], ceilings: Mapping[str, Applicability], problems: list[str]) -> dict[str, Mode]:
    modes: dict[str, Mode] = {}
    for rule, name in rules.items():
        if rule not in ceilings:
            problems.append(f"rules.{rule[:60]}: there is no such rule")
            continue
        mode = Mode(name)
        if mode.cap > ceilings[rule]:
            highest = max((m for m in Mode if m.cap <= ceilings[rule]), key=lambda m: m.cap)
            strongest = Mode.AUDIT if highest.cap is Applicability.MANUAL else highest
            problems.append(
                f"rules.{rule}: {name} is above the rule's ceiling; {strongest.value} is the most it may do"
            )
        modes[rule] = mode
    return modes


def _zones(entries: list[ZoneEntry], cloud: Cloud, problems: list[str]) -> tuple[ZonePolicy, ...]:
    zones: list[ZonePolicy] = []
    for number, entry in enumerate(entries):
        place = f"zones[{number}]"
        zone = _id(f"{place}.id", entry.id, ZONE, problems)
        networks = [_id(f"{place}.networks[{at}]", text, NETWORK, problems) for at, text in enumerate(entry.networks)]
        if zone is None:
            continue
        if zone.name.lower() != cloud.private_zone:
            problems.append(f"{place}.id: the zone for vaults in {cloud.name} is {cloud.private_zone}")
        if any(zone == known.id for known in zones):
            problems.append(f"{place}.id: this zone is listed twice")
        served = tuple(network for network in networks if network is not None)
        zones.append(ZonePolicy(zone, Writer(entry.writer), served, ResolutionPolicy(entry.link_resolution_policy)))
    return tuple(zones)


def _profiles(entries: list[ScopeProfile], problems: list[str]) -> tuple[tuple[str, Profile], ...]:
    found: dict[str, tuple[str, Profile]] = {}
    for number, entry in enumerate(entries):
        scope = entry.scope.rstrip("/")
        if not _is_scope(scope):
            problems.append(
                f"profiles.scopes[{number}].scope: not the id of a subscription, a resource group or a vault"
            )
        elif scope.casefold() in found:
            problems.append(f"profiles.scopes[{number}].scope: this scope is listed twice")
        else:
            found[scope.casefold()] = (scope, Profile(entry.profile))
    return tuple(found.values())


def _is_scope(text: str) -> bool:
    parts = text.split("/")
    if len(parts) < 3 or parts[0] or parts[1].lower() != "subscriptions" or not is_subscription(parts[2]):
        return False
    if len(parts) == 3:
        return True
    if len(parts) == 5:
        return parts[3].lower() == "resourcegroups" and is_resource_group(parts[4])
    try:
        return ArmId.parse(text).is_a(VAULT)
    except InvalidArmId:
        return False


def _check_ttl(ttl: TtlEntry, problems: list[str]) -> None:
    if ttl.minimum > ttl.maximum:
        problems.append("ttl.minimum: above ttl.maximum")
    elif not ttl.minimum <= ttl.default <= ttl.maximum:
        problems.append(f"ttl.default: not within {ttl.minimum} to {ttl.maximum}")


def _id(place: str, text: str, resource_type: str, problems: list[str]) -> ArmId | None:
    try:
        found = ArmId.parse(text)
    except InvalidArmId:
        problems.append(f"{place}: not a resource id")
        return None
    if not found.is_a(resource_type):
        problems.append(f"{place}: not the id of a {resource_type}")
        return None
    return found


def _subscriptions(place: str, texts: list[str], problems: list[str]) -> Iterable[str]:
    for number, text in enumerate(texts):
        if not is_subscription(text):
            problems.append(f"{place}[{number}]: not a subscription id")
    return dict.fromkeys(text.lower() for text in texts)


def _ranges(texts: list[str], problems: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for number, text in enumerate(texts):
        try:
            found.append(str(ipaddress.IPv4Network(text)))
        except ValueError:
            # Firewalls of vaults know IPv4 only: https://learn.microsoft.com/azure/key-vault/general/network-security
            problems.append(f"pipeline_ranges[{number}]: not an IPv4 range such as 20.37.158.0/23")
    return tuple(found)
