"""What an irreversible change has deleted can be made again from the body that the journal gives back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import Change, DeleteConnection, DeleteEndpoint, DeleteZoneGroup, Irreversible
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.finding import Finding, Option
from shared.domain.grades import Applicability, Severity
from shared.domain.history import History
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import ConnectionStatus
from tests.scenarios.azure import Azure
from tests.scenarios.estate import ENDPOINT, GROUP, GROUP_NAME, NAME, RECORD, SUBNET, VAULT, Estate
from tests.scenarios.guard import Guard

SECOND = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-second"
# What Azure names itself: a new interface and a new connection have new names.
_OWN_NAMES = re.compile(r"\.nic\.[0-9a-f-]{36}|privateendpointconnections/[^\"/]+", re.IGNORECASE)
_OWN_NUMBER = re.compile(r"\"resourceGuid\": \"[0-9a-f-]{36}\"")


@pytest.fixture
def estate() -> Iterator[Estate]:
    azure = Azure()
    with azure.connected():
        yield Estate(azure)


def _seen(estate: Estate) -> VaultSnapshot:
    judged = Guard(estate.azure, estate.policy()).judge(VAULT, lambda _: History())
    assert judged is not None
    return judged.snapshot


def _endpoint(estate: Estate, path: str) -> PrivateEndpoint:
    found = _seen(estate).endpoints[ArmId.parse(path)]
    assert isinstance(found, PrivateEndpoint)
    return found


def _deleted(estate: Estate, change: Change) -> Any:
    """Make the change between its two rows of the journal; the body that is read back from there."""
    option = Option(change, "0" * 64, Applicability.APPROVAL)
    vault = ArmId.parse(VAULT)
    finding = Finding(
        "KVG207", "stranded-endpoint", Severity.LOW, vault, change.target, "a test", {}, "f", "", (option,)
    )
    made = Guard(estate.azure, estate.policy()).carry_out(VAULT, finding, option)
    assert made.outcome.changed, made.outcome
    estate.azure.settle()
    return json.loads(made.kept)


def _shape(bodies: Mapping[str, Any], path: str) -> Any:
    """The body of a resource without the names that Azure gives anew."""
    text = json.dumps(bodies[path.casefold()])
    return json.loads(_OWN_NUMBER.sub('"resourceGuid": ""', _OWN_NAMES.sub("<own name>", text)))


def test_a_zone_group_comes_back_with_the_record_that_it_wrote(estate: Estate) -> None:
    estate.with_zone_group()
    before = estate.azure.bodies()
    groups = _endpoint(estate, ENDPOINT).zone_groups
    assert isinstance(groups, tuple)
    kept = _deleted(estate, DeleteZoneGroup(groups[0]))
    assert RECORD.casefold() not in estate.azure.bodies()
    endpoint, name = ArmId.parse(ENDPOINT).name, groups[0].id.name
    estate.sdk.network.private_dns_zone_groups.begin_create_or_update(GROUP_NAME, endpoint, name, kept).result()
    assert estate.azure.bodies() == before


@pytest.mark.parametrize("address", ["", "10.1.0.40"], ids=["dynamic address", "static address"])
def test_an_endpoint_comes_back_as_it_was_but_for_its_interface(estate: Estate, address: str) -> None:
    estate.usual()
    estate.endpoint(SECOND, VAULT, SUBNET, address=address)
    before = estate.azure.bodies()
    connection = ArmId.parse(estate.connection(SECOND)).name
    estate.sdk.keyvault.private_endpoint_connections.begin_delete(GROUP_NAME, NAME, connection).result()
    change = DeleteEndpoint(_endpoint(estate, SECOND))
    assert isinstance(change.inverse, Irreversible)
    kept = _deleted(estate, change)
    assert SECOND.casefold() not in estate.azure.bodies()
    estate.sdk.network.private_endpoints.begin_create_or_update(GROUP_NAME, "pe-second", kept).result()
    after = estate.azure.bodies()
    assert _shape(after, SECOND) == _shape(before, SECOND)
    assert after.keys() - before.keys() == {path for path in after if path not in before and _OWN_NAMES.search(path)}


def test_a_deleted_connection_says_whose_it_was_and_in_which_state(estate: Estate) -> None:
    """It cannot be made again from the vault's side: the consumer has to connect anew."""
    estate.usual()
    estate.endpoint(SECOND, VAULT, SUBNET, manual=True)
    connection = next(each for each in _seen(estate).vault.connections if each.endpoint == ArmId.parse(SECOND))
    assert connection.status is ConnectionStatus.PENDING
    before = estate.azure.bodies()[connection.id.key]
    kept = _deleted(estate, DeleteConnection(connection))
    assert connection.id.key not in estate.azure.bodies()
    assert kept["properties"] == before["properties"]
    assert kept["properties"]["privateEndpoint"]["id"].casefold() == SECOND.casefold()
