"""The parts that sweeps read, on a local Azure: what is asked for, what becomes of a missing right, what is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.arm.faults import Status
from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.adapters import arm_around
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import AddressSource, PrivateEndpoint
from shared.domain.grades import ClientRole
from shared.domain.network import Network, PeeringState
from shared.domain.policy import ClientNetwork, Policy
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.vault import Existence
from shared.service.ports import EstateError, EstateForbidden
from tests.adapters.arm.bench import OTHER_SUBSCRIPTION, READER, Bench, seconds
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    NETWORK,
    NETWORK_PROVIDER,
    VAULT,
    ZONE,
    ZONE_GROUP,
    Estate,
    endpoint_body,
    link_body,
    network_body,
    vault_body,
    zone_group_body,
)

HUB = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Hub"
CLIENTS = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Clients"
FILTER = f"{NETWORK_PROVIDER}/networkSecurityGroups/Nsg-Clients"
ROUTES = f"{NETWORK_PROVIDER}/routeTables/Rt-Clients"
SECOND = f"{NETWORK_PROVIDER}/privateEndpoints/Pe-Second"
UNSEEN = UnreadReason.OUT_OF_SCOPE


def _id(text: str) -> ArmId:
    return ArmId.parse(text)


@pytest.fixture
def whole(estate: Estate) -> None:
    estate.everything()


def _peer(estate: Estate, one: str, other: str) -> None:
    properties: dict[str, Any] = {"remoteVirtualNetwork": {"id": other}, "allowVirtualNetworkAccess": True}
    estate.put(f"{one}/virtualNetworkPeerings/peer", {"properties": properties})


def _hub(estate: Estate) -> None:
    estate.put(HUB, network_body("10.9.0.0/16", "10.9.0.0/24"))
    _peer(estate, NETWORK, HUB)
    _peer(estate, HUB, NETWORK)


def _filtered(estate: Estate) -> None:
    """Clients in a network of their own, behind a security group and a route table."""
    rule = {
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
        "access": "Deny",
        "priority": 100,
        "direction": "Outbound",
    }
    rules = {"securityRules": [{"name": "no-https", "properties": rule}]}
    estate.put(FILTER, {"location": "westeurope", "properties": rules})
    route = {"addressPrefix": "0.0.0.0/0", "nextHopType": "None"}
    table = {"routes": [{"name": "nowhere", "properties": route}], "disableBgpRoutePropagation": True}
    estate.put(ROUTES, {"location": "westeurope", "properties": table})
    body = network_body("10.2.0.0/16", "10.2.0.0/24")
    body["properties"]["subnets"][0]["properties"].update(
        networkSecurityGroup={"id": FILTER},
        routeTable={"id": ROUTES},
        serviceEndpoints=[{"service": "Microsoft.KeyVault"}],
    )
    estate.put(CLIENTS, body)


def _clients(*networks: str) -> Policy:
    return Policy(client_networks=tuple(ClientNetwork(_id(network), ClientRole.DATA) for network in networks))


def test_the_networks_around_are_peers_clients_and_those_of_firewall_rules(azure: LocalAzure, estate: Estate) -> None:
    estate.everything()
    _hub(estate)
    _filtered(estate)
    gone = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Gone"
    acl = {
        "defaultAction": "Deny",
        "bypass": "None",
        "virtualNetworkRules": [{"id": f"{CLIENTS}/subnets/Snet-Endpoints"}],
    }
    estate.put(VAULT, vault_body(networkAcls=acl))
    bench = Bench(azure, _clients(gone))
    glance = bench.read()
    assert set(glance.networks) == {_id(NETWORK)}
    snapshot = bench.deepen(glance, Part.NETWORKS)
    assert set(snapshot.networks) == {_id(NETWORK), _id(HUB), _id(CLIENTS), _id(gone)}
    assert snapshot.around(_id(gone)) == Gone()
    hub, clients = snapshot.around(_id(HUB)), snapshot.around(_id(CLIENTS))
    assert isinstance(hub, Network)
    assert isinstance(clients, Network)
    assert (hub.prefixes, hub.forwarding, [peer.state for peer in hub.peerings]) == (
        ("10.9.0.0/16",),
        (),
        [PeeringState.CONNECTED],
    )
    (subnet,) = clients.subnets
    assert subnet.service_endpoints == {"microsoft.keyvault"}


@pytest.mark.usefixtures("whole")
def test_a_peer_that_may_not_be_read_is_unread_and_its_fellows_are_not(azure: LocalAzure, estate: Estate) -> None:
    _hub(estate)
    azure.faults.add("GET", r"/virtualNetworks/Vnet-Hub\?", Status(403, {}))
    bench = Bench(azure, _clients(NETWORK))
    snapshot = bench.deepen(bench.read(), Part.NETWORKS)
    hub = snapshot.around(_id(HUB))
    assert hub == Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/virtualNetworks/read")
    assert isinstance(snapshot.around(_id(NETWORK)), Network)


@pytest.mark.usefixtures("whole")
def test_the_networks_around_are_bounded(azure: LocalAzure, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients come before peers; who is left out is unread, not missing."""
    monkeypatch.setattr(arm_around, "MOST_AROUND", 1)
    _hub(estate)
    _filtered(estate)
    bench = Bench(azure, _clients(CLIENTS))
    snapshot = bench.deepen(bench.read(), Part.NETWORKS)
    hub = snapshot.around(_id(HUB))
    assert isinstance(snapshot.around(_id(CLIENTS)), Network)
    assert isinstance(hub, Unread)
    assert (hub.reason, hub.part) == (UNSEEN, None)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("apart", [False, True])
