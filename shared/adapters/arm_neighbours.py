"""The other vaults of the estate, as far as a change to a shared zone could hurt them.

Two lists per subscription, with bodies inline, instead of two reads per vault: the vaults, and the network interfaces,
whose rows name their private endpoint, subnet and address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from shared.adapters import arm_decode_vault as decode
from shared.adapters.arm_crew import Crew
from shared.adapters.arm_parts import Homes, Parts, attempt
from shared.domain.arm_id import ArmId
from shared.domain.reading import Unread, UnreadReason
from shared.domain.snapshot import Neighbour, NeighbourEndpoint
from shared.domain.vault import Vault


def read_neighbours(
    parts: Parts, crew: Crew, subscriptions: Iterable[str], own: ArmId
) -> tuple[Neighbour, ...] | Unread:
    """All vaults of the subscriptions that have a privatelink alias, except ``own``.

    Unread as soon as the vaults of one subscription are. An endpoint that is on no interface read makes the endpoints
    of its vault Unread, not the others.
    """
    lists = [crew.start(partial(_with_alias, parts, name, own)) for name in sorted(subscriptions)]
    vaults: list[Vault] = []
    for started in lists:
        found = started.result()
        if isinstance(found, Unread):
            return found
        vaults.extend(found)
    homes = _homes(parts, crew, vaults)
    return tuple(Neighbour(vault, _endpoints(vault, homes)) for vault in sorted(vaults, key=lambda each: each.id))


def _with_alias(parts: Parts, subscription: str, own: ArmId) -> list[Vault] | Unread:
    vaults = (decode.vault(body) for body in parts.vaults(subscription))
    return attempt(lambda: [vault for vault in vaults if vault.has_alias and vault.id != own])


def _homes(parts: Parts, crew: Crew, vaults: list[Vault]) -> Mapping[str, Homes | Unread]:
    """Where endpoints answer, by the lower-case subscription that holds them."""
    wanted: dict[str, set[ArmId]] = {}
    for vault in vaults:
        for connection in vault.effective_connections:
            if connection.endpoint is not None:
                wanted.setdefault(connection.endpoint.subscription.lower(), set()).add(connection.endpoint)
    lists = {name: crew.start(partial(parts.interfaces, name, frozenset(ids))) for name, ids in wanted.items()}
    return {name: started.result() for name, started in lists.items()}


def _endpoints(vault: Vault, homes: Mapping[str, Homes | Unread]) -> tuple[NeighbourEndpoint, ...] | Unread:
    found: list[NeighbourEndpoint] = []
    for connection in vault.effective_connections:
        endpoint = connection.endpoint
        if endpoint is None:
            return Unread(UnreadReason.UNSUPPORTED, f"connection {connection.id.name} names no private endpoint")
        known = homes[endpoint.subscription.lower()]
        if isinstance(known, Unread):
            return known
        home = known.get(endpoint)
        if home is None or not home[1]:
            return Unread(UnreadReason.UNSUPPORTED, f"no network interface of private endpoint {endpoint.name} found")
        found.append(NeighbourEndpoint(endpoint, home[0], home[1]))
    return tuple(found)
