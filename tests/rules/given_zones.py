"""Zones and what stands between a network and them: builders for the tests of zones, links and rulesets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from shared.domain.arm_id import ZONE, ArmId
from shared.domain.grades import Writer
from shared.domain.history import History
from shared.domain.network import ForwardingRule
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import StrayZone, ZoneLink
from tests.builders import NOW, PRIVATE_ZONE, Given, healthy, network_id, peering, zone_id

OTHER_SUBSCRIPTION: Final = "00000000-0000-0000-0000-00000000000b"
HUB: Final = ArmId.of(OTHER_SUBSCRIPTION, "rg-hub", ZONE, PRIVATE_ZONE)
SECOND: Final = zone_id(group="rg-dns-2")
APEX: Final = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")
HOST: Final = zone_id("vault.azure.net", "rg-host")
OWN_HOST: Final = zone_id("contoso.vault.azure.net", "rg-host")
PARENT: Final = zone_id("vaultcore.azure.net", "rg-parent")
MISNAMED: Final = zone_id("privatelink.vault.azure.net", "rg-misnamed")
NO_RECORDS: Final = Unread(UnreadReason.DEFERRED, "A records", Part.ZONE_RECORDS)


def with_strays(given: Given, *zones: ArmId, links: int = 1, records: int = 2) -> Given:
    """Zones in the places that were read whose names only look like the right one."""
    strays = tuple(StrayZone(zone, links, records) for zone in zones)
    return given.at(replace(given.snapshot, strays=(*given.snapshot.strays, *strays)))


def declared_complete(given: Given) -> Given:
    """Policy names no zone and says that its list of zone subscriptions is complete."""
    return given.policy_with(zones=(), zone_subscriptions_complete=True)


def hub_zone(given: Given, **options: Any) -> Given:
    """Policy designates a zone in the hub's subscription instead."""
    return given.writer(None).writer(Writer.KVGUARD, HUB, **options)


def relink(given: Given, zone: ArmId | None = None, network: str = "vnet-1", **changes: Any) -> Given:
    """Change members of a zone's link to a network."""
    known = given.snapshot.zone(zone or zone_id())
    assert known is not None
    assert isinstance(known.links, tuple)
    wanted = network_id(network)
    links = tuple(replace(link, **changes) if link.network == wanted else link for link in known.links)
    return given.zone(zone, links=links)


def link_of(snapshot: VaultSnapshot, network: str = "vnet-1", zone: ArmId | None = None) -> ZoneLink:
    """The link of a zone to a network."""
    known = snapshot.zone(zone or zone_id())
    assert known is not None
    link = known.link_of(network_id(network))
    assert link is not None
    return link


def moving_for(given: Given, age: timedelta, network: str = "vnet-1") -> Given:
    """The ledger has seen the link to a network unfinished for ``age``."""
    history = given.snapshot.history
    assert isinstance(history, History)
    since = MappingProxyType({link_of(given.snapshot, network).id: NOW - age})
    return given.at(replace(given.snapshot, history=replace(history, links_moving_since=since)))


def peered(given: Given, *others: str) -> Given:
    """``vnet-1`` and other networks as Connected peers."""
    for other in others:
        given = given.network(other, peerings=(peering("vnet-1"),))
    return given.network(peerings=tuple(peering(other) for other in others))


def diverted(given: Given, domain: str = "vault.azure.net.", target: str = "10.2.0.10") -> Given:
    """``vnet-1`` sends a domain to a server in its peer ``vnet-2``."""
    return peered(given, "vnet-2").network(forwarding=(ForwardingRule(domain, (target,)),))


def hub_and_spokes() -> Given:
    """The endpoint is in spoke ``vnet-1``, which asks the resolver in hub ``vnet-2``; the zone is linked to the hub."""
    spoke = peered(healthy().no_links(), "vnet-2").network(dns_servers=("10.2.0.10",))
    return spoke.link("vnet-2")


def shouted(given: Given, zone: ArmId | None = None) -> Given:
    """A zone, its links and their networks in another casing, as ARM sometimes gives them back."""
    known = given.snapshot.zone(zone or zone_id())
    assert known is not None
    links = known.links
    if isinstance(links, tuple):
        links = tuple(
            replace(link, id=ArmId.parse(link.id.text.upper()), network=ArmId.parse(link.network.text.upper()))
            for link in links
        )
    made = replace(known, id=ArmId.parse(known.id.text.upper()), links=links)
    kept = tuple(other for other in given.snapshot.zones if other.id != known.id)
    return given.at(replace(given.snapshot, zones=(*kept, made)))


def silent(given: Given, rule: Rule) -> bool:
    """Whether a rule finds nothing and misses nothing."""
    return list(rule.check(given.case())) == []
