"""KVG507 endpoint-subnet-filtered: the endpoint is there and its subnet lets nobody through.

What it finds
-------------
Network policies for private endpoints are enabled on an effective endpoint's subnet, and its network security group, or
a route of the clients' subnets, blocks port 443 to the endpoint from a whole network: a client network of the policy
where it lists one around the endpoint, else the endpoint's own network and its Connected peers. A group that lets a
part of a network through is meant so and is not found.

Why it matters
--------------
Approved, resolved, and still a timeout: neither the vault nor its zone shows anything wrong. With network policies off,
which is the default, groups and routes pass private endpoints by.

Example
-------
``privateEndpointNetworkPolicies`` is ``Enabled``, and the subnet's group denies all inbound traffic but port 1433.

Remediation
-----------
Allow inbound TCP 443 to the endpoint's address from the clients' network, with a priority before the rule that blocks;
or change the route whose next hop is ``None``.

Remediation safety
------------------
Never by kvguard: the filter guards every private endpoint in that subnet.

Links
-----
https://learn.microsoft.com/azure/private-link/disable-private-endpoint-network-policy
https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.filtering import (
    Around,
    Inside,
    Passage,
    Verdict,
    filters_of,
    pieces,
    ranges_around,
    through_group,
    through_routes,
    together,
)
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Flow, Network, PeeringState, SecurityGroup, Subnet
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield each effective endpoint that a whole network cannot reach because of filters."""
    for subject, endpoint in case.snapshot.private_ends():
        if isinstance(endpoint, Unread):
            yield Unknown(subject, endpoint)
            continue
        home = case.snapshot.network(endpoint.network)
        if isinstance(home, Unread):
            yield Unknown(endpoint.id, home)
        elif isinstance(home, Gone):
            yield _unknown(endpoint, f"virtual network {endpoint.network.name} does not exist")
        else:
            yield from _judge(case, endpoint, home)


def _judge(case: Case, endpoint: PrivateEndpoint, home: Network) -> Iterator[Violation | Unknown]:
    subnet = home.subnet(endpoint.subnet)
    if subnet is None:
        yield _unknown(endpoint, f"network {home.id.name} does not list subnet {endpoint.subnet.name}")
        return
    by_group, by_routes = subnet.endpoint_policies.group_applies, subnet.endpoint_policies.routes_apply
    if by_group is None or by_routes is None:
        yield _unknown(endpoint, f"whether network policies apply in subnet {subnet.id.name} is not known")
        return
    if not by_group and not by_routes:
        return
    if isinstance(endpoint.addresses, Unread):
        yield Unknown(endpoint.id, endpoint.addresses)
        return
    filters = filters_of(case.snapshot, subnet) if by_group else (None, None)
    if isinstance(filters, Unread):
        yield Unknown(endpoint.id, filters)
        return
    targets = [
        Inside(address, endpoint=True, routes_apply=by_routes, space=home.prefixes)
        for address in sorted(endpoint.addresses)
    ]
    yield from _results(case, endpoint, home, filters[0], targets)


def _results(
    case: Case, endpoint: PrivateEndpoint, home: Network, group: SecurityGroup | None, targets: list[Inside]
) -> Iterator[Violation | Unknown]:
    around = Around(ranges_around(case.snapshot, home))
    blocked: dict[ArmId, str] = {}
    unclear: list[Unread] = []
    for client in _clients(case, home):
        verdicts = _verdicts(case, home, client, group, targets, around)
        if isinstance(verdicts, Unread):
            unclear.append(verdicts)
        elif verdicts and all(verdict.blocked for verdict in verdicts):
            blocked[client] = "; ".join(sorted({verdict.why for verdict in verdicts}))
        elif all(verdict.passage is not Passage.ALLOWED for verdict in verdicts):
            said = next((verdict.why for verdict in verdicts if not verdict.blocked), "no address range is known")
            unclear.append(Unread(UnreadReason.UNSUPPORTED, f"from network {client.name}: {said}"))
    if blocked:
        yield _violation(case, endpoint, blocked, unclear)
    else:
        for unread in unclear:
            yield Unknown(endpoint.id, unread)


