"""KVG508 forwarding-ruleset-diverts: the network's queries for the vault go where its zone is not seen.

What it finds
-------------
A DNS forwarding ruleset linked to the network of an effective endpoint, or to the one whose DNS its clients ask, with a
rule that sends the vault's names to a server in a network that is linked to no zone of them.

Why it matters
--------------
The rule wins over public DNS before the vault's alias is followed. The server asked sees no private zone, so clients
next to the endpoint get the public address although their own network is linked.

Example
-------
The rule ``.`` of a hub's ruleset sends everything to the DNS servers of the hub, and the zone is linked to the spokes
only.

Remediation
-----------
Link the zone to the network of the target, or take the vault's domain out of the ruleset with a narrower rule.

Remediation safety
------------------
Never by kvguard: a ruleset serves all names of all its networks. A target outside every readable network may well see
the zone, so there nothing is claimed. A rule that a linked zone answers before is never asked and is no finding.

Links
-----
https://learn.microsoft.com/azure/dns/dns-private-resolver-overview
https://learn.microsoft.com/azure/dns/private-resolver-endpoints-rulesets
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.forwarding import asks_azure, covers, diverting, holder_of
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import ForwardingRule, Network
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.snapshot import VaultSnapshot


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every network of an effective endpoint, or asked by it, whose ruleset leads to a view without the zone."""
    snapshot = case.snapshot
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        yield Unknown(snapshot.vault.id, endpoints)
        return
    networks = {endpoint.network for endpoint in endpoints}
    for network in tuple(networks):
        asked = case.resolver.resolving_networks(snapshot, network)
        networks.update(() if isinstance(asked, Unread) else asked)
        networks.update(_holders(snapshot, network))
    for network in sorted(networks):
        yield from _judge(case, network)


def _holders(snapshot: VaultSnapshot, network: ArmId) -> Iterator[ArmId]:
    """The networks that hold the DNS servers of a network: these ask Azure under the rulesets that are linked there."""
    known = snapshot.network(network)
    if isinstance(known, Network):
        for server in known.dns_servers:
            holder = holder_of(snapshot, known, server)
            if holder is not None:
                yield holder


def _judge(case: Case, network: ArmId) -> Iterator[Violation | Unknown]:
    known = case.snapshot.network(network)
    if isinstance(known, Unread):
        yield Unknown(network, known)
        return
    if not isinstance(known, Network) or not asks_azure(known):
        return
    rules = diverting(case.snapshot, known, case.snapshot.vault)
    if isinstance(rules, Unread):
        yield Unknown(network, rules)
        return
    blind: list[tuple[ForwardingRule, str, ArmId]] = []
    for rule in rules:
        for target in rule.targets:
            holder = holder_of(case.snapshot, known, target)
            if holder is None:
                where = f"rule {rule.domain} forwards to {target}, which lies in no readable virtual network"
                yield Unknown(network, Unread(UnreadReason.UNSUPPORTED, where))
                continue
            seen = _sees_a_zone(case, holder)
            if isinstance(seen, Unread):
                yield Unknown(network, seen)
            elif not seen:
                blind.append((rule, target, holder))
    if blind:
        yield _violation(case, network, blind)


def _sees_a_zone(case: Case, network: ArmId) -> bool | Unread:
    """Whether a private zone for one of the vault's names is linked to a network."""
    answer = case.resolver.view(case.snapshot, network, case.snapshot.vault)
    alias = case.snapshot.cloud.alias_host(case.snapshot.vault.name)
    linked = any(covers(zone.name, alias) and zone.link_of(network) is not None for zone in case.snapshot.zones)
    if not linked and answer.kind is AnswerKind.UNKNOWN:
        return answer.missing
    return linked


def _violation(case: Case, network: ArmId, blind: list[tuple[ForwardingRule, str, ArmId]]) -> Violation:
    rule, target, holder = blind[0]
    answer = case.resolver.view(case.snapshot, holder, case.snapshot.vault)
    return Violation(
        subject=network,
        message=(
            f"The forwarding ruleset of network {network.name} sends the names of vault {case.snapshot.vault.name} to "
            f"{target} in network {holder.name} (rule {rule.domain}), which is linked to no zone of them: clients get "
            f"{answer.summary}."
        ),
        facts={
            "network": network.key,
            "rules": sorted({known.domain.lower() for known, _, _ in blind}),
            "targets": sorted({f"{server}={place.key}" for _, server, place in blind}),
        },
        evidence=(*answer.chain, answer.reason),
        advice=(
            f"Link zone {case.snapshot.cloud.private_zone} to network {holder.name}, or give the ruleset of network "
            f"{network.name} a rule for {case.snapshot.cloud.vault_suffix} whose target sees the zone."
        ),
    )


RULE = Rule(
    id="KVG508",
    name="forwarding-ruleset-diverts",
    title="A DNS forwarding ruleset leads past the private DNS zone",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
