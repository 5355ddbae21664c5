"""One finding per record: of the rules about a record only the first in the catalogue's order is reported.

Estates whose record breaks two rules at once, for every pair that can meet; and that the group knows no casing.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Mode
from shared.domain.rule import Case, Rule, Violation
from shared.domain.vault import ConnectionStatus
from shared.rules.registry import RULES
from tests.builders import Given, endpoint_id, healthy, record_id, zone_id
from tests.rules.given_records import abandoned, beside, claimed_by, contested, deleted, other_connection, shouted

ORDER = ["KVG417", "KVG415", "KVG416", "KVG419", "KVG412", "KVG414", "KVG418", "KVG413", "KVG420"]
GROUP = {rule.id: rule for rule in RULES if rule.group == "record"}
PENDING = ConnectionStatus.PENDING
PUBLIC = "20.61.10.4"


def _waiting(given: Given) -> Given:
    """A third endpoint whose connection is Pending, at 10.1.0.66."""
    third = endpoint_id("pe-3")
    given = given.connection("c-3", PENDING, endpoint=third).endpoint("pe-3", addresses=("10.1.0.66",))
    return claimed_by(given, "pe-1", "pe-2", "pe-3")


# Both rules fire on the record of this estate, each when asked alone.
PAIRS: dict[tuple[str, str], Given] = {
    ("KVG415", "KVG416"): contested("10.2.0.4").record("10.2.0.4", PUBLIC),
    ("KVG415", "KVG419"): other_connection(beside("10.1.0.66", PUBLIC), PENDING),
    ("KVG415", "KVG412"): beside(PUBLIC),
    ("KVG415", "KVG414"): abandoned().record(PUBLIC),
    ("KVG415", "KVG418"): beside("10.1.0.4", PUBLIC),
    ("KVG415", "KVG413"): healthy().record(PUBLIC, ttl=3600),
    ("KVG415", "KVG420"): healthy().record(PUBLIC).connection("c-1", PENDING),
    ("KVG416", "KVG419"): _waiting(contested("10.1.0.66")),
    ("KVG416", "KVG412"): contested("10.1.0.99"),
    ("KVG416", "KVG414"): contested("10.1.0.99"),
    ("KVG416", "KVG418"): contested().record("10.2.0.4", "10.1.0.99"),
    ("KVG416", "KVG413"): contested().record("10.2.0.4", ttl=3600),
    ("KVG419", "KVG412"): other_connection(beside("10.1.0.66"), PENDING),
    ("KVG419", "KVG418"): other_connection(beside("10.1.0.4", "10.1.0.66"), PENDING),
    ("KVG419", "KVG413"): other_connection(healthy().record("10.1.0.66", ttl=3600), PENDING),
    ("KVG412", "KVG414"): beside("10.1.0.99"),
    ("KVG412", "KVG413"): healthy().record("10.1.0.99", ttl=3600),
    ("KVG414", "KVG413"): abandoned().record("10.1.0.99", ttl=3600),
    ("KVG414", "KVG420"): abandoned(),
    ("KVG418", "KVG413"): healthy().record("10.1.0.4", "10.1.0.9", ttl=3600),
    ("KVG413", "KVG420"): healthy().record("10.1.0.4", ttl=3600).connection("c-1", PENDING),
}
# A CNAME stands alone; a record without alias has no right address; a stale or wrong one has none beside it.
NEVER = {
    *(("KVG417", other) for other in ORDER[1:]),
    *((first, "KVG420") for first in ("KVG416", "KVG419", "KVG412", "KVG418")),
    ("KVG419", "KVG414"),
    ("KVG412", "KVG418"),
    ("KVG414", "KVG418"),
}


def _subjects(rule: Rule, given: Given) -> list[ArmId]:
    return [violation.subject for violation in given.violations(rule)]


def test_the_catalogues_order_is_the_order_of_the_ranks() -> None:
    assert sorted(GROUP, key=lambda rule: GROUP[rule].rank) == ORDER


def test_every_pair_is_tried_or_impossible() -> None:
    assert PAIRS.keys() | NEVER == set(combinations(ORDER, 2))
    assert not PAIRS.keys() & NEVER


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_of_two_rules_that_fire_the_first_is_reported(pair: tuple[str, str]) -> None:
    given, (first, second) = PAIRS[pair], (GROUP[pair[0]], GROUP[pair[1]])
    assert _subjects(first, given) == _subjects(second, given) == [record_id()]
    for rules in ((first, second), (second, first)):
        assert [finding.rule for finding in given.assess(rules).findings] == [first.id]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_whole_group_reports_one_finding_per_record(pair: tuple[str, str]) -> None:
    found = PAIRS[pair].assess(GROUP.values()).findings
    assert len(found) == 1
    assert ORDER.index(found[0].rule) <= ORDER.index(pair[0])


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_second_is_reported_where_policy_switches_the_first_off(pair: tuple[str, str]) -> None:
    first, second = pair
    given = PAIRS[pair].mode(first, Mode.OFF)
    assert [finding.rule for finding in given.assess((GROUP[first], GROUP[second])).findings] == [second]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_casing_of_ids_does_not_split_a_record(pair: tuple[str, str]) -> None:
    given = PAIRS[pair]
    findings = shouted(given).assess(GROUP.values()).findings
    plain = given.assess(GROUP.values()).findings
    assert [(found.rule, found.fingerprint) for found in findings] == [
        (found.rule, found.fingerprint) for found in plain
    ]


def test_two_casings_of_one_subject_are_one_record() -> None:
    loud = ArmId.parse(record_id().text.upper())

    def yields(subject: ArmId) -> Rule:
        def check(case: Case) -> list[Violation]:
            return [Violation(subject, f"seen at {case.snapshot.vault.name}", {})]

        rank = 1 if subject.text == loud.text else 2
        return replace(GROUP["KVG412"], id=f"KVG90{rank}", check=check, rank=rank)

    given = healthy()
    found = given.assess((yields(record_id()), yields(loud))).findings
    assert [finding.rule for finding in found] == ["KVG901"]


def test_records_of_two_zones_are_two_findings() -> None:
    other = zone_id(group="rg-dns-2")
    given = beside("10.1.0.99").zone(other).record(PUBLIC, zone=other)
    findings = given.assess(GROUP.values()).findings
    assert {(finding.rule, finding.subject) for finding in findings} == {
        ("KVG412", record_id()),
        ("KVG415", record_id(zone=other)),
    }


def test_a_cname_is_alone_on_its_record() -> None:
    given = healthy().no_record().zone(cnames=MappingProxyType({"contoso": "proxy.example"}))
    assert [finding.rule for finding in given.assess(GROUP.values()).findings] == ["KVG417"]


def test_the_record_of_a_deleted_vault_is_one_finding() -> None:
    assert [finding.rule for finding in deleted().assess(GROUP.values()).findings] == ["KVG414"]
