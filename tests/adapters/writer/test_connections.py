"""Private endpoint connections: read again right before, compared, the smallest object sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emulator.arm.faults import Delay, Status
from shared.domain.arm_id import ArmId
from shared.domain.change import ApproveConnection, DeleteConnection, RejectConnection
from shared.domain.plan import OutcomeKind
from shared.domain.vault import Connection, ConnectionStatus
from tests.adapters.writer.conftest import Bench
from tests.emulator.arm.estate import ENDPOINT, VAULT


def connection(bench: Bench, status: ConnectionStatus) -> Connection:
    """The vault's only connection, as a reader saw it in ``status``."""
    (nested,) = bench.get(VAULT)["properties"]["privateEndpointConnections"]
    return Connection(ArmId.parse(nested["id"]), status, "Succeeded", ArmId.parse(ENDPOINT.lower()))


def rejected(bench: Bench) -> Connection:
    bench.estate.endpoint(manual=True)
    found = connection(bench, ConnectionStatus.REJECTED)
    state = {"privateLinkServiceConnectionState": {"status": "Rejected"}}
    bench.estate.put(str(found.id), {"properties": state})
    return found


def test_a_dead_connection_is_deleted_after_a_second_look(bench: Bench) -> None:
    dead = rejected(bench)
    whole = bench.get(str(dead.id))

    outcome = bench.apply(DeleteConnection(dead))

    assert outcome.kind is OutcomeKind.ACCEPTED
    assert json.loads(outcome.kept) == whole
    assert [entry.method for entry in bench.azure.log.since()] == ["GET", "DELETE"]
    assert "privateEndpointConnections" not in bench.get(VAULT)["properties"]


def test_deleting_a_connection_that_is_gone_is_already_true(bench: Bench) -> None:
    dead = rejected(bench)
    bench.estate.delete(str(dead.id))

    outcome = bench.apply(DeleteConnection(dead))

    assert (outcome.kind, bench.writes) == (OutcomeKind.ALREADY_TRUE, [])


def test_a_connection_that_was_approved_meanwhile_is_not_deleted(bench: Bench) -> None:
    dead = rejected(bench)
    bench.estate.put(str(dead.id), {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}})

    outcome = bench.apply(DeleteConnection(dead))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])
    assert "approved" in outcome.detail


def test_a_connection_of_another_endpoint_is_not_deleted(bench: Bench) -> None:
    dead = replace(rejected(bench), endpoint=ArmId.parse(ENDPOINT + "-other"))

    outcome = bench.apply(DeleteConnection(dead))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])


@pytest.mark.parametrize("state", ["Updating", "Deleting", "Stranding", None])
def test_nothing_is_deleted_before_its_state_is_final(bench: Bench, state: str | None) -> None:
    dead = rejected(bench)
    properties = {
        "provisioningState": state,
        "privateEndpoint": {"id": ENDPOINT},
        "privateLinkServiceConnectionState": {"status": "Rejected"},
    }
    bench.azure.faults.add("GET", "/privateEndpointConnections/", Status(200, {"properties": properties}))

    outcome = bench.apply(DeleteConnection(dead))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])


@pytest.mark.parametrize(
    ("verb", "status"), [(ApproveConnection, "Approved"), (RejectConnection, "Rejected")], ids=["approve", "reject"]
)
def test_a_pending_connection_is_decided_with_the_smallest_body(
    bench: Bench, verb: type[ApproveConnection | RejectConnection], status: str
) -> None:
    bench.estate.endpoint(manual=True)

    outcome = bench.apply(verb(connection(bench, ConnectionStatus.PENDING)))

    assert outcome.kind is OutcomeKind.ACCEPTED
    (write,) = bench.writes
    assert write.body == {"properties": {"privateLinkServiceConnectionState": {"status": status}}}
    assert len(bench.reads) == 1, "the operation is not polled"
    (nested,) = bench.get(VAULT)["properties"]["privateEndpointConnections"]
    assert nested["properties"]["privateLinkServiceConnectionState"]["status"] == status


def test_a_connection_that_is_no_longer_pending_is_not_approved(bench: Bench) -> None:
    seen = replace(rejected(bench), status=ConnectionStatus.PENDING)

    outcome = bench.apply(ApproveConnection(seen))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])


def test_what_was_approved_by_somebody_else_is_already_true(bench: Bench) -> None:
    bench.estate.endpoint()

    outcome = bench.apply(ApproveConnection(connection(bench, ConnectionStatus.PENDING)))

    assert (outcome.kind, bench.writes) == (OutcomeKind.ALREADY_TRUE, [])


def test_a_connection_that_is_gone_cannot_be_rejected(bench: Bench) -> None:
    dead = rejected(bench)
    bench.estate.delete(str(dead.id))

    outcome = bench.apply(RejectConnection(replace(dead, status=ConnectionStatus.PENDING)))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])


def test_a_state_that_took_more_than_two_seconds_to_read_is_not_written_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.adapters.arm_attempt.FRESH_SECONDS", 0.1)
    dead = rejected(bench)
    bench.azure.faults.add("GET", "/privateEndpointConnections/", Delay(0.2))

    outcome = bench.apply(DeleteConnection(dead))

    assert (outcome.kind, outcome.retry, bench.writes) == (OutcomeKind.FAILED, True, [])


def _approved(bench: Bench, state: str) -> Connection:
    """An Approved connection whose provisioning ended so, as the vault answers it."""
    bench.estate.endpoint()
    found = replace(connection(bench, ConnectionStatus.APPROVED), provisioning_state=state)
    bench.azure.faults.add(
        "GET",
        rf"/privateEndpointConnections/{found.id.name}\?",
        Status(
            200,
            {
                "id": str(found.id),
                "properties": {
                    "provisioningState": state,
                    "privateEndpoint": {"id": str(found.endpoint)},
                    "privateLinkServiceConnectionState": {"status": "Approved"},
                },
            },
        ),
    )
    return found


@pytest.mark.parametrize("state", ["Failed", "Canceled", "Error"])
def test_an_approval_that_came_to_nothing_is_sent_again(bench: Bench, state: str) -> None:
    outcome = bench.apply(ApproveConnection(_approved(bench, state)))

    assert outcome.kind is OutcomeKind.ACCEPTED
    assert len(bench.writes) == 1


@pytest.mark.parametrize("state", ["Succeeded", "Disconnected", ""])
def test_an_approval_that_stands_or_was_cut_is_not_sent_again(bench: Bench, state: str) -> None:
    outcome = bench.apply(ApproveConnection(_approved(bench, state)))

    assert (outcome.kind, bench.writes) == (OutcomeKind.ALREADY_TRUE, [])
