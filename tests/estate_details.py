"""What else estates are in: settings, firewalls, tags, subnets with filters, zone groups, aliases, exemptions.

``detailed`` draws all of it over an estate that has its vaults, networks and zones already. Values are mostly as they
should be, so that each departure meets healthy surroundings.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from hypothesis import strategies as st

from shared.domain.arm_id import ROUTE_TABLE, SECURITY_GROUP, ArmId
from shared.domain.endpoint import DnsConfig, GroupRecord, PrivateEndpoint
from shared.domain.grades import ClientRole, DnsMode, Profile, TrustedServices
from shared.domain.history import KVGUARD, History, Hold
from shared.domain.network import (
    EndpointPolicies,
    Flow,
    Network,
    NextHop,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from shared.domain.policy import PROFILE_TAG, ClientNetwork, Exemption, IpRanges, Policy
from shared.domain.reading import Unread, is_transient
from shared.domain.vault import (
    AccessPolicy,
    Connection,
    ConnectionStatus,
    DefaultAction,
    Existence,
    NetworkAcl,
    PerimeterMode,
    PublicAccess,
    Vault,
    VaultSettings,
)
from shared.domain.zone import StrayZone, Zone
from tests.builders import (
    FOREIGN,
    NOW,
    PRIVATE_ZONE,
    SUBSCRIPTION,
    audited,
    connection_id,
    endpoint_id,
    endpoint_to,
    group_of,
    link_to,
    network_id,
    subnet_id,
    vault_id,
    zone_id,
)
from tests.estates import EstateCase, addresses_of

T = TypeVar("T")

_SOMEBODY: Final = "11111111-0000-0000-0000-000000000001"
_ANOTHER: Final = "11111111-0000-0000-0000-000000000002"
_FORBIDDEN: Final = "11111111-0000-0000-0000-00000000000f"
_GROUP: Final = ArmId.of(SUBSCRIPTION, "rg-net", SECURITY_GROUP, "nsg-1")
_TABLE: Final = ArmId.of(SUBSCRIPTION, "rg-net", ROUTE_TABLE, "rt-1")


def weighted(*choices: tuple[int, T]) -> st.SearchStrategy[T]:
    """A value by its weight; the first one is the simplest."""
    return st.sampled_from([value for weight, value in choices for _ in range(weight)])


def _one_in(count: int) -> st.SearchStrategy[bool]:
    return weighted((count - 1, False), (1, True))


def _acl(
    action: DefaultAction, *rules: str, bypass: str = "AzureServices", networks: tuple[ArmId, ...] = ()
) -> NetworkAcl:
    return NetworkAcl(action, bypass, rules, networks)


_CLIENTS: Final = subnet_id("vnet-1", "clients")
_LOST_SUBNET: Final = subnet_id("vnet-1", "removed")
_LOST_NETWORK: Final = subnet_id("vnet-gone", "clients")
_FIREWALLS: Final = weighted(
    (3, _acl(DefaultAction.DENY)),
    (1, _acl(DefaultAction.DENY, bypass="None")),
    (2, _acl(DefaultAction.DENY, "203.0.113.0/24")),
    (1, _acl(DefaultAction.DENY, "203.0.113.0/24", "0.0.0.0/0")),
    (1, _acl(DefaultAction.DENY, "0.0.0.0/1", "128.0.0.0/1", bypass="None")),
    (1, _acl(DefaultAction.DENY, "198.51.0.0/16")),
    (1, _acl(DefaultAction.DENY, "10.4.0.0/24", "203.0.113.7")),
    (2, _acl(DefaultAction.DENY, networks=(_CLIENTS,))),
    (2, _acl(DefaultAction.DENY, networks=(_LOST_SUBNET,))),
    (1, _acl(DefaultAction.ALLOW, "203.0.113.0/24", networks=(_LOST_NETWORK,))),
    (1, _acl(DefaultAction.UNKNOWN, "203.0.113.0/24")),
    (1, _acl(DefaultAction.DENY, bypass="Something")),
)
_PERIMETERS: Final[st.SearchStrategy[tuple[PerimeterMode, ...]]] = weighted(
    (6, ()),
    (3, (PerimeterMode.ENFORCED,)),
    (2, (PerimeterMode.TRANSITION,)),
    (1, (PerimeterMode.AUDIT,)),
    (1, (PerimeterMode.UNKNOWN,)),
)
_POLICIES: Final = (
    AccessPolicy(_SOMEBODY, "t-1", secrets=frozenset({"get", "list"})),
    AccessPolicy(_ANOTHER, "t-1", keys=frozenset({"all"}), secrets=frozenset({"all"})),
    AccessPolicy(_FORBIDDEN, "t-1", secrets=frozenset({"get"})),
)
_TAG: Final = weighted(
    (10, None), (2, "public"), (1, "Private"), (2, "saas-pipeline"), (1, "trusted-services"), (1, "no-such-profile")
)
_EXISTENCE: Final = weighted((36, Existence.EXISTS), (3, Existence.DELETED), (1, Existence.SOFT_DELETED))


def detailed(draw: st.DrawFn, estate: EstateCase) -> EstateCase:
    """The estate with everything else drawn as well."""
    estate = _contended(draw, _filters(draw, estate))
    estate = replace(
        estate,
        networks=MappingProxyType({key: _network(draw, estate, known) for key, known in estate.networks.items()}),
        vaults=MappingProxyType({key: _vault(draw, known) for key, known in estate.vaults.items()}),
    )
    estate = _duplicates(draw, estate)
    endpoints = {key: _endpoint(draw, estate, known) for key, known in estate.endpoints.items()}
    estate = replace(estate, endpoints=MappingProxyType(endpoints))
    zones = {key: _zone(draw, estate, known) for key, known in estate.zones.items()}
    estate = replace(estate, zones=MappingProxyType(zones), strays=_strays(draw))
    histories = {key: _history(draw, estate, key, known) for key, known in estate.histories.items()}
    moved = {
        key: vault_id(f"{key.name}-new")
        for key, known in estate.vaults.items()
        if known.existence is Existence.DELETED and draw(_one_in(4))
    }
    return replace(
        estate,
        histories=MappingProxyType(histories),
        moved=MappingProxyType(moved),
        policy=_policy(draw, estate),
    )


def _contended(draw: st.DrawFn, estate: EstateCase) -> EstateCase:
    """Rarely a vault has an endpoint in each of two networks, and one zone that is linked to both."""
    zone = estate.zones.get(zone_id())
    alone = [known for known in estate.zones if known.name == PRIVATE_ZONE] == [zone_id()]
    if not draw(_one_in(6)) or zone is None or not alone or len(estate.networks) < 2:
        return estate
    assert not isinstance(zone.links, Unread)
    vault = estate.vaults[draw(st.sampled_from(sorted(estate.vaults)))]
    connections, endpoints, links = list(vault.connections), dict(estate.endpoints), list(zone.links)
    for number, network in enumerate(sorted(estate.networks)[:2]):
        target = endpoint_id(f"pe-{vault.name}-own-{number}")
        address = estate.networks[network].prefixes[0].replace(".0.0/16", f".12.{number + 4}")
        endpoints[target] = endpoint_to(vault.id, name=target.name, network=network.name, addresses=(address,))
        identity = connection_id(f"c-own-{number}", vault.name)
        connections.append(Connection(identity, ConnectionStatus.APPROVED, "Succeeded", target))
        if zone.link_of(network) is None:
            links.append(link_to(network, zone.id))
    changed = replace(vault, connections=tuple(connections))
    return replace(
        estate,
        vaults=MappingProxyType({**estate.vaults, vault.id: changed}),
        endpoints=MappingProxyType(endpoints),
        zones=MappingProxyType({**estate.zones, zone.id: replace(zone, links=tuple(links))}),
    )


# -- vaults


def _vault(draw: st.DrawFn, vault: Vault) -> Vault:
    shaped = draw(_one_in(3))
    access = draw(
        weighted((5, PublicAccess.ENABLED), (3, PublicAccess.DISABLED), (1, PublicAccess.SECURED_BY_PERIMETER))
    )
    return replace(
        vault,
        acl=draw(_FIREWALLS) if shaped else vault.acl,
        public_access=access if shaped else vault.public_access,
        perimeters=draw(_PERIMETERS) if shaped else vault.perimeters,
        settings=_settings(draw),
        diagnostics=() if draw(_one_in(5)) else (audited(vault.name),),
        roles=(),
        existence=draw(_EXISTENCE),
        provisioning_state="Updating" if draw(_one_in(25)) else vault.provisioning_state,
    )


def _settings(draw: st.DrawFn) -> VaultSettings:
    if draw(st.booleans()):
        return VaultSettings()
    tag = draw(_TAG)
    return VaultSettings(
        rbac=not draw(_one_in(3)),
        soft_delete=draw(weighted((5, True), (1, None), (1, False))),
        purge_protection=not draw(_one_in(6)),
        deployment=draw(_one_in(6)),
        disk_encryption=draw(_one_in(8)),
        tags=MappingProxyType({} if tag is None else {PROFILE_TAG.upper(): tag}),
        access_policies=tuple(draw(st.lists(st.sampled_from(_POLICIES), max_size=2, unique=True))),
    )


# -- networks, their subnets and filters


def _rule(
    name: str, flow: Flow, priority: int, *, allow: bool, destination: str = "*", port: str = "*"
) -> SecurityRule:
    return SecurityRule(name, priority, flow, allow, "*", ("*",), (destination,), (port,))


_GROUPS: Final = weighted(
    (2, (_rule("all-in", Flow.INBOUND, 65000, allow=True), _rule("all-out", Flow.OUTBOUND, 65000, allow=True))),
    (
        3,
        (
            _rule("no-https-in", Flow.INBOUND, 100, allow=False, port="443"),
            _rule("all-in", Flow.INBOUND, 65000, allow=True),
            _rule("no-internet", Flow.OUTBOUND, 100, allow=False, destination="Internet"),
            _rule("all-out", Flow.OUTBOUND, 65000, allow=True),
        ),
    ),
    (
        1,
        (
            _rule("no-entra", Flow.OUTBOUND, 100, allow=False, destination="AzureActiveDirectory"),
            _rule("all-in", Flow.INBOUND, 65000, allow=True),
            _rule("all-out", Flow.OUTBOUND, 65000, allow=True),
        ),
    ),
)
_ROUTES: Final = weighted(
    (2, (Route("to-firewall", "0.0.0.0/0", NextHop.APPLIANCE, "10.1.0.36"),)),
    (2, (Route("dropped", "0.0.0.0/0", NextHop.NONE),)),
    (1, (Route("inside", "10.0.0.0/8", NextHop.NONE),)),
)


def _filters(draw: st.DrawFn, estate: EstateCase) -> EstateCase:
    """One security group and one route table that subnets may use."""
    return replace(
        estate,
        security_groups=MappingProxyType({_GROUP: SecurityGroup(_GROUP, draw(_GROUPS))}),
        route_tables=MappingProxyType({_TABLE: RouteTable(_TABLE, draw(_ROUTES))}),
    )


def _network(draw: st.DrawFn, estate: EstateCase, network: Network) -> Network:
    """Each network has a subnet for endpoints and one for clients; rarely the former lies beside its endpoints."""
    start = network.prefixes[0].removesuffix(".0.0/16")
    beside = draw(_one_in(25))
    policies = weighted(
        (10, EndpointPolicies.DISABLED),
        (5, EndpointPolicies.ENABLED),
        (1, EndpointPolicies.ROUTES_ENABLED),
        (1, EndpointPolicies.UNKNOWN),
    )
    homes = Subnet(
        subnet_id(network.id.name),
        (f"{start}.{'128' if beside else '0'}.0/20",),
        security_group=_GROUP if draw(_one_in(3)) else None,
        endpoint_policies=draw(policies),
    )
    clients = Subnet(
        subnet_id(network.id.name, "clients"),
        (f"{start}.64.0/20",),
        frozenset({"microsoft.keyvault"}) if draw(st.booleans()) else frozenset(),
        _GROUP if draw(_one_in(3)) else None,
        _TABLE if draw(_one_in(5)) else None,
    )
    return replace(network, subnets=(homes, clients))


# -- endpoints and zone groups


def _duplicates(draw: st.DrawFn, estate: EstateCase) -> EstateCase:
    """Rarely an endpoint names a vault that has no connection of it."""
    if not draw(_one_in(8)):
        return estate
    vault = draw(st.sampled_from(sorted(estate.vaults)))
    home = draw(st.sampled_from(sorted(estate.networks)))
    prefix = estate.networks[home].prefixes[0].removesuffix(".0.0/16")
    made = endpoint_to(vault, name=f"pe-stray-{vault.name}", network=home.name, addresses=(f"{prefix}.9.9",))
    return replace(estate, endpoints=MappingProxyType({**estate.endpoints, made.id: made}))


def _endpoint(draw: st.DrawFn, estate: EstateCase, endpoint: PrivateEndpoint) -> PrivateEndpoint:
    groups = endpoint.zone_groups
    if draw(_one_in(5)) and not groups:
        target = draw(
            st.sampled_from([*sorted(estate.zones), zone_id(group="rg-gone"), zone_id("privatelink.web.net")])
        )
        group = group_of(endpoint.id, target)
        wrote = draw(weighted((3, addresses_of(endpoint)), (1, ("10.9.9.7",))))
        records = (GroupRecord(target, endpoint.links[0].target.name.lower(), wrote),) if draw(st.booleans()) else ()
        groups = (replace(group, records=records),)
    host = f"{endpoint.links[0].target.name.lower()}.vault.azure.net"
    entry = DnsConfig(host, addresses_of(endpoint))
    configs = draw(weighted((6, ()), (4, (entry,)), (1, (DnsConfig(host, ("10.9.9.6",)),)), (1, (entry, entry))))
    return replace(
        endpoint,
        zone_groups=groups,
        dns_configs=configs,
        dns_servers=("10.1.0.10",) if draw(_one_in(20)) else (),
        provisioning_state="Updating" if draw(_one_in(30)) else endpoint.provisioning_state,
    )


# -- zones


def _zone(draw: st.DrawFn, estate: EstateCase, zone: Zone) -> Zone:
    assert not isinstance(zone.links, Unread)
    links = tuple(replace(link, registration_enabled=draw(_one_in(25))) for link in zone.links)
    zone = replace(zone, links=links)
    if zone.name != PRIVATE_ZONE:
        return zone
    for vault in estate.vaults:
        name = vault.name.lower()
        record = zone.records.get(name)
        if record is None and draw(_one_in(5)):
            zone = replace(zone, cnames=MappingProxyType({**zone.cnames, name: draw(st.sampled_from(_ALIASES))}))
        elif record is not None and record.addresses and draw(_one_in(16)):
            public = draw(st.sampled_from([("20.50.1.1",), (*record.addresses, "20.50.1.2"), ("127.0.0.1",)]))
            zone = zone.with_record(name, replace(record, addresses=public))
    return zone


_ALIASES: Final = (f"web.{PRIVATE_ZONE}", f"alpha.{PRIVATE_ZONE}", "www.contoso.com")


def _strays(draw: st.DrawFn) -> tuple[StrayZone, ...]:
    if not draw(_one_in(12)):
        return ()
    name = draw(
        st.sampled_from(["privatelink.vault.azure.net", "privatelink.vaultcore.azure.cn", "vaultcore.azure.net."])
    )
    return (StrayZone(zone_id(name, "rg-stray"), 1, 2),)


# -- what kvguard remembers, and policy


def _history(draw: st.DrawFn, estate: EstateCase, vault: ArmId, history: History) -> History:
    states = {connection.id: connection.provisioning_state for connection in estate.vaults[vault].connections}
    stuck = draw(weighted((2, timedelta(minutes=40)), (1, timedelta(minutes=5)), (1, None)))
    sightings = {
        key: replace(seen, moving_since=NOW - stuck)
        if stuck is not None and is_transient(states.get(key, ""))
        else seen
        for key, seen in history.sightings.items()
    }
    links = [link for zone in estate.zones.values() if isinstance(zone.links, tuple) for link in zone.links]
    moving = {link.id: NOW - draw(_LASTED) for link in links if not link.completed and not draw(_one_in(3))}
    fought = (Hold("KVG411", vault, KVGUARD, "taken back 3 times", NOW + draw(_LEFT)),) if draw(_one_in(20)) else ()
    return replace(
        history,
        sightings=MappingProxyType(sightings),
        links_moving_since=MappingProxyType(moving),
        holds=(*history.holds, *fought),
    )


_LASTED: Final = weighted((2, timedelta(hours=1)), (1, timedelta(minutes=5)))
_LEFT: Final = weighted((3, timedelta(days=1)), (1, timedelta(0)))


def _policy(draw: st.DrawFn, estate: EstateCase) -> Policy:
    clients = draw(st.lists(st.sampled_from(sorted(estate.networks)), max_size=2, unique=True))
    return replace(
        estate.policy,
        tag_profiles=(("/subscriptions/" + SUBSCRIPTION, frozenset({Profile.PUBLIC, Profile.SAAS_PIPELINE})),)
        if draw(st.booleans())
        else (),
        ip_ranges=draw(
            weighted(
                (4, IpRanges()),
                (1, IpRanges(allowed=("198.51.100.0/24",))),
                (1, IpRanges(forbidden=("203.0.113.0/25",))),
            )
        ),
        trusted_services=draw(
            weighted((5, TrustedServices.IGNORE), (1, TrustedServices.REQUIRE), (1, TrustedServices.FORBID))
        ),
        client_networks=tuple(ClientNetwork(network, draw(st.sampled_from(ClientRole))) for network in clients),
        dns_mode=draw(weighted((5, DnsMode.ZONE_GROUP), (1, DnsMode.EXTERNAL))),
        forbidden_principals=frozenset({_FORBIDDEN}),
        allowed_connection_subscriptions=frozenset({FOREIGN} if draw(_one_in(6)) else ()),
        exemptions=_exemptions(draw, estate),
    )


def _exemptions(draw: st.DrawFn, estate: EstateCase) -> tuple[Exemption, ...]:
    if not draw(_one_in(6)):
        return ()
    vault = draw(st.sampled_from(sorted(estate.vaults)))
    scope = draw(st.sampled_from([vault.text, network_id("vnet-1").text, endpoint_id(f"pe-{vault.name}-0").text]))
    ends = draw(weighted((3, timedelta(days=5)), (1, timedelta(days=60)), (1, timedelta(0))))
    rule = draw(st.sampled_from(["KVG403", "KVG411", "KVG101", "KVG202"]))
    return (Exemption(rule, scope, "being rebuilt", "dana@contoso.com", NOW + ends),)
