"""Every rule meets its bad state in the local Azure: found, mended by each option as said, and brought back.

Assertions look at Azure and its request log. See the docstring of the package for how a scenario is written.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from emulator.arm.log import LogEntry
from shared.domain.change import Irreversible
from shared.domain.finding import Finding, Option
from shared.domain.grades import Applicability
from shared.rules.registry import RULES
from shared.service.judge import Judgement
from tests.scenarios.azure import Azure, lasting
from tests.scenarios.estate import Estate
from tests.scenarios.guard import Guard, Made
from tests.scenarios.scenario import Expect, Remedy, Scenario, Under, Write

HERE: Final = Path(__file__).parent
# Rules about what no state of Azure shows, each with what they are about.
WITHOUT_SCENARIO: Final = {
    "KVG902": "what the ledger remembers of changes that somebody reverts",
    "KVG903": "what the ledger remembers of changes that Azure refused",
    "KVG904": "the policy itself",
    "KVG905": "the exemptions of the policy",
}
PRECONDITIONS: Final = (Under.MISSING, Under.ETAG)


def _scenarios() -> Iterator[Scenario]:
    for file in sorted(HERE.glob("kvg*.py")):
        module = importlib.import_module(f"tests.scenarios.{file.stem}")
        yield module.SCENARIO
        yield from getattr(module, "TRAPS", ())


ALL: Final = tuple(_scenarios())
FIRING: Final = tuple(scenario for scenario in ALL if scenario.expect is Expect.FIRES)
REMEDIES: Final = tuple((scenario, remedy) for scenario in FIRING for remedy in scenario.remedies)


def _label(value: Scenario | Remedy) -> str:
    if isinstance(value, Remedy):
        return value.verb if value.target == "*" else f"{value.verb} {value.target}"
    return f"{value.rule} {value.name}"


@pytest.fixture
def estate() -> Iterator[Estate]:
    azure = Azure()
    with azure.connected():
        yield Estate(azure)


def _judge(estate: Estate, scenario: Scenario, guard: Guard | None = None) -> Judgement:
    guard = guard or Guard(estate.azure, scenario.policy(estate))
    judged = guard.judge(scenario.vault, scenario.history)
    assert judged is not None, f"nothing remains of {scenario.vault}"
    return judged


def _made(estate: Estate, scenario: Scenario) -> str:
    scenario.prepare(estate)
    subject = scenario.make(estate)
    estate.azure.settle()
    return subject


def _about(judged: Judgement, rule: str, subject: str) -> list[Finding]:
    key = subject.casefold()
    return [each for each in judged.assessment.findings if each.rule == rule and each.subject.key == key]


def _found(judged: Judgement, scenario: Scenario, subject: str) -> Finding:
    found = _about(judged, scenario.rule, subject)
    said = [(each.rule, each.subject.text) for each in judged.assessment.findings]
    silent = [(each.rule, str(each.unread)) for each in judged.assessment.not_evaluated if each.rule == scenario.rule]
    assert len(found) == 1, f"{scenario.rule} on {subject}; found {said}, not evaluated {silent}"
    return found[0]


def _option(finding: Finding, remedy: Remedy) -> Option:
    fitting = [option for option in finding.options if _is(option, remedy)]
    offered = [(each.change.verb, each.change.target.text) for each in finding.options]
    assert len(fitting) == 1, f"{remedy.verb} {remedy.target} among {offered}"
    return fitting[0]


def _is(option: Option, remedy: Remedy) -> bool:
    return option.change.verb == remedy.verb and fnmatchcase(option.change.target.key, remedy.target.casefold())


@pytest.mark.parametrize("scenario", ALL, ids=_label)
def test_the_rule_is_silent_before(estate: Estate, scenario: Scenario) -> None:
    scenario.prepare(estate)
    judged = _judge(estate, scenario)
    assert [each.message for each in judged.assessment.findings if each.rule == scenario.rule] == []
    assert [str(each.unread) for each in judged.assessment.not_evaluated if each.rule == scenario.rule] == []


@pytest.mark.parametrize("scenario", FIRING, ids=_label)
def test_the_rule_names_the_subject_and_nothing_unexpected_is_found(estate: Estate, scenario: Scenario) -> None:
    scenario.prepare(estate)
    before = {each.fingerprint for each in _judge(estate, scenario).assessment.findings}
    subject = scenario.make(estate)
    estate.azure.settle()
    judged = _judge(estate, scenario)
    finding = _found(judged, scenario, subject)
    assert {option.change.key for option in finding.options} == {
        _option(finding, remedy).change.key for remedy in scenario.remedies
    }, [(option.change.verb, option.change.target.text) for option in finding.options]
    allowed = {scenario.rule, *scenario.companions}
    others = [each for each in judged.assessment.findings if each.rule not in allowed]
    assert [(each.rule, each.message) for each in others if each.fingerprint not in before] == []


@pytest.mark.parametrize("scenario", [each for each in ALL if each.expect is Expect.SILENT], ids=_label)
def test_the_rule_does_not_fall_into_the_trap(estate: Estate, scenario: Scenario) -> None:
    subject = _made(estate, scenario)
    judged = _judge(estate, scenario)
    assert [each.message for each in _about(judged, scenario.rule, subject)] == []
    unknown = [each for each in judged.assessment.not_evaluated if each.rule == scenario.rule]
    assert [(each.subject.text, str(each.unread)) for each in unknown] == []


@pytest.mark.parametrize("scenario", [each for each in ALL if each.expect is Expect.NOT_EVALUATED], ids=_label)
def test_the_rule_says_that_it_cannot_know(estate: Estate, scenario: Scenario) -> None:
    subject = _made(estate, scenario)
    judged = _judge(estate, scenario)
    assert [each.message for each in _about(judged, scenario.rule, subject)] == []
    unknown = [each.subject.key for each in judged.assessment.not_evaluated if each.rule == scenario.rule]
    assert subject.casefold() in unknown


@pytest.mark.parametrize(("scenario", "remedy"), REMEDIES, ids=_label)
def test_the_remedy_is_as_free_as_said(estate: Estate, scenario: Scenario, remedy: Remedy) -> None:
    subject = _made(estate, scenario)
    judged = _judge(estate, scenario)
    option = _option(_found(judged, scenario, subject), remedy)
    assert option.applicability is remedy.applicability, [blocker.why for blocker in option.blockers]
    planned = {planned.change.key for planned in judged.plan.apply}
    assert (option.change.key in planned) is (remedy.applicability is Applicability.SAFE)


@pytest.mark.parametrize(("scenario", "remedy"), REMEDIES, ids=_label)
def test_the_remedy_sends_what_is_said_and_mends_and_can_be_taken_back(
    estate: Estate, scenario: Scenario, remedy: Remedy
) -> None:
    azure, subject = estate.azure, _made(estate, scenario)
    guard = Guard(azure, scenario.policy(estate))
    finding = _found(_judge(estate, scenario, guard), scenario, subject)
    option = _option(finding, remedy)
    change, before, mark = option.change, azure.bodies(), azure.mark()
    made = guard.carry_out(scenario.vault, finding, option)
    assert made.outcome.changed, made.outcome
    azure.settle()
    _assert_sent(azure.writes(mark), remedy.writes)
    after = azure.bodies()
    assert after != before, "nothing has changed"
    again = Guard(azure, scenario.policy(estate)).judge(scenario.vault, scenario.history)
    if again is not None:
        assert [each.message for each in _about(again, scenario.rule, subject)] == []
        unknown = [each.subject.key for each in again.assessment.not_evaluated if each.rule == scenario.rule]
        assert subject.casefold() not in unknown
    assert isinstance(change.inverse, Irreversible) is remedy.irreversible, change.inverse
    if isinstance(change.inverse, Irreversible):
        assert change.inverse.lost
        _assert_kept(estate, remedy, made, {key: body for key, body in before.items() if key not in after})
    else:
        undone = guard.apply(change.inverse)
        assert undone.changed, undone
    if not remedy.irreversible or remedy.rebuild is not None:
        assert azure.bodies() == before


def _assert_sent(writes: list[LogEntry], wanted: tuple[Write, ...]) -> None:
    sent = [(each.method, each.resource_id, each.status, _preconditions(each)) for each in writes]
    assert len(sent) == len(wanted), sent
    for entry, write in zip(writes, wanted, strict=True):
        assert entry.method == write.method, sent
        assert fnmatchcase(entry.resource_id.casefold(), write.target.casefold()), sent
        assert 200 <= entry.status < 300, sent
        assert _preconditions(entry) == ([] if write.under is Under.NOTHING else [write.under]), sent


def _preconditions(entry: LogEntry) -> list[Under]:
    sent = [under for under in PRECONDITIONS if entry.request_headers.get(under.value)]
    for under in sent:
        value = entry.request_headers[under.value]
        assert (value == "*") is (under is Under.MISSING), f"{under.value}: {value}"
    return sent


def _assert_kept(estate: Estate, remedy: Remedy, made: Made, gone: Mapping[str, Any]) -> None:
    """What an irreversible change has deleted is in the journal, exactly as it was."""
    if not gone:
        return
    kept = json.loads(made.kept)
    assert lasting(kept) == gone[kept["id"].casefold()]
    if remedy.rebuild is not None:
        remedy.rebuild(estate, kept)


def test_a_body_keeps_everything_but_what_every_write_changes() -> None:
    record = {"etag": "x", "properties": {"ttl": 60, "metadata": {"managed-by": "kvguard", "team": "dns"}}}
    assert lasting(record) == {"properties": {"ttl": 60, "metadata": {"team": "dns"}}}


def test_every_rule_has_its_scenarios() -> None:
    files = {file.stem for file in HERE.glob("kvg*.py")}
    wanted = {rule.check.__module__.rpartition(".")[2] for rule in RULES if rule.id not in WITHOUT_SCENARIO}
    assert files == wanted
    for file in files:
        module = importlib.import_module(f"tests.scenarios.{file}")
        rules = {scenario.rule for scenario in (module.SCENARIO, *getattr(module, "TRAPS", ()))}
        assert rules == {f"KVG{file[3:6]}"}, file
        assert module.SCENARIO.expect is Expect.FIRES, file