def _clients(case: Case, home: Network) -> tuple[ArmId, ...]:
    """The networks whose clients are to come through: those that policy lists of the ones around, else all of these."""
    peers = {peering.remote for peering in home.peerings if peering.state is PeeringState.CONNECTED}
    near = {home.id, *peers}
    listed = near & {entry.network for entry in case.policy.client_networks}
    return tuple(sorted(listed or near))


def _verdicts(
    case: Case, home: Network, client: ArmId, group: SecurityGroup | None, targets: list[Inside], around: Around
) -> list[Verdict] | Unread:
    """One verdict for each part of the client network and each address; a part is let through if one address is."""
    network = home if client == home.id else case.snapshot.networks.get(client)
    if isinstance(network, Network) and network.subnets:
        found: list[Verdict] = []
        for subnet in network.subnets:
            verdicts = _from_subnet(case, subnet, group, targets, around)
            if isinstance(verdicts, Unread):
                return verdicts
            found += verdicts
        return found
    prefixes = network.prefixes if isinstance(network, Network) else _remote_prefixes(home, client)
    if not prefixes:
        known = case.snapshot.around(client)
        return known if isinstance(known, Unread) else []
    return [
        through_group(group, Flow.INBOUND, piece, target, around) if group is not None else _open()
        for target in targets
        for prefix in prefixes
        for piece in (pieces(group, prefix) if group is not None else (prefix,))
    ]


def _from_subnet(
    case: Case, subnet: Subnet, group: SecurityGroup | None, targets: list[Inside], around: Around
) -> list[Verdict] | Unread:
    """What the endpoint's group and the routes of one client subnet say, for each piece of the subnet."""
    own = filters_of(case.snapshot, _routes_only(subnet)) if any(target.routes_apply for target in targets) else None
    if isinstance(own, Unread):
        return own
    table = None if own is None else own[1]
    return [
        together(
            (
                through_group(group, Flow.INBOUND, piece, target, around) if group is not None else _open(),
                through_routes(table, target),
            )
        )
        for target in targets
        for prefix in subnet.prefixes
        for piece in (pieces(group, prefix) if group is not None else (prefix,))
    ]


def _routes_only(subnet: Subnet) -> Subnet:
    """The subnet without its own security group: what that blocks on the way out is for KVG505 to judge."""
    return Subnet(subnet.id, subnet.prefixes, route_table=subnet.route_table)


def _open() -> Verdict:
    return Verdict(Passage.ALLOWED, "no network security group filters the endpoint")


def _remote_prefixes(home: Network, client: ArmId) -> tuple[str, ...]:
    return next((peering.remote_prefixes for peering in home.peerings if peering.remote == client), ())


def _unknown(endpoint: PrivateEndpoint, why: str) -> Unknown:
    return Unknown(endpoint.id, Unread(UnreadReason.UNSUPPORTED, why))


def _violation(case: Case, endpoint: PrivateEndpoint, blocked: dict[ArmId, str], unclear: list[Unread]) -> Violation:
    said = [f"from network {network.name}: {why}" for network, why in sorted(blocked.items())]
    return Violation(
        subject=endpoint.id,
        message=(
            f"Port 443 of private endpoint {endpoint.id.name} of vault {case.snapshot.vault.name} is blocked "
            f"{'; '.join(said)}."
        ),
        facts={
            "subnet": endpoint.subnet.key,
            "blocked": [f"{network.key}: {why}" for network, why in sorted(blocked.items())],
        },
        evidence=tuple(f"Not known: {unread.detail}." for unread in unclear),
        advice=(
            f"Let TCP 443 through to {endpoint.id.name} in subnet {endpoint.subnet.name} with a lower priority number "
            f"than, or change, {', '.join(sorted(set(blocked.values())))}."
        ),
    )


RULE = Rule(
    id="KVG507",
    name="endpoint-subnet-filtered",
    title="Filters keep clients from the private endpoint",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({"Community Policy": ("enforce-enabling-private-endpoint-network-policies-on-subnets",)}),
    at_events=False,
)
