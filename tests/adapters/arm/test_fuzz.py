"""A body that is damaged anywhere gives no other exception, and no finding that it silences without a word."""

from __future__ import annotations

import json
from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.arm_errors import ArmUndecodable
from tests.adapters.arm.damaged import (
    MEANINGS,
    REMOVED,
    Court,
    Judged,
    Meaning,
    Steps,
    damaged,
    damages,
    lost,
    member,
    paths,
)
from tests.adapters.arm.test_decode import FILES, READ, prefix_of
from tests.adapters.arm.worlds import DEPARTURES, Documents, load, world_of

COURT: Final = Court()
DECODED: Final = [name for name in FILES if READ[prefix_of(name)] is not None]
# Rules that must speak in one of the worlds, else their findings could not be lost.
JUDGED: Final = {
    *("KVG101", "KVG102", "KVG103", "KVG104", "KVG105", "KVG106", "KVG107", "KVG108", "KVG109", "KVG110"),
    *("KVG201", "KVG202", "KVG203", "KVG204", "KVG206", "KVG207", "KVG301", "KVG303", "KVG304", "KVG305"),
    *("KVG401", "KVG402", "KVG403", "KVG404", "KVG405", "KVG406", "KVG407", "KVG411", "KVG412", "KVG413"),
    *("KVG414", "KVG415", "KVG416", "KVG417", "KVG418", "KVG419", "KVG420", "KVG501", "KVG502", "KVG505"),
    *("KVG506", "KVG507", "KVG508", "KVG601", "KVG604", "KVG605", "KVG606"),
}


@cache
def _world(departure: str) -> Documents:
    return world_of(departure)


@cache
def _before(departure: str) -> Judged:
    found = COURT.judge(_world(departure))
    assert found is not None
    return found


@cache
def _places(departure: str) -> list[tuple[str, Steps]]:
    return [(name, path) for name, document in _world(departure).items() for path in paths(document)]


def test_every_family_has_something_to_lose() -> None:
    found = {rule for departure in DEPARTURES for rule, _ in _before(departure).findings}
    assert JUDGED - found == set()


@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_damage_brings_another_exception(data: st.DataObject) -> None:
    """Any member of any recorded body may be missing, null, of another type or of an unknown value."""
    name = data.draw(st.sampled_from(DECODED))
    read = READ[prefix_of(name)]
    assert read is not None
    document = load(name)
    path = data.draw(st.sampled_from(paths(document)))
    value = data.draw(st.sampled_from(damages(member(document, path))))
    sent = damaged({name: document}, name, path, value)[name]
    try:
        outcome: object = read(json.dumps(sent).encode())
    except ArmUndecodable as error:
        outcome = error
    assert outcome is not None or prefix_of(name) == "ruleset-rule"


@settings(max_examples=600, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_damage_silences_a_finding(data: st.DataObject) -> None:
    departure = data.draw(st.sampled_from(sorted(DEPARTURES)))
    world, before = _world(departure), _before(departure)
    name, path = data.draw(st.sampled_from(_places(departure)))
    value = data.draw(st.sampled_from(damages(member(world[name], path))))
    after = COURT.judge(damaged(world, name, path, value))
    assert lost(before, after, name, path) == []


DECIDING: Final[list[tuple[str, str, str, str]]] = [
    ("open", "/vaults/Kv-Orders", "properties", "KVG101"),
    ("open", "/vaults/Kv-Orders", "properties.enableSoftDelete", "KVG605"),
    ("open", "/vaults/Kv-Orders", "properties.enablePurgeProtection", "KVG605"),
    ("open", "/vaults/Kv-Orders", "properties.enableRbacAuthorization", "KVG601"),
    ("open", "/diagnosticSettings", "value", "KVG604"),
    ("perimeter", "/networkSecurityPerimeterConfigurations", "value.0.properties", "KVG107"),
    ("stranded", "Microsoft.Network/privateEndpoints", "value.0.properties.privateLinkServiceConnections", "KVG207"),
    ("no-link", "/virtualNetworkLinks", "value", "KVG403"),
    ("odd-link", "/virtualNetworkLinks", "value.0.properties.registrationEnabled", "KVG405"),
    ("no-record", "/A", "value", "KVG411"),
    ("wrong-record", "/A", "value.0.properties.aRecords", "KVG412"),
    ("slow-record", "/A", "value.0.properties.ttl", "KVG413"),
    ("wrong-group", "/privateDnsZoneGroups", "value.0.properties.privateDnsZoneConfigs", "KVG305"),
    ("cname", "/CNAME/kv-orders", "properties.cnameRecord", "KVG417"),
    ("blocked", "/Nsg-Clients", "properties.securityRules", "KVG507"),
    ("blocked", "/Nsg-Clients", "properties.defaultSecurityRules", "KVG507"),
    ("blocked", "/Nsg-Clients", "properties.securityRules.0.properties.access", "KVG507"),
    ("blocked", "/Vnet-Spoke", "properties.subnets", "KVG507"),
    ("blocked", "/Vnet-Spoke", "properties.subnets.0.properties.privateEndpointNetworkPolicies", "KVG507"),
    ("disconnected-peers", "/Vnet-Spoke", "properties.virtualNetworkPeerings", "KVG506"),
    ("custom-dns", "/Vnet-Spoke", "properties.addressSpace", "KVG501"),
]


@pytest.mark.parametrize(("departure", "document", "steps", "rule"), DECIDING)
@pytest.mark.parametrize("value", [REMOVED, None], ids=["missing", "null"])
def test_the_members_that_decide_are_missed(
    departure: str, document: str, steps: str, rule: str, value: object
) -> None:
    """Each of these members alone decides a finding: without it the rule still finds, or says that it cannot tell."""
    world, before = _world(departure), _before(departure)
    name = next(known for known in world if known.casefold().endswith(document.casefold()))
    path = tuple(int(step) if step.isdigit() else step for step in steps.split("."))
    assert rule in {found for found, _ in before.findings}
    after = COURT.judge(damaged(world, name, path, value))
    if after is not None:
        subjects = {subject for found, subject in before.findings if found == rule}
        still = {subject for found, subject in after.findings if found == rule}
        assert rule in after.unknown or still == subjects


def _silences(meaning: Meaning) -> bool:
    """Whether some damage at this place silences a rule: an exception that excuses nothing is to go."""
    world, before = _world(meaning.departure), _before(meaning.departure)
    for name, path in _places(meaning.departure):
        if meaning.covers(name, path):
            for value in damages(member(world[name], path)):
                after = COURT.judge(damaged(world, name, path, value))
                if lost(before, after, "", ()):
                    return True
    return False


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: f"{meaning.document} {'.'.join(meaning.member)}")
def test_every_exception_is_needed(meaning: Meaning) -> None:
    assert _silences(meaning)
