"""The bodies under tests/arm are what the routes answer with, state by state.

The files are written by hand from what is known of Azure; other tests decode them. Here each one is produced by the
local Resource Manager, and must be equal but for random ids and times.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK,
    NETWORK_PROVIDER,
    RECORD,
    SUBNET,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    ZONE_GROUP,
    endpoint_body,
    link_body,
    network_body,
    record_body,
    vault_body,
    zone_group_body,
)
from tests.emulator.arm.refusals import DELETED, REFUSALS, Producer
from tests.emulator.arm.shapes import shape
from tests.emulator.conftest import HeldAzure

BODIES = Path(__file__).parents[2] / "arm"
HUB = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Hub"
PEERING = f"{NETWORK}/virtualNetworkPeerings/to-hub"
SUBNET_NAME = SUBNET.rpartition("/")[2]
RULESET = f"{NETWORK_PROVIDER}/dnsForwardingRulesets/Rules-Hub"
OUTBOUND = f"{NETWORK_PROVIDER}/dnsResolvers/Resolver/outboundEndpoints/out"
CLIENTS = f"{NETWORK}/subnets/Snet-Clients"
NSG = f"{NETWORK_PROVIDER}/networkSecurityGroups/Nsg-Clients"
TABLE = f"{NETWORK_PROVIDER}/routeTables/Rt-Clients"
SETTINGS = f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings"
ROLES = f"{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
# Bodies that show what the local Azure has not got, each with what that is.
NOT_PRODUCED = {
    "role-assignments": "one assignment comes from a management group",
    "vault-with-settings": "members that are null instead of absent",
}


def _vault(**properties: Any) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.vault(**properties)
        return held.arm.get(VAULT).json()

    return produce


def _written(name: str) -> Any:
    return json.loads((BODIES / f"{name}.json").read_text(encoding="utf-8"))


def _sent(name: str, path: str) -> Producer:
    """What a caller sends comes back with all that Azure derives from it."""

    def produce(held: HeldAzure) -> Any:
        held.estate.group()
        body = _written(name)
        held.estate.put(path, {"location": body.get("location"), "properties": body["properties"]})
        return held.arm.get(path).json()

    return produce


def _filtered(held: HeldAzure) -> Any:
    held.estate.endpoint()
    for filter_id in (NSG, TABLE):
        held.estate.put(filter_id, {"location": "westeurope"})
    [clients] = [row for row in _written("network-with-filters")["properties"]["subnets"] if row["name"] != SUBNET_NAME]
    held.estate.put(CLIENTS, {"properties": clients["properties"]})
    return held.arm.get(NETWORK).json()


def _group_in_use(held: HeldAzure) -> Any:
    _sent("security-group", NSG)(held)
    held.estate.network()
    held.estate.put(CLIENTS, {"properties": {"addressPrefix": "10.1.2.0/24", "networkSecurityGroup": {"id": NSG}}})
    return held.arm.get(NSG).json()


def _settings(held: HeldAzure) -> Any:
    held.estate.vault()
    for row in _written("diagnostic-settings")["value"]:
        held.estate.put(f"{SETTINGS}/{row['name']}", {"properties": row["properties"]})
    return held.arm.get(SETTINGS, api="2021-05-01-preview").json()


def _connection(held: HeldAzure) -> str:
    return str(held.arm.get(f"{VAULT}/privateEndpointConnections").json()["value"][0]["id"])


def _decide(held: HeldAzure, status: str, description: str = "Checked.") -> str:
    path = _connection(held)
    state = {"status": status, "description": description}
    held.arm.put(path, {"properties": {"privateLinkServiceConnectionState": state}})
    return path


def _decided(status: str, seconds: float, *, manual: bool, of: str | None = None, text: str = "Checked.") -> Producer:
    """A decision about a connection, looked at after some seconds: the connection, or what `of` names."""

    def produce(held: HeldAzure) -> Any:
        held.estate.endpoint(manual=manual)
        path = _decide(held, status, text)
        held.time.advance(seconds)
        return held.arm.get(of or path).json()

    return produce


def _endpoint(path: str = ENDPOINT, *, manual: bool = False) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.endpoint(manual=manual)
        return held.arm.get(path).json()

    return produce


def _with_endpoint(look: Callable[[HeldAzure], Any], *, manual: bool = False) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.endpoint(manual=manual)
        return look(held)

    return produce


def _everything(path: str) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.everything()
        return held.arm.get(path).json()

    return produce


def _disconnected(held: HeldAzure) -> Any:
    held.estate.delete(ENDPOINT)
    return held.arm.get(_connection(held)).json()


def _deleting(held: HeldAzure) -> Any:
    path = _connection(held)
    held.arm.delete(path)
    return held.arm.get(path).json()


def _of_deleted_vault(held: HeldAzure) -> Any:
    held.estate.delete(VAULT)
    return held.arm.get(ENDPOINT).json()


def _registering(held: HeldAzure) -> Any:
    held.estate.group()
    return held.arm.put(VAULT, vault_body()).json()


def _of_2019(held: HeldAzure) -> Any:
    held.estate.vault()
    return held.arm.get(VAULT, api="2019-09-01").json()


def _vault_list(held: HeldAzure) -> Any:
    held.estate.vault()
    return held.arm.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults").json()


def _deleted_vault(held: HeldAzure) -> Any:
    held.estate.vault()
    held.estate.delete(VAULT)
    return held.arm.get(DELETED).json()


def _endpoint_updating(held: HeldAzure) -> Any:
    held.estate.vault()
    held.estate.network()
    return held.arm.put(ENDPOINT, endpoint_body()).json()


def _endpoint_static(held: HeldAzure) -> Any:
    held.estate.vault()
    held.estate.network()
    fixed = {"groupId": "vault", "memberName": "default", "privateIPAddress": "10.1.0.77"}
    configurations = [{"name": "fixed", "properties": fixed}]
    held.estate.put(ENDPOINT, endpoint_body(ipConfigurations=configurations, customNetworkInterfaceName="Nic-Orders"))
    return held.arm.get(ENDPOINT).json()


def _interface(held: HeldAzure) -> Any:
    return held.arm.get(f"{NETWORK_PROVIDER}/networkInterfaces").json()["value"][0]


def _plain_interface(held: HeldAzure) -> Any:
    held.estate.network()
    configuration = {"name": "one", "properties": {"subnet": {"id": SUBNET}}}
    body = {"location": "westeurope", "properties": {"ipConfigurations": [configuration]}}
    held.estate.put(f"{NETWORK_PROVIDER}/networkInterfaces/Nic-Vm", body)
    return _interface(held)


def _zone_group_updating(held: HeldAzure) -> Any:
    held.estate.put(ZONE, {"location": "global"})
    return held.arm.put(ZONE_GROUP, zone_group_body()).json()


def _network(held: HeldAzure) -> Any:
    held.estate.network()
    return held.arm.get(NETWORK).json()


def _network_updating(held: HeldAzure) -> Any:
    held.estate.group()
    return held.arm.put(NETWORK, network_body()).json()


def _network_with_custom_dns(held: HeldAzure) -> Any:
    held.estate.group()
    body = network_body()
    body["properties"]["dhcpOptions"] = {"dnsServers": ["10.9.0.4"]}
    held.estate.put(NETWORK, body)
    return held.arm.get(NETWORK).json()


def _subnet(held: HeldAzure) -> Any:
    held.estate.network()
    return held.arm.get(SUBNET).json()


def _peering(path: str, *, second: bool, gone: bool = False) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.network()
        held.estate.put(HUB, network_body("10.9.0.0/16", "10.9.0.0/24"))
        held.estate.put(PEERING, {"properties": {"remoteVirtualNetwork": {"id": HUB}}})
        if second:
            back = f"{HUB}/virtualNetworkPeerings/to-spoke"
            held.estate.put(back, {"properties": {"remoteVirtualNetwork": {"id": NETWORK}}})
            if gone:
                held.estate.delete(back)
        return held.arm.get(path).json()

    return produce


def _zone(held: HeldAzure) -> Any:
    held.estate.zone()
    return held.arm.get(ZONE).json()


def _zone_creating(held: HeldAzure) -> Any:
    held.estate.group()
    held.arm.put(ZONE, {"location": "global"})
    return held.arm.get(ZONE).json()


def _accepted(held: HeldAzure) -> Any:
    held.estate.group()
    return held.arm.put(ZONE, {"location": "global"}).json()


def _link(seconds: float, **properties: Any) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.network()
        held.estate.zone()
        held.arm.put(LINK, link_body(**properties))
        held.time.advance(seconds)
        return held.arm.get(LINK).json()

    return produce


def _record(record_type: str, name: str, properties: dict[str, Any]) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.zone()
        path = f"{ZONE}/{record_type}/{name}"
        held.arm.put(path, {"properties": {"ttl": 60, **properties}})
        return held.arm.get(path).json()

    return produce


def _auto_registered(held: HeldAzure) -> Any:
    held.estate.zone()
    held.azure.seed_auto_registered(ZONE, "vm-1", "10.1.0.9")
    return held.arm.get(f"{ZONE}/A/vm-1").json()


def _soa(held: HeldAzure) -> Any:
    held.estate.zone()
    return held.arm.get(f"{ZONE}/SOA/@").json()


def _record_list(held: HeldAzure) -> Any:
    held.estate.zone()
    held.estate.put(RECORD, record_body("10.1.0.4"))
    held.estate.put(f"{ZONE}/A/kv-other", record_body("10.1.0.5"))
    return held.arm.get(f"{ZONE}/A?$top=1").json()


def _empty_page(held: HeldAzure) -> Any:
    held.estate.zone()
    held.estate.put(RECORD, record_body("10.1.0.4"))
    held.azure.switches.empty_last_page = True
    return held.arm.get(held.arm.get(f"{ZONE}/A?$top=1").json()["nextLink"]).json()


def _operation(seconds: float) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.group()
        status = held.arm.put(NETWORK, network_body()).headers["Azure-AsyncOperation"]
        held.time.advance(seconds)
        return held.arm.get(status).json()

    return produce


def _group(path: str) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.group()
        return held.arm.get(path).json()

    return produce


def _ruleset(look: str) -> Producer:
    def produce(held: HeldAzure) -> Any:
        held.estate.network()
        body = {"location": "westeurope", "properties": {"dnsResolverOutboundEndpoints": [{"id": OUTBOUND}]}}
        held.estate.put(RULESET, body)
        rule = {
            "domainName": "vault.azure.net.",
            "targetDnsServers": [{"ipAddress": "10.9.0.4", "port": 53}],
            "forwardingRuleState": "Enabled",
        }
        held.estate.put(f"{RULESET}/forwardingRules/vault", {"properties": rule})
        held.estate.put(f"{RULESET}/virtualNetworkLinks/spoke", {"properties": {"virtualNetwork": {"id": NETWORK}}})
        method = "POST" if look.endswith("listDnsForwardingRulesets") else "GET"
        return held.arm.call(method, look).json()

    return produce


ADDRESS = {"aRecords": [{"ipv4Address": "10.1.0.4"}]}
CLOSED = {
    "bypass": "None",
    "defaultAction": "Deny",
    "ipRules": [{"value": "203.0.113.7"}],
    "virtualNetworkRules": [{"id": SUBNET.lower()}],
}
PRODUCERS: dict[str, Producer] = {
    **REFUSALS,
    "diagnostic-settings": _settings,
    "accepted": _accepted,
    "connection-approved-after-approve": _decided("Approved", 15, manual=True),
    "connection-auto-approved": _with_endpoint(lambda held: held.arm.get(_connection(held)).json()),
    "connection-deleting": _with_endpoint(_deleting),
    "connection-disconnected": _with_endpoint(_disconnected),
    "connection-pending": _with_endpoint(lambda held: held.arm.get(_connection(held)).json(), manual=True),
    "connection-rejected": _decided("Rejected", 15, manual=False),
    "connection-updating": _decided("Approved", 14, manual=True),
    "endpoint-manual-approved": _decided("Approved", 38, manual=True, of=ENDPOINT),
    "endpoint-manual-pending": _endpoint(manual=True),
    "endpoint-of-deleted-vault": _with_endpoint(_of_deleted_vault),
    "endpoint-rejected": _decided("Rejected", 62, manual=False, of=ENDPOINT),
    "endpoint-static-address": _endpoint_static,
    "endpoint-succeeded": _endpoint(),
    "endpoint-updating": _endpoint_updating,
    "endpoint-with-zone-group": _everything(ENDPOINT),
    "group": _group(GROUP),
    "link-completed": _link(30),
    "link-in-progress": _link(29),
    "link-nxdomain-redirect": _link(30, resolutionPolicy="NxDomainRedirect"),
    "list-empty-page": _empty_page,
    "network": _network,
    "network-updating": _network_updating,
    "network-with-custom-dns": _network_with_custom_dns,
    "network-with-filters": _filtered,
    "network-with-endpoint": _endpoint(NETWORK),
    "network-with-peering": _peering(NETWORK, second=True),
    "nic-plain": _plain_interface,
    "nic-private-endpoint": _with_endpoint(_interface),
    "operation-in-progress": _operation(3),
    "operation-succeeded": _operation(4),
    "peering-connected": _peering(PEERING, second=True),
    "peering-disconnected": _peering(PEERING, second=True, gone=True),
    "peering-initiated": _peering(PEERING, second=False),
    "record-a": _record("A", "kv-orders", ADDRESS),
    "record-a-with-metadata": _record("A", "kv-orders", {**ADDRESS, "metadata": {"owner": "platform"}}),
    "record-aaaa": _record("AAAA", "kv-orders", {"aaaaRecords": [{"ipv6Address": "fd00::4"}]}),
    "record-auto-registered": _auto_registered,
    "record-cname": _record("CNAME", "kv-orders", {"cnameRecord": {"cname": "elsewhere.example.com"}}),
    "record-empty": _record("A", "kv-orders", {"aRecords": []}),
    "record-list": _record_list,
    "record-of-zone-group": _everything(RECORD),
    "record-soa": _soa,
    "record-txt": _record("TXT", "kv-orders", {"txtRecords": [{"value": ["some", "text"]}]}),
    "role-definition-custom": _sent("role-definition-custom", f"{ROLES}/0c8f5e9a-6a1d-4f6e-9b3f-2d7c1a5e8b40"),
    "role-definition-secrets-user": lambda held: held.arm.get(f"{ROLES}/4633458b-17de-408a-b874-0445c86b69e6").json(),
    "route-table": _sent("route-table", TABLE),
    "ruleset": _ruleset(RULESET),
    "ruleset-list-of-network": _ruleset(f"{NETWORK}/listDnsForwardingRulesets"),
    "ruleset-rule": _ruleset(f"{RULESET}/forwardingRules/vault"),
    "security-group": _group_in_use,
    "subnet": _subnet,
    "subnet-uppercased": _endpoint(SUBNET),
    "subscription": _group(SUBSCRIPTION_ID),
    "vault-closed": _vault(publicNetworkAccess="Disabled"),
    "vault-deleted": _deleted_vault,
    "vault-list": _vault_list,
    "vault-of-2019": _of_2019,
    "vault-registering": _registering,
    "vault-with-acls": _vault(networkAcls=CLOSED),
    "vault-with-connections": _endpoint(VAULT),
    "vault-with-decided-connection": _decided("Rejected", 15, manual=False, of=VAULT, text="No reason given."),
    "vault-without-acls": _vault(),
    "zone-creating": _zone_creating,
    "zone-fresh": _zone,
    "zone-group-succeeded": _everything(ZONE_GROUP),
    "zone-group-updating": _with_endpoint(_zone_group_updating),
    "zone-with-link-and-record": _everything(ZONE),
}


def test_every_body_has_its_state_and_every_state_its_body() -> None:
    assert {path.stem for path in BODIES.glob("*.json")} == set(PRODUCERS) | set(NOT_PRODUCED)
    assert not set(PRODUCERS) & set(NOT_PRODUCED)


@pytest.mark.parametrize("name", sorted(PRODUCERS))
def test_the_body_is_what_the_route_answers(held: HeldAzure, name: str) -> None:
    written = json.loads((BODIES / f"{name}.json").read_text(encoding="utf-8"))
    assert shape(PRODUCERS[name](held)) == shape(written)
