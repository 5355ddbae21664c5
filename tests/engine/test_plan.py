"""The plan: a closure over simulated changes, with what must be there first."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.grades import Mode
from shared.domain.plan import ChangePlan
from shared.domain.rule import Violation
from shared.domain.vault import ConnectionStatus
from shared.engine.plan import plan
from shared.rules.kvg202_dead_connection import RULE as KVG202
from tests.builders import (
    OURS,
    Given,
    connection_id,
    dead,
    endpoint_id,
    healthy,
    missing_record,
    neighbour,
    unlinked,
    wrong_record,
)


def _verbs(given: Given) -> list[str]:
    return [step.change.verb for step in given.plan().apply]


def _with_dead_connection(given: Given) -> Given:
    given = given.connection("c-dead", ConnectionStatus.REJECTED, endpoint=endpoint_id("pe-dead"))
    return given.endpoint_gone("pe-dead").sighting("c-dead")


def test_a_healthy_vault_has_an_empty_plan() -> None:
    assert healthy().plan() == ChangePlan()


def test_the_record_comes_first_and_the_link_waits_for_it() -> None:
    record, link = unlinked().no_record().plan().apply
    assert (record.change.verb, link.change.verb) == ("create-record", "create-link")
    assert (record.after, link.after) == ((), (record.change.key,))


def test_a_link_does_not_wait_for_what_it_does_not_need() -> None:
    """A lock on a dead connection must not keep the network from being linked."""
    steps = {step.change.verb: step for step in _with_dead_connection(unlinked().no_record()).plan().apply}
    assert set(steps) == {"delete-connection", "create-record", "create-link"}
    assert steps["create-link"].after == (steps["create-record"].change.key,)
    assert steps["create-record"].after == steps["delete-connection"].after == ()


def test_a_link_with_the_record_in_place_waits_for_nothing() -> None:
    [link] = unlinked().plan().apply
    assert link.after == ()


def test_a_ttl_that_a_wrong_address_hid_is_mended_after_the_address() -> None:
    given = wrong_record().record("10.1.0.99", ttl=3600, metadata=OURS).written("10.1.0.99", ttl=3600)
    address, ttl = given.plan().apply
    assert (address.finding.rule, ttl.finding.rule) == ("KVG412", "KVG413")
    assert ttl.after == (address.change.key,)


def test_a_question_stays_a_question_and_what_depends_on_it_too() -> None:
    given = unlinked().no_record().mode("KVG411", Mode.APPROVE)
    found = given.plan()
    assert found.apply == ()
    assert [finding.rule for finding in found.ask] == ["KVG403", "KVG411"]


def test_what_remains_after_the_plan_is_asked_or_explained() -> None:
    given = _with_dead_connection(healthy()).connection("c-new", ConnectionStatus.PENDING, endpoint=endpoint_id("pe-n"))
    given = given.mode("KVG411", Mode.AUDIT).no_record()
    found = given.plan()
    assert [step.finding.rule for step in found.apply] == ["KVG202"]
    assert [finding.subject for finding in found.ask] == [connection_id("c-new")]
    assert [finding.rule for finding in found.explain] == ["KVG411"]


def test_a_link_that_would_harm_a_neighbour_is_asked() -> None:
    found = unlinked().neighbours(neighbour("other")).plan()
    assert found.apply == ()
    assert [finding.rule for finding in found.ask] == ["KVG403"]


def test_every_dead_connection_of_a_full_vault_is_planned() -> None:
    """A vault has at most 64 private endpoint connections, which is also the most a plan holds."""
    given = healthy()
    for number in range(63):
        name = f"c-dead-{number}"
        given = given.connection(name, ConnectionStatus.REJECTED, endpoint=endpoint_id(f"pe-dead-{number}"))
        given = given.endpoint_gone(f"pe-dead-{number}").sighting(name)
    assert _verbs(given) == ["delete-connection"] * 63
    assert given.plan().ask == ()


def test_the_plan_ends_even_when_a_change_does_not_mend_its_finding() -> None:
    """A rule that finds the same again after its own repair: the repair is planned once."""
    given = dead()
    [violation] = [result for result in KVG202.check(given.case()) if isinstance(result, Violation)]
    stubborn = replace(KVG202, check=lambda case: [violation])
    assert _keys(plan(given.snapshot, given.policy, (stubborn,))) == [violation.proposals[0].change.key]


def _keys(found: ChangePlan) -> list[str]:
    return [step.change.key for step in found.apply]


def test_the_plans_of_equal_input_are_equal() -> None:
    assert dead().plan() == dead().plan()
    assert missing_record().plan() == missing_record().plan()
