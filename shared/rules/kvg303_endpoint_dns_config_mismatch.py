"""KVG303 endpoint-dns-config-mismatch: an endpoint contradicts itself about its address.

What it finds
-------------
An effective private endpoint whose network interface, the record sets of its zone groups and its ``customDnsConfigs``
give different addresses for the vault; or whose ``customDnsConfigs`` has several entries for the vault's name. A list
that is empty says nothing, so it contradicts nothing: Azure empties ``customDnsConfigs`` once a zone group is attached.

Why it matters
--------------
The address of the interface is the one that answers. Whoever builds DNS from one of the copies sends clients elsewhere.

Example
-------
The interface has 10.1.0.4, the zone group says that it wrote 10.1.0.9.

Remediation
-----------
Write the zone group, or the endpoint, again as it is, so that Azure fills in its copies anew.

Remediation safety
------------------
Never by kvguard: the copies are Azure's own, and why they are old is not visible from outside.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.endpoint import AddressSource, DnsConfig, PrivateEndpoint, ZoneGroup
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, UnreadReason, is_transient
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every effective endpoint whose sources disagree."""
    for subject, endpoint in case.snapshot.private_ends():
        if isinstance(endpoint, Unread):
            yield Unknown(subject, endpoint)
        elif not is_transient(endpoint.provisioning_state):
            yield from _judge(case, endpoint)


def _judge(case: Case, endpoint: PrivateEndpoint) -> Iterator[Violation | Unknown]:
    interface, entries = _of_interface(endpoint), _entries(case, endpoint)
    groups = endpoint.zone_groups
    told: list[tuple[AddressSource, frozenset[str]]] = []
    if isinstance(interface, Unread):
        yield Unknown(endpoint.id, interface)
    else:
        told.append((AddressSource.INTERFACE, interface))
    if isinstance(groups, Unread):
        yield Unknown(endpoint.id, groups)
    else:
        told += [(AddressSource.ZONE_GROUP, written) for written in _written(case, groups)]
    told += [(AddressSource.DNS_CONFIG, frozenset(entry.addresses)) for entry in entries]
    known = [(source, addresses) for source, addresses in told if addresses]
    problems = [*_disagreements(known), *_several(entries)]
    if problems:
        yield Violation(
            subject=endpoint.id,
            message=(
                f"Private endpoint {endpoint.id.name} of vault {case.snapshot.vault.name} contradicts itself: "
                f"{'; '.join(problems)}."
            ),
            facts={
                "sources": sorted({f"{source.value}={','.join(sorted(said))}" for source, said in known}),
                "entries": len(entries),
            },
            advice=(
                "The address of the network interface is the one that answers. Write the zone group of "
                f"{endpoint.id.name}, or the endpoint itself, again as it is."
            ),
        )


def _of_interface(endpoint: PrivateEndpoint) -> frozenset[str] | Unread:
    """What the network interface says; addresses that were taken from a copy are no second witness."""
    if isinstance(endpoint.addresses, Unread):
        return endpoint.addresses
    if endpoint.address_source is not AddressSource.INTERFACE:
        return Unread(UnreadReason.UNSUPPORTED, f"network interface of private endpoint {endpoint.id.name}")
    return frozenset(endpoint.addresses)


def _written(case: Case, groups: tuple[ZoneGroup, ...]) -> list[frozenset[str]]:
    """What each zone group says that it wrote for the vault, in the vault zone or one of the vault's own name."""
    alias = case.snapshot.cloud.alias_host(case.snapshot.vault.name)
    return [
        frozenset(record.addresses)
        for group in groups
        for record in group.records
        if alias == (record.zone.name if record.name == "@" else f"{record.name}.{record.zone.name}").lower()
    ]


def _entries(case: Case, endpoint: PrivateEndpoint) -> list[DnsConfig]:
    """The entries for the vault's host name. Azure uses the public name there, other services the alias as well."""
    snapshot = case.snapshot
    names = {snapshot.cloud.vault_host(snapshot.vault.name), snapshot.cloud.alias_host(snapshot.vault.name)}
    return [entry for entry in endpoint.dns_configs if entry.fqdn.rstrip(".").lower() in names]


def _disagreements(known: list[tuple[AddressSource, frozenset[str]]]) -> Iterator[str]:
    """What differs from the first source that says anything, in the order of trust."""
    for source, addresses in known[1:]:
        first, truth = known[0]
        if addresses != truth:
            yield (
                f"its {first.value} says {', '.join(sorted(truth))}, its {source.value} {', '.join(sorted(addresses))}"
            )


def _several(entries: list[DnsConfig]) -> Iterator[str]:
    if len(entries) > 1:
        yield f"{len(entries)} entries of customDnsConfigs match the vault's name"


RULE = Rule(
    id="KVG303",
    name="endpoint-dns-config-mismatch",
    title="The sources of a private endpoint's address disagree",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    group="zone-group",
    rank=1,
    controls=MappingProxyType({}),
    at_events=False,
)
