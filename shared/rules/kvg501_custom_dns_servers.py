"""KVG501 custom-dns-servers: somebody else's servers answer for the vault's name.

What it finds
-------------
A virtual network with an effective endpoint, or one of the policy's client networks, that uses DNS servers of its own;
or a private endpoint whose network interface does. The finding names the network in which those servers stand, because
its links decide what clients get, or says that it is not known.

Why it matters
--------------
Private DNS zones answer only through Azure's own resolver. Links of the client's network have no effect then; those of
the network in which the servers stand have, as far as the servers forward there.

Example
-------
The spoke's DNS servers are ``10.0.0.4`` and ``10.0.0.5`` in the hub, so the zone has to be linked to the hub.

Remediation
-----------
Nothing, where it is meant: link the zone to the network in which the servers stand, and let them forward to
``168.63.129.16``. Where it is not meant, set the network back to the DNS servers that Azure provides.

Remediation safety
------------------
Never by kvguard: what else the servers answer is not seen, and a change touches every name that clients ask for.

Links
-----
https://learn.microsoft.com/azure/virtual-network/virtual-networks-name-resolution-for-vms-and-role-instances
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import AddressSource, PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each network around the vault, and each endpoint, that names DNS servers of its own."""
    endpoints = case.snapshot.effective_endpoints()
    networks = {entry.network for entry in case.policy.client_networks}
    if isinstance(endpoints, Unread):
        yield Unknown(case.snapshot.vault.id, endpoints)
    else:
        networks |= {endpoint.network for endpoint in endpoints}
        for endpoint in endpoints:
            if endpoint.dns_servers:
                yield _of_endpoint(endpoint)
            else:
                yield from _interface_unread(endpoint)
    for network in sorted(networks):
        yield from _judge(case, network)


def _interface_unread(endpoint: PrivateEndpoint) -> Iterator[Unknown]:
    """Only the interface names the servers: an endpoint whose addresses came from elsewhere says nothing of them."""
    if isinstance(endpoint.addresses, Unread):
        yield Unknown(endpoint.id, endpoint.addresses)
    elif endpoint.address_source is not AddressSource.INTERFACE:
        why = f"network interface of private endpoint {endpoint.id.name}"
        yield Unknown(endpoint.id, Unread(UnreadReason.UNSUPPORTED, why))


def _judge(case: Case, network: ArmId) -> Iterator[Violation | Unknown]:
    known = case.snapshot.around(network)
    if isinstance(known, Unread):
        yield Unknown(network, known)
    elif isinstance(known, Gone):
        yield Unknown(network, Unread(UnreadReason.UNSUPPORTED, f"virtual network {network.name} does not exist"))
    elif known.dns_servers:
        yield _of_network(case, known)


def _of_network(case: Case, network: Network) -> Violation:
    asked = case.resolver.resolving_networks(case.snapshot, network.id)
    servers = sorted(network.dns_servers)
    if isinstance(asked, Unread):
        where = f"Where they stand is not known ({asked.detail}), so what clients there get for the vault's name is not"
    else:
        names = ", ".join(holder.name for holder in asked)
        where = f"They stand in network {names}, whose links decide what clients there get for the vault's name"
    return Violation(
        subject=network.id,
        message=f"Network {network.id.name} uses its own DNS servers {', '.join(servers)}. {where}.",
        facts={
            "servers": servers,
            "resolving": "unknown" if isinstance(asked, Unread) else [holder.key for holder in asked],
        },
        evidence=(f"Asked because of vault {case.snapshot.vault.name}.",),
        advice=(
            f"Let {', '.join(servers)} forward {case.snapshot.cloud.private_zone} to 168.63.129.16 and link that zone "
            "to the network in which they stand; or set the network's DNS servers back to those of Azure."
        ),
    )


def _of_endpoint(endpoint: PrivateEndpoint) -> Violation:
    servers = sorted(endpoint.dns_servers)
    return Violation(
        subject=endpoint.id,
        message=(
            f"The network interface of private endpoint {endpoint.id.name} names its own DNS servers "
            f"{', '.join(servers)}. They change nothing for clients, which ask the servers of their own network."
        ),
        facts={"servers": servers},
        advice=f"Take {', '.join(servers)} off the network interface of {endpoint.id.name}: nothing asks them.",
    )


RULE = Rule(
    id="KVG501",
    name="custom-dns-servers",
    title="A network around the vault uses its own DNS servers",
    severity=Severity.LOW,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({"PSRule": ("Azure.VNET.LocalDNS", "Azure.VNET.SingleDNS")}),
    at_events=False,
)
