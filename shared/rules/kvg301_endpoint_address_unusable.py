"""KVG301 endpoint-address-unusable: the endpoint has no address that a client could use.

What it finds
-------------
An effective private endpoint without an address, or with one outside its virtual network or subnet, or with a reserved
one: multicast, broadcast, loopback, link-local, Azure's own 168.63.129.16, and the first four and the last address of a
subnet. Whether an address is private is not asked: a virtual network may use public ranges, so belonging to it decides.
(Private ranges end at 172.31.255.255, so 172.32.0.1 is public, and usable where a network has that range.)

Why it matters
--------------
Clients resolve the name to this address and get no answer, and nothing in the vault's own state says why.

Example
-------
A network interface with 10.9.0.4 in a virtual network of 10.1.0.0/16; or without any address.

Remediation
-----------
Create the private endpoint again in its subnet, then delete this one.

Remediation safety
------------------
Never by kvguard: an endpoint's address follows from its subnet, which is a design decision.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.endpoint import AddressSource, PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network, Subnet
from shared.domain.reading import Gone, Unread, UnreadReason, is_transient
from shared.domain.rule import Case, Rule, Unknown, Violation

# What no virtual network may use. https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
_RESERVED: Final = (
    (ipaddress.IPv4Network("224.0.0.0/4"), "multicast"),
    (ipaddress.IPv4Network("255.255.255.255/32"), "broadcast"),
    (ipaddress.IPv4Network("127.0.0.0/8"), "loopback"),
    (ipaddress.IPv4Network("169.254.0.0/16"), "link-local"),
    (ipaddress.IPv4Network("168.63.129.16/32"), "Azure's internal DNS and DHCP"),
)
_FIRST: Final = 4


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every effective endpoint whose address cannot be used."""
    for subject, endpoint in case.snapshot.private_ends():
        if isinstance(endpoint, Unread):
            yield Unknown(subject, endpoint)
        elif not is_transient(endpoint.provisioning_state):
            yield from _judge(case, endpoint)


def _judge(case: Case, endpoint: PrivateEndpoint) -> Iterator[Violation | Unknown]:
    if isinstance(endpoint.addresses, Unread):
        yield Unknown(endpoint.id, endpoint.addresses)
        return
    if not endpoint.addresses and endpoint.address_source is not AddressSource.INTERFACE:
        why = f"addresses of private endpoint {endpoint.id.name}: its network interface was not read"
        yield Unknown(endpoint.id, Unread(UnreadReason.UNSUPPORTED, why))
        return
    network = _network(case, endpoint)
    problems = list(_problems(endpoint, network))
    if problems:
        yield _found(case, endpoint, network, problems)
    elif isinstance(network, Unread):
        yield Unknown(endpoint.id, network)
    elif isinstance(subnet := _subnet(endpoint, network), Unread):
        yield Unknown(endpoint.id, subnet)


def _found(case: Case, endpoint: PrivateEndpoint, network: Network | Unread, problems: list[str]) -> Violation:
    addresses = endpoint.addresses
    return Violation(
        subject=endpoint.id,
        message=(
            f"Private endpoint {endpoint.id.name} of vault {case.snapshot.vault.name} cannot be reached: "
            f"{'; '.join(problems)}."
        ),
        facts={
            "addresses": [] if isinstance(addresses, Unread) else sorted(addresses),
            "network": endpoint.network.key,
            "prefixes": "unread" if isinstance(network, Unread) else sorted(network.prefixes),
            "subnet": endpoint.subnet.key,
            "source": endpoint.address_source.value,
        },
        advice=(
            f"Create a new private endpoint for the vault in subnet {endpoint.subnet.name} of virtual network "
            f"{endpoint.network.name}, let its record replace the old one, then delete {endpoint.id.name}."
        ),
    )


def _network(case: Case, endpoint: PrivateEndpoint) -> Network | Unread:
    """The endpoint's network. One that Azure says is gone, or that names no range, says nothing about an address."""
    network = case.snapshot.network(endpoint.network)
    if isinstance(network, Gone):
        why = f"virtual network {endpoint.network.name} does not exist"
        return Unread(UnreadReason.UNSUPPORTED, why)
    if isinstance(network, Network) and not network.prefixes:
        return Unread(UnreadReason.UNSUPPORTED, f"address space of virtual network {endpoint.network.name}")
    return network


def _subnet(endpoint: PrivateEndpoint, network: Network | Unread) -> Subnet | Unread:
    subnet = None if isinstance(network, Unread) else network.subnet(endpoint.subnet)
    if subnet is None or not subnet.prefixes:
        return Unread(UnreadReason.UNSUPPORTED, f"address range of subnet {endpoint.subnet.name}")
    return subnet


def _problems(endpoint: PrivateEndpoint, network: Network | Unread) -> Iterator[str]:
    addresses = () if isinstance(endpoint.addresses, Unread) else endpoint.addresses
    if not addresses:
        yield "it has no address"
    subnet = _subnet(endpoint, network)
    for address in sorted(set(addresses)):
        yield from _never_usable(address) or _outside(address, network, subnet) or _kept_by_azure(address, subnet)


def _never_usable(address: str) -> list[str]:
    """An address that no resource of any virtual network can have."""
    try:
        parsed = ipaddress.IPv4Address(address)
    except ValueError:
        return [f"{address} is no IPv4 address"]
    return [f"{address} is reserved ({what})" for prefix, what in _RESERVED if parsed in prefix][-1:]


def _outside(address: str, network: Network | Unread, subnet: Subnet | Unread) -> list[str]:
    if isinstance(network, Network) and not network.contains(address):
        return [f"{address} lies outside virtual network {network.id.name} ({', '.join(network.prefixes)})"]
    if isinstance(subnet, Subnet) and not subnet.contains(address):
        return [f"{address} lies outside subnet {subnet.id.name} ({', '.join(subnet.prefixes)})"]
    return []


def _kept_by_azure(address: str, subnet: Subnet | Unread) -> list[str]:
    """The first four addresses and the last one of a subnet are Azure's own."""
    parsed = ipaddress.IPv4Address(address)
    for prefix in () if isinstance(subnet, Unread) else subnet.prefixes:
        try:
            known = ipaddress.IPv4Network(prefix, strict=False)
        except ValueError:
            continue
        if parsed in known and (int(parsed) - int(known.network_address) < _FIRST or parsed == known.broadcast_address):
            return [f"{address} is one of the five addresses of {prefix} that Azure keeps"]
    return []


RULE = Rule(
    id="KVG301",
    name="endpoint-address-unusable",
    title="A private endpoint has no usable address",
    severity=Severity.HIGH,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
