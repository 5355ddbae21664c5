"""What a name resolves to beside what it should: the verdict for each network."""

from __future__ import annotations

import pytest

from shared.engine.resolution import networks_of, resolution
from tests.builders import Given, healthy, network_id, peering


def verdict(given: Given, network: str = "vnet-1") -> bool | None:
    return resolution(given.snapshot, network_id(network)).agrees


def test_the_healthy_answer_is_right_with_its_chain() -> None:
    found = resolution(healthy().snapshot, network_id())
    assert (found.agrees, found.right, found.asked) == (True, ("10.1.0.4",), (network_id(),))
    assert found.answer.chain[0].startswith("contoso.vault.azure.net is an alias for ")


@pytest.mark.parametrize(
    ("given", "agrees"),
    [
        (healthy().no_record(), False),
        (healthy().record("10.1.0.99"), False),
        (healthy().record("10.1.0.4", "10.1.0.99"), False),
        (healthy().no_links(), False),
        (healthy().no_connections(), True),
        (healthy().zones_unread(), None),
        (healthy().endpoint_unread(), None),
        (healthy().network_unread(), None),
        (healthy().record_unread(), None),
    ],
)
def test_each_departure_is_seen(given: Given, agrees: bool | None) -> None:
    assert verdict(given) is agrees


def test_a_network_without_a_way_to_an_endpoint() -> None:
    alone = healthy().network("vnet-9")
    assert verdict(alone, "vnet-9") is True
    assert verdict(alone.link("vnet-9"), "vnet-9") is False
    assert verdict(alone.network("vnet-9", peerings=(peering("vnet-hub"),)).link("vnet-9"), "vnet-9") is None
    assert verdict(alone.link("vnet-9").no_record(), "vnet-9") is False


def test_the_networks_that_matter_are_those_of_endpoints_and_of_links() -> None:
    given = healthy().link("vnet-0").second_endpoint()
    assert networks_of(given.snapshot) == (network_id("vnet-1"), network_id("vnet-2"), network_id("vnet-0"))
