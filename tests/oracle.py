"""A second, independent reading of name resolution, over the truth of a whole estate.

Written from the rule catalogue, sharing nothing with the engine's simulation: it judges whether a change took a
working name away from anybody. What Azure leaves open (a link still in progress, a resolution policy nobody knows) is
played both ways, so a change must be harmless in either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Literal

from shared.domain.arm_id import ArmId
from shared.domain.network import Network, PeeringState
from shared.domain.reading import Unread
from shared.domain.vault import ConnectionStatus, Vault
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink
from tests.estates import EstateCase, addresses_of

Kind = Literal["address", "public", "nxdomain"]


@dataclass(frozen=True)
class Reply:
    """What a client gets: the kind, and the addresses of a private record."""

    kind: Kind
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loss:
    """A vault's name that worked for the clients of a network and no longer does."""

    vault: ArmId
    network: ArmId
    before: Reply
    after: Reply


def losses(before: EstateCase, after: EstateCase) -> Iterator[Loss]:
    """Every name that worked before and does not after, in any network, whichever way open questions turn out."""
    for then, now in zip(variants(before), variants(after), strict=True):
        for vault in before.vaults:
            for client in before.networks:
                for server in servers_of(then, client):
                    old, new = resolve(then, server, then.vaults[vault]), resolve(now, server, now.vaults[vault])
                    if old != new and works(then, client, vault, old) and not works(now, client, vault, new):
                        yield Loss(vault, client, old, new)


def variants(estate: EstateCase) -> Iterator[EstateCase]:
    """The estate with every open question settled, each in both ways."""
    for completed, policy in product((True, False), (ResolutionPolicy.DEFAULT, ResolutionPolicy.NXDOMAIN_REDIRECT)):
        zones: dict[ArmId, Zone] = {}
        for zone in estate.zones.values():
            assert not isinstance(zone.links, Unread)
            links = tuple(_settled(link, policy) for link in zone.links if link.completed or completed)
            zones[zone.id] = replace(zone, links=links)
        yield replace(estate, zones=MappingProxyType(zones))


def _settled(link: ZoneLink, policy: ResolutionPolicy) -> ZoneLink:
    chosen = policy if link.resolution_policy is ResolutionPolicy.UNKNOWN else link.resolution_policy
    return replace(link, completed=True, resolution_policy=chosen)


def servers_of(estate: EstateCase, client: ArmId) -> list[ArmId]:
    """The networks whose Azure DNS the clients of a network may end up asking; none where nobody can tell."""
    network = estate.networks[client]
    targets = list(network.dns_servers)
    if not targets:
        matching = [
            rule
            for rule in ([] if isinstance(network.forwarding, Unread) else network.forwarding)
            if any(
                _under(rule.domain.strip("."), name) for name in ("vault.azure.net", "privatelink.vaultcore.azure.net")
            )
        ]
        if not matching:
            return [client]
        targets = [target for rule in matching for target in rule.targets]
    near = [network, *(estate.networks[other] for other in estate.networks if _peers(estate, client, other))]
    return [next(home.id for home in near if home.contains(t)) for t in targets if any(h.contains(t) for h in near)]


def resolve(estate: EstateCase, server: ArmId, vault: Vault) -> Reply:
    """What Azure DNS of a network answers for the vault's host name."""
    aliased = any(connection.status is ConnectionStatus.APPROVED for connection in vault.connections)
    name = vault.name.lower()
    walk = [f"{name}.vault.azure.net"] + ([f"{name}.privatelink.vaultcore.azure.net"] if aliased else [])
    for host in walk:
        asked = _zone_for(estate, server, host)
        if asked is None:
            continue
        zone, link = asked
        record = zone.records.get("@" if host == zone.name else host.removesuffix("." + zone.name))
        if record is not None and record.addresses:
            return Reply("address", tuple(sorted(record.addresses)))
        if link.resolution_policy is ResolutionPolicy.DEFAULT:
            return Reply("nxdomain")
    return Reply("public")


def _zone_for(estate: EstateCase, server: ArmId, host: str) -> tuple[Zone, ZoneLink] | None:
    best: tuple[Zone, ZoneLink] | None = None
    for zone in estate.zones.values():
        for link in zone.links if not isinstance(zone.links, Unread) else ():
            if (
                link.network == server
                and _under(zone.name, host)
                and (best is None or len(zone.name) > len(best[0].name))
            ):
                best = (zone, link)
    return best


def works(estate: EstateCase, client: ArmId, vault: ArmId, reply: Reply) -> bool:
    """Whether the reply leads the clients of a network to the vault: publicly, or to its own, reachable endpoint."""
    if reply.kind == "public":
        return True
    homes: dict[str, set[ArmId]] = {}
    for connection in estate.vaults[vault].connections:
        endpoint = None if connection.endpoint is None else estate.endpoints.get(connection.endpoint)
        # An Approved connection may carry data whatever its provisioning state says.
        if (
            endpoint is None
            or isinstance(endpoint.addresses, Unread)
            or connection.status is not ConnectionStatus.APPROVED
        ):
            continue
        for address in endpoint.addresses:
            homes.setdefault(address, set()).add(endpoint.network)
    reached = [any(_reaches(estate, client, home) for home in homes.get(address, ())) for address in reply.addresses]
    return bool(reached) and all(reached)


def right_record(estate: EstateCase, record: RecordSet, vault: Vault) -> bool:
    """Whether every address of a record is one of the vault's effective endpoints."""
    own = [
        set(addresses_of(estate.endpoints[connection.endpoint]))
        for connection in vault.connections
        if connection.endpoint is not None
        and connection.endpoint in estate.endpoints
        and connection.status is ConnectionStatus.APPROVED
        and connection.provisioning_state == "Succeeded"
    ]
    return bool(record.addresses) and set(record.addresses) <= set().union(*own)


def _reaches(estate: EstateCase, client: ArmId, home: ArmId) -> bool:
    return client == home or _peers(estate, client, home)


def _peers(estate: EstateCase, one: ArmId, other: ArmId) -> bool:
    def connected(here: Network, there: ArmId) -> bool:
        return any(known.remote == there and known.state is PeeringState.CONNECTED for known in here.peerings)

    return connected(estate.networks[one], other) and connected(estate.networks[other], one)


def _under(zone: str, name: str) -> bool:
    return not zone or name == zone or name.endswith("." + zone)
