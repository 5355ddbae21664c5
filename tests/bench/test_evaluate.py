"""The benchmark of the evaluation sees what it is for, and no vault pays for the others of its estate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any, Final

import pytest

from bench.estate import Estate
from bench.evaluate import MAX_DECODINGS, MAX_EXPONENT, MAX_KIB, NOISE, Measured, Size, judge, kib, slope
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.engine.evaluate import evaluate
from shared.rules.registry import RULES

CHEAP: Final = tuple(rule for rule in RULES if rule.id in ("KVG101", "KVG404", "KVG405", "KVG406", "KVG413"))


def reads_every_record(case: Case) -> Iterator[Violation | Unknown]:
    """What a rule must not do: look at all records of the shared zone for one vault."""
    for zone in case.snapshot.zones:
        for record in zone.records.values():
            if record is not None and record.id.name.lower() == "nobody":
                yield Unknown(zone.id, zone.records_unread)


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python some work runs, each turn of a loop anew: the same whatever the machine does."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        nonlocal count
        count += event == "line"
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def judged(estate: Estate, numbers: Iterable[int], rules: Iterable[Rule] = RULES) -> int:
    """The steps for judging some vaults of an estate, once whatever can be remembered is."""
    snapshots = [estate.snapshot(number) for number in numbers]

    def work() -> None:
        for snapshot in snapshots:
            evaluate(snapshot, estate.policy, tuple(rules))

    work()
    return steps(work)


def links_of(estate: Estate) -> int:
    assert not isinstance(estate.zone.links, Unread)
    return len(estate.zone.links)


def test_no_vault_pays_for_the_others_of_its_estate() -> None:
    small, large = Estate(1_000), Estate(8_000)
    one_of_each_state = range(40, 60)

    before, after = judged(small, one_of_each_state), judged(large, one_of_each_state)

    assert links_of(large) > 7 * links_of(small)
    assert len(large.zone.records) > 7 * len(small.zone.records)
    assert after < 1.005 * before


def test_a_missing_link_pays_next_to_nothing_for_the_other_links() -> None:
    small, large = Estate(1_000), Estate(8_000)
    of_an_unlinked_network = range(20, 22)

    assert {finding.rule for finding in evaluate(small.snapshot(20), small.policy, RULES).findings} >= {"KVG403"}
    before, after = judged(small, of_an_unlinked_network), judged(large, of_an_unlinked_network)
    assert after < 1.05 * before


def test_a_rule_that_reads_the_shared_zone_for_each_vault_is_seen() -> None:
    bad = (replace(RULES[0], check=reads_every_record),)

    assert judged(Estate(2_000), range(40, 42), bad) > 1.5 * judged(Estate(1_000), range(40, 42), bad)
    assert slope(judge((500, 8_000), bad, sample=200)) > 1.3  # linear work gives about 1, this nearly 2


def test_a_run_judges_every_vault() -> None:
    small, large = judge((100, 400), CHEAP)

    assert (small.vaults, small.judged, large.vaults, large.judged) == (100, 100, 400, 400)
    assert large.findings == 4 * small.findings > 0
    assert small.per_second == pytest.approx(100 / small.seconds)
    assert small.whole == pytest.approx(small.seconds)


def test_a_sample_is_spread_over_the_estate_and_its_states() -> None:
    (every,), (some,) = judge((4_000,), CHEAP), judge((4_000,), CHEAP, sample=500)

    assert 400 <= some.judged <= 500
    assert some.findings / some.judged == pytest.approx(every.findings / every.judged, rel=0.2)
    assert some.whole == pytest.approx(some.seconds * 4_000 / some.judged)


def test_memory_is_what_one_more_vault_takes() -> None:
    assert 4.0 < kib(200) < MAX_KIB


def test_what_the_vaults_share_is_one_object() -> None:
    estate = Estate(2_000)
    first, second = estate.snapshot(41), estate.snapshot(42)

    assert first.zones[0] is second.zones[0]
    assert all(second.networks[key] is network for key, network in first.networks.items())
    assert estate.snapshot(53).neighbours is estate.snapshot(54).neighbours
    assert not isinstance(estate.snapshot(53).neighbours, Unread)


def test_the_estate_has_vaults_of_all_states() -> None:
    estate = Estate(200)
    assessments = [evaluate(snapshot, estate.policy, RULES) for snapshot in estate.snapshots()]

    found = {finding.rule for assessment in assessments for finding in assessment.findings}
    assert found >= {"KVG101", "KVG104", "KVG201", "KVG202", "KVG204", "KVG403", "KVG411", "KVG412", "KVG413", "KVG601"}
    assert any(assessment.not_evaluated for assessment in assessments)
    assert 80 < sum(not assessment.findings for assessment in assessments) < 140


def sizes(*seconds: float) -> tuple[Size, ...]:
    return tuple(Size(1_000 * 10**power, 1_000 * 10**power, each, 1) for power, each in enumerate(seconds))


@pytest.mark.parametrize(
    ("measured", "exponent", "excess"),
    [
        (Measured(sizes(1, 10, 100), 1e-4, 10, 50), 1.0, ""),
        (Measured(sizes(1, 100, 10_000), 1.0, 10, 50), 2.0, "exponent"),
        (Measured(sizes(1, 10, 100), 1e-3 / (MAX_DECODINGS + 1), 10, 50), 1.0, "decoding"),
        (Measured(sizes(1, 10, 100), 1e-4, MAX_KIB + 1, 50), 1.0, "KiB"),
        (Measured(sizes(1, 10 ** (MAX_EXPONENT + NOISE - 0.001)), 1e-3, 10, 50), MAX_EXPONENT + NOISE - 0.001, ""),
        (Measured(sizes(1, 10 ** (MAX_EXPONENT + NOISE + 0.001)), 1e-3, 10, 50), MAX_EXPONENT + NOISE + 0.001, "noise"),
    ],
)
def test_each_budget_is_told_apart(measured: Measured, exponent: float, excess: str) -> None:
    assert measured.exponent == pytest.approx(exponent)
    assert len(measured.excesses()) == bool(excess)
    assert all(excess in found for found in measured.excesses())
