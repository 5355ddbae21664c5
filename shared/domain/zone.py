"""Private DNS zones with their links and A record sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.clouds import CLOUDS, Cloud
from shared.domain.reading import Part, Unread, UnreadReason


class ResolutionPolicy(Enum):
    """``resolutionPolicy`` of a zone link: whether a name the zone lacks falls back to public DNS.

    Source: https://learn.microsoft.com/azure/dns/private-dns-fallback
    """

    DEFAULT = "Default"
    NXDOMAIN_REDIRECT = "NxDomainRedirect"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ZoneLink:
    """A virtual network link of a private DNS zone."""

    id: ArmId
    network: ArmId
    completed: bool
    provisioning_state: str
    registration_enabled: bool = False
    resolution_policy: ResolutionPolicy = ResolutionPolicy.DEFAULT


class Links(tuple[ZoneLink, ...]):
    """The links of a zone, with what is asked of them by every vault that the zone serves.

    All vaults of an estate share the zone of a hub: each index is made once and not for each vault.
    """

    @cached_property
    def in_order(self) -> Links:
        """The links sorted by id, the later of two of one id; these themselves where they are so already."""
        if all(first.id < second.id for first, second in pairwise(self)):
            return self
        once = {link.id: link for link in self}
        return Links(once[key] for key in sorted(once))

    @cached_property
    def by_network(self) -> Mapping[str, tuple[ZoneLink, ...]]:
        """The links to each network, by the key of its id. Azure allows one, a reading may show more."""
        found: dict[str, tuple[ZoneLink, ...]] = {}
        for link in self:
            key = link.network.key
            found[key] = (*found[key], link) if key in found else (link,)
        return found

    def plus(self, link: ZoneLink) -> Links:
        """These links and one more."""
        more = Links((*self, link))
        # A copy of the index takes a hundredth of a new one, and each proposal of a link is tried on the whole zone.
        key = link.network.key
        more.__dict__["by_network"] = {**self.by_network, key: (*self.by_network.get(key, ()), link)}
        return more

    @cached_property
    def by_policy(self) -> Mapping[ResolutionPolicy, tuple[ZoneLink, ...]]:
        """The links of each resolution policy."""
        return MappingProxyType(
            {policy: tuple(link for link in self if link.resolution_policy is policy) for policy in ResolutionPolicy}
        )

    @cached_property
    def registering(self) -> tuple[ZoneLink, ...]:
        """The links with auto-registration."""
        return tuple(link for link in self if link.registration_enabled)


@dataclass(frozen=True, slots=True)
class RecordSet:
    """An A record set. ``ttl`` in seconds; ``addresses`` may be empty, which is a legal, existing set."""

    id: ArmId
    ttl: int
    addresses: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    etag: str = ""
    auto_registered: bool = False

    @property
    def made_by_zone_group(self) -> bool:
        """Whether a zone group wrote the set: it leaves ``creator`` metadata."""
        return any(name.casefold() == "creator" for name in self.metadata)


_RECORDS: Final = Unread(UnreadReason.DEFERRED, "A records", Part.ZONE_RECORDS)
_CNAMES: Final = Unread(UnreadReason.DEFERRED, "CNAME records", Part.CNAMES)


# The domains in which the clouds keep vaults, the closed one and a common slip among them.
_BASES: Final = frozenset({cloud.vault_suffix.partition(".")[2] for cloud in CLOUDS.values()}) | {
    "azure.com",
    "microsoftazure.de",
}
_HEADS: Final = frozenset({"vault", "vaultcore", "keyvault"})


def looks_like_vault_zone(name: str, cloud: Cloud) -> bool:
    """Whether a zone's name was meant for vaults and serves none of this cloud's.

    ``privatelink.vault.azure.net``, the zone of another cloud, a stray dot. The cloud's private zone and what lies in
    it (a zone for one vault) are no strays, nor is the public suffix, which answers for the vaults' public names.
    """
    lowered = name.lower()
    labels = [label for label in lowered.split(".") if label]
    clean = ".".join(labels)
    if clean == lowered and (clean == cloud.vault_suffix or f".{clean}".endswith(f".{cloud.private_zone}")):
        return False
    if "privatelink" in labels:
        rest = labels[labels.index("privatelink") + 1 :]
        return bool(rest) and rest[0] in _HEADS
    bases = _BASES | {cloud.vault_suffix.partition(".")[2]}
    return bool(labels) and labels[0] in _HEADS and ".".join(labels[1:]) in bases


@dataclass(frozen=True, slots=True)
class StrayZone:
    """A private DNS zone whose name looks like a vault zone's and is none of this cloud's."""

    id: ArmId
    link_count: int
    record_count: int

    @property
    def name(self) -> str:
        """The zone's name in lower case."""
        return self.id.name.lower()


