"""Reading one vault's private path: what is asked for, in which order, and what a missing answer becomes.

The plan costs as few calls as the question allows, and independent calls run side by side. A vault without connections
is one call. A healthy vault with one endpoint is four with a warm cache (vault, endpoint, interface, record) and eight
with a cold one (network, zones, links, forwarding rulesets).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from shared.adapters import arm_access as access
from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_decode as decode
from shared.adapters.arm_around import read_filters, read_linked, read_networks
from shared.adapters.arm_claims import ineffective, with_addresses, with_claimants, with_zone_groups
from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_crew import Crew, Started
from shared.adapters.arm_errors import ArmForbidden, ArmNotFound, ArmThrottled, ArmUndecodable, action_of
from shared.adapters.arm_neighbours import read_neighbours
from shared.adapters.arm_networks import NetworkReading
from shared.adapters.arm_parts import Addresses, Parts, attempt
from shared.adapters.arm_topology import Topology
from shared.adapters.arm_zones import (
    ZoneReading,
    ZonesRead,
    read_cnames,
    relative_names,
    subscriptions_with_zones,
    with_records,
)
from shared.domain.arm_id import VAULT, ArmId
from shared.domain.clouds import Cloud
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.message import MOST_APART
from shared.domain.network import Network
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import ConnectionStatus, Existence, PublicAccess, Vault
from shared.domain.zone import RecordSet, Zone
from shared.service.ports import Clock, Deadline, PolicySource

_LOGGER: Final = logging.getLogger(__name__)
_THREADS: Final = 8
# The Date of an answer is a whole second, and so is what it is compared with.
_DATE_IS_WHOLE: Final = timedelta(seconds=1)
_ZONES: Final = Unread(UnreadReason.DEFERRED, "private DNS zones", Part.ZONES)


class ArmReader:
    """The reading half of the port ``Estate``. One per process: it keeps the threads and the topology cache.

    ``subscriptions`` are the watched ones: where other vaults live and zones are looked for.
    """

    def __init__(
        self, client: ArmClient, cloud: Cloud, policy: PolicySource, subscriptions: frozenset[str], clock: Clock
    ) -> None:
        self._client = client
        self._cloud = cloud
        self._policy = policy
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)
        self._clock = clock
        self._topology = Topology(clock)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="arm-read")

    def read(
        self, vault: ArmId, *, deadline: Deadline, parts: frozenset[Part] = frozenset(), fresh: bool = False
    ) -> VaultSnapshot | Gone:
        """Read one vault and what its private path consists of; see ``Estate.read``."""
        read_at = self._clock.now()
        reading = Parts(self._client, self._topology, deadline, fresh=fresh)
        with self._in_turn(vault.subscription, vault.key):
            found = reading.vault(vault)
        if isinstance(found, Gone):
            return found
        whole = bool(parts & {Part.ZONE_RECORDS, Part.NEIGHBOURS})
        crew = Crew(self._pool, deadline)
        begun = VaultSnapshot(self._cloud, read_at, found, {}, {}, (), azure_read_at=self._on_azures_clock(read_at))
        snapshot = self._glance(reading, crew, begun, whole=whole)
        if parts:
            snapshot = self._deepen(reading, crew, snapshot, parts)
        return replace(snapshot, cached=reading.from_cache)

    def _on_azures_clock(self, at: datetime) -> datetime | None:
        """A time of ours on Azure's clock, rather too early than too late; None when no answer carried a Date.

        A Date from another age would settle every event until then, or none any more: it is not believed.
        """
        offset = self._client.azure_time_offset
        return None if offset is None or abs(offset) > MOST_APART else at + offset - _DATE_IS_WHOLE

    def deepen(self, snapshot: VaultSnapshot, *, deadline: Deadline, parts: frozenset[Part]) -> VaultSnapshot:
        """The same snapshot with the given parts read; see ``Estate.deepen``."""
        reading = Parts(self._client, self._topology, deadline, fresh=False)
        deeper = self._deepen(reading, Crew(self._pool, deadline), snapshot, parts)
        return replace(deeper, cached=snapshot.cached or reading.from_cache)

    def with_networks(self, snapshot: VaultSnapshot, networks: Iterable[ArmId], *, deadline: Deadline) -> VaultSnapshot:
        """The same snapshot with these networks read as well, past the cache: what resolves names in them, and who
        holds the DNS servers that they ask. One call for each, and one for the rulesets of each subscription."""
        reading = Parts(self._client, self._topology, deadline, fresh=True)
        begun = self._networks(reading, Crew(self._pool, deadline), self._places(), snapshot.vault)
        for network in sorted(set(networks)):
            known = snapshot.networks.get(network)
            if not isinstance(known, Network) or isinstance(known.forwarding, Unread):
                begun.start(network)
        return replace(snapshot, networks={**snapshot.networks, **begun.collect()})

    def vaults(self, subscription: str, *, deadline: Deadline) -> Iterator[ArmId]:
        """The ids of all vaults of a subscription, page by page. Raises EstateError."""
        with self._in_turn(subscription, subscription):
            for body in Parts(self._client, self._topology, deadline, fresh=True).vaults(subscription):
                yield from _id_of_vault(body, subscription)

    def vault_page(self, subscription: str, cursor: str, *, deadline: Deadline) -> tuple[tuple[ArmId, ...], str]:
        """One page of the ids of a subscription's vaults and the next cursor; see ``Estate.vault_page``."""
        with self._in_turn(subscription, subscription):
            rows, following = Parts(self._client, self._topology, deadline, fresh=True).vault_page(subscription, cursor)
        return tuple(vault for body in rows for vault in _id_of_vault(body, subscription)), following

    def vaults_of_endpoint(self, endpoint: ArmId, *, deadline: Deadline) -> tuple[ArmId, ...] | Gone:
        """The vaults that a private endpoint connects to. Raises EstateError."""
        try:
            with self._in_turn(endpoint.subscription, endpoint.key):
                body = Parts(self._client, self._topology, deadline, fresh=True).endpoint_or_raise(endpoint)
        except ArmNotFound as error:
            if error.subscription_unseen:
                raise ArmForbidden(str(error), action_of(str(endpoint))) from error
            raise
        return body if isinstance(body, Gone) else decode.vault_targets(body)

    def admit(self, vault: ArmId) -> None:
        """Let a look begin when there is room for what it will read; see ``Estate.admit``."""
        wait = self._client.pace.admit(vault.subscription, vault.key)
        if wait > 0:
            raise ArmThrottled(f"no room to read vault {vault.name}", retry_after=wait)

    def spare(self, vault: ArmId) -> None:
        """Let a look begin that nobody depends on, while there is room to spare. Raises EstateThrottled."""
        wait = self._client.pace.spare(vault.subscription)
        if wait > 0:
            raise ArmThrottled(f"no room to spare to read vault {vault.name}", retry_after=wait)

    @contextmanager
    def _in_turn(self, subscription: str, subject: str) -> Iterator[None]:
        """Work that is refused inside the block comes back in its turn, and not before Azure said."""
        try:
            yield
        except ArmThrottled as error:
            error.retry_after = max(error.retry_after, self._client.pace.turn(subscription, subject))
            raise

    def _glance(self, reading: Parts, crew: Crew, snapshot: VaultSnapshot, *, whole: bool) -> VaultSnapshot:
        vault, policy = snapshot.vault, self._policy.policy()
        endpoints = {
            connection.endpoint: crew.start(partial(reading.endpoint, connection.endpoint))
            for connection in vault.connections
            if connection.endpoint is not None and connection.status is not ConnectionStatus.UNKNOWN
        }
        places = self._places() if vault.uses_zones else ()
        zones = ZoneReading(reading, crew, self._cloud, policy)
        searches = zones.search(places)
        started = zones.start(searches, vault.name, whole=whole)
        networks = self._networks(reading, crew, places, vault)
        found = self._endpoints(reading, crew, vault, endpoints, networks)
        read = networks.collect()
        zones_read = zones.collect(searches, started, vault.name)
        return replace(
            snapshot,
            endpoints=found,
            networks=read,
            zones=zones_read.zones,
            zones_unread=zones_read.unread if vault.uses_zones else (_ZONES,),
            strays=zones_read.strays,
        )

    def _zones(self, reading: Parts, crew: Crew, vault: Vault, *, whole: bool) -> ZonesRead:
        """The zones that can answer for a vault's names, whatever connections it has."""
        zones = ZoneReading(reading, crew, self._cloud, self._policy.policy())
        searches = zones.search(self._places())
        return zones.collect(searches, zones.start(searches, vault.name, whole=whole), vault.name)

    def _networks(self, reading: Parts, crew: Crew, places: tuple[str, ...], vault: Vault) -> NetworkReading:
        names = (self._cloud.vault_host(vault.name), self._cloud.alias_host(vault.name))
        return NetworkReading(reading, crew, places, names)

    def _endpoints(
        self,
        reading: Parts,
        crew: Crew,
        vault: Vault,
        started: Mapping[ArmId, Started[bodies.EndpointBody | Gone | Unread]],
        networks: NetworkReading,
    ) -> Mapping[ArmId, PrivateEndpoint | Gone | Unread]:
        """The endpoints, those of effective connections with their addresses, their networks started."""
        effective = {connection.endpoint for connection in vault.effective_connections}
        found: dict[ArmId, PrivateEndpoint | Gone | Unread] = {}
        addresses: dict[ArmId, Started[Addresses]] = {}
        for key, reply in started.items():
            body = reply.result()
            if isinstance(body, Gone | Unread):
                found[key] = body
                continue
            known = found[key] = attempt(partial(decode.endpoint, body, ineffective(key)))
            if key in effective and isinstance(known, PrivateEndpoint):
                addresses[key] = crew.start(partial(reading.addresses, key, body))
                networks.start(known.network)
        for key, pending in addresses.items():
            known = found[key]
            if isinstance(known, PrivateEndpoint):
                found[key] = with_addresses(known, pending.result())
        return found

    def _deepen(self, reading: Parts, crew: Crew, snapshot: VaultSnapshot, parts: frozenset[Part]) -> VaultSnapshot:
        vault = snapshot.vault
        perimeters = crew.start(partial(reading.perimeters, vault.id)) if Part.PERIMETER in parts else None
        diagnostics = crew.start(partial(access.diagnostics, reading, vault.id)) if Part.DIAGNOSTICS in parts else None
        roles = crew.start(partial(access.roles, reading, vault.id)) if Part.ROLES in parts else None
        whole = bool(parts & {Part.ZONE_RECORDS, Part.NEIGHBOURS})
        if Part.ZONES in parts and _ZONES in snapshot.zones_unread:
            read = self._zones(reading, crew, vault, whole=whole)
            snapshot = replace(snapshot, zones=read.zones, zones_unread=read.unread, strays=read.strays)
        with_cnames = read_cnames(reading, crew, snapshot) if Part.CNAMES in parts else None
        records = {
            zone.id: crew.start(partial(reading.records, zone.id))
            for zone in (snapshot.named_zones() if whole else ())
            if not zone.complete
        }
        if Part.CLAIMANTS in parts:
            snapshot = with_claimants(reading, crew, self._places(), snapshot)
        if Part.ZONE_GROUPS in parts:
            snapshot = with_zone_groups(reading, crew, snapshot, frozenset(snapshot.endpoints))
        if Part.NEIGHBOURS in parts:
            neighbours = read_neighbours(reading, crew, self._subscriptions, vault.id)
            snapshot = replace(snapshot, neighbours=neighbours)
        snapshot = self._with_surroundings(reading, crew, snapshot, parts)
        listed = (
            with_records(zone, records[zone.id].result()) if zone.id in records else zone for zone in snapshot.zones
        )
        zones = tuple(zone for zone in listed if zone is not None)
        vault = replace(
            vault,
            perimeters=vault.perimeters if perimeters is None else perimeters.result(),
            diagnostics=vault.diagnostics if diagnostics is None else diagnostics.result(),
            roles=vault.roles if roles is None else roles.result(),
        )
        return replace(snapshot, vault=vault, zones=zones if with_cnames is None else with_cnames(zones))

    def _with_surroundings(
        self, reading: Parts, crew: Crew, snapshot: VaultSnapshot, parts: frozenset[Part]
    ) -> VaultSnapshot:
        """The networks around and what filters in them, also where the filters were read before the networks."""
        begin = partial(self._networks, reading, crew, self._places(), snapshot.vault)
        if Part.NETWORKS in parts:
            snapshot = replace(snapshot, networks=read_networks(begin, snapshot, self._policy.policy()))
        if Part.LINKED in parts:
            snapshot = replace(snapshot, networks=read_linked(begin, snapshot))
        if Part.FILTERS in parts or (Part.NETWORKS in parts and (snapshot.security_groups or snapshot.route_tables)):
            groups, tables = read_filters(reading, crew, snapshot.networks)
            snapshot = replace(snapshot, security_groups=groups, route_tables=tables)
        return snapshot

    def _places(self) -> tuple[str, ...]:
        return subscriptions_with_zones(self._policy.policy(), self._subscriptions)

    def remains(self, vault: ArmId, *, deadline: Deadline) -> VaultSnapshot | None:
        """What is left of a vault that does not exist; see ``Estate.remains``."""
        read_at = self._clock.now()
        reading = Parts(self._client, self._topology, deadline, fresh=True)
        with self._in_turn(vault.subscription, vault.key):
            moved_to = access.namesake(reading, self._subscriptions, vault)
            soft_deleted = access.is_soft_deleted(reading, vault)
        if moved_to == vault:
            return None
        existence = Existence.SOFT_DELETED if soft_deleted else Existence.DELETED
        gone = Vault(vault, "", PublicAccess.UNKNOWN, None, "", (), existence=existence)
        crew = Crew(self._pool, deadline)
        read = self._zones(reading, crew, gone, whole=False)
        begun = VaultSnapshot(
            self._cloud,
            read_at,
            gone,
            {},
            {},
            tuple(zone for zone in read.zones if _remembers(zone, self._cloud, vault.name)),
            read.unread,
            azure_read_at=self._on_azures_clock(read_at),
            moved_to=moved_to,
        )
        snapshot = with_claimants(reading, crew, self._places(), begun)
        return snapshot if snapshot.zones or snapshot.zones_unread or snapshot.claimants else None


def _remembers(zone: Zone, cloud: Cloud, vault: str) -> bool:
    """Whether a zone has a record of a vault's name, or may have one."""
    found = [zone.lookup(name) for name in relative_names(cloud, vault, zone.name)]
    return any(isinstance(record, RecordSet | Unread) for record in found)


def _id_of_vault(body: bodies.VaultBody, subscription: str) -> Iterator[ArmId]:
    """The id of a row, nothing for a row that has none: the others are not to suffer for it."""
    try:
        yield decode.id_of(body.id, VAULT)
    except ArmUndecodable:
        _LOGGER.warning("a vault of subscription %s has an id that is none", subscription)
