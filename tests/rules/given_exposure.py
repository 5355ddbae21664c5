"""Builders for the rules about a vault's exposure: doors, firewalls and subnets, in one line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.domain.arm_id import SUBNET, ArmId
from shared.domain.change import Irreversible
from shared.domain.network import Subnet
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.rule import Rule
from shared.domain.vault import DefaultAction, NetworkAcl, PublicAccess
from tests.builders import SUBSCRIPTION, Given, healthy

ON: Final = PublicAccess.ENABLED
OFF: Final = PublicAccess.DISABLED
SECURED: Final = PublicAccess.SECURED_BY_PERIMETER
STRANGE: Final = PublicAccess.UNKNOWN
OFFICE: Final = "203.0.113.7/32"
LATER: Final = Unread(UnreadReason.DEFERRED, "network security perimeter associations", Part.PERIMETER)


def subnet_id(name: str = "apps", network: str = "vnet-1") -> ArmId:
    """The id of a subnet."""
    return ArmId.of(SUBSCRIPTION, "rg-net", SUBNET, network, name)


def subnet(name: str = "apps", network: str = "vnet-1", *services: str) -> Subnet:
    """A subnet with service endpoints."""
    return Subnet(subnet_id(name, network), ("10.1.1.0/24",), frozenset(services))


def allow(*ips: str, subnets: Iterable[ArmId] = (), bypass: str = "AzureServices") -> NetworkAcl:
    """A firewall that lets everybody in."""
    return NetworkAcl(DefaultAction.ALLOW, bypass, ips, tuple(subnets))


def deny(*ips: str, subnets: Iterable[ArmId] = (), bypass: str = "AzureServices") -> NetworkAcl:
    """A firewall that lets in only whom a rule names."""
    return NetworkAcl(DefaultAction.DENY, bypass, ips, tuple(subnets))


def odd(*ips: str) -> NetworkAcl:
    """A firewall whose default action nobody knows."""
    return NetworkAcl(DefaultAction.UNKNOWN, "AzureServices", ips)


def door(access: PublicAccess, acl: NetworkAcl | None = None) -> Given:
    """The healthy vault, its private path whole, with this public access and firewall."""
    return healthy().vault(public_access=access, acl=acl)


def alone(access: PublicAccess, acl: NetworkAcl | None = None) -> Given:
    """The same without any private endpoint connection."""
    return door(access, acl).no_connections()


def applied(given: Given, rule: Rule) -> Given:
    """The world after the one option of the one finding."""
    return given.at(given.option(rule).change.simulate(given.snapshot))


def taken_back(given: Given, rule: Rule) -> Given:
    """The world after the one option and its inverse."""
    change = given.option(rule).change
    inverse = change.inverse
    assert not isinstance(inverse, Irreversible), inverse.lost
    return given.at(inverse.simulate(change.simulate(given.snapshot)))
