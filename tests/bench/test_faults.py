"""The comparison under faults: its witness is the request log, and its table says what the witness says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.faults.cases import CASES, Case, Due, Event, Fault
from bench.faults.peer import PACKAGES, Function, deliver
from bench.faults.result import Result
from bench.faults.stage import GUARD, RECORD, VAULT, ZONE, Stage, Witness, stage
from bench.faults.table import BEGIN, END, Row, put_into, render
from emulator.arm.faults import Status

OUTAGE = Case("an outage", Fault(Status(503), seconds=3600))


@pytest.fixture
def outage() -> Iterator[Stage]:
    with stage(OUTAGE) as ready:
        ready.begin()
        yield ready


def ask(ready: Stage, method: str, path: str, body: dict[str, Any] | None = None, who: str = GUARD) -> int:
    """One request, of the guard if of nobody else."""
    token = ready.azure.credential(who).get_token("https://management.azure.com/.default").token
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method,
            f"{ready.azure.url}{path}?api-version=2024-01-01",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            verify=str(ready.azure.ca_path),
            timeout=10,
        )
    return answer.status_code


def test_an_event_whose_vault_was_read_during_the_outage_only_is_lost(outage: Stage) -> None:
    assert ask(outage, "GET", VAULT) == 503
    outage.recover()
    assert ask(outage, "GET", ZONE) == 200
    assert outage.end() == Witness(lost=True, calls=2, writes=())


def test_an_event_whose_vault_is_read_after_the_outage_is_not_lost(outage: Stage) -> None:
    outage.recover()
    assert ask(outage, "GET", VAULT) == 200
    assert outage.end() == Witness(lost=False, calls=1, writes=())


def test_what_somebody_else_reads_does_not_count(outage: Stage) -> None:
    outage.recover()
    assert ask(outage, "GET", VAULT, who="somebody") == 200
    assert outage.end() == Witness(lost=True, calls=0, writes=())


def test_only_writes_that_azure_carried_out_are_counted(outage: Stage) -> None:
    body = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.1.0.4"}]}}
    outage.azure.deny(GUARD, "Microsoft.Network/privateDnsZones/A/write")
    assert ask(outage, "PUT", RECORD, body) == 403
    assert ask(outage, "PATCH", VAULT, {"tags": {"a": "b"}}) == 200
    outage.recover()
    assert outage.end().writes == ("PATCH vaults",)


def test_an_event_that_asks_for_nothing_cannot_be_lost() -> None:
    with stage(Case("failed", event=Event.VAULT_WRITE_FAILED, due=Due.NOTHING)) as ready:
        ready.begin()
        assert ready.envelope()["eventType"] == "Microsoft.Resources.ResourceWriteFailure"
        assert ready.end().lost is None


def test_a_deleted_vault_is_gone_and_its_event_names_it() -> None:
    with stage(Case("deleted", event=Event.VAULT_DELETED)) as ready:
        ready.begin()
        assert ask(ready, "GET", VAULT) == 404
        assert ready.envelope()["eventType"] == "Microsoft.Resources.ResourceDeleteSuccess"
        assert ready.envelope()["data"]["resourceUri"] == VAULT


@pytest.mark.parametrize(("fails", "deliveries"), [(0, 1), (2, 3), (9, 5)])
def test_a_message_comes_again_after_a_failure_and_five_times_at_most(
    tmp_path: Path, fails: int, deliveries: int
) -> None:
    program = tmp_path / "peer.py"
    program.write_text(
        "import json, sys\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        "    count = json.loads(line)['dequeue_count']\n"
        f"    raised = 'ValueError: no' if count <= {fails} else ''\n"
        "    print(json.dumps({'seconds': 0.0, 'raised': raised, 'errors': [], 'count': count}), flush=True)\n"
    )
    function = Function([sys.executable, str(program)], {}, tmp_path / "output.log")
    try:
        calls = deliver(function, {})
    finally:
        function.close()
    assert [call["count"] for call in calls] == list(range(1, deliveries + 1))


def test_the_table_says_what_the_witness_says(tmp_path: Path) -> None:
    lost = Result("success", Witness(lost=True, calls=3, writes=()), 90.04)
    kept = Result("retry", Witness(lost=False, calls=9, writes=("PUT A", "PUT A")), 0.3)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")

    put_into(page, render([Row(OUTAGE, lost, kept)], ["a machine"]))

    lines = page.read_text(encoding="utf-8").splitlines()
    assert "| an outage | Cloud Custodian | success | **yes** | 3 | none | 90.0 |" in lines
    assert "|  | kvguard | retry | no | 9 | PUT A x2 | 0.3 |" in lines
    assert (lines[0], lines[-1], "old" in lines) == ("before", "after", False)


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        put_into(page, "a table")
    assert page.read_text(encoding="utf-8") == "nothing here"


def test_cases_are_told_apart_and_the_packages_are_pinned() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert all("==" in package for package in PACKAGES)
