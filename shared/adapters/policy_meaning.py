"""From the policy file's shape to the policy: what ids, ranges, modes and bounds must fulfil beyond their form."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.adapters.policy_document import ClientNetworkEntry, PolicyDocument, ScopeRules, TtlEntry, ZoneEntry
from shared.adapters.policy_exemptions import read_exemptions
from shared.adapters.policy_scopes import read_guids, read_id, read_ranges, read_vault_scopes
from shared.domain.arm_id import NETWORK, ZONE
from shared.domain.clouds import Cloud
from shared.domain.grades import Applicability, ClientRole, DnsMode, Mode, Profile, TrustedServices, Writer
from shared.domain.policy import ClientNetwork, IpRanges, Policy, Timing, TtlBounds, ZonePolicy
from shared.domain.zone import ResolutionPolicy


def meaning(
    document: PolicyDocument,
    ceilings: Mapping[str, Applicability],
    cloud: Cloud,
    subscriptions: frozenset[str],
    problems: list[str],
    now: datetime,
) -> Policy:
    """The policy of a document. Every error is added to ``problems``; the policy counts only when there is none.

    ``ceilings`` are those of the known rules by id; ``subscriptions`` are the watched ones. ``now`` (UTC) bounds how
    long an exemption may last.
    """
    timing, profiles, connections = document.timing, document.profiles, document.connections
    _check_ttl(document.ttl, problems)
    pipeline_ranges = read_ranges("pipeline_ranges", document.pipeline_ranges, problems)
    ip_ranges = IpRanges(
        document.ip_rules.widest,
        read_ranges("ip_rules.allowed", document.ip_rules.allowed, problems),
        read_ranges("ip_rules.forbidden", document.ip_rules.forbidden, problems),
    )
    problems.extend(_contradictions(pipeline_ranges, ip_ranges.forbidden))
    return Policy(
        modes=MappingProxyType(_modes("rules", document.rules, ceilings, problems)),
        zones=_zones(document.zones, cloud, problems),
        zone_subscriptions=_subscriptions("zone_subscriptions.ids", document.zone_subscriptions.ids, problems),
        zone_subscriptions_complete=document.zone_subscriptions.complete,
        default_profile=Profile(profiles.default),
        profiles=read_vault_scopes(
            "profiles.scopes", [(entry.scope, Profile(entry.profile)) for entry in profiles.scopes], problems
        ),
        ttl=TtlBounds(document.ttl.minimum, document.ttl.maximum, document.ttl.default),
        timing=Timing(
            settle=timedelta(seconds=timing.settle_seconds),
            max_settle=timedelta(seconds=timing.max_settle_seconds),
            controller_grace=timedelta(seconds=timing.controller_grace_seconds),
            consistency=timedelta(seconds=timing.consistency_seconds),
            dead_connection_age=timedelta(seconds=timing.dead_connection_age_seconds),
            pending_connection_age=timedelta(seconds=timing.pending_connection_age_seconds),
        ),
        allowed_connection_subscriptions=frozenset(
            _subscriptions("connections.allowed_subscriptions", connections.allowed_subscriptions, problems)
        ),
        watched_subscriptions=subscriptions,
        pipeline_ranges=pipeline_ranges,
        writes_per_hour=document.budgets.writes_per_hour,
        scoped_modes=_scoped_modes(document.scopes, ceilings, problems),
        tag_profiles=read_vault_scopes(
            "profiles.by_tag",
            [(entry.scope, frozenset(Profile(name) for name in entry.allowed)) for entry in profiles.by_tag],
            problems,
        ),
        ip_ranges=ip_ranges,
        trusted_services=TrustedServices(document.trusted_services),
        client_networks=_client_networks(document.client_networks, problems),
        dns_mode=DnsMode(document.dns_mode),
        managed_service_subscriptions=frozenset(
            _subscriptions(
                "connections.managed_service_subscriptions", connections.managed_service_subscriptions, problems
            )
        ),
        forbidden_principals=frozenset(
            read_guids("access.forbidden_principals", "object id", document.access.forbidden_principals, problems)
        ),
        exemptions=read_exemptions(document.exemptions, ceilings, now, problems),
        reviewers=_reviewers(document.reviewers, problems),
    )


def _modes(
    place: str, rules: Mapping[str, str], ceilings: Mapping[str, Applicability], problems: list[str]
) -> dict[str, Mode]:
    modes: dict[str, Mode] = {}
    for rule, name in rules.items():
        if rule not in ceilings:
            problems.append(f"{place}.{rule[:60]}: there is no such rule")
            continue
        mode = Mode(name)
        if mode.cap > ceilings[rule]:
            highest = max((m for m in Mode if m.cap <= ceilings[rule]), key=lambda m: m.cap)
            strongest = Mode.AUDIT if highest.cap is Applicability.MANUAL else highest
            problems.append(
                f"{place}.{rule}: {name} is above the rule's ceiling; {strongest.value} is the most it may do"
            )
        modes[rule] = mode
    return modes


def _scoped_modes(
    entries: list[ScopeRules], ceilings: Mapping[str, Applicability], problems: list[str]
) -> tuple[tuple[str, Mapping[str, Mode]], ...]:
    modes: list[tuple[str, Mapping[str, Mode]]] = [
        (entry.scope, MappingProxyType(_modes(f"scopes[{number}].rules", entry.rules, ceilings, problems)))
        for number, entry in enumerate(entries)
    ]
    return read_vault_scopes("scopes", modes, problems)


def _zones(entries: list[ZoneEntry], cloud: Cloud, problems: list[str]) -> tuple[ZonePolicy, ...]:
    zones: list[ZonePolicy] = []
    for number, entry in enumerate(entries):
        place = f"zones[{number}]"
        zone = read_id(f"{place}.id", entry.id, ZONE, problems)
        networks = [
            read_id(f"{place}.networks[{at}]", text, NETWORK, problems) for at, text in enumerate(entry.networks)
        ]
        if zone is None:
            continue
        if zone.name.lower() != cloud.private_zone:
            problems.append(f"{place}.id: the zone for vaults in {cloud.name} is {cloud.private_zone}")
        if any(zone == known.id for known in zones):
            problems.append(f"{place}.id: this zone is listed twice")
        served = tuple(network for network in networks if network is not None)
        zones.append(ZonePolicy(zone, Writer(entry.writer), served, ResolutionPolicy(entry.link_resolution_policy)))
    return tuple(zones)


def _client_networks(entries: list[ClientNetworkEntry], problems: list[str]) -> tuple[ClientNetwork, ...]:
    found: list[ClientNetwork] = []
    for number, entry in enumerate(entries):
        network = read_id(f"client_networks[{number}].id", entry.id, NETWORK, problems)
        if network is None:
            continue
        if any(network == known.network for known in found):
            problems.append(f"client_networks[{number}].id: this network is listed twice")
        found.append(ClientNetwork(network, ClientRole(entry.role)))
    return tuple(found)


def _reviewers(names: list[str], problems: list[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        if not name.strip():
            problems.append(f"reviewers[{number}]: says nothing")
        elif name.strip().casefold() in found:
            problems.append(f"reviewers[{number}]: listed twice")
        found[name.strip().casefold()] = name.strip()
    return tuple(found.values())


def _check_ttl(ttl: TtlEntry, problems: list[str]) -> None:
    if ttl.minimum > ttl.maximum:
        problems.append("ttl.minimum: above ttl.maximum")
    elif not ttl.minimum <= ttl.default <= ttl.maximum:
        problems.append(f"ttl.default: not within {ttl.minimum} to {ttl.maximum}")


def _contradictions(wanted: tuple[str, ...], forbidden: tuple[str, ...]) -> Iterator[str]:
    """Ranges that a firewall is to let in and must not name."""
    for text in wanted:
        for other in forbidden:
            if ipaddress.IPv4Network(text).overlaps(ipaddress.IPv4Network(other)):
                yield f"pipeline_ranges: {text} touches {other}, which ip_rules.forbidden names"


def _subscriptions(place: str, texts: list[str], problems: list[str]) -> tuple[str, ...]:
    return read_guids(place, "subscription id", texts, problems)
