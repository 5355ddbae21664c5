"""Departures from the healthy vault that the tests of connections and private endpoints share."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from shared.domain.arm_id import SUBNET, ArmId
from shared.domain.endpoint import DnsConfig, EndpointLink, GroupRecord, PrivateEndpoint
from shared.domain.grades import Writer
from shared.domain.history import History, Sighting
from shared.domain.network import Subnet
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.vault import ConnectionStatus, Existence
from tests.builders import (
    NOW,
    SUBSCRIPTION,
    Given,
    connection_id,
    endpoint_id,
    endpoint_to,
    group_of,
    healthy,
    vault_id,
    zone_id,
)

WRITTEN = MappingProxyType({"creator": "created by a private DNS zone group"})
DEFERRED_GROUPS = Unread(UnreadReason.DEFERRED, "zone groups", Part.ZONE_GROUPS)
DEFERRED_CLAIMANTS = Unread(UnreadReason.DEFERRED, "private endpoints that name the vault", Part.CLAIMANTS)
HOST = "contoso.vault.azure.net"


def changed(given: Given, **members: Any) -> Given:
    """The same with members of the snapshot replaced."""
    return given.at(replace(given.snapshot, **members))


def shouted(identity: ArmId) -> ArmId:
    """The same id in upper case, as Azure returns some."""
    return ArmId.parse(identity.text.upper())


def moving(age: timedelta, state: str = "Updating", status: ConnectionStatus = ConnectionStatus.APPROVED) -> Given:
    """The healthy vault whose connection has been seen in a transient state for ``age``."""
    given = healthy().connection(status=status, state=state)
    seen = Sighting(status, NOW - timedelta(days=9), moving_since=NOW - age)
    return changed(given, history=History(MappingProxyType({connection_id(): seen})))


def claimed(given: Given, *names: str) -> Given:
    """These private endpoints name the vault, and no others."""
    return changed(given, claimants=tuple(endpoint_id(name) for name in names))


def dead_end(status: ConnectionStatus = ConnectionStatus.REJECTED, **members: Any) -> Given:
    """The healthy vault with a dead connection ``c-old`` beside, whose endpoint ``pe-old`` exists and agrees."""
    links = (EndpointLink(vault_id(), status, manual=True),)
    old = replace(endpoint_to(vault_id(), name="pe-old", addresses=("10.1.0.7",)), links=links)
    given = healthy().connection("c-old", status, endpoint=endpoint_id("pe-old"))
    return claimed(
        given.endpoint("pe-old", **{"links": old.links, "addresses": old.addresses, **members}), "pe-1", "pe-old"
    )


def forgotten(**members: Any) -> Given:
    """The healthy vault and an endpoint ``pe-old`` that names it and that it has no connection of."""
    given = healthy().endpoint("pe-old", **{"addresses": ("10.1.0.7",), **members})
    return claimed(given, "pe-1", "pe-old")


def deleted() -> Given:
    """The healthy vault, purged; its endpoint and zone are still there."""
    return healthy().vault(existence=Existence.DELETED, connections=())


def grouped(given: Given, *zones: ArmId, name: str = "pe-1", records: tuple[GroupRecord, ...] = ()) -> Given:
    """An endpoint with one zone group that points to the zones."""
    return given.endpoint(name, zone_groups=(replace(group_of(endpoint_id(name), *zones), records=records),))


def ungrouped(writer: Writer | None = Writer.ZONE_GROUP) -> Given:
    """The healthy vault, its endpoint without zone group, in a zone that zone groups maintain; no record yet."""
    return healthy().writer(writer).no_record().zone(cnames=MappingProxyType({"contoso": None}))


def group_record(*addresses: str, zone: ArmId | None = None, name: str = "contoso") -> GroupRecord:
    """A record set that a zone group says it wrote."""
    return GroupRecord(zone or zone_id(), name, addresses)


def dns_config(*addresses: str, fqdn: str = HOST) -> DnsConfig:
    """An entry of customDnsConfigs."""
    return DnsConfig(fqdn, addresses)


def subnetted(given: Given, prefix: str, *subnet: str, network: str = "vnet-1") -> Given:
    """The endpoint's network with this address space and these ranges of its subnet."""
    identity = ArmId.of(SUBSCRIPTION, "rg-net", SUBNET, network, "endpoints")
    return given.network(network, prefixes=(prefix,), subnets=(Subnet(identity, subnet),))


def endpoint_of(given: Given, name: str = "pe-1") -> PrivateEndpoint:
    """An endpoint of the snapshot, which has been read."""
    endpoint = given.snapshot.endpoints[endpoint_id(name)]
    assert isinstance(endpoint, PrivateEndpoint)
    return endpoint
