"""Which zone serves a network, and when a vault's private path is whole."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId, is_vault_name
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.forwarding import covers
from shared.domain.grades import Writer
from shared.domain.policy import Policy
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Blocker, Case, Unknown
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import StrayZone, Zone


def serving_zone(snapshot: VaultSnapshot, policy: Policy, network: ArmId) -> Zone | Unread | None:
    """The zone of the vault zone name that answers in ``network``, or that policy designates for it.

    A linked zone wins, because Azure refuses a second one of the same name for the same network. Without a link the
    designated one counts; without a designation the only one of its name, if the places to look were declared
    complete and all read. None when no zone can serve the network, Unread when that cannot be told.
    """
    named = snapshot.named_zones()
    linked = [zone for zone in named if zone.link_of(network) is not None]
    if linked:
        return min(linked, key=lambda zone: zone.id)
    unread_links = [zone.links for zone in named if isinstance(zone.links, Unread)]
    if unread_links:
        return unread_links[0]
    chosen = designated_zone(snapshot, policy, network)
    if isinstance(chosen, Unread):
        return chosen
    if chosen is not None:
        found = snapshot.zone(chosen)
        if found is None and snapshot.zones_unread:
            return snapshot.zones_unread[0]
        return found
    if not policy.zone_subscriptions_complete:
        return None
    if snapshot.zones_unread:
        return snapshot.zones_unread[0]
    return named[0] if len(named) == 1 else None


def designated_zone(snapshot: VaultSnapshot, policy: Policy, network: ArmId) -> ArmId | Unread | None:
    """The zone of the vault zone name that policy designates for a network, whether it exists or not.

    An entry that names the network goes before one for every network. None without a designation, Unread where policy
    designates several.
    """
    listed = [entry for entry in policy.zones if entry.serves(network) and entry.id.name.lower() == _name(snapshot)]
    narrow = [entry for entry in listed if entry.networks] or listed
    if len(narrow) > 1:
        return Unread(UnreadReason.UNSUPPORTED, f"policy designates several zones for network {network.name}")
    return narrow[0].id if narrow else None


def hijacking_zones(snapshot: VaultSnapshot) -> tuple[Zone, ...]:
    """Zones that answer for more than they should: parents of the names of all vaults, such as ``vault.azure.net``.

    A zone of one vault's own name takes nobody else's names and is none of them.
    """
    shared = (snapshot.cloud.vault_suffix, snapshot.cloud.private_zone)
    return tuple(
        zone
        for zone in snapshot.zones
        if zone.name != snapshot.cloud.private_zone and any(covers(zone.name, name) for name in shared)
    )


def misnamed_zones(snapshot: VaultSnapshot) -> tuple[ArmId, ...]:
    """Every zone that was meant for vaults and has a wrong name, in the order of the ids."""
    hijacking = {zone.id for zone in hijacking_zones(snapshot)}
    return tuple(sorted(hijacking | {zone.id for zone in stray_zones(snapshot)}))


def stray_zones(snapshot: VaultSnapshot) -> tuple[StrayZone, ...]:
    """The zones whose names only look like the vault zone's. A zone of another vault's own name is none of them."""
    cloud = snapshot.cloud
    ends = (f".{cloud.private_zone}", f".{cloud.vault_suffix}")
    return tuple(
        zone
        for zone in snapshot.strays
        if zone.name != cloud.private_zone and not any(_is_own(zone.name, end) for end in ends)
    )


def _is_own(name: str, end: str) -> bool:
    """Whether a zone's name is one vault's own. A vault called privatelink is far less likely than a mistake."""
    first = name.removesuffix(end)
    return name.endswith(end) and is_vault_name(first) and first != "privatelink"


def asked_networks(case: Case) -> Iterator[tuple[PrivateEndpoint, ArmId] | Unknown]:
    """Each effective endpoint with each network whose DNS the clients beside it ask, or why they are not known."""
    endpoints = case.snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        yield Unknown(case.snapshot.vault.id, endpoints)
        return
    for endpoint in endpoints:
        asked = case.resolver.resolving_networks(case.snapshot, endpoint.network)
        if isinstance(asked, Unread):
            yield Unknown(endpoint.network, asked)
            continue
        for network in asked:
            yield endpoint, network


def writer_blockers(policy: Policy, zone: ArmId) -> Iterator[Blocker]:
    """Why kvguard may not write in a zone by itself; nothing in its own zones."""
    writer = policy.writer_of(zone)
    if writer is Writer.KVGUARD:
        return
    whose = "policy does not list" if writer is None else f"the writer is {writer.value} for"
    yield Blocker(f"{whose} zone {zone.name}")


def whole_private_paths(case: Case) -> tuple[ArmId, ...] | Unread:
    """The networks of effective endpoints in which the vault's name resolves to its own endpoint.

    Unread when an endpoint or an answer is not known, or where a zone that answers first may lie.
    """
    snapshot = case.snapshot
    if not snapshot.vault.effective_connections:
        return ()
    if snapshot.zones_unread:
        return snapshot.zones_unread[0]
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        return endpoints
    found: set[ArmId] = set()
    unread: Unread | None = None
    for endpoint in endpoints:
        answer = case.resolver.answer(snapshot, endpoint.network, snapshot.vault)
        if isinstance(endpoint.addresses, Unread):
            unread = unread or endpoint.addresses
        elif answer.kind is AnswerKind.UNKNOWN:
            unread = unread or answer.missing
        elif answer.addresses and set(answer.addresses) <= set(endpoint.addresses):
            found.add(endpoint.network)
    if not found and unread is not None:
        return unread
    return tuple(sorted(found))


def _name(snapshot: VaultSnapshot) -> str:
    return snapshot.cloud.private_zone
