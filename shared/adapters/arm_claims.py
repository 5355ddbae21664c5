"""The private endpoints that name a vault, and the addresses of those that its connections do not let in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from shared.adapters import arm_api as api
from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_decode as decode
from shared.adapters.arm_crew import Crew
from shared.adapters.arm_parts import Addresses, Parts, attempt
from shared.domain.arm_id import ENDPOINT, ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot

# Whoever may create private endpoints may let any number of them name a vault: each costs a call.
MOST_INEFFECTIVE: Final = 50

_ENDPOINTS: Final = decode.decoder(bodies.Listing[bodies.EndpointBody])


@dataclass(frozen=True, slots=True)
class Claim:
    """A private endpoint that names a vault, as it was listed: the body says where its addresses are."""

    id: ArmId
    endpoint: PrivateEndpoint | Unread
    body: bodies.EndpointBody


# By the vault that they name.
Claims = Mapping[ArmId, tuple[Claim, ...]]


def ineffective(endpoint: ArmId) -> Unread:
    """What stands for the addresses of an endpoint that is not in effect until ``Part.CLAIMANTS`` is read."""
    why = f"addresses of private endpoint {endpoint.name}, which is not in effect"
    return Unread(UnreadReason.DEFERRED, why, Part.CLAIMANTS)


def with_addresses(endpoint: PrivateEndpoint, read: Addresses | Unread) -> PrivateEndpoint:
    """The endpoint with its addresses, and with its zone groups where those had to be read to find them."""
    found = Addresses(read) if isinstance(read, Unread) else read
    return replace(
        endpoint,
        addresses=found.found,
        zone_groups=endpoint.zone_groups if found.zone_groups is None else found.zone_groups,
        address_source=found.source,
        dns_servers=found.dns_servers,
    )


def with_claimants(parts: Parts, crew: Crew, subscriptions: Iterable[str], snapshot: VaultSnapshot) -> VaultSnapshot:
    """The snapshot with the endpoints that name the vault, and with the addresses of all that are not in effect.

    Endpoints that no connection led to come with their zone groups: those may have been asked for before such an
    endpoint was known.
    """
    claims = _read_claims(parts, crew, subscriptions, snapshot.vault.id)
    listed = {} if isinstance(claims, Unread) else {claim.id: claim for claim in claims}
    added = {key: claim.endpoint for key, claim in listed.items() if key not in snapshot.endpoints}
    connected = {
        key
        for key, endpoint in snapshot.endpoints.items()
        if isinstance(endpoint, PrivateEndpoint) and endpoint.link_to(snapshot.vault.id) is not None
    }
    claimants = claims if isinstance(claims, Unread) else tuple(sorted({*listed, *connected}))
    snapshot = replace(snapshot, claimants=claimants, endpoints={**snapshot.endpoints, **added})
    return with_zone_groups(parts, crew, _with_ineffective(parts, crew, snapshot, listed), frozenset(added))


def _with_ineffective(
    parts: Parts, crew: Crew, snapshot: VaultSnapshot, listed: Mapping[ArmId, Claim]
) -> VaultSnapshot:
    """The snapshot with the addresses that were left out, those of the vault's own connections first."""
    own = {connection.endpoint for connection in snapshot.vault.connections}
    left_out = {
        key: endpoint
        for key, endpoint in snapshot.endpoints.items()
        if isinstance(endpoint, PrivateEndpoint) and endpoint.addresses == ineffective(key)
    }
    order = sorted(left_out, key=lambda key: (key not in own, key))
    started = {
        key: crew.start(partial(_addresses, parts, key, listed[key].body if key in listed else None))
        for key in order[:MOST_INEFFECTIVE]
    }
    read: dict[ArmId, PrivateEndpoint | Gone | Unread] = {}
    for key, reply in started.items():
        found = reply.result()
        read[key] = found if isinstance(found, Gone) else with_addresses(left_out[key], found)
    read.update({key: with_addresses(left_out[key], _too_many(key)) for key in order[MOST_INEFFECTIVE:]})
    return replace(snapshot, endpoints={**snapshot.endpoints, **read}) if read else snapshot


def _addresses(parts: Parts, endpoint: ArmId, body: bodies.EndpointBody | None) -> Addresses | Gone | Unread:
    """The addresses of one endpoint; one that lies where endpoints were not listed is read first."""
    found = parts.endpoint(endpoint) if body is None else body
    return found if isinstance(found, Gone | Unread) else parts.addresses(endpoint, found)


def _too_many(endpoint: ArmId) -> Unread:
    why = f"addresses of {endpoint.name} were left out: more than {MOST_INEFFECTIVE} endpoints not in effect name it"
    return Unread(UnreadReason.OUT_OF_SCOPE, why)


def with_zone_groups(parts: Parts, crew: Crew, snapshot: VaultSnapshot, wanted: frozenset[ArmId]) -> VaultSnapshot:
    """The snapshot with the zone groups of the endpoints that are wanted and not read yet."""
    started = {
        key: crew.start(partial(parts.zone_groups, endpoint.id))
        for key, endpoint in snapshot.endpoints.items()
        if key in wanted and isinstance(endpoint, PrivateEndpoint) and isinstance(endpoint.zone_groups, Unread)
    }
    read = {
        key: replace(endpoint, zone_groups=started[key].result())
        if isinstance(endpoint, PrivateEndpoint) and key in started
        else endpoint
        for key, endpoint in snapshot.endpoints.items()
    }
    return replace(snapshot, endpoints=read) if started else snapshot


def _read_claims(parts: Parts, crew: Crew, subscriptions: Iterable[str], vault: ArmId) -> tuple[Claim, ...] | Unread:
    """The private endpoints of the subscriptions that name a vault (cached), by id.

    Unread as soon as the endpoints of one subscription are.
    """
    lists = [crew.start(partial(_claims, parts, name)) for name in sorted(subscriptions)]
    found: dict[ArmId, Claim] = {}
    for started in lists:
        claims = started.result()
        if isinstance(claims, Unread):
            return claims
        found.update({claim.id: claim for claim in claims.get(vault, ())})
    return tuple(found[key] for key in sorted(found))


def _claims(parts: Parts, subscription: str) -> Claims | Unread:
    return parts.cached(f"claims {subscription}", lambda: attempt(lambda: _list_claims(parts, subscription)))


def _list_claims(parts: Parts, subscription: str) -> Claims:
    found: dict[ArmId, list[Claim]] = {}
    for page in parts.pages(api.endpoints_of(subscription), api.NETWORK_API):
        for body in _ENDPOINTS(page).value:
            targets = decode.vault_targets(body)
            if targets:
                own = decode.id_of(body.id, ENDPOINT)
                claim = Claim(own, attempt(partial(decode.endpoint, body, ineffective(own))), body)
                for target in targets:
                    found.setdefault(target, []).append(claim)
    return {vault: tuple(claims) for vault, claims in found.items()}
