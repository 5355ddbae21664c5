"""Whose names a change breaks: the walk before and after it, for every known vault in every network it touches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_

from shared.domain.answer import Answer, AnswerKind, Harm
from shared.domain.arm_id import ArmId
from shared.domain.forwarding import covers, names_of
from shared.domain.reading import Unread
from shared.domain.snapshot import Neighbour, VaultSnapshot
from shared.domain.vault import Vault
from shared.domain.zone import ResolutionPolicy, Zone, ZoneLink
from shared.engine.resolver_walk import relative_to, walk

Askers = Callable[[VaultSnapshot, ArmId], tuple[ArmId, ...] | Unread]
_Answering = tuple[ArmId, bool, ResolutionPolicy]


def harms(before: VaultSnapshot, after: VaultSnapshot, askers: Askers) -> tuple[Harm, ...] | Unread:
    """Names of known vaults that work in a network before and would not after the change.

    An answer that is not known before counts as working, one not known after as broken. An answer that is unknown both
    times counts where the change touches what the name is asked of. ``askers`` gives the networks whose clients may
    get the view of a network.
    """
    if isinstance(before.neighbours, Unread):
        return before.neighbours
    nobody_knows = _unread_links(before, after)
    if nobody_knows is not None:
        return nobody_knows
    found: list[Harm] = []
    views = {view: askers(before, view) for view in _affected_networks(before, after)}
    neighbours = before.neighbours if isinstance(after.neighbours, Unread) else after.neighbours
    subjects: list[tuple[Vault, Vault, Neighbour | None]] = [(before.vault, after.vault, None)]
    subjects += [(neighbour.vault, neighbour.vault, neighbour) for neighbour in neighbours]
    for old_vault, new_vault, neighbour in subjects:
        for view, clients in views.items():
            old, new = walk(before, view, old_vault), walk(after, view, new_vault)
            unknown = AnswerKind.UNKNOWN in (old.kind, new.kind)
            if (old.kind, old.addresses) == (new.kind, new.addresses) and not (
                unknown and _touched(before, after, view, old_vault, new_vault)
            ):
                continue
            for network in (view,) if isinstance(clients, Unread) else clients:
                if _works(before, network, old, neighbour) is False:
                    continue
                if isinstance(clients, Unread) or _works(after, network, new, neighbour) is not True:
                    found.append(Harm(old_vault.id, network, old, new))
    return tuple(found)


def _works(snapshot: VaultSnapshot, network: ArmId, answer: Answer, neighbour: Neighbour | None) -> bool | None:
    """Whether an answer leads somewhere from this network; None when that is not known."""
    if answer.kind is AnswerKind.PUBLIC:
        return True
    if answer.kind is AnswerKind.NXDOMAIN:
        return False
    if answer.kind is AnswerKind.UNKNOWN:
        return None
    homes = _homes(snapshot, neighbour)
    if isinstance(homes, Unread):
        return None
    verdicts: list[bool | None] = []
    for address in answer.addresses:
        reached = [snapshot.reaches(network, home) for home in homes.get(address, ())]
        unread = any(isinstance(reach, Unread) for reach in reached)
        verdicts.append(True if True in reached else None if unread else False)
    if False in verdicts or not verdicts:
        return False
    return None if None in verdicts else True


def _affected_networks(before: VaultSnapshot, after: VaultSnapshot) -> tuple[ArmId, ...]:
    """The networks whose link differs, all linked ones where records differ or the vault's alias changes."""
    alias_changed = before.vault.has_alias != after.vault.has_alias
    found: set[ArmId] = set()
    for old, new in _zones(before, after):
        if alias_changed or _contents(old) != _contents(new):
            found.update(link.network for zone in (old, new) for link in _links(zone))
        else:
            found.update(network for network, _, _ in _differing(old, new) ^ _differing(new, old))
    return tuple(sorted(found))


def _unread_links(before: VaultSnapshot, after: VaultSnapshot) -> Unread | None:
    """Why nobody knows who gets a change to see: the links of a zone whose records change were not read."""
    for old, new in _zones(before, after):
        links = None if old is None else old.links
        if isinstance(links, Unread) and _contents(old) != _contents(new):
            return links
    return None


def _zones(before: VaultSnapshot, after: VaultSnapshot) -> list[tuple[Zone | None, Zone | None]]:
    """Each zone before and after; None where it did not exist or no longer does."""
    then = {zone.id: zone for zone in before.zones}
    now = {zone.id: zone for zone in after.zones}
    return [(then.get(key), now.get(key)) for key in sorted(then.keys() | now.keys())]


def _links(zone: Zone | None) -> tuple[ZoneLink, ...]:
    return () if zone is None or isinstance(zone.links, Unread) else zone.links


def _differing(zone: Zone | None, other: Zone | None) -> frozenset[_Answering]:
    """What decides where a zone answers; a link that differs in nothing else answers alike.

    Without the links that the other zone has as the very same objects: a change leaves all but one of a thousand.
    """
    links, others = _links(zone), _links(other)
    alike = [*map(is_, links, others), False].index(False)
    same = frozenset(map(id, others[alike:]))
    return frozenset(
        (link.network, link.completed, link.resolution_policy) for link in links[alike:] if id(link) not in same
    )


def _contents(zone: Zone | None) -> object:
    if zone is None:
        return None
    return zone.records, zone.complete, zone.cnames, zone.cnames_complete


def _touched(before: VaultSnapshot, after: VaultSnapshot, view: ArmId, old: Vault, new: Vault) -> bool:
    """Whether the change touches a link or a record that a vault's own names are asked of in a network."""
    if old.has_alias != new.has_alias:
        return True
    names = names_of(before.cloud, new)
    for then, now in _zones(before, after):
        known = then or now
        asked = [name for name in names if known is not None and covers(known.name, name)]
        if asked and _here(then, view) != _here(now, view):
            return True
        if any(_kept(then, name) != _kept(now, name) for name in asked):
            return True
    return False


def _here(zone: Zone | None, view: ArmId) -> frozenset[_Answering]:
    here = (link for link in _links(zone) if link.network == view)
    return frozenset((link.network, link.completed, link.resolution_policy) for link in here)


def _kept(zone: Zone | None, name: str) -> object:
    """What a zone says of one name. Its TTL and metadata lead nobody elsewhere."""
    if zone is None:
        return None
    relative = relative_to(zone, name)
    record = zone.lookup(relative)
    addresses = sorted(record.addresses) if record is not None and not isinstance(record, Unread) else record
    return addresses, zone.alias(relative)


def _homes(snapshot: VaultSnapshot, neighbour: Neighbour | None) -> Mapping[str, list[ArmId]] | Unread:
    """Address -> networks of the effective endpoints of the vault that was asked for; ranges may repeat."""
    homes: dict[str, list[ArmId]] = {}
    if neighbour is not None:
        if isinstance(neighbour.endpoints, Unread):
            return neighbour.endpoints
        for known in neighbour.endpoints:
            for address in known.addresses:
                homes.setdefault(address, []).append(known.network)
        return homes
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        return endpoints
    for endpoint in endpoints:
        if isinstance(endpoint.addresses, Unread):
            return endpoint.addresses
        for address in endpoint.addresses:
            homes.setdefault(address, []).append(endpoint.network)
    return homes