def test_filters_are_those_of_all_networks_read_in_either_order(azure: LocalAzure, estate: Estate, apart: bool) -> None:
    _filtered(estate)
    estate.put(NETWORK, network_body())
    bench = Bench(azure, _clients(CLIENTS))
    snapshot = bench.read()
    group, table = snapshot.security_group(_id(FILTER)), snapshot.route_table(_id(ROUTES))
    assert isinstance(group, Unread)
    assert isinstance(table, Unread)
    assert (group.part, table.part) == (Part.FILTERS, Part.FILTERS)
    if apart:
        snapshot = bench.deepen(bench.deepen(snapshot, Part.NETWORKS), Part.FILTERS)
    else:
        snapshot = bench.deepen(snapshot, Part.NETWORKS, Part.FILTERS)
    read, routes = snapshot.security_group(_id(FILTER)), snapshot.route_table(_id(ROUTES))
    assert not isinstance(read, Unread | Gone)
    assert not isinstance(routes, Unread | Gone)
    assert [rule.name for rule in read.rules if rule.priority < 65000] == ["no-https"]
    assert len(read.rules) == 7
    assert [route.prefix for route in routes.routes] == ["0.0.0.0/0"]
    assert routes.gateway_routes is False


@pytest.mark.usefixtures("whole")
def test_a_filter_that_may_not_be_read_is_unread(azure: LocalAzure, estate: Estate) -> None:
    _filtered(estate)
    azure.deny(READER, "Microsoft.Network/networkSecurityGroups/read")
    bench = Bench(azure, _clients(CLIENTS))
    snapshot = bench.deepen(bench.read(), Part.NETWORKS, Part.FILTERS)
    forbidden = Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/networkSecurityGroups/read")
    assert snapshot.security_group(_id(FILTER)) == forbidden
    assert not isinstance(snapshot.route_table(_id(ROUTES)), Unread | Gone)


@pytest.mark.usefixtures("whole")
def test_a_second_look_finds_networks_and_filters_read(azure: LocalAzure, estate: Estate) -> None:
    _hub(estate)
    _filtered(estate)
    bench = Bench(azure, _clients(CLIENTS))
    parts = (Part.NETWORKS, Part.FILTERS)
    snapshot = bench.deepen(bench.read(), *parts)
    mark = bench.mark()
    again = bench.deepen(bench.read(), *parts)
    assert bench.asked(mark) == [
        "A/kv-orders",
        "networkInterfaces/Pe-Orders",
        "privateEndpoints/Pe-Orders",
        "vaults/Kv-Orders",
    ]
    assert (again.networks, again.security_groups) == (snapshot.networks, snapshot.security_groups)