@dataclass(frozen=True, slots=True)
class Zone:
    """A private DNS zone. ``records`` maps lower-case relative names to what was read, None for absent names.

    ``complete`` says that every A record set of the zone is in ``records``. ``cnames`` maps relative names to the
    target of their CNAME (no trailing dot), None for names without one; ``cnames_complete`` says that the others have
    none. A name has a CNAME or other records, not both.
    """

    id: ArmId
    links: tuple[ZoneLink, ...] | Unread
    records: Mapping[str, RecordSet | None] = field(default_factory=lambda: MappingProxyType({}))
    complete: bool = False
    records_unread: Unread = _RECORDS
    cnames: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    cnames_unread: Unread = _CNAMES
    cnames_complete: bool = False
    link_count: int = 0
    max_links: int = 1000
    record_count: int = 0
    max_records: int = 25000
    _dotted: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.links, Unread | Links):
            object.__setattr__(self, "links", Links(self.links))

    @property
    def name(self) -> str:
        """The zone's name in lower case."""
        return self.id.name.lower()

    def lookup(self, relative_name: str) -> RecordSet | Unread | None:
        """The A record set of a relative name: the set, None when the zone has none, Unread when unknown."""
        name = relative_name.lower()
        if name in self.records:
            return self.records[name]
        return None if self.complete else self.records_unread

    def names_below(self, relative_name: str) -> tuple[str, ...]:
        """The record names that were read and continue this one (a single label) with a dot, sorted."""
        if not self._dotted:
            # Made once for all vaults that the zone serves; the empty label marks it as made.
            found: dict[str, list[str]] = {"": []}
            for name in self.records:
                label, dot, _ = name.partition(".")
                if dot:
                    found.setdefault(label, []).append(name)
            self._dotted.update(found)
        return tuple(sorted(self._dotted.get(relative_name.lower(), ())))

    def alias(self, relative_name: str) -> str | Unread | None:
        """The target of a name's CNAME: None when it has none, which an A record of the name proves."""
        name = relative_name.lower()
        if self.records.get(name) is not None:
            return None
        return self.cnames.get(name, None if self.cnames_complete else self.cnames_unread)

    def link_of(self, network: ArmId) -> ZoneLink | None:
        """The link of this zone to a network, None when there is none or the links were not read."""
        return next(iter(self.links_to(network)), None)

    def links_to(self, network: ArmId) -> tuple[ZoneLink, ...]:
        """Every link of this zone to a network; none where the links were not read."""
        return self.links.by_network.get(network.key, ()) if isinstance(self.links, Links) else ()

    def links_but(self, policy: ResolutionPolicy) -> tuple[ZoneLink, ...]:
        """The links with another resolution policy than this one; none where the links were not read."""
        if not isinstance(self.links, Links):
            return ()
        others = (links for known, links in self.links.by_policy.items() if known is not policy)
        return tuple(sorted((link for links in others for link in links), key=lambda link: link.id))

    @property
    def registering_links(self) -> tuple[ZoneLink, ...]:
        """The links with auto-registration; none where the links were not read."""
        return self.links.registering if isinstance(self.links, Links) else ()

    def with_record(self, relative_name: str, record: RecordSet | None) -> Zone:
        """This zone with one record set put in place of what was known of that name.

        A name that loses its A record has no CNAME either: there was none beside the record.
        """
        name = relative_name.lower()
        cnames = self.cnames
        if record is None and self.records.get(name) is not None and not self.cnames_complete:
            cnames = MappingProxyType({**cnames, name: None})
        return replace(self, records=MappingProxyType({**self.records, name: record}), cnames=cnames)
