"""What a zone remembers about its links and records is what reading them one by one gives."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.reading import Unread
from shared.domain.zone import Links, ResolutionPolicy, Zone, ZoneLink
from tests.builders import FORBIDDEN, link_to, network_id, record_set, zone_id

REDIRECT = ResolutionPolicy.NXDOMAIN_REDIRECT
LINKS = (
    link_to(network_id("vnet-2")),
    link_to(network_id("vnet-1"), resolution_policy=REDIRECT),
    link_to(network_id("VNET-2"), completed=False),
)


def linked(*links: ZoneLink) -> Zone:
    return replace(Zone(zone_id(), ()), links=links)


def test_links_are_found_by_network_in_any_casing_the_first_one_first() -> None:
    zone = linked(*LINKS)

    assert zone.links_to(network_id("Vnet-2")) == (LINKS[0], LINKS[2])
    assert zone.link_of(network_id("VNET-1")) == LINKS[1]
    assert zone.link_of(network_id("vnet-3")) is None
    assert Zone(zone_id(), FORBIDDEN).links_to(network_id("vnet-1")) == ()


def test_links_of_another_policy_and_those_that_register() -> None:
    registering = replace(LINKS[0], registration_enabled=True)
    zone = linked(registering, *LINKS[1:])

    assert zone.links_but(ResolutionPolicy.DEFAULT) == (LINKS[1],)
    assert {link.id for link in zone.links_but(REDIRECT)} == {LINKS[0].id}
    assert zone.registering_links == (registering,)
    assert Zone(zone_id(), FORBIDDEN).links_but(REDIRECT) == ()


def test_one_more_link_is_in_every_index_and_the_old_ones_stay_as_they_were() -> None:
    before = linked(*LINKS[:2]).links
    assert isinstance(before, Links)
    assert not before.by_network.get(network_id("vnet-9").key)
    more = link_to(network_id("vnet-9"), resolution_policy=REDIRECT)
    after = linked(*before.plus(LINKS[2]).plus(more))
    grown = replace(after, links=before.plus(LINKS[2]).plus(more))

    assert grown == after
    for name in ("vnet-1", "vnet-2", "vnet-9", "vnet-3"):
        assert grown.links_to(network_id(name)) == after.links_to(network_id(name))
    assert grown.links_but(ResolutionPolicy.DEFAULT) == (LINKS[1], more)
    assert tuple(before) == LINKS[:2]
    assert before.by_network[network_id("vnet-2").key] == (LINKS[0],)


def test_in_order_the_links_are_sorted_and_the_later_of_two_of_one_id_stands() -> None:
    later = replace(LINKS[0], provisioning_state="Updating")
    links = linked(LINKS[0], LINKS[1], later).links

    assert isinstance(links, Links)
    assert tuple(links.in_order) == (LINKS[1], later)
    assert links.in_order is links.in_order
    assert links.in_order.in_order is links.in_order


def test_names_that_continue_another_one_with_a_dot() -> None:
    names = ("contoso", "contoso.vault", "contoso.a.b", "contoso2.vault", "other")
    zone = Zone(zone_id(), (), records={name: record_set("10.1.0.4", name=name) for name in names})

    assert zone.names_below("Contoso") == ("contoso.a.b", "contoso.vault")
    assert zone.names_below("other") == ()
    assert zone.with_record("other.x", None).names_below("other") == ("other.x",)
    assert not isinstance(zone.links, Unread)