@pytest.mark.usefixtures("whole")
def test_a_fresh_reading_reads_nothing_twice(azure: LocalAzure, estate: Estate) -> None:
    _hub(estate)
    _filtered(estate)
    bench = Bench(azure, _clients(CLIENTS, NETWORK))
    bench.read()
    mark = bench.mark()
    snapshot = bench.read(parts=frozenset({Part.NETWORKS, Part.FILTERS}), fresh=True)
    asked = bench.asked(mark)
    assert len(asked) == len(set(asked))
    assert {"dnsForwardingRulesets", "virtualNetworks/Vnet-Hub", "networkSecurityGroups/Nsg-Clients"} <= set(asked)
    assert snapshot.cached is False


def _claim(estate: Estate, vault: str = VAULT) -> None:
    estate.put(SECOND, endpoint_body(vault=vault))


@pytest.mark.usefixtures("whole")
def test_claimants_are_the_endpoints_that_name_the_vault(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    other = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-billing"
    estate.put(other, vault_body())
    estate.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-billing", endpoint_body(vault=other))
    _claim(estate)
    connection = next(c for c in bench.read().vault.connections if c.endpoint == _id(SECOND))
    estate.put(f"{SECOND}/privateDnsZoneGroups/default", zone_group_body())
    estate.delete(str(connection.id))
    glance = bench.read()
    assert set(glance.endpoints) == {_id(ENDPOINT)}
    snapshot = bench.deepen(glance, Part.CLAIMANTS)
    assert snapshot.claimants == (_id(ENDPOINT), _id(SECOND))
    second = snapshot.endpoints[_id(SECOND)]
    assert isinstance(second, PrivateEndpoint)
    assert second.link_to(_id(VAULT)) is not None
    assert second.addresses == ("10.1.0.6",)
    assert isinstance(second.zone_groups, tuple)
    assert [group.zones for group in second.zone_groups] == [(_id(ZONE),)]
    assert snapshot.endpoints[_id(ENDPOINT)] == glance.endpoints[_id(ENDPOINT)]


@pytest.mark.usefixtures("whole")
def test_claimants_are_unread_as_soon_as_one_subscription_is(azure: LocalAzure) -> None:
    azure.store.add_subscription(OTHER_SUBSCRIPTION, "other")
    azure.faults.add("GET", rf"/{OTHER_SUBSCRIPTION}/providers/Microsoft.Network/privateEndpoints\?", Status(403, {}))
    bench = Bench(azure, None, SUBSCRIPTION, OTHER_SUBSCRIPTION)
    snapshot = bench.deepen(bench.read(), Part.CLAIMANTS)
    assert snapshot.claimants == Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/privateEndpoints/read")


@pytest.mark.usefixtures("whole")
def test_claimants_are_unread_when_an_endpoint_does_not_say_what_it_names(azure: LocalAzure, bench: Bench) -> None:
    row = {"id": ENDPOINT, "properties": {"provisioningState": "Succeeded"}}
    azure.faults.add("GET", r"/providers/Microsoft.Network/privateEndpoints\?", Status(200, {"value": [row]}))
    claimants = bench.deepen(bench.read(), Part.CLAIMANTS).claimants
    assert isinstance(claimants, Unread)
    assert claimants.reason is UnreadReason.UNSUPPORTED


@pytest.mark.usefixtures("whole")
def test_logs_go_where_the_diagnostic_settings_say(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    workspace = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/Log-Security"
    logs = [{"category": "AuditEvent", "enabled": True}, {"category": "AzurePolicyEvaluationDetails", "enabled": False}]
    setting = {"properties": {"workspaceId": workspace, "logs": logs}}
    assert bench.deepen(bench.read(), Part.DIAGNOSTICS).vault.diagnostics == ()
    estate.put(f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings/to-workspace", setting)
    found = bench.deepen(bench.read(), Part.DIAGNOSTICS).vault.diagnostics
    assert isinstance(found, tuple)
    assert [(row.categories, row.workspace) for row in found] == [(frozenset({"auditevent"}), _id(workspace))]
    azure.deny(READER, "Microsoft.Insights/diagnosticSettings/read")
    unread = bench.deepen(bench.read(), Part.DIAGNOSTICS).vault.diagnostics
    assert unread == Unread(UnreadReason.FORBIDDEN, "Microsoft.Insights/diagnosticSettings/read")


@pytest.mark.usefixtures("whole")
def test_roles_that_reach_the_vault_come_with_what_they_allow(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    principal = "8c1e6f0a-7b9d-4e52-a3c4-d5e6f7a8b9c0"
    secrets_user = "4633458b-17de-408a-b874-0445c86b69e6"
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{secrets_user}"
    properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
    for number, scope in enumerate((VAULT, GROUP)):
        name = f"5b0d7a3c-2f7e-4c8e-9d3b-1f6a0c9e2d4{number}"
        estate.put(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": properties})
    found = bench.deepen(bench.read(), Part.ROLES).vault.roles
    assert isinstance(found, tuple)
    assert {(row.principal, row.role, row.scope.lower()) for row in found} == {
        (principal, "Key Vault Secrets User", VAULT.lower()),
        (principal, "Key Vault Secrets User", GROUP.lower()),
    }
    assert all("microsoft.keyvault/vaults/secrets/getsecret/action" in row.data_actions for row in found)
    asked = [entry.query for entry in azure.log.since() if entry.path.endswith("/roleAssignments")]
    assert [query.get("$filter") for query in asked] == ["atScope()"]
    azure.deny(READER, "Microsoft.Authorization/roleDefinitions/read")
    bench.clock.advance(301)
    unread = bench.deepen(bench.read(), Part.ROLES).vault.roles
    assert unread == Unread(UnreadReason.FORBIDDEN, "Microsoft.Authorization/roleDefinitions/read")


def test_a_cname_is_read_where_the_name_has_no_record(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.zone()
    glance = bench.read()
    unread = glance.zones[0].alias("kv-orders")
    assert isinstance(unread, Unread)
    assert unread.part is Part.CNAMES
    assert bench.deepen(glance, Part.CNAMES).zones[0].alias("KV-orders") is None
    target = {"properties": {"ttl": 60, "cnameRecord": {"cname": "elsewhere.example.com"}}}
    estate.put(f"{ZONE}/CNAME/kv-orders", target)
    mark = bench.mark()
    assert bench.deepen(glance, Part.CNAMES).zones[0].alias("kv-orders") == "elsewhere.example.com"
    assert bench.asked(mark) == ["CNAME/kv-orders"]


def test_the_apex_of_a_zone_has_no_cname_and_is_not_asked_for_one(bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/kv-orders.privatelink.vaultcore.azure.net", {"location": "global"})
    glance = bench.read()
    mark = bench.mark()
    (zone,) = bench.deepen(glance, Part.CNAMES).zones
    assert zone.alias("@") is None
    assert bench.asked(mark) == []


@pytest.mark.usefixtures("whole")
def test_a_name_with_a_record_costs_no_look_for_a_cname(bench: Bench) -> None:
    glance = bench.read()
    mark = bench.mark()
    assert bench.deepen(glance, Part.CNAMES).zones[0].alias("kv-orders") is None
    assert bench.asked(mark) == []


def test_a_cname_that_may_not_be_read_is_unread(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.endpoint()
    estate.zone()
    azure.deny(READER, "Microsoft.Network/privateDnsZones/CNAME/read")
    alias = bench.deepen(bench.read(), Part.CNAMES).zones[0].alias("kv-orders")
    assert alias == Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/privateDnsZones/CNAME/read")


@pytest.mark.usefixtures("whole")
def test_zones_that_only_look_like_the_vault_zone_are_strays(bench: Bench, estate: Estate) -> None:
    for name in ("privatelink.vault.azure.net", "privatelink.vaultcore.azure.cn", "privatelink.blob.core.windows.net"):
        estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/{name}", {"location": "global"})
    estate.put(f"{NETWORK_PROVIDER}/privateDnsZones/vault.azure.net", {"location": "global"})
    stray = f"{NETWORK_PROVIDER}/privateDnsZones/privatelink.vault.azure.net"
    estate.put(f"{stray}/virtualNetworkLinks/l", link_body())
    snapshot = bench.read()
    assert [(zone.name, zone.link_count) for zone in snapshot.strays] == [
        ("privatelink.vault.azure.net", 1),
        ("privatelink.vaultcore.azure.cn", 0),
    ]
    assert [zone.name for zone in snapshot.zones] == ["privatelink.vaultcore.azure.net", "vault.azure.net"]


@pytest.mark.usefixtures("whole")
def test_an_endpoint_says_where_its_addresses_were_read(azure: LocalAzure, bench: Bench) -> None:
    found = bench.read().endpoints[_id(ENDPOINT)]
    assert isinstance(found, PrivateEndpoint)
    assert (found.address_source, found.location) == (AddressSource.INTERFACE, "westeurope")
    azure.deny(READER, "Microsoft.Network/networkInterfaces/read")
    copied = bench.read().endpoints[_id(ENDPOINT)]
    assert isinstance(copied, PrivateEndpoint)
    assert (copied.address_source, copied.addresses) == (AddressSource.ZONE_GROUP, ("10.1.0.4",))


@pytest.mark.usefixtures("whole")
def test_what_remains_of_a_deleted_vault_are_its_endpoints_and_records(bench: Bench, estate: Estate) -> None:
    estate.delete(VAULT)
    assert bench.reader.read(_id(VAULT), deadline=seconds(5)) == Gone()
    snapshot = bench.reader.remains(_id(VAULT), deadline=seconds(5))
    assert snapshot is not None
    assert (snapshot.vault.id, snapshot.vault.existence) == (_id(VAULT), Existence.SOFT_DELETED)
    assert (snapshot.vault.connections, snapshot.moved_to) == ((), None)
    assert snapshot.claimants == (_id(ENDPOINT),)
    endpoint = snapshot.endpoints[_id(ENDPOINT)]
    assert isinstance(endpoint, PrivateEndpoint)
    assert isinstance(endpoint.zone_groups, tuple)
    (zone,) = snapshot.zones
    record = zone.lookup("kv-orders")
    assert record is not None
    assert not isinstance(record, Unread)
    assert record.addresses == ("10.1.0.4",)
    assert snapshot.quiet


def test_a_vault_of_which_nothing_is_left_has_no_remains(bench: Bench, estate: Estate) -> None:
    estate.everything()
    estate.delete(ZONE_GROUP)
    estate.delete(ENDPOINT)
    estate.delete(VAULT)
    assert bench.reader.remains(_id(VAULT), deadline=seconds(5)) is None


def test_a_vault_that_is_there_again_has_no_remains(bench: Bench, estate: Estate) -> None:
    estate.everything()
    assert bench.reader.remains(_id(VAULT), deadline=seconds(5)) is None


def test_a_vault_of_the_same_name_elsewhere_is_where_it_moved_to(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    estate.everything()
    other = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Rg-New/providers/Microsoft.KeyVault/vaults/KV-orders"
    vaults = {"value": [{"id": other, "properties": {}}]}
    azure.faults.add("GET", r"/providers/Microsoft.KeyVault/vaults\?", Status(200, vaults))
    azure.faults.add("GET", r"/deletedVaults\?", Status(200, {"value": []}))
    snapshot = bench.reader.remains(_id(VAULT), deadline=seconds(5))
    assert snapshot is not None
    assert (snapshot.vault.existence, snapshot.moved_to) == (Existence.DELETED, _id(other))


def test_whether_a_vault_is_soft_deleted_is_not_guessed(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.everything()
    estate.delete(VAULT)
    azure.deny(READER, "Microsoft.KeyVault/deletedVaults/read")
    with pytest.raises(EstateForbidden) as caught:
        bench.reader.remains(_id(VAULT), deadline=seconds(5))
    assert caught.value.action == "Microsoft.KeyVault/deletedVaults/read"
    assert isinstance(caught.value, EstateError)


@pytest.mark.usefixtures("whole")
def test_remains_that_cannot_be_read_are_not_nothing(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.delete(ZONE_GROUP)
    estate.delete(ENDPOINT)
    estate.delete(VAULT)
    azure.deny(READER, "Microsoft.Network/privateEndpoints/read")
    snapshot = bench.reader.remains(_id(VAULT), deadline=seconds(5))
    assert snapshot is not None
    assert isinstance(snapshot.claimants, Unread)
