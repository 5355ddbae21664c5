"""The snapshot: what is reached, what is known, what is still moving."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.network import Network, PeeringState
from shared.domain.reading import Unread, is_terminal, is_transient
from shared.domain.vault import Connection, ConnectionStatus
from tests.builders import (
    FORBIDDEN,
    Given,
    connection_id,
    endpoint_id,
    group_of,
    healthy,
    network_id,
    peering,
    zone_id,
)

ONE, TWO, THREE = network_id("vnet-1"), network_id("vnet-2"), network_id("vnet-3")


def _peered(state: PeeringState = PeeringState.CONNECTED) -> Given:
    given = healthy().network(peerings=(peering("vnet-2", state),))
    return given.network("vnet-2", peerings=(peering("vnet-1", state), peering("vnet-3", state)))


def test_a_network_reaches_itself_and_its_connected_peers_only() -> None:
    snapshot = _peered().network("vnet-3", peerings=(peering("vnet-2"),)).snapshot
    assert snapshot.reaches(ONE, ONE) is True
    assert snapshot.reaches(ONE, TWO) is snapshot.reaches(TWO, ONE) is True
    assert snapshot.reaches(ONE, THREE) is snapshot.reaches(THREE, ONE) is False


@pytest.mark.parametrize("state", [PeeringState.INITIATED, PeeringState.DISCONNECTED, PeeringState.UNKNOWN])
def test_a_peering_that_is_not_connected_carries_nothing(state: PeeringState) -> None:
    assert _peered(state).snapshot.reaches(ONE, TWO) is False


def test_one_readable_side_of_a_peering_is_enough() -> None:
    assert _peered().network_unread("vnet-2").snapshot.reaches(ONE, TWO) is True
    assert _peered().network_unread("vnet-1").snapshot.reaches(ONE, TWO) is True


@pytest.mark.parametrize("side", ["vnet-1", "vnet-2"])
def test_where_a_side_of_a_peering_does_not_allow_access_it_is_not_known(side: str) -> None:
    other = {"vnet-1": "vnet-2", "vnet-2": "vnet-1"}[side]
    shut = replace(peering(other), access=False)
    snapshot = _peered().network(side, peerings=(shut,)).snapshot
    assert isinstance(snapshot.reaches(ONE, TWO), Unread)
    assert isinstance(snapshot.reaches(TWO, ONE), Unread)
    denied = _peered(PeeringState.DISCONNECTED).network(side, peerings=(shut,)).snapshot
    assert denied.reaches(ONE, TWO) is False, "the other side denies it"


def test_between_two_unread_networks_nothing_is_known() -> None:
    assert isinstance(healthy().snapshot.reaches(TWO, THREE), Unread)


@pytest.mark.parametrize(
    ("prefixes", "address", "inside"),
    [
        (("10.1.0.0/16",), "10.1.255.255", True),
        (("10.1.0.0/16",), "10.2.0.0", False),
        (("10.9.0.0/16", "10.1.0.0/16"), "10.1.0.4", True),
        (("10.1.0.1/16",), "10.1.0.4", True),
        (("fd00::/8",), "10.1.0.4", False),
        (("nonsense",), "10.1.0.4", False),
        (("10.1.0.0/16",), "nonsense", False),
    ],
)
def test_whether_an_address_lies_in_a_network(prefixes: tuple[str, ...], address: str, inside: bool) -> None:
    assert Network(ONE, prefixes).contains(address) is inside


@pytest.mark.parametrize(
    ("status", "state", "effective", "alias"),
    [
        (ConnectionStatus.APPROVED, "Succeeded", True, True),
        (ConnectionStatus.APPROVED, "SUCCEEDED", True, True),
        (ConnectionStatus.APPROVED, "Failed", False, True),
        (ConnectionStatus.APPROVED, "", False, True),
        (ConnectionStatus.PENDING, "Succeeded", False, False),
        (ConnectionStatus.UNKNOWN, "Succeeded", False, False),
    ],
)
def test_effective_is_approved_and_succeeded_while_approved_alone_gives_the_alias(
    status: ConnectionStatus, state: str, effective: bool, alias: bool
) -> None:
    vault = healthy().connection(status=status, state=state).snapshot.vault
    assert (vault.effective_connections != ()) is effective
    assert vault.has_alias is alias
    assert Connection(connection_id(), status, state, None).effective is effective


def test_effective_addresses_are_unread_as_soon_as_one_is() -> None:
    both = healthy().second_endpoint()
    assert both.snapshot.effective_addresses() == frozenset({"10.1.0.4", "10.2.0.4"})
    assert both.endpoint("pe-2", addresses=FORBIDDEN).snapshot.effective_addresses() is FORBIDDEN
    assert both.endpoint_unread("pe-2").snapshot.effective_addresses() is FORBIDDEN
    assert isinstance(both.endpoint_gone("pe-2").snapshot.effective_addresses(), Unread)


def test_what_was_never_asked_for_is_unread_and_not_absent() -> None:
    snapshot = healthy().snapshot
    assert isinstance(snapshot.network(THREE), Unread)
    asked = Connection(connection_id("c-2"), ConnectionStatus.APPROVED, "Succeeded", endpoint_id("pe-9"))
    assert isinstance(snapshot.endpoint_of(asked), Unread)


def test_a_name_is_absent_only_in_a_zone_that_was_read_completely() -> None:
    zone = healthy().snapshot.zones[0]
    assert zone.lookup("CONTOSO") is zone.records["contoso"]
    assert zone.lookup("other") is None
    assert isinstance(healthy().zone(complete=False).snapshot.zones[0].lookup("other"), Unread)


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "RegisteringDns", "InProgress"])
def test_a_transient_state_is_not_quiet(state: str) -> None:
    assert is_transient(state)
    assert not is_terminal(state)
    assert healthy().snapshot.quiet
    assert not healthy().vault(provisioning_state=state).snapshot.quiet
    assert not healthy().connection(state=state).snapshot.quiet
    assert not healthy().endpoint(provisioning_state=state.upper()).snapshot.quiet
    group = group_of(endpoint_id(), zone_id())
    moving = type(group)(group.id, group.zones, state)
    assert not healthy().endpoint(zone_groups=(moving,)).snapshot.quiet


def test_a_link_that_is_not_completed_is_not_quiet_where_an_endpoint_is() -> None:
    assert not healthy().link(completed=False).snapshot.quiet
    assert healthy().link("vnet-9", completed=False).snapshot.quiet


def test_an_unknown_state_is_neither_final_nor_moving() -> None:
    assert not is_terminal("Quiescing")
    assert not is_transient("Quiescing")
    assert not is_terminal("")
