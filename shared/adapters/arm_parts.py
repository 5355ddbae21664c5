"""The single reads that a snapshot is made of. Each gives a value, Gone or Unread; only the vault itself raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeVar

from shared.adapters import arm_api as api
from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_bodies_network as network_bodies
from shared.adapters import arm_decode as decode
from shared.adapters import arm_decode_network as decode_network
from shared.adapters import arm_decode_vault as decode_vault
from shared.adapters.arm_client import ArmClient
from shared.adapters.arm_errors import ArmForbidden, ArmNotFound, ArmUndecodable, action_of
from shared.adapters.arm_topology import Topology
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import AddressSource, ZoneGroup
from shared.domain.network import ForwardingRule, Network
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.vault import PerimeterMode, Vault
from shared.domain.zone import RecordSet, Zone, ZoneLink
from shared.service.ports import Deadline, EstateError, EstateForbidden, EstateUnavailable

T = TypeVar("T")
Resource = TypeVar("Resource", Vault, RecordSet, Zone)
Records = Mapping[str, RecordSet | None]
Homes = Mapping[ArmId, tuple[ArmId, tuple[str, ...]]]

_VAULT: Final = decode.decoder(bodies.VaultBody)
_VAULTS: Final = decode.decoder(bodies.Listing[bodies.VaultBody])
_PERIMETERS: Final = decode.decoder(bodies.Listing[bodies.PerimeterBody])
_ENDPOINT: Final = decode.decoder(bodies.EndpointBody)
_INTERFACE: Final = decode.decoder(bodies.InterfaceBody)
_INTERFACES: Final = decode.decoder(bodies.Listing[bodies.InterfaceBody])
_ZONE_GROUPS: Final = decode.decoder(bodies.Listing[bodies.ZoneGroupBody])
_NETWORK: Final = decode.decoder(network_bodies.NetworkBody)
_ZONE: Final = decode.decoder(bodies.ZoneBody)
_ZONES: Final = decode.decoder(bodies.Listing[bodies.ZoneBody])
_LINKS: Final = decode.decoder(bodies.Listing[bodies.LinkBody])
_RECORD: Final = decode.decoder(bodies.RecordBody)
_RECORDS: Final = decode.decoder(bodies.Listing[bodies.RecordBody])
_CNAME: Final = decode.decoder(bodies.CnameBody)
_RULESETS: Final = decode.decoder(bodies.Listing[network_bodies.RulesetBody])
_RULESET_LINKS: Final = decode.decoder(bodies.Listing[network_bodies.RulesetLinkBody])
_RULES: Final = decode.decoder(bodies.Listing[network_bodies.ForwardingRuleBody])


@dataclass(frozen=True, slots=True)
class ZoneSearch:
    """The zones of one subscription. ``unread`` says why there may be more, ``just_read`` that no cache was used."""

    zones: tuple[Zone, ...]
    unread: Unread | None = None
    just_read: bool = False


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A DNS forwarding ruleset: the networks it is linked to, and its enabled rules."""

    networks: frozenset[ArmId]
    rules: tuple[ForwardingRule, ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """An endpoint's IPv4 addresses and custom DNS servers, and its zone groups if those had to be read to find them."""

    found: tuple[str, ...] | Unread
    zone_groups: tuple[ZoneGroup, ...] | Unread | None = None
    source: AddressSource = AddressSource.INTERFACE
    dns_servers: tuple[str, ...] = ()


def unread(error: EstateError) -> Unread:
    """Why a part has no value, from the error that its reading ended in. For a right the detail is the action alone."""
    if isinstance(error, EstateForbidden):
        return Unread(UnreadReason.FORBIDDEN, error.action or str(error))
    if isinstance(error, EstateUnavailable):
        return Unread(UnreadReason.UNAVAILABLE, str(error))
    if isinstance(error, ArmNotFound) and error.subscription_unseen:
        return Unread(UnreadReason.OUT_OF_SCOPE, str(error))
    return Unread(UnreadReason.UNSUPPORTED, str(error))


def attempt(read: Callable[[], T]) -> T | Unread:
    """What was read, or why it was not."""
    try:
        return read()
    except EstateError as error:
        return unread(error)


def attempt_one(read: Callable[[], T]) -> T | Gone | Unread:
    """What was read of one resource, Gone when Azure says that it does not exist, or why it was not read."""
    try:
        return read()
    except ArmNotFound as error:
        return Gone() if error.absent else unread(error)
    except EstateError as error:
        return unread(error)


class Parts:
    """The reads of one invocation: they share its deadline, and whether the cache may be used."""

    def __init__(self, client: ArmClient, topology: Topology, deadline: Deadline, *, fresh: bool) -> None:
        self._client = client
        self._topology = topology
        self._deadline = deadline
        self._fresh = fresh
        self.from_cache = False
        self._loaded: set[str] = set()

    def vault(self, vault: ArmId) -> Vault | Gone:
        """The vault itself. Raises EstateError; a subscription that cannot be seen is a missing right."""
        try:
            return _asked_for(vault, decode_vault.vault(_VAULT(self.get(str(vault), api.VAULTS_API))))
        except ArmNotFound as error:
            if error.absent:
                return Gone()
            if error.subscription_unseen:
                raise ArmForbidden(str(error), action_of(str(vault))) from error
            raise

    def vaults(self, subscription: str) -> Iterator[bodies.VaultBody]:
        """The rows of all vaults of a subscription, page by page. Raises EstateError."""
        path = api.vaults_of(subscription)
        try:
            for page in self.pages(path, api.VAULTS_API):
                yield from _VAULTS(page).value
        except ArmNotFound as error:
            if error.subscription_unseen:
                raise ArmForbidden(str(error), action_of(path)) from error
            raise

    def vault_page(self, subscription: str, cursor: str) -> tuple[Sequence[bodies.VaultBody], str]:
        """One page of those rows and the cursor of the next. Raises EstateError."""
        path = api.vaults_of(subscription)
        try:
            body, following = self._client.page(path, api.VAULTS_API, cursor, deadline=self._deadline)
            return _VAULTS(body).value, following
        except ArmNotFound as error:
            if error.subscription_unseen:
                raise ArmForbidden(str(error), action_of(path)) from error
            raise

    def perimeters(self, vault: ArmId) -> tuple[PerimeterMode, ...] | Unread:
        """The modes of the vault's perimeter associations."""
        pages = self.pages(api.perimeters_of(vault), api.PERIMETERS_API)
        return attempt(lambda: tuple(decode_vault.perimeter(b) for page in pages for b in _PERIMETERS(page).value))

    def endpoint(self, endpoint: ArmId) -> bodies.EndpointBody | Gone | Unread:
        """A private endpoint, still as a body: its addresses are another read."""
        return attempt(lambda: self.endpoint_or_raise(endpoint))

    def endpoint_or_raise(self, endpoint: ArmId) -> bodies.EndpointBody | Gone:
        """A private endpoint as a body. Raises EstateError."""
        try:
            return _ENDPOINT(self.get(str(endpoint), api.NETWORK_API))
        except ArmNotFound as error:
            if error.absent:
                return Gone()
            raise

    def addresses(self, endpoint: ArmId, body: bodies.EndpointBody) -> Addresses:
        """The endpoint's addresses: from its interface, else from what its zone groups wrote, else as it says."""
        interface = attempt(lambda: decode.interface_id(body))
        servers: tuple[str, ...] = ()
        if isinstance(interface, ArmId):
            path = str(interface)
            read = attempt(lambda: _INTERFACE(self.get(path, api.NETWORK_API)))
            if not isinstance(read, Unread):
                servers, found = decode.interface_servers(read), decode.interface_addresses(read)
                if found:
                    return Addresses(found, dns_servers=servers)
            why = read if isinstance(read, Unread) else _no_address(endpoint)
        else:
            why = interface or _no_address(endpoint)
        custom = decode.custom_addresses(body)
        groups = self.zone_group_bodies(endpoint)
        if isinstance(groups, Unread):
            return Addresses(custom or why, groups, AddressSource.DNS_CONFIG, servers)
        written = decode.zone_group_addresses(groups)
        source = AddressSource.ZONE_GROUP if written else AddressSource.DNS_CONFIG
        decoded = attempt(lambda: tuple(decode.zone_group(group) for group in groups))
        return Addresses(written or custom or why, decoded, source, servers)

    def zone_group_bodies(self, endpoint: ArmId) -> tuple[bodies.ZoneGroupBody, ...] | Unread:
        """The zone groups of an endpoint as bodies."""
        pages = self.pages(api.zone_groups_of(endpoint), api.NETWORK_API)
        return attempt(lambda: tuple(body for page in pages for body in _ZONE_GROUPS(page).value))

    def zone_groups(self, endpoint: ArmId) -> tuple[ZoneGroup, ...] | Unread:
        """The zone groups of an endpoint."""
        groups = self.zone_group_bodies(endpoint)
        return groups if isinstance(groups, Unread) else attempt(lambda: tuple(map(decode.zone_group, groups)))

    def interfaces(self, subscription: str, wanted: frozenset[ArmId]) -> Homes | Unread:
        """Network and addresses of the endpoints that are wanted, from the interfaces of a subscription."""
        return attempt(lambda: self._interfaces(subscription, wanted))

    def _interfaces(self, subscription: str, wanted: frozenset[ArmId]) -> Homes:
        found: dict[ArmId, tuple[ArmId, tuple[str, ...]]] = {}
        for page in self.pages(api.interfaces_of(subscription), api.NETWORK_API):
            for body in _INTERFACES(page).value:
                home = decode.interface_home(body)
                if home is not None and home[0] in wanted:
                    found[home[0]] = (home[1], decode.interface_addresses(body))
        return found

    def network(self, network: ArmId) -> Network | Gone | Unread:
        """A virtual network with its subnets and peerings (cached)."""
        return self.cached(
            f"network {network.key}",
            lambda: attempt_one(lambda: decode_network.network(_NETWORK(self.get(str(network), api.NETWORK_API)))),
        )

    def rulesets(self, subscription: str) -> tuple[Ruleset, ...] | Unread:
        """The DNS forwarding rulesets of a subscription that are linked to anything (cached)."""
        return self.cached(f"rulesets {subscription.lower()}", lambda: attempt(lambda: self._rulesets(subscription)))

    def zones(self, subscription: str, designated: tuple[ArmId, ...]) -> ZoneSearch:
        """The zones of a subscription (cached).

        Where they may not be listed, the designated ones are read one by one: a role on a zone's group is enough.
        """
        loads: list[ZoneSearch] = []

        def load() -> ZoneSearch | Unread:
            found = self._search(subscription, designated)
            if isinstance(found, ZoneSearch):
                loads.append(found)
            return found

        result = self.cached(_zones_key(subscription), load)
        if isinstance(result, Unread):
            return ZoneSearch((), result, just_read=True)
        return replace(result, just_read=bool(loads))

    def links(self, zone: ArmId) -> tuple[ZoneLink, ...] | Gone | Unread:
        """The virtual network links of a zone (cached)."""
        pages = self.pages(api.links_of(zone), api.ZONES_API)
        return self.cached(
            f"links {zone.key}",
            lambda: attempt_one(lambda: tuple(decode.zone_link(b, zone) for page in pages for b in _LINKS(page).value)),
        )

    def record(self, zone: ArmId, relative_name: str) -> RecordSet | Gone | Unread | None:
        """One A record set: None when the zone has none of this name, Gone when the zone itself does not exist."""
        try:
            wanted = zone.child("A", relative_name)
            return _asked_for(wanted, decode.record(_RECORD(self.get(str(wanted), api.ZONES_API))))
        except ArmNotFound as error:
            if error.parent_absent:
                self._topology.forget(_zones_key(zone.subscription))
                return Gone()
            return None if error.absent else unread(error)
        except EstateError as error:
            return unread(error)

    def cname(self, zone: ArmId, relative_name: str) -> str | Unread | None:
        """The target of a name's CNAME, None when the zone has none of this name."""
        try:
            wanted = zone.child("CNAME", relative_name)
            return decode.cname(_CNAME(self.get(str(wanted), api.ZONES_API)), wanted)
        except ArmNotFound as error:
            return None if error.absent and not error.parent_absent else unread(error)
        except EstateError as error:
            return unread(error)

    def records(self, zone: ArmId) -> Records | Gone | Unread:
        """All A record sets of a zone by lower-case relative name."""
        pages = self.pages(api.records_of(zone), api.ZONES_API)
        result = attempt_one(lambda: _by_name(decode.record(b, zone) for page in pages for b in _RECORDS(page).value))
        if isinstance(result, Gone):
            self._topology.forget(_zones_key(zone.subscription))
        return result

    def _search(self, subscription: str, designated: tuple[ArmId, ...]) -> ZoneSearch | Unread:
        try:
            pages = self.pages(api.zones_of(subscription), api.ZONES_API)
            return ZoneSearch(tuple(decode.zone(body) for page in pages for body in _ZONES(page).value))
        except EstateError as error:
            why = unread(error)
        if why.reason is UnreadReason.UNAVAILABLE:
            return why
        alone = [self._zone(zone) for zone in designated]
        return ZoneSearch(tuple(zone for zone in alone if isinstance(zone, Zone)), why)

    def _zone(self, zone: ArmId) -> Zone | Gone | Unread:
        return attempt_one(lambda: _asked_for(zone, decode.zone(_ZONE(self.get(str(zone), api.ZONES_API)))))

    def _rulesets(self, subscription: str) -> tuple[Ruleset, ...]:
        found: list[Ruleset] = []
        try:
            pages = self.pages(api.rulesets_of(subscription), api.RULESETS_API)
            ids = [decode.arm_id(body.id) for page in pages for body in _RULESETS(page).value]
        except ArmNotFound as error:
            if error.code.casefold() == "invalidresourcetype":
                return ()
            raise
        for ruleset in ids:
            pages = self.pages(f"{ruleset}/virtualNetworkLinks", api.RULESETS_API)
            linked = [decode_network.ruleset_network(body) for page in pages for body in _RULESET_LINKS(page).value]
            if linked:
                pages = self.pages(f"{ruleset}/forwardingRules", api.RULESETS_API)
                rules = (decode_network.forwarding_rule(body) for page in pages for body in _RULES(page).value)
                found.append(Ruleset(frozenset(linked), tuple(rule for rule in rules if rule is not None)))
        return tuple(found)

    def cached(self, key: str, load: Callable[[], T]) -> T | Unread:
        """The value of a key; ``from_cache`` remembers when this reading did not load it itself.

        What a fresh reading has loaded once is not loaded by it again.
        """
        loads: list[bool] = []

        def noted() -> T:
            loads.append(True)
            return load()

        fresh = self._fresh and key not in self._loaded
        value = attempt(lambda: self._topology.get(key, noted, fresh=fresh, deadline=self._deadline))
        self.from_cache = self.from_cache or not (loads or key in self._loaded)
        if loads:
            self._loaded.add(key)
        return value

    def get(self, path: str, api_version: str) -> bytes:
        """The body of one resource. Raises EstateError."""
        return self._client.get(path, api_version, deadline=self._deadline).body

    def pages(self, path: str, api_version: str, query: str = "") -> Iterator[bytes]:
        """The bodies of a list's pages; ``query`` is what follows the API version. Raises EstateError."""
        return self._client.pages(path, api_version, query, deadline=self._deadline)


def _asked_for(wanted: ArmId, found: Resource) -> Resource:
    """What was read, if it is what was asked for: a change goes to the id that the answer names."""
    if found.id != wanted:
        raise ArmUndecodable(f"asked for {wanted.name}, the answer is about {found.id.text[:200]!r}")
    return found


def _zones_key(subscription: str) -> str:
    return f"zones {subscription.lower()}"


def _no_address(endpoint: ArmId) -> Unread:
    return Unread(UnreadReason.UNSUPPORTED, f"private endpoint {endpoint.name} shows no IPv4 address")


def _by_name(records: Iterator[RecordSet]) -> Records:
    return MappingProxyType({record.id.name.lower(): record for record in records})
