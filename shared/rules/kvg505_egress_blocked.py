"""KVG505 egress-blocked: clients cannot get out to what they need.

What it finds
-------------
A subnet of one of the policy's client networks whose network security group or route table certainly blocks what its
clients need. For a vault's data: port 443 to the vault's door (its private endpoint where the name resolves to it,
else the public one) and to Microsoft Entra ID, which gives the token; port 80 to revocation lists (low when it is all
that is blocked). For management: Azure Resource Manager, Microsoft Graph and Microsoft Entra ID. A next hop that is an
appliance or a gateway, and a service tag that may or may not hold the service, are *not evaluated*: nothing is seen
behind them.

Why it matters
--------------
A client that cannot reach Microsoft Entra ID fails with a timeout that looks like a broken vault, and people then open
the vault's firewall, which does not help.

Example
-------
The subnet's security group has ``deny-internet`` outbound with priority 400 and nothing that allows
``AzureActiveDirectory`` before it.

Remediation
-----------
Allow outbound TCP 443 to the service tags ``AzureActiveDirectory`` and ``AzureKeyVault`` (or to the endpoint's
address), for management to ``AzureResourceManager``, with a priority before the rule that blocks; or change the route
whose next hop is ``None``.

Remediation safety
------------------
Never by kvguard: what a subnet may reach is its owner's decision, and rules of virtual network managers are not read.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/access-behind-firewall
https://learn.microsoft.com/azure/virtual-network/service-tags-overview
https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.domain.answer import AnswerKind
from shared.domain.clouds import Host, Service, endpoints
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.filtering import (
    Around,
    Destination,
    Inside,
    Passage,
    Public,
    Verdict,
    everyone,
    filters_of,
    has_gateway,
    may_redirect,
    pieces,
    ranges_around,
    through_group,
    through_routes,
    together,
)
from shared.domain.grades import Applicability, ClientRole, Mode, Severity
from shared.domain.network import Flow, Network, RouteTable, SecurityGroup, Subnet
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import PublicAccess

# Subnets that Azure keeps for its own appliances: no client of a vault is in them.
# https://learn.microsoft.com/azure/virtual-network/virtual-network-for-azure-services
_WITHOUT_CLIENTS: Final = frozenset(
    {
        "azurebastionsubnet",
        "azurefirewallmanagementsubnet",
        "azurefirewallsubnet",
        "gatewaysubnet",
        "routeserversubnet",
    }
)
_TAGS: Final = MappingProxyType(
    {
        Service.VAULT: frozenset({"azurekeyvault"}),
        Service.ENTRA: frozenset({"azureactivedirectory"}),
        Service.ARM: frozenset({"azureresourcemanager"}),
    }
)


@dataclass(frozen=True, slots=True)
class _Need:
    """What clients have to reach."""

    service: Service
    name: str
    destination: Destination
    port: int = 443


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each subnet of a client network from which something that its clients need is blocked."""
    for client in sorted({entry.network for entry in case.policy.client_networks}):
        network = case.snapshot.around(client)
        if isinstance(network, Unread):
            yield Unknown(client, network)
        elif isinstance(network, Gone):
            yield Unknown(client, Unread(UnreadReason.UNSUPPORTED, f"virtual network {client.name} does not exist"))
        else:
            yield from _judge(case, network, case.policy.client_role(client) or ClientRole.DATA)


def _judge(case: Case, network: Network, role: ClientRole) -> Iterator[Violation | Unknown]:
    needs = list(_services(case, role))
    door = () if role is ClientRole.MANAGEMENT else _door(case, network)
    if isinstance(door, Unread):
        yield Unknown(network.id, door)
    else:
        needs = [*door, *needs]
    for subnet in sorted(network.subnets, key=lambda known: known.id):
        if subnet.id.name.lower() in _WITHOUT_CLIENTS:
            continue
        filters = filters_of(case.snapshot, subnet)
        if isinstance(filters, Unread):
            yield Unknown(subnet.id, filters)
        else:
            verdicts = [(need, _verdict(case, network, subnet, *filters, need)) for need in needs]
            yield from _results(case, network, subnet, verdicts)


