"""The same estate in another cloud gets the same verdict in that cloud's names: rules, plan, resolver, explanation.

An estate of the public cloud is carried over as a whole: every zone name, host and id in it is rewritten. Whatever the
product then says must be what it said before, rewritten. A name of one cloud that is fixed anywhere is seen by this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from shared.adapters.policy_file import PolicyReader
from shared.domain.access import Caller, CallerKind
from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import Change
from shared.domain.clouds import AZURE_CHINA_CLOUD, AZURE_CLOUD, AZURE_US_GOVERNMENT, CLOUDS, Cloud
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.policy import Policy
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import StrayZone
from shared.engine.access import explain
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.engine.resolution import resolution
from shared.rules.kvg305_zone_group_wrong_zone import RULE as KVG305
from shared.rules.kvg401_zone_missing import RULE as KVG401
from shared.rules.kvg402_misnamed_zone import RULE as KVG402
from shared.rules.kvg411_missing_a_record import RULE as KVG411
from shared.rules.registry import RULES
from tests.builders import (
    NOW,
    SUBSCRIPTION,
    Given,
    endpoint_id,
    group_of,
    healthy,
    missing_record,
    network_id,
    unlinked,
    zone_id,
)
from tests.engine.corpus import focused
from tests.estate_strategies import estates
from tests.estates import EstateCase, snapshot_of

CUSTOM: Final = Cloud(
    "stack",
    "https://management.stack.example",
    "https://management.stack.example/id/.default",
    "login.stack.example",
    "vault.stack.example",
    "privatelink.vaultcore.stack.example",
    graph_hosts=("graph.stack.example",),
)
EVERYWHERE: Final = (*CLOUDS.values(), CUSTOM)
ABROAD: Final = (AZURE_CHINA_CLOUD, AZURE_US_GOVERNMENT, CUSTOM)
GENERATED: Final = 60

each_cloud = pytest.mark.parametrize("cloud", EVERYWHERE, ids=lambda cloud: cloud.name)
each_other = pytest.mark.parametrize("cloud", ABROAD, ids=lambda cloud: cloud.name)


# -- carrying over


def _names(cloud: Cloud) -> tuple[str, ...]:
    """What is peculiar to a cloud, in one order for all: the domain of its vaults, its hosts, its name."""
    base = cloud.vault_suffix.partition(".")[2]
    return (cloud.authority, cloud.arm_endpoint.removeprefix("https://"), cloud.graph_hosts[0], base, cloud.name)


@lru_cache(maxsize=8)
def _carrier(cloud: Cloud) -> Callable[[str], str]:
    """Rewrites texts: what is the public cloud's becomes the other's, and the other's becomes the public cloud's."""
    pairs = dict(zip(_names(AZURE_CLOUD), _names(cloud), strict=True))
    pairs |= {there: here for here, there in pairs.items()}
    spelling = {name.lower(): other for name, other in pairs.items()}
    longest_first = sorted(pairs, key=len, reverse=True)
    wanted = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def swap(found: re.Match[str]) -> str:
        other = spelling[found[0].lower()]
        return other.upper() if found[0].isupper() else other

    return lambda text: wanted.sub(swap, text)


def carried(value: Any, cloud: Cloud) -> Any:
    """The same value with every text, id and cloud in it carried over."""
    if isinstance(value, Cloud):
        return cloud if value == AZURE_CLOUD else value
    if isinstance(value, ArmId):
        text = _carrier(cloud)(value.text)
        return value if text == value.text else ArmId.parse(text)
    if isinstance(value, str) and not isinstance(value, Enum):
        return _carrier(cloud)(value)
    if isinstance(value, Mapping):
        return MappingProxyType({carried(key, cloud): carried(inner, cloud) for key, inner in value.items()})
    if isinstance(value, (tuple, frozenset)):
        return type(value)(carried(inner, cloud) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        members = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        new = {name: carried(member, cloud) for name, member in members.items()}
        return replace(value, **new)
    return value


def moved(given: Given, cloud: Cloud) -> Given:
    """The same vault and policy in another cloud."""
    return given if cloud is AZURE_CLOUD else Given(carried(given.snapshot, cloud), carried(given.policy, cloud))


# -- everything that is said


def _said(snapshot: VaultSnapshot, policy: Policy) -> Iterator[str]:
    """What the product says about a vault, one text for each statement, ids as they are compared."""
    assessment = evaluate(snapshot, policy, RULES)
    for found in assessment.findings:
        yield f"{found.rule} {found.severity.name} {found.subject.key}: {found.message} | {found.advice}"
        for option in found.options:
            blockers = [blocker.why for blocker in option.blockers]
            yield f"{found.rule} {_change(option.change)} {option.applicability.name} {blockers}"
    for entry in assessment.not_evaluated:
        yield f"{entry.rule} {entry.subject.key} not evaluated: {entry.unread}"
    for number, step in enumerate(plan(snapshot, policy, RULES).apply):
        yield f"step {number}: {_change(step.change)}"
    for network in sorted(snapshot.networks):
        found_there = resolution(snapshot, network)
        yield f"{network.key}: {found_there.host} {found_there.answer} {found_there.right} {found_there.why}"
    callers = [Caller(CallerKind.INTERNET, address="20.61.10.4"), Caller(CallerKind.PORTAL, address="20.61.10.4")]
    callers += [Caller(CallerKind.NETWORK, network=network) for network in sorted(snapshot.networks)]
    for caller in callers:
        explained = explain(snapshot, caller)
        yield f"{caller.kind.value} {explained.host} {explained.door.value}"
        yield from (f"{gate.name} {gate.verdict.value} {gate.reason} {gate.error}" for gate in explained.gates)
        yield from (
            f"{way.what} {way.also_admits} {way.then} {[_change(change) for change in way.changes]}"
            for way in explained.admissions
        )


def _change(change: Change) -> str:
    return f"{change.verb} {change.target.key} {change.description}"


def _words(texts: Iterator[str], carry: Callable[[str], str] = str) -> list[list[str]]:
    """The texts without the order in which they, or the names that one of them lists, come: names sort by cloud."""
    return sorted(sorted(re.findall(r"[^\s,;:()\[\]'\"]+", carry(text).casefold())) for text in texts)


@lru_cache(maxsize=1)
def _generated() -> tuple[tuple[VaultSnapshot, Policy], ...]:
    found: list[EstateCase] = []

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=GENERATED,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(estates())
    def collect(estate: EstateCase) -> None:
        found.append(estate)

    collect()
    return tuple((snapshot_of(estate, vault), estate.policy) for estate in found for vault in estate.vaults)


def _estates() -> Iterator[tuple[VaultSnapshot, Policy]]:
    yield from _generated()
    yield from ((snapshot_of(case.estate, case.vault), case.estate.policy) for case in focused())


@each_other
def test_the_verdict_is_the_same_in_the_other_clouds_names(cloud: Cloud) -> None:
    statements = 0
    for snapshot, policy in _estates():
        here = _words(_said(snapshot, policy), _carrier(cloud))
        there = _words(_said(carried(snapshot, cloud), carried(policy, cloud)))
        assert there == here
        statements += len(here)
    assert statements > 10_000


@each_other
def test_nothing_of_the_public_cloud_is_left_in_what_is_said(cloud: Cloud) -> None:
    for given_here in (healthy(), missing_record(), unlinked(), healthy().no_zone(), healthy().no_connections()):
        given = moved(given_here, cloud)
        said = "\n".join(_said(given.snapshot, given.policy)).lower()
        for name in (AZURE_CLOUD.private_zone, AZURE_CLOUD.vault_suffix, AZURE_CLOUD.authority):
            assert name not in said


# -- names


@each_cloud
def test_a_healthy_vault_resolves_along_the_clouds_own_alias(cloud: Cloud) -> None:
    given = moved(healthy(), cloud)
    assert [found.message for found in given.assess().findings] == []
    answer = given.answer()
    assert answer.addresses == ("10.1.0.4",)
    host, alias = f"contoso.{cloud.vault_suffix}", f"contoso.{cloud.private_zone}"
    assert answer.chain == (f"{host} is an alias for {alias}.", f"{alias} has address 10.1.0.4")


@each_cloud
def test_the_zone_of_another_cloud_answers_nobody(cloud: Cloud) -> None:
    for other in EVERYWHERE:
        given = moved(healthy(), other)
        answer = given.at(replace(given.snapshot, cloud=cloud)).answer()
        assert (answer.kind is AnswerKind.PUBLIC) is (other is not cloud)
        assert answer.addresses == (("10.1.0.4",) if other is cloud else ())


@each_cloud
def test_a_stray_zone_is_named_with_the_cloud_that_it_belongs_to(cloud: Cloud) -> None:
    for other in CLOUDS.values():
        given = moved(healthy(), cloud)
        strays = tuple(StrayZone(zone_id(name, "rg-x"), 1, 2) for name in (other.private_zone, other.vault_suffix))
        if other is cloud:
            continue
        found = given.at(replace(given.snapshot, strays=strays)).violations(KVG402)
        assert {violation.subject.name for violation in found} == {other.private_zone, other.vault_suffix}
        for violation in found:
            assert f"it belongs to {other.name}, and the vault is in {cloud.name}" in violation.message
            assert f"The right name is {cloud.private_zone}." in violation.message


@each_cloud
def test_a_zone_of_another_vaults_own_name_is_legitimate_in_its_own_cloud_only(cloud: Cloud) -> None:
    for other in EVERYWHERE:
        given = moved(healthy(), cloud)
        names = (f"alpha.{other.private_zone}", f"alpha.{other.vault_suffix}")
        strays = tuple(StrayZone(zone_id(name, "rg-x"), 1, 2) for name in names)
        found = given.at(replace(given.snapshot, strays=strays)).violations(KVG402)
        assert {violation.subject.name for violation in found} == (set() if other is cloud else set(names))


@each_cloud
def test_repairs_are_made_in_the_clouds_own_zone(cloud: Cloud) -> None:
    record = moved(missing_record(), cloud).option(KVG411).change
    assert record.target == ArmId.parse(f"{zone_id(cloud.private_zone).text}/A/contoso")
    policy = moved(healthy().no_zone(), cloud)
    created = {option.change.target for found in policy.assess((KVG401,)).findings for option in found.options}
    assert created == {zone_id(cloud.private_zone)}


@each_cloud
def test_a_zone_group_that_names_another_clouds_zone_is_wrong(cloud: Cloud) -> None:
    for other in EVERYWHERE:
        given = moved(healthy(), cloud)
        endpoint = given.snapshot.endpoints[endpoint_id()]
        assert isinstance(endpoint, PrivateEndpoint)
        grouped = given.endpoint(zone_groups=(group_of(endpoint.id, zone_id(other.private_zone)),))
        found = [violation.message for violation in grouped.violations(KVG305)]
        assert bool(found) is (other is not cloud)
        assert all(cloud.private_zone in message for message in found)


@each_cloud
def test_the_policy_designates_zones_of_this_cloud_only(cloud: Cloud) -> None:
    for other in EVERYWHERE:
        problems: list[str] = []
        text = yaml.safe_dump({"version": 1, "zones": [{"id": zone_id(other.private_zone).text, "writer": "kvguard"}]})
        policy = PolicyReader(cloud, frozenset({SUBSCRIPTION}), RULES).read(text.encode(), NOW, problems)
        if other is cloud:
            assert (problems, [entry.id for entry in policy.zones]) == ([], [zone_id(cloud.private_zone)])
        else:
            assert len(problems) == 1
            assert cloud.private_zone in problems[0]


@each_cloud
def test_the_explanation_names_the_clouds_own_host_and_authority(cloud: Cloud) -> None:
    explained = explain(moved(healthy(), cloud).snapshot, Caller(CallerKind.NETWORK, network=network_id()))
    assert explained.host == f"contoso.{cloud.vault_suffix}"
    (token,) = [gate for gate in explained.gates if gate.name == "token"]
    assert cloud.authority in token.reason


def test_what_is_carried_over_is_really_elsewhere() -> None:
    """The tests above compare nothing if the rewriting does nothing."""
    given = moved(healthy(), AZURE_CHINA_CLOUD)
    assert given.snapshot.cloud is AZURE_CHINA_CLOUD
    assert [zone.name for zone in given.snapshot.zones] == [AZURE_CHINA_CLOUD.private_zone]
    assert not isinstance(given.snapshot.zones[0].links, Unread)
    back = Given(carried(given.snapshot, AZURE_CLOUD), given.policy)
    assert back.snapshot.zones == given.snapshot.zones
