"""The walk along a vault's names inside one network, as Azure-provided DNS makes it.

At each name the private zone with the longest matching name that is linked to the network answers: with its A record,
with its CNAME, or with NXDOMAIN unless the link falls back to public DNS. Only where no zone answers the public alias
is followed. Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from itertools import pairwise

from shared.domain.answer import Answer, AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.forwarding import covers, names_of
from shared.domain.reading import Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Vault
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink


def walk(snapshot: VaultSnapshot, network: ArmId, vault: Vault) -> Answer:
    """The answer of Azure-provided DNS inside ``network`` for the vault's host name.

    A CNAME is followed through the zones that were read; a target that none of them answers for is unknown, and so is
    a circle of aliases.
    """
    names = names_of(snapshot.cloud, vault)
    public = dict(pairwise(names))
    name = names[0]
    chain: tuple[str, ...] = ()
    seen = {name}
    while True:
        step = _ask(snapshot, network, name, chain)
        if isinstance(step, Answer):
            return step
        following = step or public.get(name)
        if following is None:
            return _in_public(snapshot, network, vault, name, chain)
        chain = (*chain, f"{name} is an alias for {following}.")
        if following in seen:
            return Answer(AnswerKind.UNKNOWN, chain, f"the aliases lead back to {following}")
        seen.add(following)
        name = following


def relative_to(zone: Zone, name: str) -> str:
    """The relative name under which a zone keeps the records of a name that it covers."""
    return "@" if name == zone.name else name[: -len(zone.name) - 1]


def _in_public(snapshot: VaultSnapshot, network: ArmId, vault: Vault, name: str, chain: tuple[str, ...]) -> Answer:
    """No private zone answers for the name: public DNS does, which is known for the vault's own names only."""
    if snapshot.zones_unread:
        unread = snapshot.zones_unread[0]
        return Answer(AnswerKind.UNKNOWN, chain, str(unread), unread=unread)
    if name != names_of(snapshot.cloud, vault)[-1]:
        return Answer(AnswerKind.UNKNOWN, chain, f"what {name} resolves to lies outside the zones that were read")
    reason = (
        f"no private zone linked to {network.name} answers"
        if vault.has_alias
        else "the vault has no Approved connection and so no privatelink alias"
    )
    return Answer(AnswerKind.PUBLIC, (*chain, f"{name} has a public address"), reason)


def _ask(snapshot: VaultSnapshot, network: ArmId, name: str, chain: tuple[str, ...]) -> Answer | str | None:
    """What the linked zone with the longest matching name answers: a name is an alias; None when none answers."""
    covering = [zone for zone in snapshot.zones if covers(zone.name, name)]
    for zone in covering:
        if isinstance(zone.links, Unread):
            reason = f"links of zone {zone.name}: {zone.links}"
            return Answer(AnswerKind.UNKNOWN, chain, reason, unread=zone.links)
    linked = [(zone, link) for zone in covering if (link := zone.link_of(network)) is not None]
    if not linked:
        return None
    zone, link = max(linked, key=lambda pair: (len(pair[0].name), pair[0].id.key))
    if not link.completed:
        return Answer(AnswerKind.UNKNOWN, chain, f"link {link.id.name} of zone {zone.name} is not completed")
    relative = relative_to(zone, name)
    alias, record = zone.alias(relative), zone.lookup(relative)
    if record is None and relative != "@" and isinstance(star := zone.records.get("*"), RecordSet):
        # A wildcard answers for names that have no record set: https://learn.microsoft.com/azure/dns/dns-zones-records
        record = star
    if isinstance(alias, str):
        return alias.strip(".").lower()
    if isinstance(record, Unread):
        reason = f"record {relative} of zone {zone.name}: {record}"
        return Answer(AnswerKind.UNKNOWN, chain, reason, unread=record)
    if isinstance(alias, Unread):
        reason = f"zone {zone.name} has no A record {relative}; whether it has a CNAME is not known: {alias}"
        return Answer(AnswerKind.UNKNOWN, chain, reason, unread=alias)
    return _zone_answer(zone, link, name, record, chain)


def _zone_answer(
    zone: Zone, link: ZoneLink, name: str, record: RecordSet | None, chain: tuple[str, ...]
) -> Answer | None:
    if record is not None and record.addresses:
        addresses = tuple(sorted(record.addresses))
        lines = tuple(f"{name} has address {address}" for address in addresses)
        reason = f"A record in zone {zone.name}"
        return Answer(AnswerKind.PRIVATE_RECORD, (*chain, *lines), reason, addresses, zone.id)
    if link.resolution_policy is ResolutionPolicy.DEFAULT:
        reason = f"zone {zone.name} is linked and has no such record"
        return Answer(AnswerKind.NXDOMAIN, (*chain, f"Host {name} not found: 3(NXDOMAIN)"), reason, (), zone.id)
    if link.resolution_policy is ResolutionPolicy.NXDOMAIN_REDIRECT and record is None:
        return None
    return Answer(AnswerKind.UNKNOWN, chain, f"link {link.id.name} has an unclear resolution policy", (), zone.id)
