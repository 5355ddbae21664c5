"""Which private DNS zones matter to a vault, with their links and the vault's own records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from shared.adapters.arm_crew import Crew, Started
from shared.adapters.arm_parts import Parts, Records, ZoneSearch
from shared.domain.arm_id import ArmId
from shared.domain.clouds import Cloud
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import RecordSet, StrayZone, Zone, ZoneLink, looks_like_vault_zone

# Private DNS answers 100 record sets per page: a zone that holds no more is listed with the one call that a single
# record takes. https://learn.microsoft.com/rest/api/dns/privatedns/record-sets/list
_ONE_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class ZonesRead:
    """The zones that were found, those that only look like them, and why there may be others."""

    zones: tuple[Zone, ...]
    unread: tuple[Unread, ...]
    strays: tuple[StrayZone, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pending:
    """A zone whose links and records are on their way."""

    zone: Zone
    links: Started[tuple[ZoneLink, ...] | Gone | Unread]
    named: tuple[tuple[str, Started[RecordSet | Gone | Unread | None]], ...]
    every: Started[Records | Gone | Unread] | None


def subscriptions_with_zones(policy: Policy, watched: Iterable[str]) -> tuple[str, ...]:
    """Where zones are looked for: the watched subscriptions and those that policy names, in lower case."""
    places = (*watched, *policy.zone_subscriptions, *(zone.id.subscription for zone in policy.zones))
    return tuple(sorted({place.lower() for place in places}))


class ZoneReading:
    """The zones of one snapshot: searched for, then their links and records started, then collected."""

    def __init__(self, parts: Parts, crew: Crew, cloud: Cloud, policy: Policy) -> None:
        self._parts = parts
        self._crew = crew
        self._cloud = cloud
        self._policy = policy

    def search(self, subscriptions: Iterable[str]) -> tuple[ZoneSearch, ...]:
        """Look for zones in all places at once."""
        started = [self._crew.start(partial(self._parts.zones, name, self._designated(name))) for name in subscriptions]
        return tuple(
            ZoneSearch((), found) if isinstance(found, Unread) else found
            for found in (search.result() for search in started)
        )

    def _designated(self, subscription: str) -> tuple[ArmId, ...]:
        return tuple(zone.id for zone in self._policy.zones if zone.id.subscription.lower() == subscription)

    def start(self, searches: Iterable[ZoneSearch], vault: str, *, whole: bool) -> list[_Pending]:
        """Start reading the links and records of the zones that can answer for the vault's names.

        With ``whole`` all A records of the zones that carry the vault zone's name are read, not only the vault's.
        """
        started: list[_Pending] = []
        for search in searches:
            for zone in search.zones:
                relative = relative_names(self._cloud, vault, zone.name)
                if relative:
                    few = search.just_read and zone.record_count <= _ONE_PAGE
                    listed = zone.name == self._cloud.private_zone and (whole or few)
                    started.append(self._begin(zone, relative, listed=listed))
        return started

    def _begin(self, zone: Zone, relative: tuple[str, ...], *, listed: bool) -> _Pending:
        links = self._crew.start(partial(self._parts.links, zone.id))
        if listed:
            return _Pending(zone, links, (), self._crew.start(partial(self._parts.records, zone.id)))
        named = tuple((name, self._crew.start(partial(self._parts.record, zone.id, name))) for name in relative)
        return _Pending(zone, links, named, None)

    def collect(self, searches: Iterable[ZoneSearch], started: Iterable[_Pending], vault: str) -> ZonesRead:
        """Wait for what was started. A zone that has been deleted meanwhile is left out."""
        zones = (_finish(pending) for pending in started)
        found = tuple(sorted((zone for zone in zones if zone is not None), key=lambda zone: zone.id))
        strays = {
            zone.id: StrayZone(zone.id, zone.link_count, zone.record_count)
            for search in searches
            for zone in search.zones
            if looks_like_vault_zone(zone.name, self._cloud) and not relative_names(self._cloud, vault, zone.name)
        }
        unread = tuple(search.unread for search in searches if search.unread is not None)
        return ZonesRead(found, unread, tuple(strays[key] for key in sorted(strays)))


def with_records(zone: Zone, records: Records | Gone | Unread) -> Zone | None:
    """The zone with all its A records, or with the reason why they are not known; None when it does not exist."""
    if isinstance(records, Gone):
        return None
    if isinstance(records, Unread):
        return replace(zone, records_unread=records)
    return replace(zone, records=records, complete=True)


def covers(zone_name: str, name: str) -> bool:
    """Whether a zone answers for a name: it has that name or is a parent of it."""
    return name == zone_name or name.endswith("." + zone_name)


def relative_names(cloud: Cloud, vault: str, zone_name: str) -> tuple[str, ...]:
    """The names of a vault as a zone has them; none when the zone answers for none of them."""
    names = (cloud.vault_host(vault), cloud.alias_host(vault))
    return tuple(dict.fromkeys(_relative(name, zone_name) for name in names if covers(zone_name, name)))


def read_cnames(parts: Parts, crew: Crew, snapshot: VaultSnapshot) -> Callable[[tuple[Zone, ...]], tuple[Zone, ...]]:
    """Start reading the CNAMEs of the vault's names that have no A record; what puts them into the zones.

    The apex of a zone cannot have one. https://learn.microsoft.com/azure/dns/dns-zones-records
    """
    started: dict[ArmId, dict[str, Started[str | Unread | None]]] = {}
    for zone in snapshot.zones:
        names = relative_names(snapshot.cloud, snapshot.vault.name, zone.name)
        bare = [name for name in names if not isinstance(zone.lookup(name), RecordSet)]
        started[zone.id] = {name: crew.start(partial(parts.cname, zone.id, name)) for name in bare if name != "@"}

    def put(zones: tuple[Zone, ...]) -> tuple[Zone, ...]:
        return tuple(_with_cnames(zone, started.get(zone.id, {})) for zone in zones)

    return put


def _with_cnames(zone: Zone, started: Mapping[str, Started[str | Unread | None]]) -> Zone:
    known: dict[str, str | None] = {"@": None}
    for name, reply in started.items():
        found = reply.result()
        if isinstance(found, Unread):
            zone = replace(zone, cnames_unread=found)
        else:
            known[name] = found
    return replace(zone, cnames=MappingProxyType(known))


def _relative(name: str, zone_name: str) -> str:
    return "@" if name == zone_name else name[: -len(zone_name) - 1]


def _finish(pending: _Pending) -> Zone | None:
    links = pending.links.result()
    if isinstance(links, Gone):
        return None
    zone = replace(pending.zone, links=links)
    if not isinstance(links, Unread):
        zone = replace(zone, link_count=max(zone.link_count, len(links)))
    if pending.every is not None:
        return with_records(zone, pending.every.result())
    known: dict[str, RecordSet | None] = {}
    for name, future in pending.named:
        record = future.result()
        if isinstance(record, Gone):
            return None
        if isinstance(record, Unread):
            zone = replace(zone, records_unread=record)
        else:
            known[name.lower()] = record
    return replace(zone, records=MappingProxyType(known))
