"""Private endpoints and their DNS zone groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.domain.arm_id import ArmId
from shared.domain.reading import Unread
from shared.domain.vault import ConnectionStatus


@dataclass(frozen=True, slots=True)
class EndpointLink:
    """The consumer's side of a connection: what the private endpoint says of its link to ``target``."""

    target: ArmId
    status: ConnectionStatus
    manual: bool


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A record set that a zone group says it wrote. ``name`` is relative to the zone, in lower case."""

    zone: ArmId
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZoneGroup:
    """A private DNS zone group: Azure's own controller, which writes the record into the named zones."""

    id: ArmId
    zones: tuple[ArmId, ...]
    provisioning_state: str
    records: tuple[GroupRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """An entry of ``customDnsConfigs``: the public host name (no privatelink in it) and IPv4 addresses.

    Azure tends to empty the list once a zone group is attached, so none is no disagreement.
    Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
    """

    fqdn: str
    addresses: tuple[str, ...]


class AddressSource(Enum):
    """Where an endpoint's addresses were read: the network interface is the truth, the others are copies."""

    INTERFACE = "network interface"
    ZONE_GROUP = "zone group"
    DNS_CONFIG = "customDnsConfigs"


@dataclass(frozen=True, slots=True)
class PrivateEndpoint:
    """A private endpoint. ``addresses`` are IPv4 in dotted form, from its network interface where readable.

    ``dns_servers`` are custom ones of its network interface.
    """

    id: ArmId
    network: ArmId
    subnet: ArmId
    provisioning_state: str
    links: tuple[EndpointLink, ...]
    addresses: tuple[str, ...] | Unread
    zone_groups: tuple[ZoneGroup, ...] | Unread
    address_source: AddressSource = AddressSource.INTERFACE
    dns_configs: tuple[DnsConfig, ...] = ()
    dns_servers: tuple[str, ...] = ()
    location: str = ""

    def link_to(self, vault: ArmId) -> EndpointLink | None:
        """The endpoint's link to this vault, automatic or manual."""
        return next((link for link in self.links if link.target == vault), None)