def _results(
    case: Case, network: Network, subnet: Subnet, verdicts: list[tuple[_Need, Verdict]]
) -> Iterator[Violation | Unknown]:
    blocked = [(need, verdict) for need, verdict in verdicts if verdict.blocked]
    unclear = [(need, verdict) for need, verdict in verdicts if verdict.passage is Passage.UNKNOWN]
    only_revocation = all(need.service is Service.REVOCATION for need, _ in blocked)
    if blocked:
        vault = case.snapshot.vault
        said = sorted(f"{need.name} on port {need.port}: {verdict.why}" for need, verdict in blocked)
        yield Violation(
            subject=subnet.id,
            message=(
                f"Clients in subnet {subnet.id.name} of network {network.id.name} cannot reach what vault {vault.name} "
                f"needs: {'; '.join(said)}."
            ),
            facts={"network": network.id.key, "blocked": said},
            evidence=(
                *(f"Not known: {need.name} on port {need.port}: {verdict.why}." for need, verdict in unclear),
                "Groups of network interfaces and routes that a gateway learns are not read.",
            ),
            advice=_advice(network, subnet, blocked),
            severity=Severity.LOW if only_revocation else None,
        )
    if unclear and only_revocation:
        need, verdict = unclear[0]
        yield Unknown(subnet.id, Unread(UnreadReason.UNSUPPORTED, f"{need.name} on port {need.port}: {verdict.why}"))


def _verdict(
    case: Case,
    network: Network,
    subnet: Subnet,
    group: SecurityGroup | None,
    table: RouteTable | None,
    need: _Need,
) -> Verdict:
    gateway = has_gateway(network)
    found = [
        through_routes(table, need.destination, service_endpoints=subnet.service_endpoints, gateway=gateway),
    ]
    if group is not None:
        around = Around(ranges_around(case.snapshot, network), may_redirect(table, gateway=gateway))
        found.append(
            everyone(
                through_group(group, Flow.OUTBOUND, piece, need.destination, around, need.port)
                for prefix in subnet.prefixes
                for piece in pieces(group, prefix)
            )
        )
    return together(found)


def _services(case: Case, role: ClientRole) -> Iterator[_Need]:
    """The public services that clients need, whether or not their host names are known in this cloud."""
    snapshot = case.snapshot
    listed = endpoints(snapshot.cloud, role, snapshot.vault.name)
    wanted = [Service.ENTRA, *((Service.ARM, Service.GRAPH) if role is not ClientRole.DATA else ())]
    for service in wanted:
        yield _Need(service, _named(service, listed.of(service)[:1]), Public(_TAGS.get(service, frozenset())))
    if role is not ClientRole.MANAGEMENT:
        yield _Need(Service.REVOCATION, Service.REVOCATION.value, Public(), 80)


def _door(case: Case, network: Network) -> tuple[_Need, ...] | Unread:
    """Where clients of a network get to when they ask for the vault's name; nothing where no door is open."""
    snapshot, vault = case.snapshot, case.snapshot.vault
    answer = case.resolver.answer(snapshot, network.id, vault)
    if answer.kind is AnswerKind.UNKNOWN:
        return answer.missing
    if answer.kind is AnswerKind.PUBLIC and vault.public_access is not PublicAccess.DISABLED:
        name = f"{snapshot.cloud.vault_host(vault.name)} (public address)"
        return (_Need(Service.VAULT, name, Public(_TAGS[Service.VAULT], "microsoft.keyvault")),)
    found = snapshot.effective_endpoints() if answer.addresses else ()
    if isinstance(found, Unread):
        return found
    needs: list[_Need] = []
    for endpoint in found:
        if isinstance(endpoint.addresses, Unread):
            return endpoint.addresses
        for address in sorted(set(endpoint.addresses) & set(answer.addresses)):
            destination = _inside(case, network, endpoint, address)
            if isinstance(destination, Unread):
                return destination
            needs.append(_Need(Service.VAULT, f"private endpoint {endpoint.id.name} ({address})", destination))
    return tuple(needs)


def _inside(case: Case, network: Network, endpoint: PrivateEndpoint, address: str) -> Inside | Unread:
    """The address as clients see it: with the endpoint's own route in its network and in Connected peers."""
    seen = case.snapshot.reaches(network.id, endpoint.network)
    if isinstance(seen, Unread):
        return seen
    home = case.snapshot.network(endpoint.network)
    subnet = home.subnet(endpoint.subnet) if isinstance(home, Network) else None
    applies = None if subnet is None else subnet.endpoint_policies.routes_apply
    return Inside(address, seen, applies, home.prefixes if isinstance(home, Network) else ())


def _named(service: Service, hosts: tuple[Host, ...]) -> str:
    names = ", ".join(host.name for host in hosts)
    return f"{service.value} ({names})" if names else service.value


def _advice(network: Network, subnet: Subnet, blocked: list[tuple[_Need, Verdict]]) -> str:
    what = ", ".join(dict.fromkeys(f"{need.name} on TCP {need.port}" for need, _ in blocked))
    where = ", ".join(dict.fromkeys(verdict.why for _, verdict in blocked))
    return (
        f"Let subnet {subnet.id.name} of network {network.id.name} reach {what}: allow it with a lower priority number "
        f"than, or change, {where}."
    )


RULE = Rule(
    id="KVG505",
    name="egress-blocked",
    title="A client subnet cannot reach what it needs",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
    at_events=False,
)
